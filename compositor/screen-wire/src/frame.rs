// SPDX-License-Identifier: GPL-3.0-or-later
//! Finished frames: what a tree looks like from now on.
//!
//! In: a flat list of nodes, lowest first. Out: the same, once every number in it has been held against
//! [`limits`](crate::limits), and every rectangle against what it is a part of.

use crate::geometry::{Rect, Size};
use crate::{DecodeError, limits};
use serde::{Deserialize, Serialize};

/// Memory that a front shares with the compositor: a sealed memfd. A guest has one, its pixel arena.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PoolId(pub u32);

/// A node of a tree: a surface that shows something. Stays the same from frame to frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(pub u32);

/// Bytes of a pixel, whatever the format.
pub const PIXEL: u64 = 4;

/// What the four bytes of a pixel are, as `wl_shm` names them; in memory the first letter comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Format {
    /// With premultiplied alpha.
    Argb8888,
    /// Opaque.
    Xrgb8888,
    /// With premultiplied alpha.
    Abgr8888,
    /// Opaque.
    Xbgr8888,
}

/// Pixels in a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Span {
    /// In which pool.
    pub pool: PoolId,
    /// The first byte; a multiple of [`PIXEL`].
    pub offset: u64,
    /// Pixels of a row.
    pub width: i32,
    /// Rows.
    pub height: i32,
    /// Bytes from row to row; a multiple of [`PIXEL`].
    pub stride: i32,
    /// What a pixel is.
    pub format: Format,
}

impl Span {
    /// Bytes of the pool up to the end of the last row.
    ///
    /// # Errors
    /// If its numbers can't be those of a buffer.
    pub fn end(&self) -> Result<u64, DecodeError> {
        const WRONG: DecodeError = DecodeError::Value("a buffer that can't be");
        let edges = 1..=limits::EDGE;
        if !edges.contains(&self.width) || !edges.contains(&self.height) {
            return Err(WRONG);
        }
        let unsigned = |v: i32| u64::try_from(v).map_err(|_negative| WRONG);
        let (width, height, stride) = (unsigned(self.width)?, unsigned(self.height)?, unsigned(self.stride)?);
        let aligned = |v: u64| v.checked_rem(PIXEL) == Some(0);
        let row = width.checked_mul(PIXEL).ok_or(WRONG)?;
        if !aligned(self.offset) || !aligned(stride) || stride < row {
            return Err(WRONG);
        }
        let bytes = stride.checked_mul(height).and_then(|all| all.checked_add(self.offset)).ok_or(WRONG)?;
        if bytes > limits::POOL_BYTES { Err(WRONG) } else { Ok(bytes) }
    }
}

/// What a node shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Pixels {
    /// A part of a pool.
    Span(Span),
    /// One colour: premultiplied red, green, blue and alpha.
    Solid([u8; 4]),
}

impl Pixels {
    /// Size in pixels; a solid colour is one pixel.
    #[must_use]
    pub const fn size(&self) -> (i32, i32) {
        match self {
            Self::Span(span) => (span.width, span.height),
            Self::Solid(_) => (1, 1),
        }
    }
}

/// The part of a buffer that is shown, in 256ths of a pixel, before it is turned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Cut {
    /// From the left.
    pub x: i32,
    /// From the top.
    pub y: i32,
    /// Width.
    pub w: i32,
    /// Height.
    pub h: i32,
}

/// What [`Cut`] counts in.
pub const CUT_UNIT: i32 = 256;

/// How a buffer was turned before it was drawn, as `wl_output.transform` numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
pub enum Turn {
    /// Not at all.
    #[default]
    Normal,
    /// A quarter, counter-clockwise.
    Quarter,
    /// Half.
    Half,
    /// Three quarters, counter-clockwise.
    ThreeQuarters,
    /// Flipped left to right.
    Flipped,
    /// Flipped, then a quarter.
    FlippedQuarter,
    /// Flipped, then half.
    FlippedHalf,
    /// Flipped, then three quarters.
    FlippedThreeQuarters,
}

