// SPDX-License-Identifier: GPL-3.0-or-later
//! What people see. In: what is being done. Out: bars on a terminal, plain lines elsewhere, on standard
//! error; answers on standard output.

#![expect(clippy::disallowed_methods, reason = "the program's one writer, and how long a step took")]

use crate::error::Error;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// Prints an answer. A reader who has gone away is no error.
pub(crate) fn answer(text: &str) -> Result<(), Error> {
    match writeln!(io::stdout(), "{text}") {
        Err(source) if source.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::System { what: "standard output", source })
        }
        _ => Ok(()),
    }
}

/// Prints a line for the person beside the answer.
pub(crate) fn note(text: &str) {
    // Nobody is left to be told.
    let _ = writeln!(io::stderr(), "{text}");
}

/// Something that takes a while.
#[derive(Debug)]
pub(crate) struct Step {
    bar: Option<ProgressBar>,
    what: String,
    since: Instant,
}

impl Step {
    /// Begins.
    pub(crate) fn begin(what: impl Into<String>) -> Self {
        let what = what.into();
        let bar = io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            bar.set_message(what.clone());
            bar
        });
        Self { bar, what, since: Instant::now() }
    }

    /// Says what happens at the moment.
    pub(crate) fn now(&mut self, detail: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(format!("{}: {detail}", self.what)),
            None => note(&format!("{}: {detail}", self.what)),
        }
    }

    /// Ends well.
    pub(crate) fn done(self, result: &str) {
        let seconds = self.since.elapsed().as_secs_f64();
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
        note(&format!("{}: {result} ({seconds:.1} s)", self.what));
    }
}

/// A table with aligned columns; empty rows give just the header.
pub(crate) fn table<const N: usize>(header: [&str; N], rows: &[[String; N]]) -> String {
    let mut widths = header.map(str::len);
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: [&str; N]| {
        let mut text = String::new();
        for (cell, width) in cells.iter().zip(widths) {
            text.push_str(cell);
            text.extend(std::iter::repeat_n(
                ' ',
                width.saturating_sub(cell.chars().count()).saturating_add(2),
            ));
        }
        text.trim_end().to_owned()
    };
    let mut lines = vec![line(header)];
    lines.extend(rows.iter().map(|row| line(row.each_ref().map(String::as_str))));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows =
            [["foot".to_owned(), "orange".to_owned()], ["gnome-calculator".to_owned(), "sky".to_owned()]];
        assert_eq!(
            table(["VM", "COLOUR"], &rows),
            "VM                COLOUR\nfoot              orange\ngnome-calculator  sky"
        );
    }
}
