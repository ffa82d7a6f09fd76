// SPDX-License-Identifier: GPL-3.0-or-later
//! How often the log speaks of one VM's faults.
//!
//! In: faults, with the moment of each. Out: whether this one is written down. A guest can be at fault as
//! often as it can open a connection; the counters have every fault, the log has enough of them to see.

use crate::clock::Mono;
use std::time::Duration;

/// Lines allowed in [`WINDOW`].
const LINES: u32 = 10;
/// Over which time.
const WINDOW: Duration = Duration::from_secs(1);

/// The lines of one VM in the window that runs.
#[derive(Debug, Default)]
pub(super) struct FaultLog {
    since: Mono,
    lines: u32,
}

impl FaultLog {
    /// Notes a fault; true if it is to be written down.
    pub(super) fn takes(&mut self, now: Mono) -> bool {
        if now.0.saturating_sub(self.since.0) >= WINDOW {
            *self = Self { since: now, lines: 0 };
        }
        self.lines = self.lines.saturating_add(1);
        self.lines <= LINES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_lines_a_second() {
        let mut log = FaultLog::default();
        let mut lines = |millis: u64, faults: u32| {
            (0..faults).filter(|_| log.takes(Mono(Duration::from_millis(millis)))).count()
        };
        assert_eq!(lines(5000, 1000), 10);
        assert_eq!(lines(5999, 1000), 0);
        assert_eq!(lines(6000, 3), 3);
        assert_eq!(lines(6500, 1000), 7);
    }
}
