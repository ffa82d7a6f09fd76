// SPDX-License-Identifier: GPL-3.0-or-later
//! From logical pixels of the global space to physical pixels of one output.
//!
//! In: the scene's rectangles. Out: physical rectangles that fit together: the inside of a frame is
//! computed from its outside and the painter's insets, so border and content never leave a gap or
//! overlap, whatever the scale.

use super::cast;
use cofferdam_chrome::FrameKind;
use cofferdam_scene::{Layout, Rect};
use smithay::utils::{Physical, Point, Rectangle, Size};

/// Where an output lies and how large its pixels are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    pub(crate) area: Rect,
    pub(crate) scale: f64,
}

/// A frame in physical pixels, relative to the output.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PixelFrame {
    pub(crate) outer: Rectangle<i32, Physical>,
    pub(crate) inner: Rectangle<i32, Physical>,
    pub(crate) content: Rectangle<i32, Physical>,
}

impl View {
    /// A place of the global space.
    pub(crate) fn place(&self, x: f64, y: f64) -> Point<i32, Physical> {
        let axis = |v: f64, from: i32| cast::round((v - f64::from(from)) * self.scale);
        (axis(x, self.area.x), axis(y, self.area.y)).into()
    }

    /// A rectangle of the global space; neighbours share their edges.
    pub(crate) fn rect(&self, r: Rect) -> Rectangle<i32, Physical> {
        let from = self.place(f64::from(r.x), f64::from(r.y));
        let to = self.place(f64::from(r.right()), f64::from(r.bottom()));
        let size = (to.x.saturating_sub(from.x).max(0), to.y.saturating_sub(from.y).max(0));
        Rectangle::new(from, size.into())
    }

    /// A length.
    pub(crate) fn length(&self, v: i32) -> i32 {
        cast::round(f64::from(v) * self.scale)
    }

    /// A frame of this kind around `content`, whose `inner` begins where the frame's insets end.
    pub(crate) fn frame(&self, kind: FrameKind, outer: Rect, inner: Rect, content: Rect) -> PixelFrame {
        let outer = self.rect(outer);
        let insets = kind.insets(cast::factor32(self.scale));
        let (left, top) = (cast::coord(insets.left), cast::coord(insets.top));
        let across = left.saturating_add(cast::coord(insets.right));
        let down = top.saturating_add(cast::coord(insets.bottom));
        let inner_px = Rectangle::new(
            (outer.loc.x.saturating_add(left), outer.loc.y.saturating_add(top)).into(),
            Size::from((
                outer.size.w.saturating_sub(across).max(0),
                outer.size.h.saturating_sub(down).max(0),
            )),
        );
        let shift = Point::<i32, Physical>::from((
            self.length(content.x.saturating_sub(inner.x)),
            self.length(content.y.saturating_sub(inner.y)),
        ));
        let size = Size::from((self.length(content.w), self.length(content.h)));
        let wish = Rectangle::new(inner_px.loc + shift, size);
        let content = wish.intersection(inner_px).unwrap_or_else(|| Rectangle::from_size((0, 0).into()));
        PixelFrame { outer, inner: inner_px, content }
    }
}

/// Where something drawn is in the global space: the whole logical pixels that it covers wholly.
pub(crate) fn scene_rect_of(view: &View, r: Rectangle<i32, Physical>) -> Rect {
    let axis = |from: i32, length: i32, base: i32| {
        let to = f64::from(from.saturating_add(length)) / view.scale;
        let (from, to) = ((f64::from(from) / view.scale).ceil(), to.floor());
        (cast::round(from).saturating_add(base), cast::round(to - from).max(0))
    };
    let (x, w) = axis(r.loc.x, r.size.w, view.area.x);
    let (y, h) = axis(r.loc.y, r.size.h, view.area.y);
    Rect::new(x, y, w, h)
}

/// The painter's word for a layout.
pub(crate) fn kind_of(layout: Layout) -> FrameKind {
    match layout {
        Layout::Floating => FrameKind::Window,
        Layout::Maximized => FrameKind::Maximized,
        Layout::Fullscreen => FrameKind::Fullscreen,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_fit_at_every_scale() {
        for scale_120 in [60, 120, 132, 150, 180, 200, 240, 360] {
            for x in 0..20 {
                let view = View { area: Rect::new(0, 0, 2000, 2000), scale: cast::factor(scale_120) };
                let inner = Rect::new(x + 4, 40 + 34, 101, 77);
                let outer = Rect::new(x, 40, 109, 115);
                let f = view.frame(FrameKind::Window, outer, inner, inner);
                let insets = FrameKind::Window.insets(cast::factor32(view.scale));
                assert_eq!(f.inner.loc.x - f.outer.loc.x, cast::coord(insets.left), "{scale_120} {x}");
                assert!(f.outer.contains_rect(f.inner) && f.inner.contains_rect(f.content));
                // At most one pixel of the content is given up to keep the border whole.
                assert!(view.length(101) - f.content.size.w <= 1, "{scale_120} {x} {f:?}");
            }
        }
    }
}
