// SPDX-License-Identifier: GPL-3.0-or-later
//! Moments of the monotonic clock. Pure code reads none: it is told what time it is.

use std::time::Duration;

/// A moment: the time since an arbitrary start, which never goes backwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Mono(pub Duration);

impl Mono {
    /// So many milliseconds after the start.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }

    /// This moment plus `span`; the end of time instead of an overflow.
    #[must_use]
    pub const fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span))
    }

    /// How long this is after `then`; zero if it is not.
    #[must_use]
    pub const fn since(self, then: Self) -> Duration {
        self.0.saturating_sub(then.0)
    }

    /// Milliseconds as Wayland has them: 32 bits, wrapping.
    #[must_use]
    pub fn wayland_millis(self) -> u32 {
        u32::try_from(self.0.as_millis() & u128::from(u32::MAX)).unwrap_or(0)
    }
}
