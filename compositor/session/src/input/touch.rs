// SPDX-License-Identifier: GPL-3.0-or-later
//! Fingers.
//!
//! In: slots and places in the global space. Out: a finger on content belongs to that client until it
//! is lifted; the first finger on chrome stands for the pointer, so title bars and edges work.

use super::pointer::pixel;
use crate::input::SeatRoom;
use crate::state::State;
use cofferdam_scene::Op;
use smithay::backend::input::TouchSlot;
use smithay::input::touch::{DownEvent, MotionEvent, UpEvent};
use smithay::reexports::wayland_server::protocol::wl_surface::WlSurface;
use smithay::utils::{Logical, Point, SERIAL_COUNTER, Serial};

/// Fingers at a time.
const MAX_SLOTS: u32 = 10;

/// Whom a finger belongs to.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Finger {
    /// It stands for the pointer in the scene.
    leads: bool,
    /// The surface it went down on; none for a title bar, an edge, the background.
    on: Option<WlSurface>,
    /// Where it is, and the number under which its client was told of it.
    at: Point<f64, Logical>,
    serial: Serial,
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
        if self.trusted_finger_down(n, at) {
            let serial = SERIAL_COUNTER.next_serial();
            self.seat.fingers.insert(n, Finger { leads: false, on: None, at, serial });
            return Ok(());
        }
        // While the mouse holds something, a finger does not interfere.
        let leads = self.seat.fingers.is_empty() && !self.desk.scene.pointer_is_held();
        let target = self.touch_target(at, leads);
        let on = target.as_ref().map(|(surface, _)| surface.clone());
        let serial = SERIAL_COUNTER.next_serial();
        self.seat.fingers.insert(n, Finger { leads, on, at, serial });
        if let Some((surface, _)) = &target {
            self.seat.recent.note(serial, Some(surface));
            self.seat.note_heard(serial, Some(surface), self.clock.now());
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
            return self.desk.focus_at(node, geometry, at);
        }
        let (node, geometry) = match self.desk.scene.hit(pixel(at)) {
            cofferdam_scene::Hit::Content { window, local } => {
                (cofferdam_scene::Node::Window(window), origin(pixel(at), local))
            }
            cofferdam_scene::Hit::Popup { popup, local: Some(local), .. } => {
                (cofferdam_scene::Node::Popup(popup), origin(pixel(at), local))
            }
            cofferdam_scene::Hit::Layer { layer, local } => {
                (cofferdam_scene::Node::Layer(layer), origin(pixel(at), local))
            }
            _ => return None,
        };
        self.desk.focus_at(node, geometry, at)
    }

    /// A finger moves.
    pub(crate) fn touch_move(&mut self, n: u32, at: Point<f64, Logical>) -> Result<(), String> {
        let finger = self.seat.fingers.get(&n).cloned().ok_or_else(|| format!("finger {n} is not down"))?;
        if let Some(finger) = self.seat.fingers.get_mut(&n) {
            finger.at = at;
        }
        if self.trusted_finger_moves(n, at) {
            return Ok(());
        }
        if finger.leads {
            self.apply_or_ignore(Op::PointerMotion(pixel(at)));
        }
        self.drag_follows_finger(n, at);
        if finger.on.is_some() {
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
        if self.trusted_finger_up(n) {
            return Ok(());
        }
        if finger.on.is_some() {
            self.lift(n);
        }
        self.drag_finger_lifted(n);
        if finger.leads {
            self.apply_or_ignore(Op::Release);
            // The finger is gone from the screen; a mouse stays where it was.
            match self.seat.at {
                Some(at) => self.apply_or_ignore(Op::PointerMotion(pixel(at))),
                None => self.apply_or_ignore(Op::PointerLeave),
            }
        }
        Ok(())
    }

    /// Tells a client that a finger left it.
    fn lift(&mut self, n: u32) {
        let serial = SERIAL_COUNTER.next_serial();
        let event = UpEvent { slot: slot(n), serial, time: self.clock.now().wayland_millis() };
        let touch = self.seat.touch.clone();
        touch.up(self, &event);
        touch.frame(self);
    }

    /// A surface is gone: the fingers on it belong to nobody until they leave the screen.
    pub(crate) fn fingers_leave(&mut self, surface: &WlSurface) {
        let on_it = |finger: &&mut Finger| finger.on.as_ref() == Some(surface);
        let orphans = self.seat.fingers.iter_mut().filter(|(_, finger)| on_it(finger));
        let orphans: Vec<u32> = orphans
            .map(|(n, finger)| {
                finger.on = None;
                *n
            })
            .collect();
        for n in orphans {
            self.lift(n);
        }
    }

    /// A card is shown: fingers that are down belong to nobody until they leave the screen.
    pub(crate) fn fingers_to_nobody(&mut self) {
        self.fingers_to_chrome();
        for finger in self.seat.fingers.values_mut() {
            finger.leads = false;
        }
    }

    /// A window follows the leading finger now: its client loses all of them.
    pub(crate) fn fingers_to_chrome(&mut self) {
        if !self.seat.fingers.values().any(|finger| finger.on.is_some()) {
            return;
        }
        let touch = self.seat.touch.clone();
        touch.cancel(self);
        for finger in self.seat.fingers.values_mut() {
            finger.on = None;
        }
    }
}

impl SeatRoom {
    /// The finger whose touch has this number, and where it is.
    pub(crate) fn finger_of(&self, serial: Serial) -> Option<(u32, Point<f64, Logical>)> {
        let found = self.fingers.iter().find(|(_, finger)| finger.on.is_some() && finger.serial == serial);
        found.map(|(n, finger)| (*n, finger.at))
    }
}

fn origin(at: cofferdam_scene::Point, local: cofferdam_scene::Point) -> cofferdam_scene::Point {
    at.shifted(local.x.saturating_neg(), local.y.saturating_neg())
}
