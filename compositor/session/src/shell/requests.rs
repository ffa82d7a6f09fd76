// SPDX-License-Identifier: GPL-3.0-or-later
//! What clients ask for their own windows.
//!
//! In: maximise, full-screen, minimise, move, resize. Out: the same ops that title bars and keys
//! make, if the client may ask: a move or resize needs the serial of a press that is still held.

use super::State;
use cofferdam_scene::{Edges, Op};
use smithay::reexports::wayland_protocols::xdg::shell::server::xdg_toplevel::ResizeEdge;
use smithay::reexports::wayland_server::protocol::wl_output::WlOutput;
use smithay::utils::Serial;
use smithay::wayland::shell::xdg::ToplevelSurface;

impl State {
    pub(crate) fn client_wants_maximized(&mut self, toplevel: &ToplevelSurface, on: bool) {
        let Some(window) = self.desk.window_of(toplevel) else { return };
        self.apply_or_ignore(Op::SetMaximized { window, on });
        self.desk.answer_toplevel(toplevel);
    }

    pub(crate) fn client_wants_fullscreen(
        &mut self,
        toplevel: &ToplevelSurface,
        on: bool,
        output: Option<&WlOutput>,
    ) {
        let Some(window) = self.desk.window_of(toplevel) else { return };
        let output = output.and_then(|output| self.screens.id_of(output));
        self.apply_or_ignore(Op::SetFullscreen { window, on, output });
        self.desk.answer_toplevel(toplevel);
    }

    pub(crate) fn client_wants_minimized(&mut self, toplevel: &ToplevelSurface) {
        if let Some(window) = self.desk.window_of(toplevel) {
            self.apply_or_ignore(Op::Minimize(window));
        }
    }

    pub(crate) fn client_begins_move(&mut self, toplevel: &ToplevelSurface, serial: Serial) {
        let Some(window) = self.desk.window_of(toplevel) else { return };
        if self.seat.is_held_press(toplevel.wl_surface(), serial) && self.apply(Op::BeginMove(window)).is_ok()
        {
            self.take_pointer_from_clients();
        }
    }

    pub(crate) fn client_begins_resize(
        &mut self,
        toplevel: &ToplevelSurface,
        serial: Serial,
        edge: ResizeEdge,
    ) {
        let Some(window) = self.desk.window_of(toplevel) else { return };
        let bits = u32::from(edge);
        let edges = Edges::new(bits & LEFT != 0, bits & TOP != 0, bits & RIGHT != 0, bits & BOTTOM != 0);
        if self.seat.is_held_press(toplevel.wl_surface(), serial)
            && self.apply(Op::BeginResize { window, edges }).is_ok()
        {
            self.take_pointer_from_clients();
        }
    }
}

// Bits of `xdg_toplevel.resize_edge`.
const TOP: u32 = 1;
const BOTTOM: u32 = 2;
const LEFT: u32 = 4;
const RIGHT: u32 = 8;
