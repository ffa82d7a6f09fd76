// SPDX-License-Identifier: GPL-3.0-or-later
//! Keys in Slint's words.
//!
//! In: the compositor's keymap and evdev codes. Out: the text that Slint takes for a key, and when a held
//! one repeats.

use slint::SharedString;
use slint::platform::Key;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};
use xkbcommon::xkb;

/// xkb's keycodes are evdev's plus this.
const EVDEV_OFFSET: u32 = 8;
/// Largest keymap that is read.
const MAX_KEYMAP: u32 = 1 << 20;

/// A key that is held down and repeats.
#[derive(Debug, Clone)]
struct Repeat {
    code: u32,
    text: SharedString,
    next: Instant,
}

/// The keyboard's state.
pub(super) struct Keyboard {
    state: Option<xkb::State>,
    /// Delay before the first repeat, and between two; none if keys don't repeat.
    pace: Option<(Duration, Duration)>,
    repeat: Option<Repeat>,
}

impl std::fmt::Debug for Keyboard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keyboard").field("repeat", &self.repeat).finish_non_exhaustive()
    }
}

impl Default for Keyboard {
    fn default() -> Self {
        let pace = Some((Duration::from_millis(400), Duration::from_millis(33)));
        Self { state: None, pace, repeat: None }
    }
}

impl Keyboard {
    /// Takes the compositor's keymap.
    pub(super) fn keymap(&mut self, fd: &OwnedFd, size: u32) {
        let mut text = vec![0; usize::try_from(size.min(MAX_KEYMAP)).unwrap_or(0)];
        let read = rustix::io::pread(fd, &mut text, 0).unwrap_or(0);
        let text = text.get(..read).unwrap_or_default();
        let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
        let context = xkb::Context::new(xkb::CONTEXT_NO_FLAGS);
        let keymap = xkb::Keymap::new_from_string(
            &context,
            String::from_utf8_lossy(text).into_owned(),
            xkb::KEYMAP_FORMAT_TEXT_V1,
            xkb::KEYMAP_COMPILE_NO_FLAGS,
        );
        if keymap.is_none() {
            tracing::warn!("the keyboard layout can't be read; keys do nothing");
        }
        self.state = keymap.map(|keymap| xkb::State::new(&keymap));
    }

    pub(super) fn modifiers(&mut self, depressed: u32, latched: u32, locked: u32, group: u32) {
        if let Some(state) = &mut self.state {
            state.update_mask(depressed, latched, locked, 0, 0, group);
        }
    }

    pub(super) fn repeat_info(&mut self, rate: i32, delay: i32) {
        let rate = u32::try_from(rate).ok().filter(|rate| *rate > 0);
        let delay = Duration::from_millis(u64::try_from(delay).unwrap_or(400));
        self.pace = rate.map(|rate| (delay, Duration::from_secs(1) / rate));
    }

    /// The text for a key; none if it means nothing to us.
    pub(super) fn pressed(&mut self, code: u32, now: Instant) -> Option<SharedString> {
        let state = self.state.as_ref()?;
        let keycode = xkb::Keycode::new(code.saturating_add(EVDEV_OFFSET));
        let text = text_of(state.key_get_one_sym(keycode), &state.key_get_utf8(keycode))?;
        let repeats = state.get_keymap().key_repeats(keycode);
        if let Some((delay, _)) = self.pace.filter(|_| repeats) {
            self.repeat = Some(Repeat { code, text: text.clone(), next: now + delay });
        }
        Some(text)
    }

    pub(super) fn released(&mut self, code: u32) -> Option<SharedString> {
        if self.repeat.as_ref().is_some_and(|repeat| repeat.code == code) {
            self.repeat = None;
        }
        let state = self.state.as_ref()?;
        let keycode = xkb::Keycode::new(code.saturating_add(EVDEV_OFFSET));
        text_of(state.key_get_one_sym(keycode), &state.key_get_utf8(keycode))
    }

    /// Nothing is held any more: the keyboard is somebody else's.
    pub(super) fn forget(&mut self) {
        self.repeat = None;
    }

    /// When the held key repeats.
    pub(super) fn next_repeat(&self) -> Option<Instant> {
        self.repeat.as_ref().map(|repeat| repeat.next)
    }

    /// The held key's text, if its time has come.
    pub(super) fn repeat(&mut self, now: Instant) -> Option<SharedString> {
        let (_, interval) = self.pace?;
        let repeat = self.repeat.as_mut().filter(|repeat| repeat.next <= now)?;
        repeat.next = now + interval;
        Some(repeat.text.clone())
    }
}

/// What Slint calls a key.
fn text_of(sym: xkb::Keysym, typed: &str) -> Option<SharedString> {
    use xkb::Keysym;
    let key = match sym {
        Keysym::Return | Keysym::KP_Enter => Key::Return,
        Keysym::Tab => Key::Tab,
        Keysym::ISO_Left_Tab => Key::Backtab,
        Keysym::Escape => Key::Escape,
        Keysym::BackSpace => Key::Backspace,
        Keysym::Delete | Keysym::KP_Delete => Key::Delete,
        Keysym::Up | Keysym::KP_Up => Key::UpArrow,
        Keysym::Down | Keysym::KP_Down => Key::DownArrow,
        Keysym::Left | Keysym::KP_Left => Key::LeftArrow,
        Keysym::Right | Keysym::KP_Right => Key::RightArrow,
        Keysym::Home | Keysym::KP_Home => Key::Home,
        Keysym::End | Keysym::KP_End => Key::End,
        Keysym::Page_Up | Keysym::KP_Page_Up => Key::PageUp,
        Keysym::Page_Down | Keysym::KP_Page_Down => Key::PageDown,
        Keysym::Shift_L => Key::Shift,
        Keysym::Shift_R => Key::ShiftR,
        Keysym::Control_L => Key::Control,
        Keysym::Control_R => Key::ControlR,
        Keysym::Alt_L | Keysym::Alt_R => Key::Alt,
        Keysym::ISO_Level3_Shift => Key::AltGr,
        Keysym::Super_L | Keysym::Meta_L => Key::Meta,
        Keysym::Super_R | Keysym::Meta_R => Key::MetaR,
        // With Control held, xkb turns letters into control characters; Slint wants the letter.
        _ => {
            let control = typed.chars().next().is_none_or(|c| c < ' ');
            let text = if control { sym.key_char().map(String::from) } else { Some(typed.to_owned()) };
            return text.filter(|text| !text.is_empty()).map(SharedString::from);
        }
    };
    Some(key.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use xkb::Keysym;

    #[test]
    fn names() {
        for (sym, typed, expected) in [
            (Keysym::a, "a", Some("a".to_owned())),
            (Keysym::a, "\u{1}", Some("a".to_owned())),
            (Keysym::adiaeresis, "ä", Some("ä".to_owned())),
            (Keysym::Return, "\r", Some('\n'.to_string())),
            (Keysym::ISO_Left_Tab, "", Some(char::from(Key::Backtab).to_string())),
            (Keysym::XF86_AudioMute, "", None),
        ] {
            assert_eq!(text_of(sym, typed).map(|t| t.to_string()), expected, "{sym:?}");
        }
    }
}
