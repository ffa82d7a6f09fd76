// SPDX-License-Identifier: GPL-3.0-or-later
//! The keyboard and the compositor's own keys.
//!
//! In: evdev keys. Out: Alt-Tab for the scene, everything else for the client with the keyboard. A key
//! whose press was the compositor's is released by the compositor: a client never sees half of it.

use crate::state::State;
use cofferdam_prompts::Route;
use cofferdam_scene::Op;
use smithay::backend::input::KeyState;
use smithay::input::keyboard::{FilterResult, Keycode, Keysym, KeysymHandle, ModifiersState};
use smithay::utils::SERIAL_COUNTER;

/// xkb's keycodes are evdev's plus this.
pub(crate) const EVDEV_OFFSET: u32 = 8;

/// What a key asks of the compositor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Cycle { backwards: bool },
    EndCycle { accept: bool },
    TogglePanel,
    Swallow,
}

impl State {
    /// A key, by its evdev code.
    pub(crate) fn key(&mut self, code: u32, pressed: bool) {
        let now = self.clock.fresh();
        let released = (!pressed).then(|| self.trusted.key_release(code, now));
        if released == Some(Route::Nobody) {
            // It was released before a card was shown, or when it went.
            self.settle_trusted();
            return;
        }
        let keycode = Keycode::new(code.saturating_add(EVDEV_OFFSET));
        let state = if pressed { KeyState::Pressed } else { KeyState::Released };
        let serial = SERIAL_COUNTER.next_serial();
        let time = self.clock.now().wayland_millis();
        let keyboard = self.seat.keyboard.clone();
        let cycling = self.desk.scene.cycle().is_some();
        let surface = self.desk.keyboard.clone();
        if pressed && !cycling && !self.trusted.is_up() {
            self.seat.recent.note(serial, surface.as_ref());
        }
        let mut after = None;
        let swallowed = keyboard.input(self, keycode, state, serial, time, |state, modifiers, key| {
            let attention = &state.config.attention_key;
            let press = || state.trusted.key_press(code, modifiers, &key, attention, now);
            let route = released.unwrap_or_else(press);
            if route.is_kept() {
                if pressed {
                    state.seat.swallowed.insert(keycode);
                } else {
                    state.seat.swallowed.remove(&keycode);
                }
                return FilterResult::Intercept(Action::Swallow);
            }
            state.filter_key(keycode, pressed, cycling, modifiers, &key, &mut after)
        });
        if swallowed.is_none() {
            self.seat.note_heard(serial, surface.as_ref(), self.clock.now());
        }
        self.settle_trusted();
        if let Some(action) = swallowed.or(after) {
            self.act(action);
        }
    }

    fn filter_key(
        &mut self,
        keycode: Keycode,
        pressed: bool,
        cycling: bool,
        modifiers: &ModifiersState,
        key: &KeysymHandle<'_>,
        after: &mut Option<Action>,
    ) -> FilterResult<Action> {
        if !pressed {
            if cycling && !modifiers.alt {
                *after = Some(Action::EndCycle { accept: true });
            }
            return if self.seat.swallowed.remove(&keycode) {
                FilterResult::Intercept(after.unwrap_or(Action::Swallow))
            } else {
                FilterResult::Forward
            };
        }
        match bound_to(key.modified_sym(), modifiers, cycling) {
            Some(action) => {
                self.seat.swallowed.insert(keycode);
                FilterResult::Intercept(action)
            }
            None => {
                self.key_gesture(modifiers, key);
                FilterResult::Forward
            }
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Cycle { backwards } => self.apply_or_ignore(Op::Cycle { backwards }),
            Action::EndCycle { accept } => self.apply_or_ignore(Op::EndCycle { accept }),
            Action::TogglePanel => self.toggle_panel(),
            Action::Swallow => {}
        }
    }
}

/// What a press means to the compositor, if anything. While the switcher is shown every key is its.
fn bound_to(sym: Keysym, modifiers: &ModifiersState, cycling: bool) -> Option<Action> {
    match sym {
        Keysym::Tab | Keysym::ISO_Left_Tab if modifiers.alt && !modifiers.ctrl && !modifiers.logo => {
            Some(Action::Cycle { backwards: modifiers.shift })
        }
        Keysym::Escape if cycling => Some(Action::EndCycle { accept: false }),
        Keysym::Return if cycling => Some(Action::EndCycle { accept: true }),
        Keysym::p | Keysym::P if modifiers.ctrl && modifiers.alt && !modifiers.logo => {
            Some(Action::TogglePanel)
        }
        _ if cycling && !is_modifier(sym) => Some(Action::Swallow),
        _ => None,
    }
}

pub(crate) fn is_modifier(sym: Keysym) -> bool {
    matches!(
        sym,
        Keysym::Shift_L
            | Keysym::Shift_R
            | Keysym::Control_L
            | Keysym::Control_R
            | Keysym::Alt_L
            | Keysym::Alt_R
            | Keysym::Meta_L
            | Keysym::Meta_R
            | Keysym::Super_L
            | Keysym::Super_R
            | Keysym::ISO_Level3_Shift
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys() {
        let alt = ModifiersState { alt: true, ..ModifiersState::default() };
        let shift = ModifiersState { shift: true, ..alt };
        let ctrl_alt = ModifiersState { ctrl: true, ..alt };
        let none = ModifiersState::default();
        for (sym, modifiers, cycling, expected) in [
            (Keysym::Tab, &alt, false, Some(Action::Cycle { backwards: false })),
            (Keysym::ISO_Left_Tab, &shift, false, Some(Action::Cycle { backwards: true })),
            (Keysym::Tab, &none, false, None),
            (Keysym::Escape, &none, false, None),
            (Keysym::Escape, &alt, true, Some(Action::EndCycle { accept: false })),
            (Keysym::a, &alt, true, Some(Action::Swallow)),
            (Keysym::Alt_L, &alt, true, None),
            (Keysym::a, &alt, false, None),
            (Keysym::p, &ctrl_alt, false, Some(Action::TogglePanel)),
            (Keysym::p, &alt, false, None),
        ] {
            assert_eq!(bound_to(sym, modifiers, cycling), expected, "{sym:?}");
        }
    }
}
