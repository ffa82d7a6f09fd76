// SPDX-License-Identifier: GPL-3.0-or-later
//! In: what is being done and how far it is. Out: a bar on a terminal, or one plain line when a
//! step starts and one when it ends, both on standard error.

#![expect(clippy::disallowed_methods, reason = "shows how far a step is, and how long it took")]

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Show {
    Bars,
    Lines,
    Nothing,
}

/// Tells people what takes so long.
#[derive(Debug, Clone, Copy)]
pub struct Progress(Show);

impl Progress {
    /// Bars when standard error is a terminal, plain lines otherwise.
    #[must_use]
    pub fn stderr() -> Self {
        Self(if std::io::stderr().is_terminal() { Show::Bars } else { Show::Lines })
    }

    /// Says nothing.
    #[must_use]
    pub fn quiet() -> Self {
        Self(Show::Nothing)
    }

    /// Starts a step; it ends when the returned value is dropped or finished.
    #[must_use]
    pub fn step(&self, what: impl Into<String>) -> Step {
        let what = what.into();
        let bar = match self.0 {
            Show::Bars => {
                let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
                if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
                    bar.set_style(style);
                }
                bar.set_message(what.clone());
                bar.enable_steady_tick(Duration::from_millis(120));
                Some(bar)
            }
            Show::Lines => {
                say(&format!("{what} …"));
                None
            }
            Show::Nothing => None,
        };
        Step { what, bar, show: self.0, start: Instant::now() }
    }

    /// A line that stays: something people should know.
    pub fn note(&self, line: &str) {
        if self.0 != Show::Nothing {
            say(line);
        }
    }
}

/// A step under way.
#[derive(Debug)]
pub struct Step {
    what: String,
    bar: Option<ProgressBar>,
    show: Show,
    start: Instant,
}

impl Step {
    /// Shows how many bytes of how many are done.
    pub fn bytes(&self, done: u64, total: u64) {
        let Some(bar) = &self.bar else { return };
        if bar.length() != Some(total) {
            let template = "{spinner} {msg} {bar:24} {bytes}/{total_bytes} {eta}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar.set_length(total);
        }
        bar.set_position(done);
    }

    /// The step worked; says how long it took.
    pub fn done(self) {
        let took = self.start.elapsed().as_secs_f64();
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        if self.show != Show::Nothing {
            say(&format!("{} – done in {took:.1} s", self.what));
        }
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A closed standard error must not stop a build.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
