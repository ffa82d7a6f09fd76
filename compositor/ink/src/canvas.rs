// SPDX-License-Identifier: GPL-3.0-or-later
//! In: shapes, masks and colours. Out: a `Raster`.
//!
//! Drawn in RGBA, as tiny-skia wants it, and turned to BGRA once at the end.

use crate::px;
use crate::raster::Raster;
use cofferdam_themes::Rgb;
use std::sync::Arc;
use tiny_skia::{Color, FillRule, LineCap, LineJoin, Paint, Path, PathBuilder, PixmapMut, Stroke, Transform};

/// Pictures being drawn; at least 1 × 1 and at most `MAX_SIDE` in each direction.
pub struct Canvas {
    width: u32,
    height: u32,
    rgba: Vec<u8>,
}

fn paint(color: Rgb, alpha: f32) -> Paint<'static> {
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    paint.set_color(Color::from_rgba8(color.r, color.g, color.b, px::byte(alpha)));
    paint
}

impl Canvas {
    /// A transparent canvas.
    pub fn new(width: u32, height: u32) -> Self {
        let (width, height) = (width.clamp(1, px::MAX_SIDE), height.clamp(1, px::MAX_SIDE));
        Self { width, height, rgba: vec![0; px::index(width) * px::index(height) * 4] }
    }

    /// A canvas full of one colour.
    pub fn filled(width: u32, height: u32, color: Rgb) -> Self {
        let mut canvas = Self::new(width, height);
        for p in canvas.rgba.chunks_exact_mut(4) {
            p.copy_from_slice(&[color.r, color.g, color.b, 255]);
        }
        canvas
    }

    /// Pixels in a row.
    #[must_use]
    pub const fn width(&self) -> u32 {
        self.width
    }

    /// Rows.
    #[must_use]
    pub const fn height(&self) -> u32 {
        self.height
    }

    fn pixel(&mut self, x: i32, y: i32) -> Option<&mut [u8]> {
        let (x, y) = (u32::try_from(x).ok()?, u32::try_from(y).ok()?);
        if x >= self.width || y >= self.height {
            return None;
        }
        let at = (px::index(y) * px::index(self.width) + px::index(x)) * 4;
        self.rgba.get_mut(at..at + 4)
    }

    /// Replaces one pixel with an opaque colour.
    pub fn set(&mut self, x: i32, y: i32, color: Rgb) {
        if let Some(p) = self.pixel(x, y) {
            p.copy_from_slice(&[color.r, color.g, color.b, 255]);
        }
    }

    /// Replaces one pixel with a colour of this opacity.
    pub fn set_alpha(&mut self, x: i32, y: i32, color: Rgb, alpha: u8) {
        let premultiply = |c: u8| scale_byte(c, alpha);
        if let Some(p) = self.pixel(x, y) {
            p.copy_from_slice(&[premultiply(color.r), premultiply(color.g), premultiply(color.b), alpha]);
        }
    }

    /// Lays `color` over one pixel with this coverage.
    pub fn blend(&mut self, x: i32, y: i32, color: Rgb, coverage: u8) {
        if coverage == 0 {
            return;
        }
        if let Some(p) = self.pixel(x, y) {
            for (d, s) in p.iter_mut().zip([color.r, color.g, color.b, 255]) {
                *d = scale_byte(s, coverage).saturating_add(scale_byte(*d, 255 - coverage));
            }
        }
    }

    /// Lays a premultiplied RGBA pixel over one pixel.
    pub fn over(&mut self, x: i32, y: i32, rgba: [u8; 4]) {
        let [_, _, _, alpha] = rgba;
        if let Some(p) = self.pixel(x, y) {
            for (d, s) in p.iter_mut().zip(rgba) {
                *d = s.saturating_add(scale_byte(*d, 255 - alpha));
            }
        }
    }

    /// Fills whole pixels with an opaque colour.
    pub fn rect(&mut self, x: u32, y: u32, w: u32, h: u32, color: Rgb) {
        let (right, bottom) = (x.saturating_add(w).min(self.width), y.saturating_add(h).min(self.height));
        for y in y..bottom {
            for x in x..right {
                self.set(px::coord(x), px::coord(y), color);
            }
        }
    }

    /// Fills a shape, anti-aliased.
    pub fn fill(&mut self, path: Option<&Path>, color: Rgb, alpha: f32) {
        let (w, h) = (self.width, self.height);
        if let (Some(path), Some(mut pixmap)) = (path, PixmapMut::from_bytes(&mut self.rgba, w, h)) {
            pixmap.fill_path(path, &paint(color, alpha), FillRule::Winding, Transform::identity(), None);
        }
    }

