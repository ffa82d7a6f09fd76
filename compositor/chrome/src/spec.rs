// SPDX-License-Identifier: GPL-3.0-or-later
//! What can be asked for: frames, shadows and overlays, in pixels of one output.

use cofferdam_ids::{Identity, Label};
use cofferdam_themes::{Metrics, PixelInsets};
use std::sync::Arc;

/// Which kind of frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FrameKind {
    /// A normal window: border, title bar, rounded corners.
    Window,
    /// A maximised or tiled window: border and title bar, square corners.
    Maximized,
    /// A fullscreen window: only the strip along the upper edge.
    Fullscreen,
    /// A popup, a tooltip, a drag icon: a thin border, rounded corners.
    Popup,
}

impl FrameKind {
    /// Space the frame takes around the content, in pixels at `scale`.
    #[must_use]
    pub fn insets(self, scale: f32) -> PixelInsets {
        match self {
            Self::Window | Self::Maximized => Metrics::WINDOW,
            Self::Fullscreen => Metrics::FULLSCREEN,
            Self::Popup => Metrics::POPUP,
        }
        .pixels(scale)
    }
}

/// A button of the title bar, from left to right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TitleButton {
    /// Hides the window.
    Minimize,
    /// Fills the work area, or goes back from it.
    Maximize,
    /// Asks the app to close.
    Close,
}

/// How the buttons of a title bar are being used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ButtonStates {
    /// Under the pointer.
    pub hovered: Option<TitleButton>,
    /// Held down.
    pub pressed: Option<TitleButton>,
    /// With the keyboard focus: gets the ring.
    pub focused: Option<TitleButton>,
}

/// An app's icon: straight (not premultiplied) RGBA, square, drawn at the size of the mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Icon {
    side: u32,
    rgba: Arc<[u8]>,
    hash: u64,
}

impl Icon {
    /// An icon of `side` × `side` pixels; `None` when the bytes don't fit, or above 512 pixels.
    #[must_use]
    pub fn new(side: u32, rgba: Arc<[u8]>) -> Option<Self> {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let fits = (1..=512).contains(&side) && rgba.len() == crate::px::index(side * side) * 4;
        fits.then(|| {
            let mut hasher = DefaultHasher::new();
            rgba.hash(&mut hasher);
            Self { side, hash: hasher.finish(), rgba }
        })
    }

    pub(crate) const fn side(&self) -> u32 {
        self.side
    }

    pub(crate) fn rgba(&self) -> &[u8] {
        &self.rgba
    }

    pub(crate) const fn hash(&self) -> u64 {
        self.hash
    }
}

/// A frame to draw. All sizes in pixels of the output.
#[derive(Debug, Clone)]
pub struct FrameSpec<'a> {
    /// Outer size, with the insets.
    pub size: (u32, u32),
    /// Pixels per logical unit.
    pub scale: f32,
    /// What kind.
    pub kind: FrameKind,
    /// Whose window.
    pub identity: Identity,
    /// The VM's or the app's name, given by the desktop.
    pub name: &'a Label,
    /// The title, given by the app.
    pub title: &'a Label,
    /// The app's icon.
    pub icon: Option<&'a Icon>,
    /// Whether the window has the keyboard focus.
    pub focused: bool,
    /// How its buttons are being used.
    pub buttons: ButtonStates,
    /// Whether the VM is thrown away afterwards: a dashed frame.
    pub throw_away: bool,
}

/// One window in the switcher.
#[derive(Debug, Clone)]
pub struct SwitcherItem<'a> {
    /// Whose window.
    pub identity: Identity,
    /// The VM's or the app's name.
    pub name: &'a Label,
    /// The title.
    pub title: &'a Label,
}

/// The overlay that Alt-Tab shows.
#[derive(Debug, Clone)]
pub struct SwitcherSpec<'a> {
    /// All windows, in the order in which Tab goes.
    pub items: &'a [SwitcherItem<'a>],
    /// Index of the chosen one.
    pub selected: usize,
    /// Pixels per logical unit.
    pub scale: f32,
    /// The output's size in pixels; the overlay stays inside it.
    pub output: (u32, u32),
}

/// A short message at the edge of the screen.
#[derive(Debug, Clone)]
pub struct NoticeSpec<'a> {
    /// Whose message, if it is about a VM.
    pub identity: Option<Identity>,
    /// The app's icon.
    pub icon: Option<&'a Icon>,
    /// What happened, such as "Terminal stopped", or the name of the app that says something.
    pub heading: &'a Label,
    /// What it means or what to do, in the desktop's own words; may be empty.
    pub text: &'a str,
    /// What the app says, in its own words.
    pub quote: Option<QuoteSpec<'a>>,
    /// How many wait behind it.
    pub waiting: usize,
    /// Under the pointer.
    pub hovered: bool,
    /// The button that closes it is under the pointer.
    pub close_hovered: bool,
    /// Pixels per logical unit.
    pub scale: f32,
    /// The output's size in pixels; the notice stays inside it.
    pub output: (u32, u32),
}

/// Words of an app: drawn inside a frame of their own, so that nobody takes them for the desktop's.
#[derive(Debug, Clone, Copy)]
pub struct QuoteSpec<'a> {
    /// Its first line; may be empty.
    pub title: &'a str,
    /// The rest; may be empty.
    pub body: &'a str,
}
