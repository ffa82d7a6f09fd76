// SPDX-License-Identifier: GPL-3.0-or-later
//! Time as policy knows it.

use serde::{Deserialize, Serialize};

/// Milliseconds since the Unix epoch, as the monitor's clock gives them. That clock never goes back:
/// the monitor hands on the latest time it has seen if the system's was set back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub u64);

impl Millis {
    /// One hour.
    pub const HOUR: u64 = 3_600_000;
    /// One day.
    pub const DAY: u64 = 24 * Self::HOUR;

    /// This much later; stops at the end of time.
    #[must_use]
    pub const fn plus(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }
}
