// SPDX-License-Identifier: GPL-3.0-or-later
//! In: a theme and the identities. Out: the first reason why the two don't go together.

use crate::vision::difference;
use crate::{Identities, Problem, Rgb, Theme};

/// Least contrast of text against the surface under it (WCAG 2, level AA).
pub const TEXT_CONTRAST: f32 = 4.5;
/// Least contrast of an identity's outline against the background (WCAG 2, non-text).
pub const IDENTITY_CONTRAST: f32 = 3.0;

/// Nearest a saturated token may come to the fill of an identity, in CIEDE2000.
const IDENTITY_DISTANCE: f32 = 12.0;
/// Chroma (CIELAB) from which a colour counts as saturated.
const SATURATED: f32 = 14.0;

/// A colour of a theme with the section and key that set it.
#[derive(Clone, Copy)]
pub(crate) struct Token {
    pub(crate) section: &'static str,
    pub(crate) key: &'static str,
    pub(crate) color: Rgb,
}

impl Token {
    fn name(self) -> String {
        format!("{}.{}", self.section, self.key)
    }
}

/// Every colour of `theme`.
pub(crate) fn tokens(theme: &Theme) -> [Token; 15] {
    let t = |section, key, color| Token { section, key, color };
    [
        t("surface", "background", theme.surface.background),
        t("surface", "base", theme.surface.base),
        t("surface", "raised", theme.surface.raised),
        t("surface", "control", theme.surface.control),
        t("surface", "line", theme.surface.line),
        t("text", "primary", theme.text.primary),
        t("text", "secondary", theme.text.secondary),
        t("text", "muted", theme.text.muted),
        t("accent", "neutral", theme.accent),
        t("accent", "on_neutral", theme.on_accent),
        t("danger", "surface", theme.danger),
        t("danger", "text", theme.on_danger),
        t("wallpaper", "glow", theme.wallpaper_glow),
        t("wallpaper", "field", theme.wallpaper_field),
        t("shadow", "color", theme.shadow.color),
    ]
}

/// Every pair of text and surface that chrome and panels draw.
pub(crate) fn text_pairs(theme: &Theme) -> Vec<(Token, Token)> {
    let [
        background,
        base,
        raised,
        control,
        _,
        primary,
        secondary,
        muted,
        accent,
        on_accent,
        danger,
        on_danger,
        ..,
    ] = tokens(theme);
    let mut pairs = vec![(on_accent, accent), (on_danger, danger)];
    for surface in [background, base, raised, control] {
        pairs.push((primary, surface));
        pairs.push((secondary, surface));
    }
    for surface in [background, base, raised] {
        pairs.push((muted, surface));
    }
    pairs
}

/// The section and key to blame, and what is wrong; `None` when all is well.
pub(crate) fn theme(theme: &Theme, identities: &Identities) -> Option<(&'static str, &'static str, Problem)> {
    let low =
        |text: String, surface: String, ratio, wanted| Problem::LowContrast { text, surface, ratio, wanted };
    for (text, surface) in text_pairs(theme) {
        let ratio = text.color.contrast(surface.color);
        if ratio < TEXT_CONTRAST {
            return Some((text.section, text.key, low(text.name(), surface.name(), ratio, TEXT_CONTRAST)));
        }
    }
    for style in identities.iter() {
        for token in tokens(theme) {
            let borrowed = style.border_colors().contains(&token.color);
            let near = crate::vision::chroma(token.color) >= SATURATED
                && difference(token.color, style.color) < IDENTITY_DISTANCE;
            if borrowed || near {
                let identity = style.identity.name();
                let problem =
                    Problem::LooksLikeIdentity { token: token.name(), color: token.color, identity };
                return Some((token.section, token.key, problem));
            }
        }
        let ratio = theme.outline(style).contrast(theme.surface.background);
        if ratio < IDENTITY_CONTRAST {
            let name = format!("the border of {}", style.identity.name());
            let problem = low(name, "surface.background".to_owned(), ratio, IDENTITY_CONTRAST);
            return Some(("surface", "background", problem));
        }
    }
    None
}
