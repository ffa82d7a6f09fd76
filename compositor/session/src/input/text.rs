// SPDX-License-Identifier: GPL-3.0-or-later
//! Typing text with the keys of the current layout.
//!
//! In: the configured layout. Out: for each character that the layout has, the key and the modifiers
//! that make it. Used by the virtual seat only.

use super::keyboard::EVDEV_OFFSET;
use super::xkb_names;
use crate::config::Config;
use smithay::input::keyboard::{Keycode, xkb};
use std::collections::BTreeMap;

const KEY_LEFTSHIFT: u32 = 42;
const KEY_RIGHTALT: u32 = 100;
const KEY_ENTER: u32 = 28;
const KEY_TAB: u32 = 15;
const KEY_ESC: u32 = 1;
const KEY_BACKSPACE: u32 = 14;

/// Modifiers to hold, from none up: the first way to make a character is the simplest.
const WAYS: [&[u32]; 4] = [&[], &[KEY_LEFTSHIFT], &[KEY_RIGHTALT], &[KEY_LEFTSHIFT, KEY_RIGHTALT]];

/// One character: hold these, press that. evdev codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stroke {
    pub(super) hold: &'static [u32],
    pub(super) key: u32,
}

/// All characters of a layout.
#[derive(Debug)]
pub(super) struct Typing(BTreeMap<char, Stroke>);

impl Typing {
    pub(super) fn new(config: &Config) -> Result<Self, String> {
        let names = xkb_names(config);
        let context = xkb::Context::new(xkb::CONTEXT_NO_FLAGS);
        let keymap = xkb::Keymap::new_from_names(
            &context,
            names.rules,
            names.model,
            names.layout,
            names.variant,
            names.options.clone(),
            xkb::KEYMAP_COMPILE_NO_FLAGS,
        )
        .ok_or("the layout can't be read")?;
        let mut strokes = BTreeMap::new();
        for hold in WAYS {
            let mut state = xkb::State::new(&keymap);
            for modifier in hold {
                state
                    .update_key(Keycode::new(modifier.saturating_add(EVDEV_OFFSET)), xkb::KeyDirection::Down);
            }
            for raw in keymap.min_keycode().raw()..=keymap.max_keycode().raw() {
                let Some(key) = raw.checked_sub(EVDEV_OFFSET) else { continue };
                if let Some(c) =
                    char::from_u32(state.key_get_utf32(Keycode::new(raw))).filter(|c| !c.is_control())
                {
                    strokes.entry(c).or_insert(Stroke { hold, key });
                }
            }
        }
        for (c, key) in [('\n', KEY_ENTER), ('\t', KEY_TAB), ('\u{1b}', KEY_ESC), ('\u{8}', KEY_BACKSPACE)] {
            strokes.insert(c, Stroke { hold: &[], key });
        }
        Ok(Self(strokes))
    }

    /// The strokes of a text, or the first character that can't be typed.
    pub(super) fn strokes(&self, text: &str) -> Result<Vec<Stroke>, char> {
        text.chars().map(|c| self.0.get(&c).copied().ok_or(c)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Keymap;

    fn typing(layout: &str) -> Typing {
        let keymap = Keymap { layout: layout.into(), ..Keymap::default() };
        Typing::new(&Config { keymap, ..Config::default() }).unwrap()
    }

    #[test]
    fn layouts() {
        for (layout, c, hold, key) in [
            ("us", 'a', WAYS[0], 30),
            ("us", 'A', WAYS[1], 30),
            ("us", '\n', WAYS[0], KEY_ENTER),
            ("us", '/', WAYS[0], 53),
            ("de", 'z', WAYS[0], 21),
            ("de", 'ä', WAYS[0], 40),
            ("de", '@', WAYS[2], 16),
        ] {
            assert_eq!(
                typing(layout).strokes(&c.to_string()),
                Ok(vec![Stroke { hold, key }]),
                "{layout} {c}"
            );
        }
        assert_eq!(typing("us").strokes("ok ж"), Err('ж'));
    }
}
