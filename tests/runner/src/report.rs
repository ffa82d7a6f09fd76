// SPDX-License-Identifier: GPL-3.0-or-later
//! Results: JSON that merges, JUnit for CI engines, one HTML page for people.
//!
//! In: [`ScenarioResult`]s, or the `results.json` files of several shards. Out: `results.json`,
//! `junit.xml` and `index.html` in one directory.

mod html;
mod junit;

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A report that can't be written or read.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A file can't be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A `results.json` is not ours.
    #[error("{}: {source}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
}

/// One screenshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shot {
    /// Its name in the scenario.
    pub name: String,
    /// What was drawn.
    pub actual: PathBuf,
    /// What should have been drawn.
    pub golden: Option<PathBuf>,
    /// Where the two differ.
    pub diff: Option<PathBuf>,
    /// Share of differing pixels.
    pub different: Option<f64>,
}

/// Where and why a scenario failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// Line of the step in the scenario file; none if no step had begun.
    pub line: Option<usize>,
    /// A sentence.
    pub message: String,
}

/// What one step took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Took {
    /// Line of the step in the scenario file; none for what stands around the steps.
    pub line: Option<usize>,
    /// The step, as it is written there: what was done, or waited for.
    pub what: String,
    /// Wall-clock seconds.
    pub seconds: f64,
}

impl Took {
    /// The step's kind: its first word.
    fn kind(&self) -> &str {
        self.what.split([' ', '=']).next().unwrap_or_default()
    }
}

/// The outcome of one scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScenarioResult {
    /// The scenario file.
    pub path: PathBuf,
    /// Its name.
    pub name: String,
    /// Wall-clock seconds it took.
    pub seconds: f64,
    /// Steps carried out.
    pub steps: usize,
    /// Why it failed, if it did.
    pub failure: Option<Failure>,
    /// Its pictures.
    pub shots: Vec<Shot>,
    /// The desktop's log.
    pub log: Option<PathBuf>,
    /// How long everything took, in its order.
    #[serde(default)]
    pub took: Vec<Took>,
}

/// Most steps that are named below a scenario's line.
const SLOWEST: usize = 3;
/// What takes less than this is not named there.
const SLOW: f64 = 3.0;

impl ScenarioResult {
    /// The lines that `coffer test` prints: the outcome, and what took longest.
    #[must_use]
    pub fn line(&self) -> String {
        let mut slow: Vec<&Took> = self.took.iter().filter(|took| took.seconds >= SLOW).collect();
        slow.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
        let mut lines = self.outcome();
        for took in slow.iter().take(SLOWEST) {
            let at = took.line.map_or(String::new(), |line| format!("{line}: "));
            lines.push_str(&format!("\n        {:6.1} s  {at}{}", took.seconds, took.what));
        }
        lines
    }

    fn outcome(&self) -> String {
        match &self.failure {
            None => format!("ok      {:6.1} s  {}", self.seconds, self.name),
            Some(f) => {
                let at = f.line.map_or(String::new(), |l| format!(":{l}"));
                format!(
                    "FAILED  {:6.1} s  {}\n        {}{at}: {}",
                    self.seconds,
                    self.name,
                    self.path.display(),
                    f.message
                )
            }
        }
    }
}

/// What the steps of all scenarios took, by their kind, the longest first.
#[must_use]
pub fn by_kind(results: &[ScenarioResult]) -> Vec<(String, usize, f64)> {
    let mut kinds: BTreeMap<&str, (usize, f64)> = BTreeMap::new();
    for took in results.iter().flat_map(|result| &result.took) {
        let (count, seconds) = kinds.entry(took.kind()).or_default();
        *count += 1;
        *seconds += took.seconds;
    }
    let mut kinds: Vec<_> = kinds.into_iter().map(|(kind, (n, s))| (kind.to_owned(), n, s)).collect();
    kinds.sort_by(|a, b| b.2.total_cmp(&a.2));
    kinds
}

