// SPDX-License-Identifier: GPL-3.0-or-later
//! In: what a frame, a shadow, a cursor or an overlay should look like, in pixels. Out: pictures
//! and where they go; see [`Raster`] and [`Part`].
//!
//! Knows nothing of Wayland, windows or outputs and touches no file (but for the font directories
//! it is given, when a character needs them). Everything a guest could say arrives as a `Label`,
//! which is clean and short, or as a number, which is clamped.
//!
//! ```
//! # fn main() -> Result<(), cofferdam_themes::ThemeError> {
//! use cofferdam_chrome::{ButtonStates, Chrome, FrameKind, FrameSpec};
//! use cofferdam_ids::{Identity, Label};
//!
//! let library = cofferdam_themes::Library::built_in()?;
//! let theme = library.theme("default-dark").cloned().unwrap_or_else(|| unreachable_theme());
//! # fn unreachable_theme() -> cofferdam_themes::Theme { std::process::abort() }
//! let mut chrome = Chrome::new(theme, library.identities, Vec::new());
//! let (name, title) = (Label::new("Terminal"), Label::new("~/notes"));
//! let frame = FrameSpec {
//!     size: (600, 380),
//!     scale: 1.0,
//!     kind: FrameKind::Window,
//!     identity: Identity::Orange,
//!     name: &name,
//!     title: &title,
//!     icon: None,
//!     focused: true,
//!     buttons: ButtonStates::default(),
//!     throw_away: false,
//! };
//! for part in chrome.frame(&frame) {
//!     assert!(part.src.w <= part.raster.width());
//! }
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod attention;
mod border;
mod cache;
mod card;
mod cursor;
mod frame;
mod notice;
mod overlay;
mod prompt;
mod shadow;
mod spec;
mod text;
mod title;
mod wallpaper;

pub use attention::{AttentionShape, AttentionSpec, LockSpec, OwnerRow, PlateSpec};
pub use cofferdam_ink::raster::{Part, PixelRect, Raster};

use cofferdam_ink::{canvas, pattern, px, raster};

pub use card::{Card, ChoiceSpec, ChoiceState};
pub use cursor::{Cursor, CursorShape};
pub use overlay::Overlay;
pub use prompt::PromptSpec;
pub use spec::{
    ButtonStates, FrameKind, FrameSpec, Icon, NoticeSpec, QuoteSpec, SwitcherItem, SwitcherSpec, TitleButton,
};
pub use text::TextSpan;

use cache::Cache;
use cofferdam_themes::{Identities, Metrics, Theme};
use std::path::PathBuf;
use std::sync::Arc;
use text::TextEngine;

/// Bytes of pictures kept by default; a full-HD desktop with five windows needs about half.
const CACHE_BYTES: usize = 3 * 1024 * 1024;

/// What a picture in the cache shows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Edge(frame::BorderKey, border::Side),
    Corner(frame::BorderKey, border::Corner),
    Title(Box<frame::TitleKey>),
    Shadow((u32, u32, u32), shadow::Piece),
    Wallpaper(u32, u32),
    Cursor(CursorShape, u32),
}

/// Draws everything that is the desktop's own.
pub struct Chrome {
    theme: Theme,
    identities: Identities,
    text: TextEngine,
    cache: Cache<Key>,
}

impl Chrome {
    /// Chrome in `theme`. `fallback_font_dirs` are looked at when a text has characters that the
    /// bundled font lacks, and not before.
    #[must_use]
    pub fn new(theme: Theme, identities: Identities, fallback_font_dirs: Vec<PathBuf>) -> Self {
        Self { theme, identities, text: TextEngine::new(fallback_font_dirs), cache: Cache::new(CACHE_BYTES) }
    }

    /// Changes the theme; everything has to be asked for again.
    pub fn set_theme(&mut self, theme: Theme, identities: Identities) {
        self.theme = theme;
        self.identities = identities;
        self.cache.clear();
    }

    /// The theme in use.
    #[must_use]
    pub const fn theme(&self) -> &Theme {
        &self.theme
    }

    /// The identities in use.
    #[must_use]
    pub const fn identities(&self) -> &Identities {
        &self.identities
    }

    /// How many pictures were drawn so far, for tests of what a change costs.
    #[must_use]
    pub const fn drawn(&self) -> u64 {
        self.cache.drawn()
    }

    /// Bytes of the pictures kept.
    #[must_use]
    pub const fn cached_bytes(&self) -> usize {
        self.cache.bytes()
    }

    /// The wallpaper of an output of `width` × `height` pixels, as bands that fill it.
    pub fn wallpaper(&mut self, width: u32, height: u32) -> Vec<Part> {
        let (w, h) = (width.clamp(1, px::MAX_SIDE / 2), height.clamp(1, px::MAX_SIDE / 2));
        let strip = self.cached(Key::Wallpaper(w, h), |chrome| {
            wallpaper::strip(w, h, chrome.theme.wallpaper_glow, chrome.theme.wallpaper_field)
        });
        wallpaper::bands(&strip, w, h)
    }

    /// The cursor of this shape for an output of this scale.
    pub fn cursor(&mut self, shape: CursorShape, scale: f32) -> Cursor {
        let scale = Metrics::clamp_scale(scale);
        let raster = self.cached(Key::Cursor(shape, scale.to_bits()), |_| cursor::draw(shape, scale));
        Cursor { raster, hotspot: cursor::hotspot(shape, scale) }
    }

    fn cached(&mut self, key: Key, draw: impl FnOnce(&mut Self) -> Arc<Raster>) -> Arc<Raster> {
        self.cached_if(key, |_| true, draw)
    }

    /// The picture from the cache if it will do, else a new one in its place.
    fn cached_if(
        &mut self,
        key: Key,
        will_do: impl FnOnce(&Raster) -> bool,
        draw: impl FnOnce(&mut Self) -> Arc<Raster>,
    ) -> Arc<Raster> {
        if let Some(raster) = self.cache.get(&key).filter(|r| will_do(r)) {
            return raster;
        }
        let raster = draw(self);
        self.cache.put(key, raster)
    }
}
