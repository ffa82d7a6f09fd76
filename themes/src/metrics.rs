// SPDX-License-Identifier: GPL-3.0-or-later
//! In: a scale. Out: the fixed measures of the desktop, in logical units and in pixels.
//!
//! Scene and chrome take their numbers from here, so a frame is as thick as the place left for it.

/// Space taken on the four sides of a client's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Insets {
    /// Above the content.
    pub top: u16,
    /// Left of the content.
    pub left: u16,
    /// Right of the content.
    pub right: u16,
    /// Below the content.
    pub bottom: u16,
}

/// [`Insets`] in pixels of one output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct PixelInsets {
    /// Above the content.
    pub top: u32,
    /// Left of the content.
    pub left: u32,
    /// Right of the content.
    pub right: u32,
    /// Below the content.
    pub bottom: u32,
}

/// Type sizes in logical pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TypeScale {
    /// Hints and chips.
    pub small: u16,
    /// Title bars and body text.
    pub body: u16,
    /// Rows of a list.
    pub row: u16,
    /// Names that head a card.
    pub heading: u16,
    /// The question of a prompt.
    pub title: u16,
    /// The clock of the greeter.
    pub display: u16,
}

/// The fixed measures; logical units, one namespace of constants.
#[derive(Debug, Clone, Copy)]
pub struct Metrics;

impl Metrics {
    /// Trust border of a window.
    pub const BORDER: u16 = 4;
    /// Title bar between the upper border and the content.
    pub const TITLE_BAR: u16 = 30;
    /// Strip that stays over a fullscreen window.
    pub const FULLSCREEN_STRIP: u16 = 24;
    /// Trust border of a popup.
    pub const POPUP_BORDER: u16 = 3;
    /// Outer corners of a window.
    pub const WINDOW_RADIUS: u16 = 9;
    /// Outer corners of a popup.
    pub const POPUP_RADIUS: u16 = 6;
    /// Corners of controls.
    pub const CONTROL_RADIUS: u16 = 6;
    /// Corners of cards.
    pub const CARD_RADIUS: u16 = 12;
    /// Side of an identity's mark.
    pub const MARK: u16 = 16;
    /// Width of each of the three buttons of a title bar; their height is the bar's.
    pub const TITLE_BUTTON: u16 = 32;
    /// Width that mark and name keep in a narrow title bar before there are more buttons than one.
    pub const TITLE_LABEL: u16 = 112;
    /// Panel along the upper edge of the screen.
    pub const BAR: u16 = 36;
    /// A button in a card or a prompt.
    pub const BUTTON: u16 = 40;
    /// Width of the ring that shows keyboard focus.
    pub const FOCUS_RING: u16 = 2;
    /// Type sizes.
    pub const TYPE: TypeScale =
        TypeScale { small: 12, body: 13, row: 14, heading: 15, title: 21, display: 64 };

    /// Insets of a normal or maximised window.
    pub const WINDOW: Insets = Insets {
        top: Self::BORDER + Self::TITLE_BAR,
        left: Self::BORDER,
        right: Self::BORDER,
        bottom: Self::BORDER,
    };
    /// Insets of a fullscreen window: only the strip.
    pub const FULLSCREEN: Insets = Insets { top: Self::FULLSCREEN_STRIP, left: 0, right: 0, bottom: 0 };
    /// Insets of a popup.
    pub const POPUP: Insets = Insets {
        top: Self::POPUP_BORDER,
        left: Self::POPUP_BORDER,
        right: Self::POPUP_BORDER,
        bottom: Self::POPUP_BORDER,
    };

    /// `logical` units in pixels at `scale`, rounded to whole pixels and never less than one where
    /// there is something to show: a border that rounds away would be no border.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // at most 65535 × 8, not negative
    pub fn px(logical: u16, scale: f32) -> u32 {
        if logical == 0 {
            return 0;
        }
        (f32::from(logical) * Self::clamp_scale(scale)).round().max(1.0) as u32
    }

    /// A usable scale from any number: 0.25 to 8, 1 where it is not a number.
    #[must_use]
    pub const fn clamp_scale(scale: f32) -> f32 {
        if scale.is_nan() { 1.0 } else { scale.clamp(0.25, 8.0) }
    }
}

impl Insets {
    /// These insets in pixels at `scale`.
    ///
    /// The top is rounded as a whole, so that border and title bar together are as high as the
    /// scene's arithmetic says.
    #[must_use]
    pub fn pixels(self, scale: f32) -> PixelInsets {
        PixelInsets {
            top: Metrics::px(self.top, scale),
            left: Metrics::px(self.left, scale),
            right: Metrics::px(self.right, scale),
            bottom: Metrics::px(self.bottom, scale),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_at_scales() {
        for (scale, expected) in [
            (1.0, (34, 4, 4, 4)),
            (1.25, (43, 5, 5, 5)),
            (1.5, (51, 6, 6, 6)),
            (2.0, (68, 8, 8, 8)),
            (0.0, (9, 1, 1, 1)),
            (f32::NAN, (34, 4, 4, 4)),
        ] {
            let p = Metrics::WINDOW.pixels(scale);
            assert_eq!((p.top, p.left, p.right, p.bottom), expected, "scale {scale}");
        }
        assert_eq!(Metrics::FULLSCREEN.pixels(1.0).left, 0);
    }
}
