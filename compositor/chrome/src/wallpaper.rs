// SPDX-License-Identifier: GPL-3.0-or-later
//! In: two colours and a size. Out: a soft diagonal glow, dithered, in a strip that is shared by
//! all rows.
//!
//! Along lines that fall by 45° the colour never changes, so every band of the picture is the one
//! above it, moved to the side. One strip, cropped differently for each band, is the whole
//! wallpaper: under a megabyte where a full picture of a 4K screen has 33.

use crate::canvas::Canvas;
use crate::px;
use crate::raster::{Part, PixelRect, Raster};
use cofferdam_themes::Rgb;
use std::sync::Arc;

/// Height of a band in pixels; a multiple of the dither's period, or the bands would not join.
pub(crate) const BAND: u32 = 64;

/// Ordered dither after Bayer, 8 × 8: 0 to 1, the mean is one half.
pub(crate) fn threshold(x: u32, y: u32) -> f32 {
    let mut value = 0;
    for bit in 0..3 {
        let (bx, by) = ((x >> bit) & 1, (y >> bit) & 1);
        value |= ((bx ^ by) << 1 | by) << (2 * (2 - bit));
    }
    (px::f(value) + 0.5) / 64.0
}

/// Brightness along the diagonal, 0 to 1: rises soon, falls slowly.
fn glow(t: f32) -> f32 {
    let peak = 0.22;
    let t = if t < peak { (peak - t) / (peak * 2.4) } else { (t - peak) / (0.86 - peak) };
    let t = t.clamp(0.0, 1.0);
    // Smoothstep, so that neither end of the slope shows.
    1.0 - t * t * 2.0f32.mul_add(-t, 3.0)
}

/// The strip for an output of this size.
pub(crate) fn strip(width: u32, height: u32, glow_color: Rgb, field: Rgb) -> Arc<Raster> {
    let diagonal = px::f(width + height);
    let bands = height.div_ceil(BAND);
    let length = width + bands.saturating_sub(1) * BAND;
    let mut canvas = Canvas::new(length, BAND);
    let channels = |c: Rgb| [c.r, c.g, c.b].map(f32::from);
    let (from, to) = (channels(field), channels(glow_color));
    let shares: Vec<f32> = (0..canvas.width() + BAND).map(|d| glow(px::f(d) / diagonal)).collect();
    for y in 0..canvas.height() {
        for (x, share) in (0..canvas.width()).zip(shares.iter().skip(px::index(y))) {
            let mut shades = [0u8; 3];
            // Channels are dithered apart from each other: three times as many steps to the eye.
            for ((shade, (a, b)), shift) in shades.iter_mut().zip(from.iter().zip(to)).zip([0, 3, 5]) {
                let exact = (b - a).mul_add(*share, *a);
                *shade = px::byte((exact + threshold(x + shift, y) - 0.5) / 255.0);
            }
            let [r, g, b] = shades;
            canvas.set(px::coord(x), px::coord(y), Rgb::new(r, g, b));
        }
    }
    canvas.finish()
}

/// The bands that make up the picture, from top to bottom.
pub(crate) fn bands(strip: &Arc<Raster>, width: u32, height: u32) -> Vec<Part> {
    (0..height.div_ceil(BAND))
        .map(|n| Part {
            raster: Arc::clone(strip),
            src: PixelRect::new(
                px::coord(n * BAND),
                0,
                width.min(strip.width().saturating_sub(n * BAND)),
                BAND.min(height - n * BAND),
            ),
            at: (0, px::coord(n * BAND)),
            opaque: true,
        })
        .collect()
}
