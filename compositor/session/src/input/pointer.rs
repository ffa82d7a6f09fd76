// SPDX-License-Identifier: GPL-3.0-or-later
//! The pointer: motion, buttons, wheel.
//!
//! In: places in the global space, evdev buttons, wheel steps. Out: the scene is told first; what it
//! leaves goes to the client whose content is under the pointer, with places in that surface.

use crate::input::SeatRoom;
use crate::protocols::Selections;
use crate::shell::Desk;
use crate::shell::content_offset;
use crate::state::State;
use crate::trusted::Trusted;
use cofferdam_scene as scene;
use scene::{Hit, Node, Op};
use smithay::backend::input::{Axis, AxisSource, ButtonState};
use smithay::desktop::WindowSurfaceType;
use smithay::desktop::utils::under_from_surface_tree;
use smithay::input::pointer::{AxisFrame, ButtonEvent, MotionEvent, RelativeMotionEvent};
use smithay::reexports::wayland_server::protocol::wl_surface::WlSurface;
use smithay::utils::{Logical, Point, SERIAL_COUNTER};

/// The main button's evdev code.
const BTN_LEFT: u32 = 0x110;
/// Logical pixels that one wheel notch scrolls.
const NOTCH: f64 = 15.0;

/// A surface and the global place of its origin.
pub(crate) type Focus = (WlSurface, Point<f64, Logical>);

/// The pixel that a place lies in.
pub(crate) fn pixel(at: Point<f64, Logical>) -> scene::Point {
    let whole = at.to_i32_floor::<i32>();
    scene::Point::new(whole.x, whole.y)
}

impl State {
    /// The pointer is moved to a place.
    pub(crate) fn pointer_to(&mut self, to: Point<f64, Logical>) {
        let wanted = self.desk.nearest_place(to);
        let delta = wanted - self.seat.at.unwrap_or(wanted);
        let free = self.trusted.is_up();
        if !free && self.seat.pointer_is_locked() {
            // The place stays; the client is told of the movement alone.
            self.relative_motion(delta);
            return;
        }
        let to = if free {
            wanted
        } else {
            self.seat.confined(wanted, &self.desk, &self.trusted, &self.selections)
        };
        if self.trusted_pointer(to) {
            return;
        }
        self.seat.at = Some(to);
        self.apply_or_ignore(Op::PointerMotion(pixel(to)));
        self.send_motion(to);
        self.drag_follows_pointer(to);
        self.relative_motion(delta);
        self.seat.renew_constraint(&self.desk, &self.trusted, &self.selections);
        self.screens.redraw_cursor();
    }

    fn send_motion(&mut self, to: Point<f64, Logical>) {
        self.desk.pointer_stale = false;
        let focus = self.seat.pointer_focus(&self.desk, &self.trusted, &self.selections);
        self.seat.focus.clone_from(&focus);
        let event = MotionEvent {
            location: to,
            serial: SERIAL_COUNTER.next_serial(),
            time: self.clock.now().wayland_millis(),
        };
        let pointer = self.seat.pointer.clone();
        pointer.motion(self, focus, &event);
        pointer.frame(self);
    }

    fn relative_motion(&mut self, delta: Point<f64, Logical>) {
        if delta.x == 0.0 && delta.y == 0.0 {
            return;
        }
        let utime = u64::try_from(self.clock.now().0.as_micros()).unwrap_or(u64::MAX);
        let event = RelativeMotionEvent { delta, delta_unaccel: delta, utime };
        let focus = self.seat.pointer_focus(&self.desk, &self.trusted, &self.selections);
        let pointer = self.seat.pointer.clone();
        pointer.relative_motion(self, focus, &event);
        pointer.frame(self);
    }

    /// Looks again at what is under the pointer, after windows moved under it.
    pub(crate) fn refresh_pointer(&mut self) {
        if !std::mem::take(&mut self.desk.pointer_stale) {
            return;
        }
        let Some(at) = self.seat.at else { return };
        if self.desk.scene.pointer().is_none() && !self.trusted.has_pointer() {
            return;
        }
        // A surface that moved under the pointer is another place in it, which its client has to know.
        let focus = self.seat.pointer_focus(&self.desk, &self.trusted, &self.selections);
        let seen = self.seat.pointer.current_focus();
        if focus != self.seat.focus || focus.map(|(surface, _)| surface) != seen {
            self.send_motion(at);
            self.seat.renew_constraint(&self.desk, &self.trusted, &self.selections);
        }
    }

    /// A button, by its evdev code.
    pub(crate) fn pointer_button(&mut self, code: u32, pressed: bool) {
        if self.trusted_button(code, pressed) {
            return;
        }
        // While something is dragged, other buttons mean nothing.
        let dragging = self.selections.pointer_drags();
        if pressed && !dragging {
            self.before_press(code);
        }
        if !dragging {
            self.button_gesture(code, pressed);
        }
        let serial = SERIAL_COUNTER.next_serial();
        let state = if pressed { ButtonState::Pressed } else { ButtonState::Released };
        let event = ButtonEvent { serial, time: self.clock.now().wayland_millis(), button: code, state };
        let pointer = self.seat.pointer.clone();
        // Menus open on a release too.
        let focus = pointer.current_focus();
        self.seat.recent.note(serial, focus.as_ref());
        self.seat.note_heard(serial, focus.as_ref(), self.clock.now());
        pointer.button(self, &event);
        pointer.frame(self);
        if !pressed {
            self.drag_button_released(code);
        }
        if !pressed && code == BTN_LEFT {
            self.apply_or_ignore(Op::Release);
            self.desk.pointer_stale = true;
        }
    }

