// SPDX-License-Identifier: GPL-3.0-or-later
//! The scenario file: TOML in, typed steps out.
//!
//! Every table refuses unknown keys. An error names the file, the line, what stood there and the
//! nearest thing that would have been right.

mod action;
mod permissions;
mod transfers;

pub use action::{Action, Button, Op};
pub use permissions::{
    AdvanceClock, Answer, By, Clipboard, ClipboardOp, ExpectHttp, ExpectLog, ExpectNoPrompt,
    ExpectPermissions, ExpectPrompt, Grant, GrantWanted, Panel, PanelOp, Revoke, ServeHttp,
};
pub use transfers::{Carry, ClickNote, ExpectDrag, ExpectNote, LetGo};

use action::STEPS;
use cofferdam_ids::{AppId, NameError};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// A scenario file that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// The file can't be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file says something we don't understand.
    #[error("{}:{line}: {message}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What is wrong and what was probably meant.
        message: String,
    },
}

/// One scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// Where it stands; goldens live in `goldens/` beside it.
    pub path: PathBuf,
    /// Its name in reports.
    pub name: String,
    /// The first output.
    pub output: Output,
    /// Theme, such as `default-dark`.
    pub theme: Option<String>,
    /// Apps that other apps may start, as `launch` names them.
    pub apps: Vec<String>,
    /// The steps with their line numbers.
    pub steps: Vec<Step>,
}

/// The headless output.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// Physical pixels across.
    #[serde(default = "default_width")]
    pub width: u32,
    /// Physical pixels down.
    #[serde(default = "default_height")]
    pub height: u32,
    /// Scale, 1.0 unless said otherwise.
    #[serde(default = "default_scale")]
    pub scale: f64,
}

const fn default_width() -> u32 {
    1280
}
const fn default_height() -> u32 {
    800
}
const fn default_scale() -> f64 {
    1.0
}

impl Default for Output {
    fn default() -> Self {
        Self { width: default_width(), height: default_height(), scale: default_scale() }
    }
}

/// One step and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Line in the file, from 1.
    pub line: usize,
    /// That line, as it is written.
    pub words: String,
    /// What to do.
    pub action: Action,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    name: String,
    #[serde(default)]
    output: Output,
    theme: Option<String>,
    #[serde(default)]
    apps: Vec<String>,
    #[serde(default)]
    step: Vec<toml::Spanned<toml::Table>>,
}

/// Reads one scenario file.
///
/// # Errors
/// [`FormatError`], with the line and what was meant.
pub fn load(path: &Path) -> Result<Scenario, FormatError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| FormatError::Read { path: path.to_owned(), source })?;
    parse(path, &text)
}

/// Parses the text of one scenario file; `path` is for messages and for finding goldens.
///
/// # Errors
/// [`FormatError::Invalid`], with the line and what was meant.
pub fn parse(path: &Path, text: &str) -> Result<Scenario, FormatError> {
    let bad = |at: Option<usize>, message: String| FormatError::Invalid {
        path: path.to_owned(),
        line: line_of(text, at.unwrap_or(0)),
        message,
    };
    let mut raw: Raw =
        toml::from_str(text).map_err(|e| bad(e.span().map(|s| s.start), with_suggestion(e.message())))?;
    check_output(&raw.output).map_err(|m| bad(text.find("[output]"), m))?;
    let mut steps = Vec::with_capacity(raw.step.len());
    for spanned in std::mem::take(&mut raw.step) {
        let start = spanned.span().start;
        let at = first_key_offset(text, start);
        let action = step(spanned.into_inner()).map_err(|m| bad(Some(at), m))?;
        check_action(&action).map_err(|m| bad(Some(at), m))?;
        let line = line_of(text, at);
        let words = text.lines().nth(line.saturating_sub(1)).unwrap_or_default().trim().to_owned();
        steps.push(Step { line, words, action });
    }
    if steps.is_empty() {
        return Err(bad(None, "a scenario needs at least one [[step]]".into()));
    }
    let Raw { name, output, theme, apps, .. } = raw;
    Ok(Scenario { path: path.to_owned(), name, output, theme, apps, steps })
}

