// SPDX-License-Identifier: GPL-3.0-or-later
//! The secure attention key.
//!
//! In: text such as `ctrl+alt+Escape`. Out: a key that only the compositor sees.

use smithay::input::keyboard::{Keysym, KeysymHandle, ModifiersState, xkb};

/// A key with the modifiers that have to be held, no others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttentionKey {
    ctrl: bool,
    alt: bool,
    shift: bool,
    logo: bool,
    key: Keysym,
}

/// The text is no attention key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no attention key; write it like ctrl+alt+Escape, with at least one of ctrl, alt and logo")]
pub struct ParseKeyError(pub String);

impl Default for AttentionKey {
    fn default() -> Self {
        Self { ctrl: true, alt: true, shift: false, logo: false, key: Keysym::Escape }
    }
}

impl std::str::FromStr for AttentionKey {
    type Err = ParseKeyError;

    fn from_str(text: &str) -> Result<Self, ParseKeyError> {
        let wrong = || ParseKeyError(text.to_owned());
        let mut parsed = Self { ctrl: false, alt: false, shift: false, logo: false, key: Keysym::NoSymbol };
        let mut parts = text.split('+').rev();
        let name = parts.next().ok_or_else(wrong)?;
        parsed.key = xkb::keysym_from_name(name, xkb::KEYSYM_CASE_INSENSITIVE);
        for part in parts {
            match part {
                "ctrl" => parsed.ctrl = true,
                "alt" => parsed.alt = true,
                "shift" => parsed.shift = true,
                "logo" => parsed.logo = true,
                _ => return Err(wrong()),
            }
        }
        let held = parsed.ctrl || parsed.alt || parsed.logo;
        if held && parsed.key != Keysym::NoSymbol { Ok(parsed) } else { Err(wrong()) }
    }
}

impl AttentionKey {
    /// Whether this press is it.
    pub(crate) fn is(&self, modifiers: &ModifiersState, key: &KeysymHandle<'_>) -> bool {
        let held = (modifiers.ctrl, modifiers.alt, modifiers.shift, modifiers.logo);
        let named =
            key.modified_sym() == self.key || key.raw_latin_sym_or_raw_current_sym() == Some(self.key);
        held == (self.ctrl, self.alt, self.shift, self.logo) && named
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys() {
        assert_eq!("ctrl+alt+Escape".parse(), Ok(AttentionKey::default()));
        let logo = AttentionKey { ctrl: false, alt: false, shift: true, logo: true, key: Keysym::F1 };
        assert_eq!("logo+shift+f1".parse(), Ok(logo));
        for wrong in ["", "Escape", "shift+a", "ctrl+", "ctrl+nonsense", "hyper+a", "ctrl alt Escape"] {
            assert_eq!(wrong.parse::<AttentionKey>(), Err(ParseKeyError(wrong.to_owned())), "{wrong}");
        }
    }
}
