// SPDX-License-Identifier: GPL-3.0-or-later
//! `coffer doctor`. In: this machine. Out: what it can do for Cofferdam, found out by doing where that is
//! possible, and what to change where something is missing.

mod images;
mod kernel;

use crate::error::Error;
use crate::ui;
use cofferdam_kit::paths::Paths;
use serde::Serialize;

/// How good the news is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    /// As it should be.
    Good,
    /// It works, with a price.
    Fair,
    /// Something does not work.
    Bad,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Finding {
    /// What.
    name: &'static str,
    verdict: Verdict,
    /// What was found.
    found: String,
    /// What it means and what to do; empty if all is well.
    advice: String,
}

impl Finding {
    fn good(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Good, found: found.into(), advice: String::new() }
    }

    fn fair(name: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Fair, found: found.into(), advice: advice.into() }
    }

    fn bad(name: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Bad, found: found.into(), advice: advice.into() }
    }
}

/// Looks at everything and prints it.
pub(crate) fn doctor(json: bool) -> Result<(), Error> {
    let paths = Paths::of("main")?;
    let mut findings = images::look(&paths);
    findings.extend(kernel::look());
    if json {
        let text = serde_json::to_string_pretty(&findings).map_err(|e| Error::Plain(e.to_string()))?;
        return ui::answer(&text);
    }
    ui::answer(&findings.iter().map(line).collect::<Vec<_>>().join("\n"))
}

fn line(finding: &Finding) -> String {
    // Words and not only signs: this is read aloud too.
    let mark = match finding.verdict {
        Verdict::Good => "good",
        Verdict::Fair => "fair",
        Verdict::Bad => "bad ",
    };
    let mut text = format!("{mark}  {:<16}  {}", finding.name, finding.found);
    if !finding.advice.is_empty() {
        text.push_str(&format!("\n{:24}{}", "", finding.advice));
    }
    text
}
