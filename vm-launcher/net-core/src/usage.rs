// SPDX-License-Identifier: GPL-3.0-or-later
//! What was used under which ticket, until it is reported.
//!
//! In: bytes and connections as they happen. Out: one line per ticket and site, a batch at a time, so that a
//! busy flow costs the monitor one packet a second and an idle one nothing.

use cofferdam_policy::{Resource, Usage};
use core::time::Duration;
use std::collections::BTreeMap;

/// How long a batch is gathered.
pub const BATCH: Duration = Duration::from_secs(1);

/// Use that was not reported yet.
#[derive(Debug, Default)]
pub struct Ledger {
    lines: BTreeMap<(u64, Resource), Usage>,
    due: Option<Duration>,
}

/// A line of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The ticket.
    pub ticket: u64,
    /// What for.
    pub resource: Resource,
    /// How much.
    pub usage: Usage,
}

impl Ledger {
    /// Adds to a line.
    pub fn add(&mut self, ticket: u64, resource: &Resource, more: Usage, now: Duration) {
        if more == Usage::default() {
            return;
        }
        let line = self.lines.entry((ticket, resource.clone())).or_default();
        line.times = line.times.saturating_add(more.times);
        line.bytes_in = line.bytes_in.saturating_add(more.bytes_in);
        line.bytes_out = line.bytes_out.saturating_add(more.bytes_out);
        line.millis = line.millis.saturating_add(more.millis);
        self.due.get_or_insert(now.saturating_add(BATCH));
    }

    /// The lines of one ticket, at once.
    pub fn take_ticket(&mut self, ticket: u64) -> Vec<Line> {
        let keys: Vec<_> = self.lines.keys().filter(|(t, _)| *t == ticket).cloned().collect();
        let line = |key: (u64, Resource)| self.lines.remove(&key).map(|usage| (key, usage));
        keys.into_iter().filter_map(line).map(into_line).collect()
    }

    /// All lines, if they are due.
    pub fn take_due(&mut self, now: Duration) -> Vec<Line> {
        if self.due.is_none_or(|due| due > now) {
            return Vec::new();
        }
        self.due = None;
        std::mem::take(&mut self.lines).into_iter().map(into_line).collect()
    }

    /// Forgets everything: there is nobody to tell.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// When lines will be due.
    #[must_use]
    pub const fn due(&self) -> Option<Duration> {
        self.due
    }
}

fn into_line(((ticket, resource), usage): ((u64, Resource), Usage)) -> Line {
    Line { ticket, resource, usage }
}
