// SPDX-License-Identifier: GPL-3.0-or-later
//! Colours and marks.
//!
//! In: a theme and the identities, from the `themes` crate. Out: the tokens of a component, and pictures
//! of marks, one per identity and scale.

use super::Theme as Tokens;
use cofferdam_ids::Identity;
use cofferdam_themes::{Library, Rgb, Scheme, Theme, ThemeError};
use slint::{Color, ComponentHandle, Global, Image, Rgba8Pixel, SharedPixelBuffer};
use std::collections::BTreeMap;

/// Edge of the marks that are drawn: large enough for 40 logical pixels at scale 2.
const MARK_EDGE: u32 = 80;

/// How everything looks.
#[derive(Debug)]
pub struct Look {
    library: Library,
    theme: Theme,
    marks: BTreeMap<Identity, Image>,
}

fn color(rgb: Rgb) -> Color {
    Color::from_rgb_u8(rgb.r, rgb.g, rgb.b)
}

impl Look {
    /// The built-in themes, with the default one chosen.
    ///
    /// # Errors
    /// Never in a tested build.
    pub fn new() -> Result<Self, ThemeError> {
        let library = Library::built_in()?;
        let theme = library.theme(Library::DEFAULT).cloned();
        let theme = theme.map_or_else(|| Err(missing()), Ok)?;
        let marks = library.identities.iter().map(|style| {
            let raster = cofferdam_ink::pattern::mark(style, MARK_EDGE);
            let mut pixels = SharedPixelBuffer::<Rgba8Pixel>::new(raster.width(), raster.height());
            for (to, from) in pixels.make_mut_bytes().chunks_exact_mut(4).zip(raster.pixels().chunks_exact(4))
            {
                if let ([r, g, b, a], [blue, green, red, alpha]) = (to, from) {
                    (*r, *g, *b, *a) = (*red, *green, *blue, *alpha);
                }
            }
            (style.identity, Image::from_rgba8_premultiplied(pixels))
        });
        let marks = marks.collect();
        Ok(Self { library, theme, marks })
    }

    /// Chooses a theme by name; an unknown one changes nothing.
    pub fn choose(&mut self, name: &str) {
        match self.library.theme(name) {
            Some(theme) => self.theme = theme.clone(),
            None => tracing::warn!(name, "there is no such theme"),
        }
    }

    /// The mark of an identity.
    #[must_use]
    pub fn mark(&self, identity: &str) -> Image {
        identity
            .parse()
            .ok()
            .and_then(|identity: Identity| self.marks.get(&identity))
            .cloned()
            .unwrap_or_default()
    }

    /// The name of an identity's pattern, for people.
    #[must_use]
    pub fn pattern(&self, identity: &str) -> Option<String> {
        let identity: Identity = identity.parse().ok()?;
        Some(self.library.identities.get(identity).pattern.name().replace('-', " "))
    }

    /// Gives a component the colours.
    pub fn dress<C>(&self, component: &C)
    where
        C: ComponentHandle,
        for<'a> Tokens<'a>: Global<'a, C>,
    {
        let theme = &self.theme;
        let tokens = component.global::<Tokens<'_>>();
        tokens.set_background(color(theme.surface.background));
        tokens.set_base(color(theme.surface.base));
        tokens.set_raised(color(theme.surface.raised));
        tokens.set_control(color(theme.surface.control));
        tokens.set_line(color(theme.surface.line));
        tokens.set_text(color(theme.text.primary));
        tokens.set_secondary(color(theme.text.secondary));
        tokens.set_muted(color(theme.text.muted));
        tokens.set_accent(color(theme.accent));
        tokens.set_on_accent(color(theme.on_accent));
        tokens.set_danger(color(theme.danger));
        tokens.set_on_danger(color(theme.on_danger));
        tokens.set_dark(theme.scheme == Scheme::Dark);
        tokens.set_contrast(theme.surface.line == theme.text.primary);
    }
}

fn missing() -> ThemeError {
    ThemeError {
        file: Library::DEFAULT.into(),
        line: 1,
        problem: cofferdam_themes::Problem::Unreadable("missing".into()),
    }
}
