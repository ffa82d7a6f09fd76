// SPDX-License-Identifier: GPL-3.0-or-later
//! JUnit XML, the dialect that CI engines agree on.

use super::{ScenarioResult, escape};
use std::fmt::Write;

pub(super) fn render(results: &[ScenarioResult]) -> String {
    let failures = results.iter().filter(|r| r.failure.is_some()).count();
    let seconds: f64 = results.iter().map(|r| r.seconds).sum();
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing to a String can't fail.
    let _ = writeln!(
        out,
        "<testsuite name=\"cofferdam\" tests=\"{}\" failures=\"{failures}\" time=\"{seconds:.3}\">",
        results.len()
    );
    for r in results {
        let _ = write!(
            out,
            "  <testcase classname=\"{}\" name=\"{}\" time=\"{:.3}\"",
            escape(&r.path.display().to_string()),
            escape(&r.name),
            r.seconds
        );
        match &r.failure {
            None => out.push_str("/>\n"),
            Some(f) => {
                let line = f.line.map_or(String::new(), |l| format!("line {l}: "));
                let _ = writeln!(
                    out,
                    ">\n    <failure message=\"{}\">{}{}</failure>\n  </testcase>",
                    escape(&f.message),
                    escape(&line),
                    escape(&f.message)
                );
            }
        }
    }
    out.push_str("</testsuite>\n");
    out
}
