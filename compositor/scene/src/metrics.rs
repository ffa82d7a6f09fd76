// SPDX-License-Identifier: GPL-3.0-or-later
//! Sizes of the frame, and the frame's parts.
//!
//! In: the inside of a frame or an output. Out: rectangles of border, title, strip and buttons. The
//! painter and the hit test use the same functions, so what is seen is what is hit.

use crate::geometry::{Insets, Rect, Size};

/// Sizes in logical pixels; the defaults are those of the look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metrics {
    /// Width of a window's trust border.
    pub border: i32,
    /// Height of a title bar.
    pub title: i32,
    /// Height of the strip that stays above a full-screen window.
    pub strip: i32,
    /// Width of a title button.
    pub button: i32,
    /// Width that mark and name keep beside the buttons.
    pub label: i32,
    /// Width of a popup's trust border.
    pub popup_border: i32,
    /// Smallest inside of a frame, so that mark and close button have room.
    pub min_inner: Size,
    /// How far outside a border a resize can begin.
    pub grip: i32,
    /// How long the corners' resize areas are.
    pub corner: i32,
    /// How much of a title bar has to stay on some work area: three buttons and something to hold.
    pub reach: i32,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            border: 4,
            title: 30,
            strip: 24,
            button: 32,
            label: 112,
            popup_border: 3,
            min_inner: Size { w: 96, h: 1 },
            grip: 4,
            corner: 16,
            reach: 160,
        }
    }
}

/// A title button.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Button {
    /// Hides the window.
    Minimize,
    /// Maximises, restores, or leaves full-screen.
    Maximize,
    /// Asks the window to close.
    Close,
}

impl Button {
    /// All, in the order in which room is given to them: the most needed first, from the right.
    pub const ALL: [Self; 3] = [Self::Close, Self::Maximize, Self::Minimize];
}

impl Metrics {
    /// What a decorated frame adds around its inside.
    #[must_use]
    pub fn frame_insets(&self) -> Insets {
        Insets { top: self.border.saturating_add(self.title), ..Insets::all(self.border) }
    }

    /// The inside of a decorated frame that shows content of this size.
    #[must_use]
    pub fn inner_size(&self, content: Size) -> Size {
        content.max(self.min_inner)
    }

    /// Title bar above the inside.
    #[must_use]
    pub fn title_bar(&self, inner: Rect) -> Rect {
        Rect::new(inner.x, inner.y.saturating_sub(self.title), inner.w, self.title)
    }

    /// Strip at the top of an output with a full-screen window; never more than half of it.
    #[must_use]
    pub fn strip(&self, output: Rect) -> Rect {
        Rect::new(output.x, output.y, output.w, self.strip.min(output.h / 2))
    }

    /// A button's place in a title bar or strip; none if there is no room beside mark and name.
    #[must_use]
    pub fn button(&self, bar: Rect, button: Button) -> Option<Rect> {
        let nth = match button {
            Button::Close => 1,
            Button::Maximize => 2,
            Button::Minimize => 3,
        };
        let from_right = self.button.saturating_mul(nth);
        let x = bar.right().saturating_sub(from_right);
        // Whose window it is comes before what can be done with it: only the close button may take
        // the room of the name.
        let keep = if button == Button::Close { self.button } else { self.label };
        (x.saturating_sub(keep) >= bar.x).then(|| Rect::new(x, bar.y, self.button, bar.h))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_as_the_theme() {
        use cofferdam_themes::Metrics as Theme;
        let m = Metrics::default();
        for (ours, theirs) in [
            (m.border, Theme::BORDER),
            (m.title, Theme::TITLE_BAR),
            (m.strip, Theme::FULLSCREEN_STRIP),
            (m.popup_border, Theme::POPUP_BORDER),
            (m.button, Theme::TITLE_BUTTON),
            (m.label, Theme::TITLE_LABEL),
        ] {
            assert_eq!(ours, i32::from(theirs));
        }
    }

    #[test]
    fn a_strip_leaves_room() {
        let m = Metrics::default();
        assert_eq!(m.strip(Rect::new(5, 7, 800, 600)), Rect::new(5, 7, 800, 24));
        assert_eq!(m.strip(Rect::new(0, 0, 64, 30)), Rect::new(0, 0, 64, 15));
    }

    #[test]
    fn buttons_give_way_to_the_label() {
        let m = Metrics::default();
        for (w, shown) in [(500, 3), (208, 3), (207, 2), (176, 2), (175, 1), (64, 1), (63, 0)] {
            let bar = Rect::new(10, 0, w, 30);
            let n = Button::ALL.iter().filter(|b| m.button(bar, **b).is_some()).count();
            assert_eq!(n, shown, "bar of {w}");
        }
        let close = m.button(Rect::new(0, 0, 200, 30), Button::Close);
        assert_eq!(close, Some(Rect::new(168, 0, 32, 30)));
    }
}
