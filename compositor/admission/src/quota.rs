// SPDX-License-Identifier: GPL-3.0-or-later
//! How much a VM may hold at a time.
//!
//! In: objects made and gone. Out: [`Fault::Quota`] for the one too many. Generous for any real app,
//! small for an attack. All connections of a VM share one count, so that opening more of them gains
//! nothing, and no VM can spend another's share; a trusted connection has a count of its own.

use crate::Fault;
use std::sync::atomic::{AtomicU32, Ordering};

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Holding {
    /// `wl_surface`; browsers reach some hundreds.
    Surface,
    /// `wl_region`.
    Region,
    /// `wl_callback` that has not fired.
    Callback,
    /// `wl_shm_pool`: each is a mapping of the compositor.
    Pool,
    /// `wl_buffer`: each keeps its pool's mapping.
    Buffer,
    /// `xdg_positioner`.
    Positioner,
    /// Presentation feedback that has not come.
    Feedback,
    /// Data and primary-selection sources.
    Source,
    /// Bound globals and devices of a seat. Toolkits bind a few dozen once; these are never counted
    /// off while the connection lasts, so each connection has a count of its own.
    Binding,
    /// Data and primary-selection devices: each is told of every copy, and smithay keeps those of
    /// clients that are gone. A toolkit has one of each; each connection has a count of its own.
    DataDevice,
    /// Devices of a seat, and text fields: every event walks the list of all of them. A toolkit has a
    /// few; each connection has a count of its own.
    InputDevice,
    /// What synchronised subsurfaces have committed and their parents have not, in [`CACHED_UNIT`]s.
    Cached,
    /// Everything else that is made one at a time: `xdg_surface` and its roles, subsurfaces, viewports,
    /// pointer constraints, activation tokens, inhibitors.
    Object,
}

/// Bytes that one [`Holding::Cached`] stands for: a rectangle and what it takes to keep it.
pub const CACHED_UNIT: usize = 32;

impl Holding {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Surface,
        Self::Region,
        Self::Callback,
        Self::Pool,
        Self::Buffer,
        Self::Positioner,
        Self::Feedback,
        Self::Source,
        Self::Binding,
        Self::DataDevice,
        Self::InputDevice,
        Self::Cached,
        Self::Object,
    ];

    /// How many a VM may hold.
    #[must_use]
    pub const fn limit(self) -> u32 {
        match self {
            Self::Surface | Self::Region | Self::Buffer | Self::Feedback | Self::Object => 4096,
            Self::Callback => 16_384,
            // 4 MiB.
            Self::Cached => 131_072,
            Self::Binding => 2048,
            Self::Pool => 512,
            Self::Positioner | Self::Source => 256,
            Self::InputDevice => 64,
            Self::DataDevice => 8,
        }
    }

    pub(crate) const fn plural(self) -> &'static str {
        match self {
            Self::Surface => "surfaces",
            Self::Region => "regions",
            Self::Callback => "frame callbacks",
            Self::Pool => "pools",
            Self::Buffer => "buffers",
            Self::Positioner => "positioners",
            Self::Feedback => "presentation feedbacks",
            Self::Source => "selection sources",
            Self::Binding => "globals",
            Self::DataDevice => "data devices",
            Self::InputDevice => "input devices",
            Self::Cached => "commits that wait for their parent",
            Self::Object => "small objects",
        }
    }
}

/// What a VM holds. Atomic only because a Wayland connection's data is shared; one thread
/// counts.
#[derive(Debug, Default)]
pub struct Share {
    surfaces: AtomicU32,
    regions: AtomicU32,
    callbacks: AtomicU32,
    pools: AtomicU32,
    buffers: AtomicU32,
    positioners: AtomicU32,
    feedbacks: AtomicU32,
    sources: AtomicU32,
    bindings: AtomicU32,
    data_devices: AtomicU32,
    input_devices: AtomicU32,
    cached: AtomicU32,
    objects: AtomicU32,
}

impl Share {
    const fn count(&self, what: Holding) -> &AtomicU32 {
        match what {
            Holding::Surface => &self.surfaces,
            Holding::Region => &self.regions,
            Holding::Callback => &self.callbacks,
            Holding::Pool => &self.pools,
            Holding::Buffer => &self.buffers,
            Holding::Positioner => &self.positioners,
            Holding::Feedback => &self.feedbacks,
            Holding::Source => &self.sources,
            Holding::Binding => &self.bindings,
            Holding::DataDevice => &self.data_devices,
            Holding::InputDevice => &self.input_devices,
            Holding::Cached => &self.cached,
            Holding::Object => &self.objects,
        }
    }

    /// How many are used.
    #[must_use]
    pub fn used(&self, what: Holding) -> u32 {
        self.count(what).load(Ordering::Relaxed)
    }

    /// Counts one more.
    ///
    /// # Errors
    /// [`Fault::Quota`] if that would be one too many; then nothing is counted.
    pub fn take(&self, what: Holding) -> Result<(), Fault> {
        self.take_many(what, 1)
    }

    /// Counts so many more.
    ///
    /// # Errors
    /// [`Fault::Quota`] if that would be too many; then nothing is counted.
    pub fn take_many(&self, what: Holding, many: u32) -> Result<(), Fault> {
        let more = |n: u32| n.checked_add(many).filter(|n| *n <= what.limit());
        match self.count(what).fetch_update(Ordering::Relaxed, Ordering::Relaxed, more) {
            Ok(_) => Ok(()),
            Err(_) => Err(Fault::Quota(what)),
        }
    }

    /// Counts one less.
    pub fn give_back(&self, what: Holding) {
        self.give_back_many(what, 1);
    }

    /// Counts so many less.
    pub fn give_back_many(&self, what: Holding, many: u32) {
        // The closure never declines, so there is no error to look at.
        let _ = self
            .count(what)
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| Some(n.saturating_sub(many)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_too_many() {
        let share = Share::default();
        for what in Holding::ALL {
            for _ in 0..what.limit() {
                assert_eq!(share.take(what), Ok(()));
            }
            assert_eq!(share.take(what), Err(Fault::Quota(what)));
            share.give_back(what);
            assert_eq!(share.take(what), Ok(()));
            assert_eq!(share.used(what), what.limit());
        }
    }

    #[test]
    fn giving_back_too_much_gives_no_credit() {
        let share = Share::default();
        share.give_back(Holding::Pool);
        assert_eq!(share.used(Holding::Pool), 0);
    }
}
