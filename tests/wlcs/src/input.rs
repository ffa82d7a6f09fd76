// SPDX-License-Identifier: GPL-3.0-or-later
//! wlcs' pointer and finger.
//!
//! In: fixed-point positions and button codes. Out: events of the compositor's virtual seat.

use crate::{ORIGIN, ask};
use cofferdam_compositor::Remote;
use cofferdam_control::desktop::{Input, Request};

/// Wayland's 24.8 fixed point.
fn from_fixed(v: i32) -> f64 {
    f64::from(v) / 256.0
}

/// A position of ours from one of wlcs'.
fn position(x: i32, y: i32) -> (f64, f64) {
    (from_fixed(x) + f64::from(ORIGIN.0), from_fixed(y) + f64::from(ORIGIN.1))
}

/// A position of ours from one of wlcs' in whole pixels.
fn whole(x: i32, y: i32) -> (f64, f64) {
    (f64::from(x.saturating_add(ORIGIN.0)), f64::from(y.saturating_add(ORIGIN.1)))
}

/// wlcs' mouse.
pub(crate) struct Pointer {
    remote: Option<Remote>,
}

impl Pointer {
    pub(crate) fn new(remote: Option<Remote>) -> Self {
        Self { remote }
    }

    fn send(&self, input: Input) {
        ask(self.remote.as_ref(), Request::Input(input));
    }

    fn move_to(&self, (x, y): (f64, f64)) {
        self.send(Input::PointerMove { x, y });
    }

    fn button(&self, button: i32, pressed: bool) {
        if let Ok(code) = u32::try_from(button) {
            self.send(Input::PointerButton { code, pressed });
        }
    }
}

impl wlcs::Pointer for Pointer {
    fn move_absolute(&mut self, x: i32, y: i32) {
        self.move_to(position(x, y));
    }

    fn move_relative(&mut self, dx: i32, dy: i32) {
        // A client may have confined the pointer, so only the compositor knows where it is.
        let at = self.remote.as_ref().and_then(|r| r.run(|state| state.pointer_place()).ok().flatten());
        let (x, y) = at.unwrap_or_else(|| position(0, 0));
        self.move_to((x + from_fixed(dx), y + from_fixed(dy)));
    }

    fn button_up(&mut self, button: i32) {
        self.button(button, false);
    }

    fn button_down(&mut self, button: i32) {
        self.button(button, true);
    }
}

/// wlcs' finger. Its header says fixed point here too, but wlcs sends whole pixels.
pub(crate) struct Touch {
    remote: Option<Remote>,
    slot: u32,
}

impl Touch {
    pub(crate) fn new(remote: Option<Remote>, slot: u32) -> Self {
        Self { remote, slot }
    }

    fn send(&self, input: Input) {
        ask(self.remote.as_ref(), Request::Input(input));
    }
}

impl wlcs::Touch for Touch {
    fn touch_down(&mut self, x: i32, y: i32) {
        let (x, y) = whole(x, y);
        self.send(Input::TouchDown { slot: self.slot, x, y });
    }

    fn touch_move(&mut self, x: i32, y: i32) {
        let (x, y) = whole(x, y);
        self.send(Input::TouchMove { slot: self.slot, x, y });
    }

    fn touch_up(&mut self) {
        self.send(Input::TouchUp { slot: self.slot });
    }
}
