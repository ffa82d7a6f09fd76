// SPDX-License-Identifier: GPL-3.0-or-later
//! Which serials a client may use to justify what it asks for.
//!
//! In: every key, button and finger that was sent to a client. Out: yes or no. A serial counts for the
//! client that got it and for nobody else, and only while it is among the last few.

use crate::clock::Mono;
use crate::input::SeatRoom;
use smithay::reexports::wayland_server::protocol::wl_surface::WlSurface;
use smithay::utils::Serial;
use std::collections::VecDeque;
use std::time::Duration;
use wayland_server::backend::ClientId;
use wayland_server::{Client, Resource};

/// Presses remembered: a key, a button and some fingers at once.
const REMEMBERED: usize = 16;
/// How long a slow app may take from the person's key or click until it copies, the keyboard being
/// elsewhere by then.
const LATE: Duration = Duration::from_secs(5);
/// Keys and clicks remembered for that: more than anybody makes in that time.
const HEARD: usize = 256;

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

/// What clients were told of the person's keys and clicks, releases too: some programs name the last
/// of either when they copy.
#[derive(Debug, Default)]
pub(super) struct Heard(VecDeque<(Serial, ClientId, Mono)>);

impl Heard {
    fn note(&mut self, serial: Serial, client: ClientId, now: Mono) {
        while self.0.len() >= HEARD || self.0.front().is_some_and(|(.., then)| is_over(*then, now)) {
            self.0.pop_front();
        }
        self.0.push_back((serial, client, now));
    }

    fn has(&self, serial: Serial, client: &ClientId, now: Mono) -> bool {
        self.0.iter().any(|(s, c, then)| *s == serial && c == client && !is_over(*then, now))
    }
}

fn is_over(then: Mono, now: Mono) -> bool {
    now.0.saturating_sub(then.0) > LATE
}

impl SeatRoom {
    /// A client with the keyboard or under the pointer was sent this.
    pub(super) fn note_heard(&mut self, serial: Serial, surface: Option<&WlSurface>, now: Mono) {
        if let Some(client) = surface.and_then(Resource::client) {
            self.heard.note(serial, client.id(), now);
        }
    }

    /// Whether this client was sent this key or click so short a time ago that a copy may come of it.
    pub(crate) fn may_still_copy(&self, client: &Client, serial: Serial, now: Mono) -> bool {
        self.heard.has(serial, &client.id(), now)
    }

    /// Whether the client of `surface` was sent this press a moment ago.
    pub(crate) fn is_recent_press(&self, surface: &WlSurface, serial: Serial) -> bool {
        surface.client().is_some_and(|client| self.recent.has(serial, &client.id()))
    }

    /// The same, and the button or finger is still down.
    pub(crate) fn is_held_press(&self, surface: &WlSurface, serial: Serial) -> bool {
        let held = self.pointer.has_grab(serial) || self.touch.has_grab(serial);
        held && self.is_recent_press(surface, serial)
    }
}
