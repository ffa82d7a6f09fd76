// SPDX-License-Identifier: GPL-3.0-or-later
//! `coffer test` without its command line: files in, lines and reports out.

#![expect(clippy::disallowed_methods, reason = "says how long it took")]

use crate::format::{self, FormatError};
use crate::report::{self, ReportError, ScenarioResult};
use crate::run::{self, Options, Shard};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Instant;

/// How many kinds of steps are named with what they took.
const KINDS: usize = 8;

/// What to do.
#[derive(Debug, Clone)]
pub struct TestCommand {
    /// Scenario files.
    pub files: Vec<PathBuf>,
    /// Directories of earlier results to put together with these.
    pub merge: Vec<PathBuf>,
    /// Which part of the files to run.
    pub shard: Option<Shard>,
    /// How to run.
    pub options: Options,
}

/// Why no verdict was reached.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// Files that can't be used; all of them are named before anything runs.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Format(Vec<FormatError>),
    /// Nothing to do.
    #[error("no scenario given; name files such as tests/scenarios/*.toml, or results with --merge DIR")]
    Nothing,
    /// The report can't be written or read.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// The lines can't be printed.
    #[error("output: {0}")]
    Output(#[from] std::io::Error),
}

impl TestCommand {
    /// Runs everything, prints a line for each scenario and a last one with the counts, writes the
    /// report. True if nothing failed.
    ///
    /// # Errors
    /// [`CommandError`], before anything runs where a file is at fault.
    pub fn execute(self, out: &mut (dyn Write + Send)) -> Result<bool, CommandError> {
        if self.files.is_empty() && self.merge.is_empty() {
            return Err(CommandError::Nothing);
        }
        let (scenarios, errors) = self.files.iter().map(|f| format::load(f)).fold(
            (Vec::new(), Vec::new()),
            |(mut good, mut bad), loaded| {
                match loaded {
                    Ok(s) => good.push(s),
                    Err(e) => bad.push(e),
                }
                (good, bad)
            },
        );
        if !errors.is_empty() {
            return Err(CommandError::Format(errors));
        }
        let scenarios = match self.shard {
            Some(shard) => shard.of(scenarios),
            None => scenarios,
        };
        let mut results = report::merge(&self.merge)?;
        let begun = Instant::now();
        let printer = Mutex::new(out);
        let done = |result: &ScenarioResult| {
            if let Ok(mut out) = printer.lock() {
                // Who closed our output early still wants the verdict.
                let _ = writeln!(out, "{}", result.line());
                let _ = out.flush();
            }
        };
        results.extend(run::run(&scenarios, &self.options, &done));
        report::write(&self.options.out, &results)?;
        let failed = results.iter().filter(|r| r.failure.is_some()).count();
        if let Ok(out) = printer.into_inner() {
            let all: f64 = results.iter().map(|r| r.seconds).sum();
            writeln!(out, "{} passed, {failed} failed", results.len() - failed)?;
            let kinds = report::by_kind(&results);
            let kinds = kinds.iter().take(KINDS).map(|(kind, n, s)| format!("{kind} {s:.0} s ({n})"));
            writeln!(out, "{all:.0} s of scenarios: {}", kinds.collect::<Vec<_>>().join(", "))?;
            writeln!(
                out,
                "{:.0} s; report in {}",
                begun.elapsed().as_secs_f64(),
                self.options.out.join("index.html").display()
            )?;
        }
        Ok(failed == 0)
    }
}
