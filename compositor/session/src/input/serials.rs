// SPDX-License-Identifier: GPL-3.0-or-later
//! Which serials a client may use to justify what it asks for.
//!
//! In: every press, and every release of a button, that was sent to a client. Out: yes or no. A serial counts for the client that got
//! it and for nobody else, and only while it is among the last few.

use crate::state::State;
use smithay::reexports::wayland_server::protocol::wl_surface::WlSurface;
use smithay::utils::Serial;
use std::collections::VecDeque;
use wayland_server::Resource;
use wayland_server::backend::ClientId;

/// Presses remembered: a key, a button and some fingers at once.
const REMEMBERED: usize = 16;

/// The last presses that clients were sent.
#[derive(Debug, Default)]
pub(super) struct Recent(VecDeque<(Serial, ClientId)>);

impl Recent {
    pub(super) fn note(&mut self, serial: Serial, surface: Option<&WlSurface>) {
        let Some(client) = surface.and_then(Resource::client) else { return };
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back((serial, client.id()));
    }

    fn has(&self, serial: Serial, client: &ClientId) -> bool {
        self.0.iter().any(|(s, c)| *s == serial && c == client)
    }
}

impl State {
    /// Whether the client of `surface` was sent this press a moment ago.
    pub(crate) fn is_recent_press(&self, surface: &WlSurface, serial: Serial) -> bool {
        surface.client().is_some_and(|client| self.seat.recent.has(serial, &client.id()))
    }

    /// The same, and the button or finger is still down.
    pub(crate) fn is_held_press(&self, surface: &WlSurface, serial: Serial) -> bool {
        let held = self.seat.pointer.has_grab(serial) || self.seat.touch.has_grab(serial);
        held && self.is_recent_press(surface, serial)
    }
}
