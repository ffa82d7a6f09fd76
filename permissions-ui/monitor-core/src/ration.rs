// SPDX-License-Identifier: GPL-3.0-or-later
//! How often something may be done. In: attempts with their time. Out: whether there is anything left; it comes
//! back with time.

/// What is left of something that refills with time, in milliseconds of the monitor's clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ration {
    left: u64,
    most: u64,
    every: u64,
    since: u64,
}

impl Ration {
    /// A full one: `most` at once, and one more after each `every` milliseconds.
    pub(crate) const fn new(most: u64, every: u64, mono: u64) -> Self {
        Self { left: most, most, every, since: mono }
    }

    /// Takes one, if there is one.
    pub(crate) fn take(&mut self, mono: u64) -> bool {
        let earned = mono.saturating_sub(self.since) / self.every;
        self.left = self.left.saturating_add(earned).min(self.most);
        self.since = self.since.saturating_add(earned.saturating_mul(self.every));
        let taken = self.left > 0;
        self.left = self.left.saturating_sub(1);
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_runs_out_and_comes_back() {
        let mut ration = Ration::new(3, 10, 5);
        let taken: Vec<u64> = [5, 5, 6, 7, 14, 15, 15, 25, 1_000, 1_000, 1_000, 1_000]
            .into_iter()
            .filter(|mono| ration.take(*mono))
            .collect();
        assert_eq!(taken, [5, 5, 6, 15, 25, 1_000, 1_000, 1_000]);
    }
}
