// SPDX-License-Identifier: GPL-3.0-or-later
//! Presses, before any client sees them.
//!
//! In: keys, buttons, fingers. Out: to whom each belongs. The compositor's own keys come after this.

use crate::clock::Mono;
use crate::state::State;
use crate::trusted::AttentionKey;
use crate::trusted::Trusted;
use cofferdam_prompts::{Event, Meaning, Place, Route, Source};
use smithay::input::keyboard::{Keysym, KeysymHandle, ModifiersState};
use smithay::utils::{Logical, Point};

/// The main button's evdev code.
const BTN_LEFT: u32 = 0x110;
/// evdev codes of the row of digits, 1 to 9.
const DIGITS: std::ops::RangeInclusive<u32> = 2..=10;

impl Trusted {
    /// A key goes down. Called inside the keyboard's own handling, so effects wait for
    /// [`State::settle_trusted`].
    pub(crate) fn key_press(
        &mut self,
        code: u32,
        modifiers: &ModifiersState,
        key: &KeysymHandle<'_>,
        attention_key: &AttentionKey,
        now: Mono,
    ) -> Route {
        let attention = attention_key.is(modifiers, key);
        let meaning = if attention { Meaning::Other } else { meaning(code, modifiers, key.modified_sym()) };
        let route = self.room.press(Source::Key(code), meaning, now);
        if attention {
            self.room.handle(Event::AttentionKey, now);
            return Route::Ours;
        }
        route
    }

    /// A key comes up.
    pub(crate) fn key_release(&mut self, code: u32, now: Mono) -> Route {
        self.room.release(Source::Key(code), now)
    }
}

impl State {
    /// A button; says whether clients and the scene have nothing to do with it.
    pub(crate) fn trusted_button(&mut self, code: u32, pressed: bool) -> bool {
        let route = if pressed {
            let meaning = match self.seat.at {
                Some(at) if code == BTN_LEFT => Meaning::Point(place(at)),
                _ => Meaning::Other,
            };
            let now = self.clock.fresh();
            self.trusted.room.press(Source::Button(code), meaning, now)
        } else {
            let now = self.clock.fresh();
            self.trusted.room.release(Source::Button(code), now)
        };
        self.settle_trusted();
        route.is_kept()
    }

    /// The pointer moved; says whether clients and the scene have nothing to do with it.
    pub(crate) fn trusted_pointer(&mut self, to: Point<f64, Logical>) -> bool {
        let now = self.clock.fresh();
        let kept = self.trusted.room.moved(None, place(to), now).is_kept();
        if kept {
            self.seat.at = Some(to);
            self.screens.redraw_cursor();
        }
        if kept || self.trusted.room.notice().is_some() {
            self.settle_trusted();
        }
        kept
    }

    /// A finger goes down; says whether it is kept.
    pub(crate) fn trusted_finger_down(&mut self, slot: u32, at: Point<f64, Logical>) -> bool {
        let now = self.clock.fresh();
        let route = self.trusted.room.press(Source::Finger(slot), Meaning::Point(place(at)), now);
        self.settle_trusted();
        route.is_kept()
    }

    /// A finger moves; says whether it is kept.
    pub(crate) fn trusted_finger_moves(&mut self, slot: u32, at: Point<f64, Logical>) -> bool {
        let now = self.clock.fresh();
        let route = self.trusted.room.moved(Some(Source::Finger(slot)), place(at), now);
        self.settle_trusted();
        route.is_kept()
    }

    /// A finger leaves; says whether it was kept.
    pub(crate) fn trusted_finger_up(&mut self, slot: u32) -> bool {
        let now = self.clock.fresh();
        let route = self.trusted.room.release(Source::Finger(slot), now);
        self.settle_trusted();
        route.is_kept()
    }
}

fn place(at: Point<f64, Logical>) -> Place {
    Place { x: at.x, y: at.y }
}

/// What a key means to a card. Digits count by their place on the keyboard too: where they need Shift,
/// nobody should have to look for them.
fn meaning(code: u32, modifiers: &ModifiersState, sym: Keysym) -> Meaning {
    if crate::input::is_modifier(sym) {
        return Meaning::Modifier;
    }
    if modifiers.ctrl || modifiers.alt || modifiers.logo {
        return Meaning::Other;
    }
    let by_name = sym.key_char().and_then(|c| c.to_digit(10)).and_then(|n| u8::try_from(n).ok());
    let by_place = DIGITS.contains(&code).then(|| u8::try_from(code.saturating_sub(1)).ok()).flatten();
    match sym {
        Keysym::ISO_Left_Tab | Keysym::Up | Keysym::KP_Up => Meaning::Previous,
        Keysym::Tab if modifiers.shift => Meaning::Previous,
        Keysym::Tab | Keysym::Down | Keysym::KP_Down => Meaning::Next,
        Keysym::Return | Keysym::KP_Enter => Meaning::Enter,
        Keysym::space | Keysym::KP_Space => Meaning::Space,
        Keysym::Escape => Meaning::Escape,
        _ => by_name.or(by_place).map_or(Meaning::Other, Meaning::Digit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys() {
        let none = ModifiersState::default();
        let shift = ModifiersState { shift: true, ..none };
        let ctrl = ModifiersState { ctrl: true, ..none };
        for (code, modifiers, sym, expected) in [
            (15, none, Keysym::Tab, Meaning::Next),
            (15, shift, Keysym::ISO_Left_Tab, Meaning::Previous),
            (2, none, Keysym::_1, Meaning::Digit(1)),
            (2, none, Keysym::ampersand, Meaning::Digit(1)),
            (79, none, Keysym::KP_1, Meaning::Digit(1)),
            (10, none, Keysym::_9, Meaning::Digit(9)),
            (2, ctrl, Keysym::_1, Meaning::Other),
            (28, none, Keysym::Return, Meaning::Enter),
            (57, none, Keysym::space, Meaning::Space),
            (1, none, Keysym::Escape, Meaning::Escape),
            (42, none, Keysym::Shift_L, Meaning::Modifier),
            (30, none, Keysym::a, Meaning::Other),
        ] {
            assert_eq!(meaning(code, &modifiers, sym), expected, "{sym:?}");
        }
    }
}
