// SPDX-License-Identifier: GPL-3.0-or-later
//! The virtual seat of a headless desktop.
//!
//! In: [`Input`] events of the desktop control wire. Out: the same calls that real devices make.

use super::text::{Stroke, Typing};
use crate::state::State;
use cofferdam_control::desktop::Input;

/// Longest text typed with one call.
const MAX_TEXT: usize = 16 * 1024;

impl State {
    pub(crate) fn virtual_input(&mut self, input: Input) -> Result<(), String> {
        match input {
            Input::PointerMove { x, y } => self.pointer_to((x, y).into()),
            Input::PointerButton { code, pressed } => self.pointer_button(code, pressed),
            Input::PointerAxis { dx_120, dy_120 } => self.pointer_axis(dx_120, dy_120),
            Input::Key { code, pressed } => self.key(code, pressed),
            Input::Text(text) => self.type_text(&text)?,
            Input::TouchDown { slot, x, y } => self.touch_down(slot, (x, y).into())?,
            Input::TouchMove { slot, x, y } => self.touch_move(slot, (x, y).into())?,
            Input::TouchUp { slot } => self.touch_up(slot)?,
        }
        Ok(())
    }

    fn type_text(&mut self, text: &str) -> Result<(), String> {
        if text.len() > MAX_TEXT {
            return Err(format!("at most {MAX_TEXT} bytes are typed at once"));
        }
        let typing = match self.seat.typing.take() {
            Some(typing) => typing,
            None => Typing::new(&self.config)?,
        };
        let strokes = typing.strokes(text);
        self.seat.typing = Some(typing);
        for Stroke { hold, key } in
            strokes.map_err(|c| format!("the keyboard layout has no {c:?}; nothing was typed"))?
        {
            hold.iter().for_each(|modifier| self.key(*modifier, true));
            self.key(key, true);
            self.key(key, false);
            hold.iter().rev().for_each(|modifier| self.key(*modifier, false));
        }
        Ok(())
    }
}
