// SPDX-License-Identifier: GPL-3.0-or-later
//! In: `#RRGGBB`. Out: an sRGB colour with the few sums that design needs.

use std::fmt;
use std::str::FromStr;

/// An opaque sRGB colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rgb {
    /// Red, 0 to 255.
    pub r: u8,
    /// Green, 0 to 255.
    pub g: u8,
    /// Blue, 0 to 255.
    pub b: u8,
}

/// The string is no `#RRGGBB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a colour is written as #RRGGBB")]
pub struct ParseRgbError;

impl Rgb {
    /// A colour from its three channels.
    #[must_use]
    pub const fn new(r: u8, g: u8, b: u8) -> Self {
        Self { r, g, b }
    }

    /// The channels in linear light, 0 to 1.
    #[must_use]
    pub fn linear(self) -> [f32; 3] {
        [self.r, self.g, self.b].map(|c| {
            let c = f32::from(c) / 255.0;
            if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        })
    }

    /// Relative luminance, 0 (black) to 1 (white).
    #[must_use]
    pub fn luminance(self) -> f32 {
        let [r, g, b] = self.linear();
        0.0722f32.mul_add(b, 0.2126f32.mul_add(r, 0.7152 * g))
    }

    /// Contrast ratio as WCAG 2 defines it, 1 to 21.
    #[must_use]
    pub fn contrast(self, other: Self) -> f32 {
        let (a, b) = (self.luminance() + 0.05, other.luminance() + 0.05);
        a.max(b) / a.min(b)
    }

    /// The colour `t` of the way to `other`, channel by channel; `t` is clamped to 0 to 1.
    #[must_use]
    pub fn mix(self, other: Self, t: f32) -> Self {
        let t = if t.is_nan() { 0.0 } else { t.clamp(0.0, 1.0) };
        let lerp = |a: u8, b: u8| round_channel((f32::from(b) - f32::from(a)).mul_add(t, f32::from(a)));
        Self { r: lerp(self.r, other.r), g: lerp(self.g, other.g), b: lerp(self.b, other.b) }
    }

    /// The largest difference over the three channels.
    #[must_use]
    pub fn max_difference(self, other: Self) -> u8 {
        self.r.abs_diff(other.r).max(self.g.abs_diff(other.g)).max(self.b.abs_diff(other.b))
    }
}

/// Rounds a channel of 0 to 255; what lies outside is clamped.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped to the range of u8
pub(crate) fn round_channel(v: f32) -> u8 {
    v.round().clamp(0.0, 255.0) as u8
}

impl fmt::Display for Rgb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02X}{:02X}{:02X}", self.r, self.g, self.b)
    }
}

impl FromStr for Rgb {
    type Err = ParseRgbError;
    fn from_str(s: &str) -> Result<Self, ParseRgbError> {
        let hex = s.strip_prefix('#').ok_or(ParseRgbError)?;
        if hex.len() != 6 || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(ParseRgbError);
        }
        let channel =
            |at: usize| hex.get(at..at + 2).and_then(|h| u8::from_str_radix(h, 16).ok()).ok_or(ParseRgbError);
        Ok(Self { r: channel(0)?, g: channel(2)?, b: channel(4)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_and_prints() {
        for (text, expected) in [
            ("#E69F00", Ok(Rgb::new(0xE6, 0x9F, 0))),
            ("#e69f00", Ok(Rgb::new(0xE6, 0x9F, 0))),
            ("E69F00", Err(ParseRgbError)),
            ("#E69F0", Err(ParseRgbError)),
            ("#E69F0000", Err(ParseRgbError)),
            ("#+69F00", Err(ParseRgbError)),
            ("#ééé", Err(ParseRgbError)),
        ] {
            assert_eq!(text.parse::<Rgb>(), expected, "{text}");
        }
        assert_eq!(Rgb::new(1, 0xAB, 255).to_string(), "#01ABFF");
    }

    #[test]
    fn contrast_has_known_ends() {
        let (black, white) = (Rgb::new(0, 0, 0), Rgb::new(255, 255, 255));
        assert!((black.contrast(white) - 21.0).abs() < 0.01);
        assert!((white.contrast(white) - 1.0).abs() < 0.001);
        // A value every accessibility tool agrees on.
        assert!((Rgb::new(0x77, 0x77, 0x77).contrast(white) - 4.48).abs() < 0.01);
    }

    #[test]
    fn mix_reaches_both_ends() {
        let (a, b) = (Rgb::new(10, 20, 30), Rgb::new(200, 100, 0));
        for (t, expected) in [(0.0, a), (1.0, b), (-3.0, a), (7.0, b), (f32::NAN, a)] {
            assert_eq!(a.mix(b, t), expected);
        }
    }
}
