// SPDX-License-Identifier: GPL-3.0-or-later
//! The scene's effects, done.
//!
//! In: [`Effect`]s in order. Out: configures, closes, keyboard focus, redraws. Nothing here asks the
//! scene for another change, so the queue ends.

use super::PopupNews;
use crate::shell::Desk;
use crate::state::State;
use cofferdam_scene::{Configure, Effect, Node, PopupId, Rect, Size, WindowId};
use smithay::reexports::wayland_protocols::xdg::shell::server::xdg_toplevel;
use smithay::utils::{Logical, Rectangle, SERIAL_COUNTER};
use smithay::wayland::shell::xdg::ToplevelState;

impl State {
    pub(super) fn run_effects(&mut self) {
        while let Some(effect) = self.desk.scene.poll_effect() {
            match effect {
                Effect::Configure { window, configure } => self.desk.reconfigure(window, configure),
                Effect::ConfigurePopup { popup, rect, token } => {
                    self.desk.reconfigure_popup(popup, rect, token)
                }
                Effect::ConfigureLayer { layer, size } => self.desk.configure_layer(layer, size),
                Effect::CloseLayer(layer) => self.desk.close_layer(layer),
                Effect::DismissPopup(popup) => {
                    if let Some(entry) = self.desk.popups.get(&popup) {
                        entry.popup.send_popup_done();
                    }
                }
                Effect::Focus(node) => self.focus(node),
                Effect::Close(window) => {
                    if let Some(entry) = self.desk.windows.get(&window) {
                        entry.toplevel.send_close();
                    }
                }
                Effect::Mapped(window) => self.desk.to_announce.push(window),
                Effect::Damage(rect) => self.screens.redraw(rect, &self.desk.scene),
                Effect::PointerFocus => self.desk.pointer_stale = true,
            }
        }
        self.desk.tell_active_vm();
    }

    /// Gives the keyboard to a node. While the trusted path shows something nobody has it; whose it is
    /// by then is looked up when that goes.
    pub(crate) fn focus(&mut self, node: Option<Node>) {
        if self.trusted.is_up() {
            return;
        }
        let surface = node.and_then(|node| self.desk.surface_of(node));
        self.seat.release_constraint();
        self.tokens_follow(surface.as_ref());
        self.desk.keyboard.clone_from(&surface);
        let keyboard = self.seat.keyboard.clone();
        keyboard.set_focus(self, surface, SERIAL_COUNTER.next_serial());
        self.seat.renew_constraint(&self.desk, &self.trusted, &self.selections);
    }
}

impl Desk {
    fn reconfigure(&mut self, window: WindowId, configure: Configure) {
        let Some(entry) = self.windows.get_mut(&window) else { return };
        entry.toplevel.with_pending_state(|state| write_state(state, &configure));
        // The first configure answers the first commit; see `windows`.
        if entry.toplevel.is_initial_configure_sent() {
            entry.configure(false);
        }
    }

    fn reconfigure_popup(&mut self, popup: PopupId, rect: Rect, token: Option<u32>) {
        let Some(entry) = self.popups.get_mut(&popup) else { return };
        entry.popup.with_pending_state(|state| {
            state.geometry = Rectangle::new((rect.x, rect.y).into(), (rect.w, rect.h).into());
        });
        if let Some(token) = token {
            entry.configure(PopupNews::Repositioned(token));
        } else if entry.popup.is_initial_configure_sent() {
            entry.configure(PopupNews::Place);
        }
    }
}

fn write_state(state: &mut ToplevelState, configure: &Configure) {
    let size = |size: Size| smithay::utils::Size::<i32, Logical>::from((size.w, size.h));
    state.size = configure.size.map(size);
    state.bounds = configure.bounds.map(size);
    let states = configure.states;
    for (flag, on) in [
        (xdg_toplevel::State::Activated, states.activated),
        (xdg_toplevel::State::Maximized, states.maximized),
        (xdg_toplevel::State::Fullscreen, states.fullscreen),
        (xdg_toplevel::State::Resizing, states.resizing),
        (xdg_toplevel::State::Suspended, states.suspended),
    ] {
        if on {
            state.states.set(flag);
        } else {
            state.states.unset(flag);
        }
    }
}
