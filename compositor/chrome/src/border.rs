// SPDX-License-Identifier: GPL-3.0-or-later
//! In: an identity and measures in pixels. Out: edges and corners of its trust border.
//!
//! An edge is drawn longer than needed and cropped, so that dragging a window's corner redraws
//! nothing; a corner does not depend on the window at all.

use crate::canvas::Canvas;
use crate::pattern::Edge;
use crate::px;
use crate::raster::Raster;
use cofferdam_themes::{IdentityStyle, Rgb};
use std::sync::Arc;
use tiny_skia::{Path, PathBuilder};

/// Edges are drawn in multiples of this many pixels.
pub(crate) const LENGTH_STEP: u32 = 256;

/// Share of a quarter circle's radius at which its Bézier handles end.
const KAPPA: f32 = 0.552_284_8;

/// A side of the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Side {
    Top,
    Left,
    Right,
    Bottom,
}

/// A corner of the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Corner {
    TopLeft,
    TopRight,
    BottomLeft,
    BottomRight,
}

/// What all edges and corners of one frame have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BorderStyle {
    pub(crate) style: IdentityStyle,
    /// Width in pixels.
    pub(crate) thickness: u32,
    /// Outer radius in pixels; 0 is square.
    pub(crate) radius: u32,
    /// Width of the line of ink along the outside, 0 for none.
    pub(crate) keyline: u32,
    /// Whether the frame is dashed.
    pub(crate) dashed: bool,
    pub(crate) scale: f32,
}

impl BorderStyle {
    /// Side of a corner's square.
    pub(crate) fn corner_side(&self) -> u32 {
        self.radius.max(self.thickness)
    }

    fn color_at(&self, edge: &Edge, along: u32, depth: u32) -> Rgb {
        if depth < self.keyline {
            return self.style.ink;
        }
        if self.dashed {
            let (dash, gap) = (px::at_least_one(12.0, self.scale), px::at_least_one(4.0, self.scale));
            if along % (dash + gap) >= dash {
                return self.style.ink;
            }
        }
        self.style.color.mix(self.style.ink, edge.ink(along, depth - self.keyline))
    }

    /// An edge of at least `length` pixels.
    pub(crate) fn edge(&self, side: Side, length: u32) -> Arc<Raster> {
        let pattern = Edge::new(self.style.pattern, self.thickness - self.keyline, self.scale);
        let (w, h) = match side {
            Side::Top | Side::Bottom => (length, self.thickness),
            Side::Left | Side::Right => (self.thickness, length),
        };
        let mut canvas = Canvas::new(w, h);
        for depth in 0..self.thickness {
            let far = self.thickness - 1 - depth;
            for along in 0..length {
                let (x, y) = match side {
                    Side::Top => (along, depth),
                    Side::Bottom => (along, far),
                    Side::Left => (depth, along),
                    Side::Right => (far, along),
                };
                canvas.set(px::coord(x), px::coord(y), self.color_at(&pattern, along, depth));
            }
        }
        canvas.finish()
    }

    /// A corner: only lines that go all around continue in it, so that the bend stays clean.
    pub(crate) fn corner(&self, corner: Corner) -> Arc<Raster> {
        let side = self.corner_side();
        let mut canvas = Canvas::new(side, side);
        let (r, b) = (px::f(self.radius), px::f(self.thickness));
        if self.keyline > 0 {
            canvas.fill(bend(px::f(side), r, 0.0, b).as_ref(), self.style.ink, 1.0);
        }
        canvas.fill(bend(px::f(side), r, px::f(self.keyline), b).as_ref(), self.style.color, 1.0);
        let pattern = Edge::new(self.style.pattern, self.thickness - self.keyline, self.scale);
        if let Some((start, end, ink)) = pattern.continuous() {
            let line = bend(
                px::f(side),
                r,
                px::f(self.keyline + start),
                px::f((self.keyline + end).min(self.thickness)),
            );
            canvas.fill(line.as_ref(), self.style.color.mix(self.style.ink, ink), 1.0);
        }
        let (horizontally, vertically) = match corner {
            Corner::TopLeft => (false, false),
            Corner::TopRight => (true, false),
            Corner::BottomLeft => (false, true),
            Corner::BottomRight => (true, true),
        };
        canvas.mirrored(horizontally, vertically).finish()
    }
}

/// The upper left bend of a ring: outer radius `r`, from `outer` to `inner` pixels below the edge.
fn bend(side: f32, r: f32, outer: f32, inner: f32) -> Option<Path> {
    let mut p = PathBuilder::new();
    let (ro, ri) = ((r - outer).max(0.0), (r - inner).max(0.0));
    // Centres of both arcs; with a radius below the thickness the inner side is a right angle.
    let (co, ci) = (outer + ro, inner + ri);
    p.move_to(outer, side);
    p.line_to(outer, co);
    p.cubic_to(outer, co - ro * KAPPA, co - ro * KAPPA, outer, co, outer);
    p.line_to(side, outer);
    p.line_to(side, inner);
    p.line_to(ci, inner);
    p.cubic_to(ci - ri * KAPPA, inner, inner, ci - ri * KAPPA, inner, ci);
    p.line_to(inner, side);
    p.close();
    p.finish()
}
