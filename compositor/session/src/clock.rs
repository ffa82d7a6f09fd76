// SPDX-License-Identifier: GPL-3.0-or-later
//! Time, injected.
//!
//! In: the kernel's monotonic clock, or a hand that a test moves. Out: one reading per turn of the
//! main loop, so that everything decided in that turn agrees on what time it is.

pub use cofferdam_ids::Mono;
use smithay::utils::{Clock as Kernel, Monotonic};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

#[derive(Debug)]
enum Source {
    Kernel(Kernel<Monotonic>),
    Hand(Arc<AtomicU64>),
}

/// The clock of one compositor.
#[derive(Debug)]
pub struct Clock {
    source: Source,
    reading: Mono,
}

impl Clock {
    /// The kernel's monotonic clock.
    #[must_use]
    pub fn kernel() -> Self {
        let mut clock = Self { source: Source::Kernel(Kernel::new()), reading: Mono::default() };
        clock.read();
        clock
    }

    /// A clock that stands still until someone writes nanoseconds into `hand`.
    #[must_use]
    pub fn by_hand(hand: Arc<AtomicU64>) -> Self {
        let mut clock = Self { source: Source::Hand(hand), reading: Mono::default() };
        clock.read();
        clock
    }

    /// Takes a new reading; called once at the start of each turn.
    pub fn read(&mut self) {
        let now = match &self.source {
            Source::Kernel(clock) => Duration::from(clock.now()),
            Source::Hand(hand) => Duration::from_nanos(hand.load(Ordering::Relaxed)),
        };
        self.reading = Mono(now).max(self.reading);
    }

    /// A new reading in the middle of a turn: events come before the turn has read the clock, and nothing that
    /// they begin must seem as old as the last turn.
    pub fn fresh(&mut self) -> Mono {
        self.read();
        self.reading
    }

    /// The reading of this turn.
    #[must_use]
    pub fn now(&self) -> Mono {
        self.reading
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_backwards() {
        let hand = Arc::new(AtomicU64::new(5));
        let mut clock = Clock::by_hand(hand.clone());
        hand.store(9, Ordering::Relaxed);
        assert_eq!(clock.now(), Mono(Duration::from_nanos(5)));
        clock.read();
        hand.store(3, Ordering::Relaxed);
        clock.read();
        assert_eq!(clock.now(), Mono(Duration::from_nanos(9)));
    }
}
