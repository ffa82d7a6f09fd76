// SPDX-License-Identifier: GPL-3.0-or-later
//! Steps that act as the person at the screen: pointer, keys, touch.

use super::{Run, StepError, codes};
use cofferdam_control::desktop::{Input, Request};

/// How many motion events a drag or swipe has between two places: enough for a client to see a
/// movement instead of a jump.
const MOTIONS: u32 = 8;

impl Run<'_> {
    pub(super) fn input(&mut self, input: Input) -> Result<(), StepError> {
        self.desktop.call(Request::Input(input))?;
        Ok(())
    }

    pub(super) fn sync(&mut self) -> Result<(), StepError> {
        self.desktop.call(Request::Sync)?;
        Ok(())
    }

    /// Content coordinates of a window to the global space.
    pub(super) fn place(&mut self, window: &str, at: [f64; 2]) -> Result<[f64; 2], StepError> {
        let content = self.window(window)?.content;
        Ok([f64::from(content.x) + at[0], f64::from(content.y) + at[1]])
    }

    pub(super) fn type_text(&mut self, text: &str) -> Result<(), StepError> {
        self.input(Input::Text(text.to_owned()))?;
        self.sync()
    }

    pub(super) fn chord(&mut self, chord: &str) -> Result<(), StepError> {
        let codes = codes(chord)?;
        for code in &codes {
            self.input(Input::Key { code: *code, pressed: true })?;
        }
        for code in codes.iter().rev() {
            self.input(Input::Key { code: *code, pressed: false })?;
        }
        self.sync()
    }

    pub(super) fn point(&mut self, window: &str, at: [f64; 2]) -> Result<(), StepError> {
        let [x, y] = self.place(window, at)?;
        self.input(Input::PointerMove { x, y })?;
        self.sync()
    }

    pub(super) fn click(
        &mut self,
        window: &str,
        at: [f64; 2],
        code: u32,
        count: usize,
    ) -> Result<(), StepError> {
        self.point(window, at)?;
        for _ in 0..count {
            self.input(Input::PointerButton { code, pressed: true })?;
            self.input(Input::PointerButton { code, pressed: false })?;
        }
        self.sync()
    }

    pub(super) fn drag(
        &mut self,
        window: &str,
        from: [f64; 2],
        to: [f64; 2],
        code: u32,
    ) -> Result<(), StepError> {
        // Both ends before anything moves: a drag of the title bar takes the window along.
        let (from, to) = (self.place(window, from)?, self.place(window, to)?);
        self.input(Input::PointerMove { x: from[0], y: from[1] })?;
        self.input(Input::PointerButton { code, pressed: true })?;
        for [x, y] in between(from, to) {
            self.input(Input::PointerMove { x, y })?;
        }
        self.input(Input::PointerButton { code, pressed: false })?;
        self.sync()
    }

    pub(super) fn scroll(
        &mut self,
        window: &str,
        at: [f64; 2],
        right: i32,
        down: i32,
    ) -> Result<(), StepError> {
        self.point(window, at)?;
        let notch = |n: i32| n.saturating_mul(120);
        self.input(Input::PointerAxis { dx_120: notch(right), dy_120: notch(down) })?;
        self.sync()
    }

    pub(super) fn touch(&mut self, window: &str, path: &[[f64; 2]]) -> Result<(), StepError> {
        let places = path.iter().map(|at| self.place(window, *at)).collect::<Result<Vec<_>, _>>()?;
        let Some((first, rest)) = places.split_first() else { return Ok(()) };
        self.input(Input::TouchDown { slot: 0, x: first[0], y: first[1] })?;
        let mut last = *first;
        for to in rest {
            for [x, y] in between(last, *to) {
                self.input(Input::TouchMove { slot: 0, x, y })?;
            }
            last = *to;
        }
        self.input(Input::TouchUp { slot: 0 })?;
        self.sync()
    }
}

/// Evenly spaced places after `from`, the last one is `to`.
pub(super) fn between(from: [f64; 2], to: [f64; 2]) -> impl Iterator<Item = [f64; 2]> {
    (1..=MOTIONS).map(move |n| {
        let t = f64::from(n) / f64::from(MOTIONS);
        [from[0] + (to[0] - from[0]) * t, from[1] + (to[1] - from[1]) * t]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn motion_ends_where_it_should() {
        let all: Vec<_> = between([0.0, 10.0], [80.0, 10.0]).collect();
        assert_eq!(all.len(), 8);
        assert_eq!(all.first(), Some(&[10.0, 10.0]));
        assert_eq!(all.last(), Some(&[80.0, 10.0]));
    }
}
