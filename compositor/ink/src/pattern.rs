// SPDX-License-Identifier: GPL-3.0-or-later
//! In: a pattern and a place. Out: how much ink lies there, 0 to 1.
//!
//! Lines that run along the pixels are placed on whole pixels, so they stay crisp at any scale;
//! slanted and round shapes are sampled.

use crate::canvas::{Canvas, rounded};
use crate::px;
use cofferdam_themes::{IdentityStyle, Pattern};

/// Samples in each direction of a pixel for slanted and round shapes.
const SAMPLES: u16 = 4;

/// The share of a pixel for which `inside` holds.
fn sampled(x: u32, y: u32, inside: impl Fn(f32, f32) -> bool) -> f32 {
    let step = 1.0 / f32::from(SAMPLES);
    let mut hits = 0u16;
    for j in 0..SAMPLES {
        for i in 0..SAMPLES {
            let (dx, dy) = ((f32::from(i) + 0.5) * step, (f32::from(j) + 0.5) * step);
            hits += u16::from(inside(px::f(x) + dx, px::f(y) + dy));
        }
    }
    f32::from(hits) / f32::from(SAMPLES * SAMPLES)
}

/// Strength of the ink in a border: the colour has to lead, the pattern to follow.
const EDGE_INK: f32 = 0.62;
/// Strength of the ink in a mark, which is small and has to be recognised at once.
const MARK_INK: f32 = 0.88;

/// A pattern that runs along a border.
#[derive(Clone, Copy)]
pub struct Edge {
    pattern: Pattern,
    /// Pixels across the border.
    thickness: u32,
    /// Pixels after which the pattern repeats.
    period: u32,
    /// Pixels of a thin line.
    line: u32,
}

impl Edge {
    /// A pattern along a border of `thickness` pixels.
    #[must_use]
    pub fn new(pattern: Pattern, thickness: u32, scale: f32) -> Self {
        let length = match pattern {
            Pattern::Plain | Pattern::HorizontalBars | Pattern::Dots | Pattern::Checks | Pattern::Grid => 8.0,
            Pattern::Stripes | Pattern::VerticalBars => 10.0,
            Pattern::Zigzag => 12.0,
        };
        let period = px::at_least_one(length, scale).max(4);
        Self { pattern, thickness: thickness.max(1), period, line: px::hairline(scale) }
    }

    /// Ink at `along` pixels from where the pattern starts and `depth` pixels from the outer edge.
    pub fn ink(&self, along: u32, depth: u32) -> f32 {
        let (period, thick) = (self.period, px::f(self.thickness));
        let a = along % period;
        let on = |yes: bool| if yes { 1.0 } else { 0.0 };
        let p = px::f(period);
        let line = px::f(self.line);
        EDGE_INK
            * match self.pattern {
                Pattern::Plain => 0.0,
                Pattern::VerticalBars => on(a < 2 * self.line),
                Pattern::HorizontalBars => on(self.pinstripe(depth)),
                Pattern::Grid => on(a < self.line || (self.roomy() && self.pinstripe(depth))),
                Pattern::Checks => {
                    // Cells a little shorter than the gaps, so that the colour keeps the larger part.
                    let half = period / 2;
                    on(a % half < (period * 3 / 8).max(1) && (a < half) == (depth * 2 < self.thickness))
                }
                Pattern::Stripes => sampled(a, depth, |x, y| (x + y).rem_euclid(p) < 2.4 * line),
                Pattern::Dots => {
                    let (cx, cy, r) = (p / 2.0, thick / 2.0, thick * 0.29);
                    sampled(a, depth, |x, y| (x - cx).hypot(y - cy) <= r)
                }
                Pattern::Zigzag => {
                    // A peak and a gap: a line without gaps would leave little of a thin border's fill.
                    let (half, peak) = (0.55 * line, (thick * 2.0).min(p * 2.0 / 3.0));
                    sampled(a, depth, |x, y| {
                        let wave = (x / peak).mul_add(2.0, -1.0).abs().mul_add(thick - 2.0 * half, half);
                        x <= peak && (y - wave).abs() <= half * 1.35
                    })
                }
            }
    }