fn step(table: toml::Table) -> Result<Action, String> {
    let keys: Vec<&str> = table.keys().map(String::as_str).collect();
    let [key] = keys.as_slice() else {
        return Err(if keys.is_empty() {
            "an empty [[step]]; write for instance launch = { app = \"foot\" }".into()
        } else {
            format!("a [[step]] does one thing, this one has {}; give each its own [[step]]", keys.join(", "))
        });
    };
    if !STEPS.contains(key) {
        return Err(match nearest(key, STEPS.iter().copied()) {
            Some(near) => format!("unknown step `{key}`; did you mean `{near}`?"),
            None => format!("unknown step `{key}`; known are {}", STEPS.join(", ")),
        });
    }
    let key = (*key).to_owned();
    Action::deserialize(toml::Value::Table(table))
        .map_err(|e| format!("{key}: {}", with_suggestion(e.message())))
}

fn check_output(o: &Output) -> Result<(), String> {
    if !(64..=16384).contains(&o.width) || !(64..=16384).contains(&o.height) {
        return Err(format!("an output is 64 to 16384 pixels wide and high, not {}×{}", o.width, o.height));
    }
    check_scale(o.scale)
}

fn check_scale(scale: f64) -> Result<(), String> {
    if (0.5..=4.0).contains(&scale) { Ok(()) } else { Err(format!("a scale is 0.5 to 4, not {scale}")) }
}

fn check_action(action: &Action) -> Result<(), String> {
    match action {
        Action::Key(chord) => crate::keys::chord(chord).map(|_| ()).map_err(|e| e.to_string()),
        Action::Launch { app, .. } if !app.ends_with(".toml") => {
            app.parse::<AppId>().map(|_| ()).map_err(|e: NameError| format!("app: {e}"))
        }
        Action::Screenshot { name, max_different, .. } => {
            name.parse::<AppId>().map_err(|e| format!("screenshot name: {e}"))?;
            if (0.0..=1.0).contains(max_different) {
                Ok(())
            } else {
                Err(format!("max_different is a share from 0 to 1, not {max_different}"))
            }
        }
        Action::WindowOp { op: Op::Move | Op::Resize, to: None, .. } => {
            Err("this op needs to = [x, y]".into())
        }
        Action::Touch { path, .. } if path.is_empty() => Err("path needs at least one [x, y]".into()),
        Action::GuestRun { argv, .. } if argv.is_empty() => Err("argv names at least a program".into()),
        Action::HostFile { path, .. } | Action::ExpectHostFile { path, .. } => crate::home::check(path),
        Action::AddOutput { scale, .. } => check_scale(*scale),
        Action::ExpectPrompt(step) => step.check(),
        Action::Answer(step) => step.check(),
        Action::Panel(step) => step.check(),
        Action::Clipboard(step) => step.check(),
        Action::AdvanceClock(step) => step.check(),
        Action::ServeHttp(step) => step.check(),
        Action::ExpectHttp(step) => step.check(),
        Action::Grant(step) => step.check(),
        Action::Revoke(step) => step.check(),
        Action::ExpectPermissions(step) => step.check(),
        Action::ExpectLog(step) => step.check(),
        _ => Ok(()),
    }
}

/// serde lists what it expected; the nearest of those is what was probably meant.
fn with_suggestion(message: &str) -> String {
    let mut parts = message.split('`');
    let (Some(head), Some(wrong)) = (parts.next(), parts.next()) else { return message.to_owned() };
    if !head.contains("unknown") {
        return message.to_owned();
    }
    let expected: Vec<&str> = parts.skip(1).step_by(2).collect();
    match nearest(wrong, expected.iter().copied()) {
        Some(near) => format!("{head}`{wrong}`; did you mean `{near}`?"),
        None => message.to_owned(),
    }
}

fn nearest<'a>(word: &str, among: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    among
        .map(|a| (strsim::damerau_levenshtein(word, a), a))
        .filter(|(d, a)| *d <= 1 + a.len() / 3)
        .min_by_key(|(d, _)| *d)
        .map(|(_, a)| a)
}

/// A `[[step]]` header's span starts at the header; the step's own key is more use to a reader.
fn first_key_offset(text: &str, header: usize) -> usize {
    let Some(rest) = text.get(header..) else { return header };
    if !rest.starts_with("[[") {
        return header;
    }
    let mut offset = header;
    for line in rest.split_inclusive('\n') {
        let t = line.trim_start();
        if !(t.is_empty() || t.starts_with('#') || t.starts_with('[')) {
            return offset;
        }
        offset += line.len();
    }
    header
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|b| *b == b'\n').count() + 1
}

#[cfg(test)]
#[path = "format_tests.rs"]
mod tests;
