// SPDX-License-Identifier: GPL-3.0-or-later
//! Pointer, keyboard and touch.
//!
//! In: events of the compositor's seat. Out: events for the canvas that has the pointer or the keyboard.

#![expect(clippy::disallowed_methods, reason = "a held key repeats from when it was pressed")]

use super::keyboard::Keyboard;
use super::session::{Event, Wire};
use super::surface::SurfaceId;
use i_slint_core::items::BuiltInMouseCursor;
use slint::LogicalPosition;
use slint::platform::{PointerEventButton, WindowEvent};
use std::time::Instant;
use wayland_client::protocol::wl_keyboard::{self, KeyState, WlKeyboard};
use wayland_client::protocol::wl_pointer::{self, ButtonState, WlPointer};
use wayland_client::protocol::wl_seat::{self, Capability, WlSeat};
use wayland_client::protocol::wl_surface::WlSurface;
use wayland_client::protocol::wl_touch::{self, WlTouch};
use wayland_client::{Connection, Dispatch, QueueHandle, WEnum};
use wayland_protocols::wp::cursor_shape::v1::client::wp_cursor_shape_device_v1::{
    Shape, WpCursorShapeDeviceV1,
};

/// evdev's codes of the buttons.
const BTN_LEFT: u32 = 0x110;
const BTN_RIGHT: u32 = 0x111;
const BTN_MIDDLE: u32 = 0x112;
/// Slint scrolls in pixels; a notch is 15 of Wayland's units and should move three rows.
const SCROLL: f64 = 4.0;

/// The seat's objects and where they are.
#[derive(Debug, Default)]
pub(super) struct Hands {
    pointer: Option<WlPointer>,
    shapes: Option<WpCursorShapeDeviceV1>,
    keyboard: Option<WlKeyboard>,
    touch: Option<WlTouch>,
    pub(super) keys: Keyboard,
    /// What the pointer is over, where, and the serial of its coming.
    over: Option<(SurfaceId, LogicalPosition, u32)>,
    shown: Option<Shape>,
    /// What has the keyboard.
    pub(super) focus: Option<SurfaceId>,
    /// The finger that stands for the pointer.
    finger: Option<(i32, SurfaceId, LogicalPosition)>,
    /// What was scrolled in this frame.
    scroll: (f64, f64),
}

#[allow(clippy::cast_possible_truncation, reason = "places on a screen fit")]
fn place(x: f64, y: f64) -> LogicalPosition {
    LogicalPosition::new(x as f32, y as f32)
}

impl Wire {
    fn surface_of(&self, wl: &WlSurface) -> Option<SurfaceId> {
        self.surfaces.iter().find(|(_, surface)| surface.wl == *wl).map(|(id, _)| *id)
    }

    pub(super) fn send(&self, id: SurfaceId, event: WindowEvent) {
        if let Some(surface) = self.surfaces.get(&id) {
            let canvas = surface.canvas.clone();
            self.later.borrow_mut().push((canvas, event));
        }
    }

    /// Sends what the held key types, if its time has come.
    pub(super) fn repeat_keys(&mut self, now: Instant) {
        if let (Some(text), Some(focus)) = (self.hands.keys.repeat(now), self.hands.focus) {
            self.send(focus, WindowEvent::KeyPressRepeated { text });
        }
    }

    /// Shows the cursor that the canvas under the pointer wants.
    pub(super) fn show_cursor(&mut self) {
        let Some((id, _, serial)) = self.hands.over else { return };
        let Some(surface) = self.surfaces.get(&id) else { return };
        let shape = match surface.canvas.cursor() {
            BuiltInMouseCursor::Pointer => Shape::Pointer,
            BuiltInMouseCursor::Text => Shape::Text,
            _ => Shape::Default,
        };
        if self.hands.shown != Some(shape)
            && let Some(device) = &self.hands.shapes
        {
            device.set_shape(serial, shape);
            self.hands.shown = Some(shape);
        }
    }

    pub(super) fn surface_left(&mut self, id: SurfaceId) {
        let hands = &mut self.hands;
        hands.over = hands.over.filter(|(over, ..)| *over != id);
        hands.finger = hands.finger.filter(|(_, on, _)| *on != id);
        if hands.focus == Some(id) {
            hands.focus = None;
            hands.keys.forget();
        }
    }
}

impl Dispatch<WlSeat, ()> for Wire {
    fn event(
        wire: &mut Self,
        seat: &WlSeat,
        event: wl_seat::Event,
        (): &(),
        _: &Connection,
        queue: &QueueHandle<Self>,
    ) {
        let wl_seat::Event::Capabilities { capabilities: WEnum::Value(can) } = event else { return };
        let hands = &mut wire.hands;
        if can.contains(Capability::Pointer) && hands.pointer.is_none() {
            let pointer = seat.get_pointer(queue, ());
            hands.shapes = wire.cursors.as_ref().map(|shapes| shapes.get_pointer(&pointer, queue, ()));
            hands.pointer = Some(pointer);
        }
        if can.contains(Capability::Keyboard) && hands.keyboard.is_none() {
            hands.keyboard = Some(seat.get_keyboard(queue, ()));
        }
        if can.contains(Capability::Touch) && hands.touch.is_none() {
            hands.touch = Some(seat.get_touch(queue, ()));
        }
    }
}

