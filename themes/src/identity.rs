// SPDX-License-Identifier: GPL-3.0-or-later
//! In: `identities.toml`. Out: how each of the eight identities looks, and which colours a pixel
//! of its border may have.

use crate::color::round_channel;
use crate::parse::{Doc, Section};
use crate::{Problem, Rgb, ThemeError};
use cofferdam_ids::Identity;

/// The shape that goes with a colour, so that colour is never alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pattern {
    /// No pattern.
    Plain,
    /// Diagonal stripes.
    Stripes,
    /// Dots.
    Dots,
    /// Vertical bars.
    VerticalBars,
    /// Horizontal bars.
    HorizontalBars,
    /// A chequerboard.
    Checks,
    /// A zigzag line.
    Zigzag,
    /// A grid of thin lines.
    Grid,
}

impl Pattern {
    /// All eight, with their names in theme files.
    pub const ALL: [(Self, &'static str); 8] = [
        (Self::Plain, "plain"),
        (Self::Stripes, "stripes"),
        (Self::Dots, "dots"),
        (Self::VerticalBars, "vertical-bars"),
        (Self::HorizontalBars, "horizontal-bars"),
        (Self::Checks, "checks"),
        (Self::Zigzag, "zigzag"),
        (Self::Grid, "grid"),
    ];

    /// The name in theme files.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(p, _)| *p == self).map_or("plain", |(_, n)| n)
    }
}

/// How one identity looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct IdentityStyle {
    /// Whose look this is.
    pub identity: Identity,
    /// Fills the border and the mark.
    pub color: Rgb,
    /// Draws the pattern on the fill and the line that closes the border off in light themes.
    pub ink: Rgb,
    /// The pattern.
    pub pattern: Pattern,
}

impl IdentityStyle {
    /// The two colours a border of this identity is made of; its anti-aliased pixels are mixtures
    /// of the two, see [`Self::owns_border_pixel`].
    #[must_use]
    pub const fn border_colors(&self) -> [Rgb; 2] {
        [self.color, self.ink]
    }

    /// Whether a pixel inside the straight part of a border can be this identity's: it is the fill,
    /// the ink or a mixture of both, within `tolerance` per channel.
    #[must_use]
    pub fn owns_border_pixel(&self, pixel: Rgb, tolerance: u8) -> bool {
        let axis = |c: Rgb| [f32::from(c.r), f32::from(c.g), f32::from(c.b)];
        let (fill, ink, at) = (axis(self.color), axis(self.ink), axis(pixel));
        let mut along = 0.0;
        let mut length = 0.0;
        for ((f, i), p) in fill.iter().zip(&ink).zip(&at) {
            along = (p - f).mul_add(i - f, along);
            length = (i - f).mul_add(i - f, length);
        }
        let t = if length > 0.0 { (along / length).clamp(0.0, 1.0) } else { 0.0 };
        let mut nearest = [0u8; 3];
        for (n, (f, i)) in nearest.iter_mut().zip(fill.iter().zip(&ink)) {
            *n = round_channel((i - f).mul_add(t, *f));
        }
        let [r, g, b] = nearest;
        Rgb { r, g, b }.max_difference(pixel) <= tolerance
    }
}

/// The looks of all eight identities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identities([IdentityStyle; 8]);

impl Identities {
    /// Reads `text`, which came from `file`: one section for each identity, all of them, no others.
    ///
    /// # Errors
    /// When the file is no TOML, has an unknown or missing key, or two identities share a pattern.
    pub fn parse(file: &str, text: &str) -> Result<Self, ThemeError> {
        let doc = Doc::new(file, text);
        let root = doc.root()?;
        let names = Identity::ALL.map(Identity::name);
        root.only(&names)?;
        let mut styles = [IdentityStyle {
            identity: Identity::Orange,
            color: Rgb::new(0, 0, 0),
            ink: Rgb::new(0, 0, 0),
            pattern: Pattern::Plain,
        }; 8];
        for (style, identity) in styles.iter_mut().zip(Identity::ALL) {
            *style = Self::read(&root.section(identity.name())?, identity)?;
        }
        for (n, a) in styles.iter().enumerate() {
            if let Some(b) = styles.iter().skip(n + 1).find(|b| b.pattern == a.pattern) {
                return Err(root
                    .section(b.identity.name())?
                    .error(Problem::SamePattern(a.identity.name(), b.identity.name())));
            }
        }
        Ok(Self(styles))
    }

    fn read(section: &Section<'_>, identity: Identity) -> Result<IdentityStyle, ThemeError> {
        section.only(&["color", "ink", "pattern"])?;
        Ok(IdentityStyle {
            identity,
            color: section.color("color")?,
            ink: section.color("ink")?,
            pattern: section.choice(
                "pattern",
                &Pattern::ALL,
                "one of plain, stripes, dots, vertical-bars, horizontal-bars, checks, zigzag, grid",
            )?,
        })
    }

    /// The look of `identity`.
    #[must_use]
    pub const fn get(&self, identity: Identity) -> &IdentityStyle {
        let [orange, sky, green, purple, yellow, blue, vermilion, grey] = &self.0;
        match identity {
            Identity::Orange => orange,
            Identity::Sky => sky,
            Identity::Green => green,
            Identity::Purple => purple,
            Identity::Yellow => yellow,
            Identity::Blue => blue,
            Identity::Vermilion => vermilion,
            Identity::Grey => grey,
        }
    }

    /// All eight, in the order of [`Identity::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = &IdentityStyle> {
        self.0.iter()
    }
}