/// Which pixels of a buffer differ from those of the frame before.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Damage {
    /// None: the buffer is the same.
    #[default]
    Nothing,
    /// All of them.
    Everything,
    /// These, in pixels of the buffer and inside it.
    Rects(Vec<Rect>),
}

/// A surface that shows something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Which one; once in a tree.
    pub id: NodeId,
    /// What it shows.
    pub pixels: Pixels,
    /// Which part of that.
    pub cut: Cut,
    /// How the buffer was turned.
    pub turn: Turn,
    /// Where, from the origin of the tree's main surface.
    pub place: Rect,
    /// What has changed since the frame before.
    pub damage: Damage,
    /// Parts of `place` that hide what is below, from `place`'s own corner and inside it.
    pub opaque: Vec<Rect>,
}

impl Node {
    fn rects(&self) -> usize {
        let damage = match &self.damage {
            Damage::Rects(rects) => rects.len(),
            Damage::Nothing | Damage::Everything => 0,
        };
        damage.saturating_add(self.opaque.len())
    }

    fn check(&self) -> Result<(), DecodeError> {
        if let Pixels::Span(span) = &self.pixels {
            span.end()?;
        }
        let (width, height) = self.pixels.size();
        let whole = |v: i32| v.checked_mul(CUT_UNIT).ok_or(DecodeError::Value("a buffer that can't be"));
        let cut = Rect { x: self.cut.x, y: self.cut.y, w: self.cut.w, h: self.cut.h };
        if !cut.is_inside(whole(width)?, whole(height)?) {
            return Err(DecodeError::Value("a cut outside of its buffer"));
        }
        self.place.check_area()?;
        if let Damage::Rects(rects) = &self.damage
            && (rects.len() > limits::DAMAGE || rects.iter().any(|rect| !rect.is_inside(width, height)))
        {
            return Err(DecodeError::Value("damage outside of its buffer"));
        }
        let (w, h) = (self.place.w, self.place.h);
        if self.opaque.len() > limits::OPAQUE || self.opaque.iter().any(|rect| !rect.is_inside(w, h)) {
            return Err(DecodeError::Value("an opaque part outside of its node"));
        }
        Ok(())
    }
}

/// What a tree looks like from now on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Frame {
    /// Its number, one more than the last of this tree (it may wrap).
    pub number: u32,
    /// The window geometry: the part of the tree that its frame is drawn around.
    pub geometry: Rect,
    /// The app said what its geometry is. If not, it is what the nodes cover.
    pub said: bool,
    /// Smallest and largest geometry that the app wants; 0 means none. Windows only.
    pub limits: (Size, Size),
    /// The newest configure that this frame answers; 0 for none. Windows only.
    pub acked: u32,
    /// How many commits of the app are in it, for tests and statistics.
    pub commits: u32,
    /// Somebody waits for the time at which it is presented.
    pub awaited: bool,
    /// What to draw, lowest first.
    pub nodes: Vec<Node>,
}

impl Frame {
    pub(crate) fn check(&self) -> Result<(), DecodeError> {
        self.geometry.check_area()?;
        self.limits.0.check()?;
        self.limits.1.check()?;
        if self.nodes.is_empty() || self.nodes.len() > limits::NODES {
            return Err(DecodeError::Value("too many nodes, or none"));
        }
        let rects = self.nodes.iter().map(Node::rects).fold(0, usize::saturating_add);
        if rects > limits::RECTS {
            return Err(DecodeError::Value("too many rectangles"));
        }
        let mut ids: Vec<NodeId> = self.nodes.iter().map(|node| node.id).collect();
        ids.sort_unstable();
        if ids.windows(2).any(|pair| matches!(pair, [a, b] if a == b)) {
            return Err(DecodeError::Value("a node that is there twice"));
        }
        self.nodes.iter().try_for_each(Node::check)
    }
}
