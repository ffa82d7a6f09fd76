// SPDX-License-Identifier: GPL-3.0-or-later
//! The result: one line per measurement, each a ratio against a peer or floor of the same run.

use serde::Serialize;
use std::fmt::Write;

/// One measurement.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Row {
    /// What was measured.
    pub(crate) what: String,
    /// Unit of both numbers.
    pub(crate) unit: &'static str,
    /// Ours, the median of the rounds.
    pub(crate) ours: f64,
    /// Whose number stands beside it.
    pub(crate) peer: String,
    /// The peer's, the median of the same rounds.
    pub(crate) theirs: f64,
    /// The ratio ours / theirs that we aim for, at most.
    pub(crate) aim: Option<f64>,
}

impl Row {
    /// Ours divided by theirs.
    #[must_use]
    pub(crate) fn ratio(&self) -> f64 {
        if self.theirs > 0.0 { self.ours / self.theirs } else { f64::NAN }
    }
}

/// The whole run.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Table {
    /// Processor and number of cores.
    pub(crate) machine: String,
    /// Load average before the first measurement.
    pub(crate) load: f64,
    /// Speed of a plain memory copy in this run.
    pub(crate) memcpy_gib_s: f64,
    /// All measurements.
    pub(crate) rows: Vec<Row>,
    /// What could not be measured, and why.
    pub(crate) missing: Vec<String>,
}

impl Table {
    /// As Markdown, which is also readable as it is.
    #[must_use]
    pub(crate) fn markdown(&self) -> String {
        let mut out = String::new();
        // Writing to a String can't fail.
        let _ = writeln!(
            out,
            "{}; load {:.2}, memcpy {:.1} GiB/s. Ratios below 1 are in our favour.\n",
            self.machine, self.load, self.memcpy_gib_s
        );
        out.push_str("| what | ours | peer | theirs | ratio | aim |\n|---|---:|---|---:|---:|---:|\n");
        for r in &self.rows {
            let aim = r.aim.map_or(String::from("–"), |a| format!("≤ {a:.2}"));
            let ratio = if r.ratio().is_nan() { "–".into() } else { format!("{:.2}", r.ratio()) };
            let _ = writeln!(
                out,
                "| {} | {} {} | {} | {} {} | {ratio} | {aim} |",
                r.what,
                number(r.ours),
                r.unit,
                r.peer,
                number(r.theirs),
                r.unit
            );
        }
        for m in &self.missing {
            let _ = writeln!(out, "\nNot measured: {m}");
        }
        out
    }
}

fn number(n: f64) -> String {
    if n >= 100.0 {
        format!("{n:.0}")
    } else if n >= 1.0 {
        format!("{n:.1}")
    } else {
        format!("{n:.3}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renders() {
        let row = |ours, theirs| Row {
            what: "sync".into(),
            unit: "µs",
            ours,
            peer: "two relays".into(),
            theirs,
            aim: Some(1.0),
        };
        let table = Table {
            machine: "box".into(),
            load: 0.5,
            memcpy_gib_s: 10.0,
            rows: vec![row(20.0, 40.0), row(0.0, 0.0)],
            missing: vec!["labwc: not in this Debian".into()],
        };
        let text = table.markdown();
        assert!(text.contains("| sync | 20.0 µs | two relays | 40.0 µs | 0.50 | ≤ 1.00 |"), "{text}");
        assert!(text.contains("| – | ≤ 1.00 |"), "{text}");
        assert!(text.contains("Not measured: labwc"));
    }
}
