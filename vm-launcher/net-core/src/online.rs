// SPDX-License-Identifier: GPL-3.0-or-later
//! Whether the VM is online, for whoever shows that.
//!
//! In: flows that begin and end. Out: a report when the answer has changed. That somebody is connected is said
//! at once; that nobody is, once it has been so for [`PAUSE`]: a page of many short connections is one visit.

use core::time::Duration;

/// How long nothing has to be connected before that is said.
pub const PAUSE: Duration = Duration::from_secs(1);
/// A flow without connections of its own (UDP, echo) counts for so long after its last packet.
pub const ACTIVE: Duration = Duration::from_secs(15);

/// What counts, and what was said.
#[derive(Debug, Default)]
pub struct Online {
    flows: usize,
    told: bool,
    due: Option<Duration>,
}

impl Online {
    /// A flow is connected. True: this has to be said.
    pub fn begin(&mut self) -> bool {
        self.flows = self.flows.saturating_add(1);
        self.due = None;
        !std::mem::replace(&mut self.told, true)
    }

    /// A flow is connected no more, as [`Self::expire`] will find.
    pub fn end(&mut self, now: Duration) {
        self.flows = self.flows.saturating_sub(1);
        if self.flows == 0 && self.told {
            self.due = Some(now.saturating_add(PAUSE));
        }
    }

    /// Whether it has to be said that nothing is connected.
    pub fn expire(&mut self, now: Duration) -> bool {
        let due = self.due.take_if(|due| *due <= now).is_some();
        self.told &= !due;
        due
    }

    /// There is nobody to tell, and the next one knows of nothing.
    pub fn forget(&mut self) {
        self.told = false;
        self.due = None;
    }

    /// How many flows count.
    #[must_use]
    pub const fn flows(&self) -> usize {
        self.flows
    }

    /// When [`Self::expire`] has something to do.
    #[must_use]
    pub const fn due(&self) -> Option<Duration> {
        self.due
    }
}
