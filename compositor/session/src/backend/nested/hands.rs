// SPDX-License-Identifier: GPL-3.0-or-later
//! What a person does in the window.
//!
//! In: events of the outer desktop's seat. Out: [`HandEvent`]s, in logical pixels of the window and evdev
//! codes, as any device would give them.

use super::window::{WindowEvent, Wire};
use crate::render::cast;
use wayland_client::protocol::wl_keyboard::{self, WlKeyboard};
use wayland_client::protocol::wl_pointer::{self, WlPointer};
use wayland_client::protocol::wl_seat::{self, WlSeat};
use wayland_client::protocol::wl_touch::{self, WlTouch};
use wayland_client::{Connection, Dispatch, QueueHandle, WEnum};

/// 120ths of a notch for each pixel that a touchpad scrolls; a notch is 15 of them.
const PER_PIXEL: f64 = 8.0;

/// Something that a person did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum HandEvent {
    /// A key, by its evdev code.
    Key { code: u32, pressed: bool },
    /// The pointer is here.
    Pointer(f64, f64),
    /// A button, by its evdev code.
    Button { code: u32, pressed: bool },
    /// Scrolling in 120ths of a notch.
    Scroll { dx_120: i32, dy_120: i32 },
    /// A finger came down.
    TouchDown(u32, f64, f64),
    /// A finger moved.
    TouchMove(u32, f64, f64),
    /// A finger was lifted.
    TouchUp(u32),
}

/// The seat's devices, and what of a frame of the pointer has arrived.
#[derive(Debug, Default)]
pub(super) struct Hands {
    keyboard: Option<WlKeyboard>,
    pointer: Option<WlPointer>,
    touch: Option<WlTouch>,
    scrolled: [Scrolled; 2],
    fingers: Vec<Option<i32>>,
}

/// One axis: pixels, and 120ths of notches where the device has any.
#[derive(Debug, Default, Clone, Copy)]
struct Scrolled {
    pixels: f64,
    notches_120: i32,
}

impl Scrolled {
    fn take(&mut self) -> i32 {
        let Self { pixels, notches_120 } = std::mem::take(self);
        if notches_120 == 0 { cast::round(pixels * PER_PIXEL) } else { notches_120 }
    }
}

impl Hands {
    fn axis(&mut self, axis: WEnum<wl_pointer::Axis>) -> Option<&mut Scrolled> {
        let [dx, dy] = &mut self.scrolled;
        match axis {
            WEnum::Value(wl_pointer::Axis::HorizontalScroll) => Some(dx),
            WEnum::Value(wl_pointer::Axis::VerticalScroll) => Some(dy),
            _ => None,
        }
    }

    /// The place of a finger's number among those that are down.
    fn slot(&mut self, id: i32) -> u32 {
        let place = |wanted: Option<i32>| self.fingers.iter().position(|finger| *finger == wanted);
        let at = place(Some(id)).or_else(|| place(None)).unwrap_or(self.fingers.len());
        if at == self.fingers.len() {
            self.fingers.push(None);
        }
        self.fingers.get_mut(at).into_iter().for_each(|finger| *finger = Some(id));
        number(at)
    }

    /// A finger was lifted; its place is free.
    fn lifted(&mut self, id: i32) -> u32 {
        let slot = self.slot(id);
        self.fingers.iter_mut().filter(|finger| **finger == Some(id)).for_each(|finger| *finger = None);
        slot
    }

    /// The places of all fingers, which are free now.
    fn all_lifted(&mut self) -> Vec<u32> {
        let fingers = std::mem::take(&mut self.fingers);
        fingers.iter().enumerate().filter(|(_, finger)| finger.is_some()).map(|(at, _)| number(at)).collect()
    }
}

fn number(slot: usize) -> u32 {
    u32::try_from(slot).unwrap_or(u32::MAX)
}

impl Wire {
    fn hands(&mut self, event: HandEvent) {
        self.events.push(WindowEvent::Hands(event));
    }