    /// Pixels after which it repeats along the border.
    pub const fn period(&self) -> u32 {
        self.period
    }

    /// Where a line that goes all around lies, and how strong it is: it has to follow the corners.
    pub const fn continuous(&self) -> Option<(u32, u32, f32)> {
        let start = self.thickness / 2;
        match self.pattern {
            Pattern::HorizontalBars => Some((start, start + self.line, EDGE_INK)),
            Pattern::Grid if self.roomy() => Some((start, start + self.line, EDGE_INK)),
            _ => None,
        }
    }

    /// Whether lines in two directions leave enough of the fill.
    const fn roomy(&self) -> bool {
        self.thickness >= 3 * self.line
    }

    /// Whether `depth` is in the thin line a little inside the middle of the border.
    const fn pinstripe(&self, depth: u32) -> bool {
        let start = self.thickness / 2;
        depth >= start && depth < start + self.line
    }
}

/// Cell borders along one side of a mark: thin lines or bars at symmetric whole pixels.
fn bars(side: u32, start: f32, width: f32, at: u32) -> bool {
    let unit = px::f(side) / 16.0;
    let (start, width) = (px::u(start * unit), px::at_least_one(width, unit));
    let mirrored = side.saturating_sub(1).saturating_sub(at);
    (start..start + width).contains(&at) || (start..start + width).contains(&mirrored)
}

/// Ink at a pixel of a square mark.
fn mark_ink(pattern: Pattern, side: u32, x: u32, y: u32) -> f32 {
    let unit = px::f(side) / 16.0;
    let on = |yes: bool| if yes { 1.0 } else { 0.0 };
    match pattern {
        Pattern::Plain => 0.0,
        Pattern::VerticalBars => on(bars(side, 4.0, 2.0, x)),
        Pattern::HorizontalBars => on(bars(side, 4.0, 2.0, y)),
        Pattern::Grid => on(bars(side, 5.0, 1.0, x) || bars(side, 5.0, 1.0, y)),
        Pattern::Checks => on(((x * 4 / side) + (y * 4 / side)) % 2 == 1),
        Pattern::Stripes => {
            let period = 16.0 / 3.0 * unit;
            sampled(x, y, |x, y| (x - y).rem_euclid(period) < 2.1 * unit)
        }
        Pattern::Dots => {
            let period = 16.0 / 3.0 * unit;
            sampled(x, y, |x, y| {
                let centre = |v: f32| v.rem_euclid(period) - period / 2.0;
                centre(x).hypot(centre(y)) <= 1.4 * unit
            })
        }
        Pattern::Zigzag => {
            let (wave, period) = (8.0 * unit, 16.0 / 3.0 * unit);
            sampled(x, y, |x, y| {
                let tri = (x.rem_euclid(wave) - wave / 2.0).abs();
                (y + tri - 0.4 * unit).rem_euclid(period) < 1.9 * unit
            })
        }
    }
}

/// Draws the identity's mark: a rounded square of `side` pixels.
pub fn draw_mark(canvas: &mut Canvas, style: &IdentityStyle, x: u32, y: u32, side: u32) {
    let mut pattern = Canvas::filled(side, side, style.color);
    for row in 0..side {
        for column in 0..side {
            let ink = MARK_INK * mark_ink(style.pattern, side, column, row);
            if ink > 0.0 {
                pattern.set(px::coord(column), px::coord(row), style.color.mix(style.ink, ink));
            }
        }
    }
    let mut mask = Canvas::new(side, side);
    let s = px::f(side);
    mask.fill(rounded(0.0, 0.0, s, s, [s * 0.22; 4]).as_ref(), style.color, 1.0);
    canvas.stamp(&pattern, &mask, px::coord(x), px::coord(y));
}

/// The mark of an identity by itself, for the desktop's own programs: a square of `side` pixels.
#[must_use]
pub fn mark(style: &IdentityStyle, side: u32) -> std::sync::Arc<crate::raster::Raster> {
    let mut canvas = Canvas::new(side, side);
    draw_mark(&mut canvas, style, 0, 0, side);
    canvas.finish()
}