    /// Draws along a path, with round ends and corners.
    pub fn stroke(&mut self, path: Option<&Path>, width: f32, color: Rgb, alpha: f32) {
        self.stroke_with(path, width, LineCap::Round, color, alpha);
    }

    /// Draws along a path with the given ends.
    pub fn stroke_with(&mut self, path: Option<&Path>, width: f32, cap: LineCap, color: Rgb, alpha: f32) {
        let (w, h) = (self.width, self.height);
        let stroke = Stroke { width, line_cap: cap, line_join: LineJoin::Round, ..Stroke::default() };
        if let (Some(path), Some(mut pixmap)) = (path, PixmapMut::from_bytes(&mut self.rgba, w, h)) {
            pixmap.stroke_path(path, &paint(color, alpha), &stroke, Transform::identity(), None);
        }
    }

    /// Lays `picture` over this canvas where `mask` covers it.
    pub fn stamp(&mut self, picture: &Self, mask: &Self, x: i32, y: i32) {
        let width = picture.width.min(mask.width);
        let rows = picture.rgba.chunks_exact(px::index(picture.width) * 4);
        let masks = mask.rgba.chunks_exact(px::index(mask.width) * 4);
        for ((row, cover), dy) in rows.zip(masks).zip(0i32..) {
            let (row, _) = row.as_chunks::<4>();
            let (cover, _) = cover.as_chunks::<4>();
            for (([r, g, b, _], [.., a]), dx) in row.iter().zip(cover).take(px::index(width)).zip(0i32..) {
                self.blend(x + dx, y + dy, Rgb::new(*r, *g, *b), *a);
            }
        }
    }

    /// The same picture with left and right, or above and below, changed over.
    pub fn mirrored(mut self, horizontally: bool, vertically: bool) -> Self {
        let row = px::index(self.width) * 4;
        if horizontally {
            for line in self.rgba.chunks_exact_mut(row) {
                let (pixels, _) = line.as_chunks_mut::<4>();
                pixels.reverse();
            }
        }
        if vertically {
            let lines: Vec<_> = self.rgba.chunks_exact(row).rev().flatten().copied().collect();
            self.rgba = lines;
        }
        self
    }

    /// The finished picture.
    pub fn finish(mut self) -> Arc<Raster> {
        let (pixels, _) = self.rgba.as_chunks_mut::<4>();
        for [r, _, b, _] in pixels {
            std::mem::swap(r, b);
        }
        Raster::new(self.width, self.height, self.rgba)
    }
}

/// `a * b / 255`, rounded.
fn scale_byte(a: u8, b: u8) -> u8 {
    let t = u32::from(a) * u32::from(b) + 128;
    u8::try_from((t + (t >> 8)) >> 8).unwrap_or(u8::MAX)
}

/// Share of a radius at which a Bézier handle makes a quarter of a circle.
const KAPPA: f32 = 0.552_284_8;

/// A rectangle with the corner radii upper left, upper right, lower right, lower left.
pub fn rounded(x: f32, y: f32, w: f32, h: f32, radii: [f32; 4]) -> Option<Path> {
    let limit = w.min(h).max(0.0) / 2.0;
    let [tl, tr, br, bl] = radii.map(|r| r.clamp(0.0, limit));
    let (right, bottom) = (x + w, y + h);
    let k = 1.0 - KAPPA;
    let mut p = PathBuilder::new();
    p.move_to(x + tl, y);
    p.line_to(right - tr, y);
    p.cubic_to(right - tr * k, y, right, y + tr * k, right, y + tr);
    p.line_to(right, bottom - br);
    p.cubic_to(right, bottom - br * k, right - br * k, bottom, right - br, bottom);
    p.line_to(x + bl, bottom);
    p.cubic_to(x + bl * k, bottom, x, bottom - bl * k, x, bottom - bl);
    p.line_to(x, y + tl);
    p.cubic_to(x, y + tl * k, x + tl * k, y, x + tl, y);
    p.close();
    p.finish()
}

/// One line through `points`.
pub fn polyline(points: &[(f32, f32)], closed: bool) -> Option<Path> {
    let mut p = PathBuilder::new();
    let mut points = points.iter();
    let (x, y) = points.next()?;
    p.move_to(*x, *y);
    for (x, y) in points {
        p.line_to(*x, *y);
    }
    if closed {
        p.close();
    }
    p.finish()
}
