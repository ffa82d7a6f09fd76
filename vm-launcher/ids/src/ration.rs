// SPDX-License-Identifier: GPL-3.0-or-later
//! How often something may happen: some times at once after a quiet while, and then once every so often.
//!
//! In: the time, what was used up. Out: how much is left, and when there is more.

use std::time::Duration;

/// What is left of somebody's share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ration {
    burst: u32,
    every: Duration,
    left: u32,
    /// Up to when what came since is in `left`.
    counted: Duration,
}

impl Ration {
    /// A whole share: `burst` at once, and one more `every` so often (not never).
    #[must_use]
    pub const fn new(burst: u32, every: Duration) -> Self {
        Self { burst, every, left: burst, counted: Duration::ZERO }
    }

    /// How much may be used at this moment.
    pub fn left(&mut self, now: Duration) -> u32 {
        let passed = now.saturating_sub(self.counted).as_nanos();
        let earned = u32::try_from(passed / self.every.as_nanos().max(1)).unwrap_or(u32::MAX);
        if self.left.saturating_add(earned) >= self.burst {
            (self.left, self.counted) = (self.burst, now.max(self.counted));
        } else {
            self.left = self.left.saturating_add(earned);
            self.counted = self.counted.saturating_add(self.every.saturating_mul(earned));
        }
        self.left
    }

    /// So much was used.
    pub const fn spend(&mut self, uses: u32) {
        self.left = self.left.saturating_sub(uses);
    }

    /// Uses one, if there is one.
    pub fn take(&mut self, now: Duration) -> bool {
        let some = self.left(now) > 0;
        self.spend(1);
        some
    }

    /// When there is one more.
    #[must_use]
    pub const fn next(&self) -> Duration {
        self.counted.saturating_add(self.every)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_burst_and_then_one_a_second() {
        let mut ration = Ration::new(16, at(1000));
        let taken = |ration: &mut Ration, now| (0..1000).filter(|_| ration.take(now)).count();
        assert_eq!(taken(&mut ration, at(5000)), 16);
        assert_eq!(taken(&mut ration, at(5000)), 0);
        assert_eq!(taken(&mut ration, at(6000)), 1);
        assert_eq!(taken(&mut ration, at(9000)), 3);
        assert_eq!(taken(&mut ration, at(100_000_000)), 16, "not more after a long time");
        assert_eq!(taken(&mut ration, at(100_000_000)), 0);
    }

    #[test]
    fn no_time_is_lost_and_none_counts_twice() {
        let mut ration = Ration::new(256, at(8));
        assert_eq!(ration.left(at(1000)), 256);
        ration.spend(256);
        assert_eq!((ration.left(at(1007)), ration.next()), (0, at(1008)));
        assert_eq!(ration.left(at(1008)), 1);
        ration.spend(1);
        assert_eq!((ration.left(at(1031)), ration.left(at(1031)), ration.left(at(1032))), (2, 2, 3));
        ration.spend(u32::MAX);
        assert_eq!(ration.left(at(1032)), 0);
        // A clock that goes back gives nothing, and nothing twice later.
        assert_eq!((ration.left(at(0)), ration.left(at(1039)), ration.left(at(1040))), (0, 0, 1));
        assert_eq!(ration.left(Duration::MAX), 256);
    }
}
