// SPDX-License-Identifier: GPL-3.0-or-later
//! Fingers.
//!
//! In: slots and places in the global space. Out: a finger on content belongs to that client until it
//! is lifted; the first finger on chrome stands for the pointer, so title bars and edges work.

use super::pointer::pixel;
use crate::state::State;
use cofferdam_scene::Op;
use smithay::backend::input::TouchSlot;
use smithay::input::touch::{DownEvent, MotionEvent, UpEvent};
use smithay::utils::{Logical, Point, SERIAL_COUNTER};

/// Fingers at a time.
const MAX_SLOTS: u32 = 10;

/// Whom a finger belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finger {
    /// The client it went down on.
    Client {
        /// It stands for the pointer in the scene.
        leads: bool,
    },
    /// A title bar, an edge, the background.
    Chrome {
        /// It stands for the pointer in the scene.
        leads: bool,
    },
}

impl Finger {
    fn leads(self) -> bool {
        match self {
            Self::Client { leads } | Self::Chrome { leads } => leads,
        }
    }
}

fn slot(n: u32) -> TouchSlot {
    TouchSlot::from(Some(n))
}

impl State {
    /// A finger goes down.
    pub(crate) fn touch_down(&mut self, n: u32, at: Point<f64, Logical>) -> Result<(), String> {
        if n >= MAX_SLOTS {
            return Err(format!("a hand has {MAX_SLOTS} fingers, slot {n} is none"));
        }
        if self.seat.fingers.contains_key(&n) {
            return Err(format!("finger {n} is down already"));
        }
        let leads = self.seat.fingers.is_empty();
        let target = self.touch_target(at, leads);
        let finger = match &target {
            Some(_) => Finger::Client { leads },
            None => Finger::Chrome { leads },
        };
        self.seat.fingers.insert(n, finger);
        if let Some((surface, _)) = &target {
            let serial = SERIAL_COUNTER.next_serial();
            self.seat.recent.note(serial, Some(surface));
            let time = self.clock.now().wayland_millis();
            let event = DownEvent { slot: slot(n), location: at, serial, time };
            let touch = self.seat.touch.clone();
            touch.down(self, target, &event);
            touch.frame(self);
        }
        Ok(())
    }

    /// What is under a finger; the leading one presses there as the pointer would.
    fn touch_target(&mut self, at: Point<f64, Logical>, leads: bool) -> Option<super::pointer::Focus> {
        if leads {
            self.apply_or_ignore(Op::PointerMotion(pixel(at)));
            self.apply_or_ignore(Op::Press);
            let (node, geometry) = self.desk.scene.pointer_target()?;
            return self.focus_at(node, geometry, at);
        }
        let (node, geometry) = match self.desk.scene.hit(pixel(at)) {
            cofferdam_scene::Hit::Content { window, local } => {
                (cofferdam_scene::Node::Window(window), origin(pixel(at), local))
            }
            cofferdam_scene::Hit::Popup { popup, local: Some(local), .. } => {
                (cofferdam_scene::Node::Popup(popup), origin(pixel(at), local))
            }
            _ => return None,
        };
        self.focus_at(node, geometry, at)
    }

    /// A finger moves.
    pub(crate) fn touch_move(&mut self, n: u32, at: Point<f64, Logical>) -> Result<(), String> {
        let finger = *self.seat.fingers.get(&n).ok_or_else(|| format!("finger {n} is not down"))?;
        if finger.leads() {
            self.apply_or_ignore(Op::PointerMotion(pixel(at)));
        }
        if let Finger::Client { .. } = finger {
            let event = MotionEvent { slot: slot(n), location: at, time: self.clock.now().wayland_millis() };
            let touch = self.seat.touch.clone();
            touch.motion(self, None, &event);
            touch.frame(self);
        }
        Ok(())
    }

    /// A finger leaves.
    pub(crate) fn touch_up(&mut self, n: u32) -> Result<(), String> {
        let finger = self.seat.fingers.remove(&n).ok_or_else(|| format!("finger {n} is not down"))?;
        if let Finger::Client { .. } = finger {
            let serial = SERIAL_COUNTER.next_serial();
            let event = UpEvent { slot: slot(n), serial, time: self.clock.now().wayland_millis() };
            let touch = self.seat.touch.clone();
            touch.up(self, &event);
            touch.frame(self);
        }
        if finger.leads() {
            self.apply_or_ignore(Op::Release);
            // The finger is gone from the screen; a mouse stays where it was.
            match self.seat.at {
                Some(at) => self.apply_or_ignore(Op::PointerMotion(pixel(at))),
                None => self.apply_or_ignore(Op::PointerLeave),
            }
        }
        Ok(())
    }

    /// A window follows the leading finger now: its client loses all of them.
    pub(super) fn fingers_to_chrome(&mut self) {
        if !self.seat.fingers.values().any(|finger| matches!(finger, Finger::Client { .. })) {
            return;
        }
        let touch = self.seat.touch.clone();
        touch.cancel(self);
        for finger in self.seat.fingers.values_mut() {
            *finger = Finger::Chrome { leads: finger.leads() };
        }
    }
}

fn origin(at: cofferdam_scene::Point, local: cofferdam_scene::Point) -> cofferdam_scene::Point {
    at.shifted(local.x.saturating_neg(), local.y.saturating_neg())
}