    fn end_of_pointer_frame(&mut self) {
        let [dx_120, dy_120] = self.hands.scrolled.each_mut().map(Scrolled::take);
        if (dx_120, dy_120) != (0, 0) {
            self.hands(HandEvent::Scroll { dx_120, dy_120 });
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
        let wl_seat::Event::Capabilities { capabilities: WEnum::Value(has) } = event else { return };
        let hands = &mut wire.hands;
        if has.contains(wl_seat::Capability::Keyboard) && hands.keyboard.is_none() {
            hands.keyboard = Some(seat.get_keyboard(queue, ()));
        }
        if has.contains(wl_seat::Capability::Pointer) && hands.pointer.is_none() {
            hands.pointer = Some(seat.get_pointer(queue, ()));
        }
        if has.contains(wl_seat::Capability::Touch) && hands.touch.is_none() {
            hands.touch = Some(seat.get_touch(queue, ()));
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
            // Keys that are held already belong to what was there before.
            wl_keyboard::Event::Enter { .. } => wire.events.push(WindowEvent::Focus(true)),
            wl_keyboard::Event::Leave { .. } => wire.events.push(WindowEvent::Focus(false)),
            wl_keyboard::Event::Key { key, state: WEnum::Value(state), .. } => {
                wire.hands(HandEvent::Key { code: key, pressed: state == wl_keyboard::KeyState::Pressed });
            }
            _ => {}
        }
    }
}

impl Dispatch<WlPointer, ()> for Wire {
    fn event(
        wire: &mut Self,
        pointer: &WlPointer,
        event: wl_pointer::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        match event {
            wl_pointer::Event::Enter { serial, surface_x, surface_y, .. } => {
                // We draw our own.
                pointer.set_cursor(serial, None, 0, 0);
                wire.hands(HandEvent::Pointer(surface_x, surface_y));
            }
            wl_pointer::Event::Motion { surface_x, surface_y, .. } => {
                wire.hands(HandEvent::Pointer(surface_x, surface_y));
            }
            wl_pointer::Event::Button { button, state: WEnum::Value(state), .. } => {
                let pressed = state == wl_pointer::ButtonState::Pressed;
                wire.hands(HandEvent::Button { code: button, pressed });
            }
            wl_pointer::Event::Axis { axis, value, .. } => {
                wire.hands.axis(axis).into_iter().for_each(|axis| axis.pixels += value);
            }
            wl_pointer::Event::AxisDiscrete { axis, discrete } => {
                let steps = discrete.saturating_mul(120);
                wire.hands
                    .axis(axis)
                    .into_iter()
                    .for_each(|axis| axis.notches_120 = axis.notches_120.saturating_add(steps));
            }
            wl_pointer::Event::AxisValue120 { axis, value120 } => {
                wire.hands
                    .axis(axis)
                    .into_iter()
                    .for_each(|axis| axis.notches_120 = axis.notches_120.saturating_add(value120));
            }
            wl_pointer::Event::Frame => wire.end_of_pointer_frame(),
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
        match event {
            wl_touch::Event::Down { id, x, y, .. } => {
                let slot = wire.hands.slot(id);
                wire.hands(HandEvent::TouchDown(slot, x, y));
            }
            wl_touch::Event::Motion { id, x, y, .. } => {
                let slot = wire.hands.slot(id);
                wire.hands(HandEvent::TouchMove(slot, x, y));
            }
            wl_touch::Event::Up { id, .. } => {
                let slot = wire.hands.lifted(id);
                wire.hands(HandEvent::TouchUp(slot));
            }
            // The outer desktop took the gesture for itself: first everything lets go, so that no finger that
            // is lifted then means anything.
            wl_touch::Event::Cancel => {
                wire.events.push(WindowEvent::Focus(false));
                wire.hands.all_lifted().into_iter().for_each(|slot| wire.hands(HandEvent::TouchUp(slot)));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingers_have_the_lowest_free_places() {
        let mut hands = Hands::default();
        assert_eq!([hands.slot(7), hands.slot(9), hands.slot(7)], [0, 1, 0]);
        assert_eq!(hands.lifted(7), 0);
        assert_eq!([hands.slot(12), hands.slot(9)], [0, 1]);
        assert_eq!(hands.all_lifted(), [0, 1]);
        assert_eq!(hands.slot(3), 0);
    }

    #[test]
    fn notches_count_before_pixels() {
        for (pixels, notches_120, expected) in [(0.0, 0, 0), (15.0, 0, 120), (15.0, 120, 120), (-7.5, 0, -60)]
        {
            assert_eq!(Scrolled { pixels, notches_120 }.take(), expected, "{pixels} {notches_120}");
        }
    }
}