    /// The scene sees a press before the client does: focus first, then the button.
    fn before_press(&mut self, code: u32) {
        if code == BTN_LEFT {
            self.apply_or_ignore(Op::Press);
        } else if let Some(window) = self.desk.scene.pointer().and_then(|at| self.desk.scene.hit(at).window())
        {
            self.apply_or_ignore(Op::Activate(window));
        }
        self.refresh_pointer();
    }

    /// A wheel, in 120ths of a notch.
    pub(crate) fn pointer_axis(&mut self, dx_120: i32, dy_120: i32) {
        if self.trusted.has_pointer() {
            return;
        }
        let mut frame = AxisFrame::new(self.clock.now().wayland_millis()).source(AxisSource::Wheel);
        for (axis, steps) in [(Axis::Horizontal, dx_120), (Axis::Vertical, dy_120)] {
            if steps != 0 {
                frame = frame.value(axis, f64::from(steps) / 120.0 * NOTCH).v120(axis, steps);
            }
        }
        let pointer = self.seat.pointer.clone();
        pointer.axis(self, frame);
        pointer.frame(self);
    }

    /// A window follows the pointer now: clients lose it until the button is released.
    pub(crate) fn take_pointer_from_clients(&mut self) {
        let serial = SERIAL_COUNTER.next_serial();
        let time = self.clock.now().wayland_millis();
        let pointer = self.seat.pointer.clone();
        if pointer.is_grabbed() {
            pointer.unset_grab(self, serial, time);
        }
        if let Some(at) = self.seat.at {
            self.send_motion(at);
        }
        self.fingers_to_chrome();
    }
}

impl SeatRoom {
    /// The surface under the pointer, if it is content and takes input there.
    pub(crate) fn pointer_focus(
        &self,
        desk: &Desk,
        trusted: &Trusted,
        selections: &Selections,
    ) -> Option<Focus> {
        let at = self.at.filter(|_| !trusted.has_pointer())?;
        let (node, geometry) = desk.scene.pointer_target()?;
        desk.focus_at(node, geometry, at).filter(|_| !selections.pointer_drags())
    }
}

impl Desk {
    /// The surface at a place, whoever has the pointer; none under a note, where nobody sees it.
    pub(crate) fn surface_under(&self, at: Point<f64, Logical>, trusted: &Trusted) -> Option<Focus> {
        let place = Some(pixel(at)).filter(|_| !trusted.note_covers(at))?;
        let (node, local) = match self.scene.hit(place) {
            Hit::Content { window, local } => (Node::Window(window), local),
            Hit::Popup { popup, local: Some(local), .. } => (Node::Popup(popup), local),
            Hit::Layer { layer, local } => (Node::Layer(layer), local),
            _ => return None,
        };
        let origin = place.shifted(local.x.saturating_neg(), local.y.saturating_neg());
        self.focus_at(node, origin, at)
    }

    /// The window at a place, its popups included; none under a note.
    pub(crate) fn window_under(&self, at: Point<f64, Logical>, trusted: &Trusted) -> Option<scene::WindowId> {
        self.scene.hit(pixel(at)).window().filter(|_| !trusted.note_covers(at))
    }
}

impl Desk {
    pub(super) fn focus_at(
        &self,
        node: Node,
        geometry: scene::Point,
        at: Point<f64, Logical>,
    ) -> Option<Focus> {
        let root = self.surface_of(node)?;
        let origin = Point::<i32, Logical>::from((geometry.x, geometry.y)) - content_offset(&root);
        under_from_surface_tree(&root, at, origin, WindowSurfaceType::ALL)
            .map(|(surface, place)| (surface, place.to_f64()))
    }

    /// The place inside the outputs that is nearest to `to`.
    fn nearest_place(&self, to: Point<f64, Logical>) -> Point<f64, Logical> {
        let nearest = self
            .scene
            .outputs()
            .iter()
            .map(|output| clamp_into(to, output.rect()))
            .min_by(|a, b| distance(to, *a).total_cmp(&distance(to, *b)));
        nearest.unwrap_or(to)
    }
}

/// The last place that still belongs to a rectangle, a little before its far edge.
fn clamp_into(at: Point<f64, Logical>, rect: scene::Rect) -> Point<f64, Logical> {
    const INSIDE: f64 = 1.0 / 256.0;
    let axis = |v: f64, low: i32, high: i32| {
        let (low, high) = (f64::from(low), f64::from(high) - INSIDE);
        if v.is_finite() { v.clamp(low, high.max(low)) } else { low }
    };
    (axis(at.x, rect.x, rect.right()), axis(at.y, rect.y, rect.bottom())).into()
}

pub(super) fn distance(a: Point<f64, Logical>, b: Point<f64, Logical>) -> f64 {
    (a.x - b.x).hypot(a.y - b.y)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_on_the_screen() {
        let screen = scene::Rect::new(0, 0, 100, 50);
        for ((x, y), (ex, ey)) in
            [((10.5, 20.0), (10, 20)), ((-5.0, 60.0), (0, 49)), ((f64::NAN, f64::INFINITY), (0, 0))]
        {
            let at = clamp_into((x, y).into(), screen);
            assert_eq!(pixel(at), scene::Point::new(ex, ey), "{x} {y}");
        }
    }
}
