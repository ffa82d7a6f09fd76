// SPDX-License-Identifier: GPL-3.0-or-later
//! In: a blur and an opacity. Out: the eight pieces of a soft shadow around a frame.
//!
//! The shadow of a rectangle under a Gaussian blur is a product of two error functions, so each
//! pixel is exact and costs no blur pass. All windows of one output share the pieces: edges are
//! drawn long and cropped, corners are the same for every size.

use crate::canvas::Canvas;
use crate::px;
use crate::raster::Raster;
use cofferdam_themes::Rgb;
use std::sync::Arc;

/// Measures of a shadow in pixels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ShadowShape {
    pub(crate) color: Rgb,
    /// 0 to 1.
    pub(crate) opacity: f32,
    /// Standard deviation of the blur.
    pub(crate) sigma: f32,
    /// How far the shadow lies below the frame.
    pub(crate) drop: f32,
    /// How far it reaches beyond the frame on each side.
    pub(crate) reach: u32,
    /// How far corners reach along the frame's edges; a multiple of nothing, at least the radius.
    pub(crate) corner: u32,
}

/// A piece of the shadow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Piece {
    Top,
    Left,
    Right,
    Bottom,
    UpperCorner,
    LowerCorner,
}

/// The error function, to seven digits (Abramowitz and Stegun 7.1.26).
fn erf(x: f32) -> f32 {
    let t = 1.0 / 0.327_591_1f32.mul_add(x.abs(), 1.0);
    let poly = [1.061_405_4, -1.453_152, 1.421_413_7, -0.284_496_74, 0.254_829_6]
        .iter()
        .fold(0.0, |sum: f32, c| (sum + c) * t);
    (1.0 - poly * (-x * x).exp()).copysign(x)
}

impl ShadowShape {
    /// How much of the blurred half-plane that starts at 0 covers a point `d` pixels inside it.
    fn cover(&self, d: f32) -> f32 {
        erf(d / (self.sigma * std::f32::consts::SQRT_2)).mul_add(0.5, 0.5)
    }

    /// Opacity at a pixel: `x`, `y` pixels inside the left and upper edges (or mirrored).
    fn alpha(&self, x: f32, y: f32, column: u32, row: u32) -> u8 {
        // Half a step of ordered noise: the eye finds contours of one level on a plain ground.
        let noise = (crate::wallpaper::threshold(column, row) - 0.5) / 255.0;
        px::byte(
            self.opacity * self.cover(x) * self.cover(y) + noise * if self.opacity > 0.0 { 1.0 } else { 0.0 },
        )
    }

    /// Draws a piece; `length` is that of an edge.
    pub(crate) fn draw(&self, piece: Piece, length: u32) -> Arc<Raster> {
        const FAR: f32 = 1e4;
        let (reach, drop) = (px::f(self.reach), self.drop);
        let corner = self.reach + self.corner;
        let inside = |i: u32| px::f(i) + 0.5 - reach;
        let draw = |w: u32, h: u32, depth: &dyn Fn(u32, u32) -> (f32, f32)| {
            let mut canvas = Canvas::new(w, h);
            for row in 0..canvas.height() {
                for column in 0..canvas.width() {
                    let (x, y) = depth(column, row);
                    let alpha = self.alpha(x, y, column, row);
                    canvas.set_alpha(px::coord(column), px::coord(row), self.color, alpha);
                }
            }
            canvas
        };
        let from_end = |i: u32, size: u32| px::f(size - i) - 0.5 - reach;
        match piece {
            Piece::Top => draw(length, self.reach, &|_, y| (FAR, inside(y) - drop)),
            Piece::Bottom => draw(length, self.reach, &|_, y| (FAR, drop - px::f(y) - 0.5)),
            Piece::Left => draw(self.reach, length, &|x, _| (inside(x), FAR)),
            Piece::Right => draw(self.reach, length, &|x, _| (-px::f(x) - 0.5, FAR)),
            Piece::UpperCorner => draw(corner, corner, &|x, y| (inside(x), inside(y) - drop)),
            Piece::LowerCorner => draw(corner, corner, &|x, y| (inside(x), from_end(y, corner) + drop)),
        }
        .finish()
    }

    /// The right-hand version of a corner.
    pub(crate) fn draw_mirrored(&self, piece: Piece) -> Arc<Raster> {
        let left = self.draw(piece, 0);
        let mut canvas = Canvas::new(left.width(), left.height());
        let (pixels, _) = left.pixels().as_chunks::<4>();
        for (row, y) in pixels.chunks_exact(px::index(left.width())).zip(0i32..) {
            for ([b, g, r, a], x) in row.iter().rev().zip(0i32..) {
                canvas.over(x, y, [*r, *g, *b, *a]);
            }
        }
        canvas.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_function() {
        for (x, y) in
            [(0.0, 0.0), (0.5, 0.520_5), (1.0, 0.842_7), (2.0, 0.995_32), (-1.0, -0.842_7), (1e4, 1.0)]
        {
            assert!((erf(x) - y).abs() < 1e-4, "erf({x}) = {}", erf(x));
        }
    }
}
