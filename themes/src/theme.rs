// SPDX-License-Identifier: GPL-3.0-or-later
//! In: a theme file. Out: the design tokens it sets, checked.

use crate::check;
use crate::parse::{Doc, Section};
use crate::{Identities, Rgb, ThemeError};

/// Whether a theme is light text on dark or the other way round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Light text on a dark ground.
    Dark,
    /// Dark text on a light ground.
    Light,
}

/// Colours of surfaces, from the back to the front.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SurfaceTokens {
    /// Behind everything; title bars of windows without focus.
    pub background: Rgb,
    /// Title bar, cards.
    pub base: Rgb,
    /// Rows, chips.
    pub raised: Rgb,
    /// Buttons, the row that is chosen.
    pub control: Rgb,
    /// Hairlines.
    pub line: Rgb,
}

/// Colours of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextTokens {
    /// What is read first.
    pub primary: Rgb,
    /// What goes with it.
    pub secondary: Rgb,
    /// Hints; never on a control.
    pub muted: Rgb,
}

/// How deep the shadows are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ShadowTokens {
    /// Usually black.
    pub color: Rgb,
    /// Opacity under the window that has the focus, 0 to 1.
    pub focused: f32,
    /// Opacity under the others, 0 to 1.
    pub unfocused: f32,
}

/// The design tokens of one theme.
#[derive(Debug, Clone, PartialEq)]
pub struct Theme {
    /// The name shown to people.
    pub name: String,
    /// Dark or light.
    pub scheme: Scheme,
    /// Surfaces.
    pub surface: SurfaceTokens,
    /// Text.
    pub text: TextTokens,
    /// The neutral accent: focus rings, the one button that stands out.
    pub accent: Rgb,
    /// Text on the accent.
    pub on_accent: Rgb,
    /// Surface of what can't be undone.
    pub danger: Rgb,
    /// Text on that surface.
    pub on_danger: Rgb,
    /// The bright part of the wallpaper.
    pub wallpaper_glow: Rgb,
    /// The rest of it.
    pub wallpaper_field: Rgb,
    /// Shadows.
    pub shadow: ShadowTokens,
    /// Whether borders are closed off against the background with a line of the identity's ink.
    pub keyline: bool,
    /// How long things move, in milliseconds; 0 is not at all.
    pub motion_ms: u16,
}

impl Theme {
    /// Reads and checks `text`, which came from `file`.
    ///
    /// # Errors
    /// When the file is no TOML, has an unknown, missing or unfit key, text below
    /// [`crate::TEXT_CONTRAST`], or a token that could be taken for one of `identities`.
    pub fn parse(file: &str, text: &str, identities: &Identities) -> Result<Self, ThemeError> {
        let root = Doc::new(file, text).root()?;
        let sections = [
            "name",
            "scheme",
            "surface",
            "text",
            "accent",
            "danger",
            "wallpaper",
            "shadow",
            "frame",
            "motion",
        ];
        root.only(&sections)?;
        let theme = Self::read(&root)?;
        check::theme(&theme, identities)
            .map_or(Ok(()), |(section, key, problem)| Err(root.section(section)?.error_on(key, problem)))?;
        Ok(theme)
    }

    fn read(root: &Section<'_>) -> Result<Self, ThemeError> {
        let open = |name: &str, keys: &[&str]| {
            let section = root.section(name)?;
            section.only(keys)?;
            Ok::<_, ThemeError>(section)
        };
        let surface = open("surface", &["background", "base", "raised", "control", "line"])?;
        let text = open("text", &["primary", "secondary", "muted"])?;
        let accent = open("accent", &["neutral", "on_neutral"])?;
        let danger = open("danger", &["surface", "text"])?;
        let wallpaper = open("wallpaper", &["glow", "field"])?;
        let shadow = open("shadow", &["color", "focused", "unfocused"])?;
        let frame = open("frame", &["keyline"])?;
        let motion = open("motion", &["duration_ms"])?;
        Ok(Self {
            name: root.string("name")?.to_owned(),
            scheme: root.choice(
                "scheme",
                &[(Scheme::Dark, "dark"), (Scheme::Light, "light")],
                "\"dark\" or \"light\"",
            )?,
            surface: SurfaceTokens {
                background: surface.color("background")?,
                base: surface.color("base")?,
                raised: surface.color("raised")?,
                control: surface.color("control")?,
                line: surface.color("line")?,
            },
            text: TextTokens {
                primary: text.color("primary")?,
                secondary: text.color("secondary")?,
                muted: text.color("muted")?,
            },
            accent: accent.color("neutral")?,
            on_accent: accent.color("on_neutral")?,
            danger: danger.color("surface")?,
            on_danger: danger.color("text")?,
            wallpaper_glow: wallpaper.color("glow")?,
            wallpaper_field: wallpaper.color("field")?,
            shadow: ShadowTokens {
                color: shadow.color("color")?,
                focused: shadow.share("focused")?,
                unfocused: shadow.share("unfocused")?,
            },
            keyline: frame.flag("keyline")?,
            motion_ms: motion.milliseconds("duration_ms")?,
        })
    }

    /// The colour with which a border of `style` meets what lies around it in this theme.
    #[must_use]
    pub const fn outline(&self, style: &crate::IdentityStyle) -> Rgb {
        if self.keyline { style.ink } else { style.color }
    }
}
