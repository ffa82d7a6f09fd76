// SPDX-License-Identifier: GPL-3.0-or-later
//! How many refusals the monitor is told of. A guest can be refused as often as it sends packets, and each line
//! of the log is a write to the disk.
//!
//! In: times. Out: whether one more may be told. A burst of [`BURST`], then one a second.

use core::time::Duration;

/// How many are told at once after a quiet time.
pub const BURST: u32 = 16;
/// How long it takes until one more may be told.
pub const PAUSE: Duration = Duration::from_secs(1);

/// What is left of the ration.
#[derive(Debug, Clone, Copy)]
pub struct Ration {
    left: u32,
    since: Duration,
}

impl Default for Ration {
    fn default() -> Self {
        Self { left: BURST, since: Duration::ZERO }
    }
}

impl Ration {
    /// Takes one, if there is one.
    pub fn take(&mut self, now: Duration) -> bool {
        while self.left < BURST && self.since.saturating_add(PAUSE) <= now {
            self.left += 1;
            self.since = self.since.saturating_add(PAUSE);
        }
        if self.left == BURST {
            self.since = now;
        }
        let some = self.left > 0;
        self.left = self.left.saturating_sub(1);
        some
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_one_a_second() {
        let mut ration = Ration::default();
        let told = |ration: &mut Ration, now| (0..1000).filter(|_| ration.take(now)).count();
        let at = Duration::from_secs;
        assert_eq!(told(&mut ration, at(5)), 16);
        assert_eq!(told(&mut ration, at(5)), 0);
        assert_eq!(told(&mut ration, at(6)), 1);
        assert_eq!(told(&mut ration, at(9)), 3);
        assert_eq!(told(&mut ration, at(100_000)), 16, "not more after a long time");
        assert_eq!(told(&mut ration, at(100_000)), 0);
    }
}
