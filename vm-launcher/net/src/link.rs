// SPDX-License-Identifier: GPL-3.0-or-later
//! The wire to the guest as the gateway sees it.
//!
//! In: frames with what they leave to the guest. Out: whether there was a place for them. Frames that find
//! none are not kept: TCP keeps its bytes until there is room, everything else may be lost on any wire.

use crate::vhost::{Abilities, Offload};

/// A wire to the guest.
pub trait Link {
    /// Whether a frame of this many bytes has a place now.
    fn has_room(&mut self, bytes: usize) -> bool;
    /// Sends a frame; false if there was no place.
    fn send(&mut self, frame: &[u8], offload: Offload) -> bool;
    /// What the guest can take.
    fn abilities(&self) -> Abilities;
}

/// A wire that nothing can be sent on: to make interfaces with, and a guest without a driver.
pub(crate) struct Nowhere;

impl Link for Nowhere {
    fn has_room(&mut self, _bytes: usize) -> bool {
        false
    }

    fn send(&mut self, _frame: &[u8], _offload: Offload) -> bool {
        false
    }

    fn abilities(&self) -> Abilities {
        Abilities::default()
    }
}
