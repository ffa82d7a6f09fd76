// SPDX-License-Identifier: GPL-3.0-or-later
//! In: a blur and an opacity. Out: the eight pieces of a soft shadow around a frame.
//!
//! The shadow of a rectangle under a Gaussian blur is a product of two error functions, so each
//! pixel is exact and costs no blur pass. All windows of one output share the pieces: edges repeat
//! and are cropped, corners are the same for every size.

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

/// Length of an edge in pixels; longer ones are made of several. A multiple of the dither's period.
pub(crate) const EDGE: u32 = 512;

/// A piece of the shadow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Piece {
    Top,
    Left,
    Right,
    Bottom,
    UpperLeft,
    UpperRight,
    LowerLeft,
    LowerRight,
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

    /// Draws a piece: an edge is `EDGE` pixels long and repeats.
    pub(crate) fn draw(&self, piece: Piece) -> Arc<Raster> {
        let (reach, corner) = (self.reach, self.reach + self.corner);
        let drop = self.drop;
        let start = px::f(reach) - 0.5;
        // How far inside the shadow's edge each column and each row lies.
        let rising =
            |n: u32, shift: f32| (0..n).map(|i| self.cover(px::f(i) - start - shift)).collect::<Vec<_>>();
        let falling = |n: u32, shift: f32| {
            let mut covers = rising(n, -shift);
            covers.reverse();
            covers
        };
        let full = vec![1.0; px::index(EDGE)];
        match piece {
            Piece::Top => self.product(&full, &rising(reach, drop)),
            Piece::Bottom => self.product(&full, &falling(reach, drop)),
            Piece::Left => self.product(&rising(reach, 0.0), &full),
            Piece::Right => self.product(&falling(reach, 0.0), &full),
            Piece::UpperLeft => self.product(&rising(corner, 0.0), &rising(corner, drop)),
            Piece::UpperRight => self.product(&falling(corner, 0.0), &rising(corner, drop)),
            Piece::LowerLeft => self.product(&rising(corner, 0.0), &falling(corner, drop)),
            Piece::LowerRight => self.product(&falling(corner, 0.0), &falling(corner, drop)),
        }
    }

    fn product(&self, columns: &[f32], rows: &[f32]) -> Arc<Raster> {
        let side = |covers: &[f32]| u32::try_from(covers.len()).unwrap_or(px::MAX_SIDE);
        let mut canvas = Canvas::new(side(columns), side(rows));
        for (across, y) in rows.iter().zip(0u32..) {
            for (down, x) in columns.iter().zip(0u32..) {
                // Half a step of ordered noise: the eye finds contours of one level on a plain ground.
                let noise = (crate::wallpaper::threshold(x, y) - 0.5) / 255.0;
                let alpha = px::byte((self.opacity * across).mul_add(*down, noise));
                canvas.set_alpha(px::coord(x), px::coord(y), self.color, alpha);
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