/// Writes all three files into `dir`.
///
/// # Errors
/// If one can't be written.
pub fn write(dir: &Path, results: &[ScenarioResult]) -> Result<(), ReportError> {
    let json = serde_json::to_vec_pretty(results)
        .map_err(|source| ReportError::Json { path: dir.join("results.json"), source })?;
    put(&dir.join("results.json"), &json)?;
    put(&dir.join("junit.xml"), junit::render(results).as_bytes())?;
    put(&dir.join("index.html"), html::render(dir, results).as_bytes())
}

/// Reads `results.json` of each directory and puts them together, ordered by path.
///
/// # Errors
/// If one can't be read or is not ours.
pub fn merge(dirs: &[PathBuf]) -> Result<Vec<ScenarioResult>, ReportError> {
    let mut all: Vec<ScenarioResult> = Vec::new();
    for dir in dirs {
        let path = dir.join("results.json");
        let bytes =
            std::fs::read(&path).map_err(|source| ReportError::File { path: path.clone(), source })?;
        let part: Vec<ScenarioResult> =
            serde_json::from_slice(&bytes).map_err(|source| ReportError::Json { path, source })?;
        all.extend(part);
    }
    all.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(all)
}

fn put(path: &Path, bytes: &[u8]) -> Result<(), ReportError> {
    let write = || {
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir)?;
        }
        std::fs::write(path, bytes)
    };
    write().map_err(|source| ReportError::File { path: path.to_owned(), source })
}

/// Makes text fit for XML and HTML: markup escaped, control characters dropped.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(name: &str, failure: Option<&str>) -> ScenarioResult {
        ScenarioResult {
            path: format!("tests/{name}.toml").into(),
            name: format!("{name} <&>"),
            seconds: 1.25,
            steps: 3,
            failure: failure.map(|m| Failure { line: Some(7), message: m.into() }),
            shots: vec![Shot {
                name: "s".into(),
                actual: "out/a/s.png".into(),
                golden: Some("goldens/s.png".into()),
                diff: None,
                different: Some(0.25),
            }],
            log: None,
            took: vec![
                Took { line: None, what: "start of the desktop".into(), seconds: 4.0 },
                Took { line: Some(5), what: "key = \"a\"".into(), seconds: 0.1 },
                Took { line: Some(7), what: "wait_window = { as = \"a\" }".into(), seconds: 9.0 },
            ],
        }
    }

    #[test]
    fn shards_merge_into_one_report() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (dir.path().join("1"), dir.path().join("2"));
        write(&one, &[result("b", Some("pixel <5> is \u{1}wrong"))]).unwrap();
        write(&two, &[result("a", None)]).unwrap();
        let all = merge(&[one, two]).unwrap();
        assert_eq!(
            all.iter().map(|r| r.path.display().to_string()).collect::<Vec<_>>(),
            ["tests/a.toml", "tests/b.toml"]
        );
        let out = dir.path().join("all");
        write(&out, &all).unwrap();
        let junit = std::fs::read_to_string(out.join("junit.xml")).unwrap();
        assert!(junit.contains("tests=\"2\" failures=\"1\""), "{junit}");
        assert!(junit.contains("pixel &lt;5&gt; is wrong"), "{junit}");
        let html = std::fs::read_to_string(out.join("index.html")).unwrap();
        assert!(html.contains("b &lt;&amp;&gt;") && !html.contains("b <&>"), "{html}");
    }

    #[test]
    fn lines_for_people() {
        let slow =
            "           9.0 s  7: wait_window = { as = \"a\" }\n           4.0 s  start of the desktop";
        assert_eq!(result("a", None).line(), format!("ok         1.2 s  a <&>\n{slow}"));
        assert_eq!(result("a", Some("no")).line().lines().nth(1), Some("        tests/a.toml:7: no"));
    }

    #[test]
    fn times_add_up_by_kind() {
        let kinds = by_kind(&[result("a", None), result("b", None)]);
        let expected = [("wait_window", 18.0), ("start", 8.0), ("key", 0.2)];
        assert_eq!(kinds, expected.map(|(kind, seconds)| (kind.to_owned(), 2, seconds)));
    }
}
