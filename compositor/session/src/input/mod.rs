// SPDX-License-Identifier: GPL-3.0-or-later
//! Input: one seat with pointer, keyboard and touch.
//!
//! In: events of devices (virtual or of the nested window), in logical pixels and evdev codes. Out:
//! `Op`s for the scene, and events to the one client that has the focus. What is on chrome never
//! reaches a client, and what is on a client never moves chrome.

mod constraint;
mod cursor;
mod keyboard;
mod pointer;
mod serials;
mod text;
mod touch;
mod virtual_seat;

pub(crate) use cursor::Shown;
pub(crate) use keyboard::is_modifier;
pub(crate) use pointer::{Focus as PointerFocus, pixel};

use crate::compositor::Error;
use crate::config::Config;
use crate::state::State;
use smithay::input::keyboard::{KeyboardHandle, Keycode, XkbConfig};
use smithay::input::pointer::{CursorImageStatus, PointerHandle};
use smithay::input::touch::TouchHandle;
use smithay::input::{Seat, SeatState};
use smithay::utils::{Logical, Point};
use std::collections::{BTreeMap, BTreeSet};
use wayland_server::DisplayHandle;

/// The seat and what the user holds at the moment.
#[derive(Debug)]
pub(crate) struct SeatRoom {
    pub(crate) seat: Seat<State>,
    pub(crate) keyboard: KeyboardHandle<State>,
    pub(crate) pointer: PointerHandle<State>,
    touch: TouchHandle<State>,
    /// Where the pointer is; none before its first motion.
    pub(crate) at: Option<Point<f64, Logical>>,
    /// What the last motion went to, and where that was.
    focus: Option<pointer::Focus>,
    /// What the client under the pointer wants it to look like.
    cursor: CursorImageStatus,
    /// Keys whose press belonged to the compositor: their release does too.
    swallowed: BTreeSet<Keycode>,
    fingers: BTreeMap<u32, touch::Finger>,
    recent: serials::Recent,
    heard: serials::Heard,
    typing: Option<text::Typing>,
}

impl SeatRoom {
    pub(crate) fn new(
        seats: &mut SeatState<State>,
        display: &DisplayHandle,
        config: &Config,
    ) -> Result<Self, Error> {
        let mut seat = seats.new_wl_seat(display, "seat0");
        let (delay, rate) = config.repeat;
        let keyboard = seat
            .add_keyboard(xkb_names(config), delay, rate)
            .map_err(|e| Error::Keymap(format!("{e} (layout {:?})", config.keymap.layout)))?;
        let pointer = seat.add_pointer();
        let touch = seat.add_touch();
        Ok(Self {
            seat,
            keyboard,
            pointer,
            touch,
            at: None,
            focus: None,
            cursor: CursorImageStatus::default_named(),
            swallowed: BTreeSet::new(),
            fingers: BTreeMap::new(),
            recent: serials::Recent::default(),
            heard: serials::Heard::default(),
            typing: None,
        })
    }
}

impl SeatRoom {
    /// Presses of before justify nothing any more.
    pub(crate) fn forget_presses(&mut self) {
        self.recent = serials::Recent::default();
        self.heard = serials::Heard::default();
    }

    /// The pointer is on no surface.
    pub(crate) fn forget_pointer_focus(&mut self) {
        self.focus = None;
    }

    /// Whether a key's press was the compositor's, which is forgotten.
    pub(crate) fn take_swallowed(&mut self, key: Keycode) -> bool {
        self.swallowed.remove(&key)
    }
}

/// The configured layout in smithay's words.
fn xkb_names(config: &Config) -> XkbConfig<'_> {
    let keymap = &config.keymap;
    XkbConfig {
        layout: &keymap.layout,
        variant: &keymap.variant,
        options: keymap.options.clone(),
        ..XkbConfig::default()
    }
}
