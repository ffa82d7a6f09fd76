// SPDX-License-Identifier: GPL-3.0-or-later
//! In: finished pixels. Out: `Raster`, which never changes again, and `Part`, a piece of one with
//! the place where it goes.
//!
//! Pixel format everywhere: premultiplied ARGB8888 as Wayland and DRM name it, that is the bytes
//! B, G, R, A in memory. It is what clients send, so no renderer has to convert between the two.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A rectangle in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct PixelRect {
    /// Left edge.
    pub x: i32,
    /// Upper edge.
    pub y: i32,
    /// Width.
    pub w: u32,
    /// Height.
    pub h: u32,
}

impl PixelRect {
    /// A rectangle.
    #[must_use]
    pub const fn new(x: i32, y: i32, w: u32, h: u32) -> Self {
        Self { x, y, w, h }
    }

    /// Whether the point lies inside.
    #[must_use]
    pub fn contains(&self, x: i32, y: i32) -> bool {
        let within = |p: i32, start: i32, len: u32| {
            let d = i64::from(p) - i64::from(start);
            (0..i64::from(len)).contains(&d)
        };
        within(x, self.x, self.w) && within(y, self.y, self.h)
    }
}

/// An immutable picture: premultiplied ARGB8888 (bytes B, G, R, A), rows without padding.
#[derive(Debug)]
pub struct Raster {
    id: u64,
    width: u32,
    height: u32,
    pixels: Box<[u8]>,
}

impl Raster {
    /// A picture from its pixels, of which there are `width * height`.
    #[must_use]
    pub fn new(width: u32, height: u32, pixels: Vec<u8>) -> Arc<Self> {
        // Only tells pictures apart; nothing is ordered by it.
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Arc::new(Self { id, width, height, pixels: pixels.into_boxed_slice() })
    }

    /// A number no other picture of this process has: a key for the renderer's textures.
    #[must_use]
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// Width in pixels, at least 1.
    #[must_use]
    pub const fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels, at least 1.
    #[must_use]
    pub const fn height(&self) -> u32 {
        self.height
    }

    /// The pixels: `width * height * 4` bytes in the order B, G, R, A, premultiplied.
    #[must_use]
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// Bytes from one row to the next.
    #[must_use]
    pub const fn stride(&self) -> u32 {
        self.width * 4
    }
}

/// A piece of a picture and where it goes, both in pixels: no scaling is ever asked for.
#[derive(Debug, Clone)]
pub struct Part {
    /// The picture; parts share it.
    pub raster: Arc<Raster>,
    /// Which piece of the picture; always inside it.
    pub src: PixelRect,
    /// Upper left corner, relative to the upper left corner of what was asked for (the outer edge
    /// of the frame, the output, the overlay). Shadows have negative places.
    pub at: (i32, i32),
    /// Whether every pixel of the piece is opaque.
    pub opaque: bool,
}

impl Part {
    /// All of a picture.
    #[must_use]
    pub fn whole(raster: Arc<Raster>, x: i32, y: i32, opaque: bool) -> Self {
        let src = PixelRect::new(0, 0, raster.width, raster.height);
        Self { raster, src, at: (x, y), opaque }
    }

    /// The upper left corner of a picture.
    #[must_use]
    pub fn cropped(raster: Arc<Raster>, x: i32, y: i32, w: u32, h: u32, opaque: bool) -> Self {
        let src = PixelRect::new(0, 0, w.min(raster.width), h.min(raster.height));
        Self { raster, src, at: (x, y), opaque }
    }

    /// The rectangle the piece covers, relative like [`Self::at`].
    #[must_use]
    pub const fn area(&self) -> PixelRect {
        PixelRect { x: self.at.0, y: self.at.1, w: self.src.w, h: self.src.h }
    }
}
