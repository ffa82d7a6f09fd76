// SPDX-License-Identifier: GPL-3.0-or-later
//! What a conformance harness in the same process may do, and nobody else can: name a surface by its
//! owner's id for it.
//!
//! In: a client and an id of its own. Out: its window, moved. No wire reaches this.

use crate::state::State;
use cofferdam_scene::{Op, Point};
use smithay::reexports::wayland_server::protocol::wl_surface::WlSurface;
use wayland_server::{Client, Resource};

impl State {
    /// Where the pointer is in the global space.
    #[must_use]
    pub fn pointer_place(&self) -> Option<(f64, f64)> {
        self.seat.at.map(|at| (at.x, at.y))
    }

    /// Puts the content of the window with this surface at a place of the global space. `false` if
    /// there is no such window.
    pub fn place_content(&mut self, client: &Client, surface: u32, (x, y): (i32, i32)) -> bool {
        let found = self.desk.windows.iter().find(|(_, entry)| {
            let root: &WlSurface = entry.toplevel.wl_surface();
            root.id().protocol_id() == surface && root.client().as_ref() == Some(client)
        });
        let Some(window) = found.map(|(id, _)| *id) else { return false };
        let Some(frame) = self.desk.scene.frame(window) else { return false };
        let (dx, dy) = frame.outer.origin().minus(frame.content.origin());
        self.apply(Op::MoveTo { window, frame: Point::new(x, y).shifted(dx, dy) }).is_ok()
    }
}
