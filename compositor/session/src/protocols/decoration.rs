// SPDX-License-Identifier: GPL-3.0-or-later
//! `zxdg_decoration_manager_v1`: who draws the frame.
//!
//! In: a client's wish. Out: always the same answer, "the compositor does": the frame carries the
//! trust marks, so it is not the client's to draw.

use crate::protocols::guard::{global, objects};
use crate::state::State;
use smithay::reexports::wayland_protocols::xdg::decoration::zv1::server::zxdg_decoration_manager_v1::ZxdgDecorationManagerV1;
use smithay::reexports::wayland_protocols::xdg::decoration::zv1::server::zxdg_toplevel_decoration_v1::{
    Mode, ZxdgToplevelDecorationV1,
};
use smithay::wayland::shell::xdg::ToplevelSurface;
use smithay::wayland::shell::xdg::decoration::{
    XdgDecorationHandler, XdgDecorationManagerGlobalData, XdgDecorationState,
};

impl XdgDecorationHandler for State {
    fn new_decoration(&mut self, toplevel: ToplevelSurface) {
        answer(&toplevel);
    }

    fn request_mode(&mut self, toplevel: ToplevelSurface, _: Mode) {
        answer(&toplevel);
    }

    fn unset_mode(&mut self, toplevel: ToplevelSurface) {
        answer(&toplevel);
    }
}

fn answer(toplevel: &ToplevelSurface) {
    toplevel.with_pending_state(|state| state.decoration_mode = Some(Mode::ServerSide));
    // Before the first commit nothing may be sent; the first configure carries the mode.
    if toplevel.is_initial_configure_sent() {
        toplevel.send_configure();
    }
}

global!(ZxdgDecorationManagerV1, XdgDecorationManagerGlobalData => XdgDecorationState);
objects! {
    ZxdgDecorationManagerV1, () => XdgDecorationState;
    ZxdgToplevelDecorationV1, ToplevelSurface => XdgDecorationState;
}
