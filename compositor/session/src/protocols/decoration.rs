// SPDX-License-Identifier: GPL-3.0-or-later
//! `zxdg_decoration_manager_v1`: who draws the frame.
//!
//! In: a client's wish. Out: always the same answer, "the compositor does": the frame carries the
//! trust marks, so it is not the client's to draw.

use crate::protocols::guard::{counted, global};
use crate::state::State;
use smithay::reexports::wayland_protocols::xdg::decoration::zv1::server::zxdg_decoration_manager_v1::{
    self, ZxdgDecorationManagerV1,
};
use smithay::reexports::wayland_protocols::xdg::decoration::zv1::server::zxdg_toplevel_decoration_v1::{
    Mode, ZxdgToplevelDecorationV1,
};
use smithay::wayland::shell::xdg::ToplevelSurface;
use smithay::wayland::shell::xdg::decoration::{
    XdgDecorationHandler, XdgDecorationManagerGlobalData, XdgDecorationState,
};

impl XdgDecorationHandler for State {
    fn new_decoration(&mut self, toplevel: ToplevelSurface) {
        self.decorate(&toplevel);
    }

    fn request_mode(&mut self, toplevel: ToplevelSurface, _: Mode) {
        self.decorate(&toplevel);
    }

    fn unset_mode(&mut self, toplevel: ToplevelSurface) {
        self.decorate(&toplevel);
    }
}

impl State {
    fn decorate(&mut self, toplevel: &ToplevelSurface) {
        toplevel.with_pending_state(|state| state.decoration_mode = Some(Mode::ServerSide));
        // The first configure carries the mode.
        self.desk.answer_toplevel(toplevel);
    }
}

global!(ZxdgDecorationManagerV1, XdgDecorationManagerGlobalData => XdgDecorationState);
counted!(
    ZxdgDecorationManagerV1, (), zxdg_decoration_manager_v1::Request::GetToplevelDecoration { .. }
        => XdgDecorationState;
    ZxdgToplevelDecorationV1, ToplevelSurface => XdgDecorationState
);