impl Dispatch<WlPointer, ()> for Wire {
    fn event(
        wire: &mut Self,
        _: &WlPointer,
        event: wl_pointer::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        match event {
            wl_pointer::Event::Enter { serial, surface, surface_x, surface_y } => {
                let Some(id) = wire.surface_of(&surface) else { return };
                let position = place(surface_x, surface_y);
                wire.hands.over = Some((id, position, serial));
                wire.hands.shown = None;
                wire.send(id, WindowEvent::PointerMoved { position });
            }
            wl_pointer::Event::Leave { .. } => {
                if let Some((id, ..)) = wire.hands.over.take() {
                    wire.send(id, WindowEvent::PointerExited);
                }
            }
            wl_pointer::Event::Motion { surface_x, surface_y, .. } => {
                let position = place(surface_x, surface_y);
                let Some((id, at, _)) = &mut wire.hands.over else { return };
                *at = position;
                let id = *id;
                wire.send(id, WindowEvent::PointerMoved { position });
            }
            wl_pointer::Event::Button { button, state, .. } => {
                let Some((id, position, _)) = wire.hands.over else { return };
                let button = match button {
                    BTN_LEFT => PointerEventButton::Left,
                    BTN_RIGHT => PointerEventButton::Right,
                    BTN_MIDDLE => PointerEventButton::Middle,
                    _ => PointerEventButton::Other,
                };
                let event = if state == WEnum::Value(ButtonState::Pressed) {
                    wire.events.push(Event::Pressed(id));
                    WindowEvent::PointerPressed { position, button }
                } else {
                    WindowEvent::PointerReleased { position, button }
                };
                wire.send(id, event);
            }
            wl_pointer::Event::Axis { axis: WEnum::Value(axis), value, .. } => match axis {
                wl_pointer::Axis::VerticalScroll => wire.hands.scroll.1 += value,
                _ => wire.hands.scroll.0 += value,
            },
            wl_pointer::Event::Frame => {
                let (x, y) = std::mem::take(&mut wire.hands.scroll);
                let Some((id, position, _)) = wire.hands.over else { return };
                if x != 0.0 || y != 0.0 {
                    let delta = place(-x * SCROLL, -y * SCROLL);
                    let (delta_x, delta_y) = (delta.x, delta.y);
                    wire.send(id, WindowEvent::PointerScrolled { position, delta_x, delta_y });
                }
            }
            _ => {}
        }
    }
}

impl Dispatch<WlKeyboard, ()> for Wire {
    fn event(
        wire: &mut Self,
        _: &WlKeyboard,
        event: wl_keyboard::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        match event {
            wl_keyboard::Event::Keymap { fd, size, .. } => wire.hands.keys.keymap(&fd, size),
            wl_keyboard::Event::Enter { surface, .. } => {
                wire.hands.focus = wire.surface_of(&surface);
                if let Some(id) = wire.hands.focus {
                    wire.send(id, WindowEvent::WindowActiveChanged(true));
                    wire.events.push(Event::Keyboard(id, true));
                }
            }
            wl_keyboard::Event::Leave { .. } => {
                wire.hands.keys.forget();
                if let Some(id) = wire.hands.focus.take() {
                    wire.send(id, WindowEvent::WindowActiveChanged(false));
                    wire.events.push(Event::Keyboard(id, false));
                }
            }
            wl_keyboard::Event::Key { key, state, .. } => {
                let Some(id) = wire.hands.focus else { return };
                if state == WEnum::Value(KeyState::Pressed) {
                    wire.events.push(Event::Pressed(id));
                    if let Some(text) = wire.hands.keys.pressed(key, Instant::now()) {
                        wire.send(id, WindowEvent::KeyPressed { text });
                    }
                } else if let Some(text) = wire.hands.keys.released(key) {
                    wire.send(id, WindowEvent::KeyReleased { text });
                }
            }
            wl_keyboard::Event::Modifiers { mods_depressed, mods_latched, mods_locked, group, .. } => {
                wire.hands.keys.modifiers(mods_depressed, mods_latched, mods_locked, group);
            }
            wl_keyboard::Event::RepeatInfo { rate, delay } => wire.hands.keys.repeat_info(rate, delay),
            _ => {}
        }
    }
}

impl Dispatch<WlTouch, ()> for Wire {
    fn event(
        wire: &mut Self,
        _: &WlTouch,
        event: wl_touch::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        let button = PointerEventButton::Left;
        match event {
            wl_touch::Event::Down { surface, id: finger, x, y, .. } if wire.hands.finger.is_none() => {
                let Some(id) = wire.surface_of(&surface) else { return };
                let position = place(x, y);
                wire.hands.finger = Some((finger, id, position));
                wire.events.push(Event::Pressed(id));
                wire.send(id, WindowEvent::PointerPressed { position, button });
            }
            wl_touch::Event::Motion { id: finger, x, y, .. } => {
                let Some((ours, id, at)) = &mut wire.hands.finger else { return };
                if *ours == finger {
                    *at = place(x, y);
                    let (id, position) = (*id, *at);
                    wire.send(id, WindowEvent::PointerMoved { position });
                }
            }
            wl_touch::Event::Up { id: finger, .. } => {
                let Some((ours, id, position)) = wire.hands.finger else { return };
                if ours == finger {
                    wire.hands.finger = None;
                    wire.send(id, WindowEvent::PointerReleased { position, button });
                    wire.send(id, WindowEvent::PointerExited);
                }
            }
            wl_touch::Event::Cancel => {
                if let Some((_, id, _)) = wire.hands.finger.take() {
                    wire.send(id, WindowEvent::PointerExited);
                }
            }
            _ => {}
        }
    }
}
