// SPDX-License-Identifier: GPL-3.0-or-later
//! Logical pixels: points, sizes, rectangles and edges.
//!
//! In: any `i32`, also the extremes that a hostile guest sends. Out: values inside [`COORD_MAX`] and
//! [`SIZE_MAX`]. Every constructor clamps and every operation saturates, so nothing that is built
//! from these types can overflow and no caller has to think about it again.

/// Positions lie within ± this: far beyond sixteen outputs of the largest size in a row.
pub const COORD_MAX: i32 = 1 << 20;
/// Widths and heights lie within 0 to this.
pub const SIZE_MAX: i32 = 16_384;
/// Content of a window or popup is at most this wide and high: a frame around it still fits.
pub const CONTENT_MAX: i32 = 16_000;

fn coord(v: i32) -> i32 {
    v.clamp(COORD_MAX.saturating_neg(), COORD_MAX)
}

/// A place in the desktop's global space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Point {
    /// To the right.
    pub x: i32,
    /// Down.
    pub y: i32,
}

impl Point {
    /// A point, clamped to the global space.
    #[must_use]
    pub fn new(x: i32, y: i32) -> Self {
        Self { x: coord(x), y: coord(y) }
    }

    /// This point moved by `dx`, `dy`.
    #[must_use]
    pub fn shifted(self, dx: i32, dy: i32) -> Self {
        Self::new(self.x.saturating_add(dx), self.y.saturating_add(dy))
    }

    /// The way from `from` to here.
    #[must_use]
    pub fn minus(self, from: Self) -> (i32, i32) {
        (self.x.saturating_sub(from.x), self.y.saturating_sub(from.y))
    }
}

/// Width and height.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Size {
    /// Width.
    pub w: i32,
    /// Height.
    pub h: i32,
}

impl Size {
    /// A size, clamped to 0..=[`SIZE_MAX`].
    #[must_use]
    pub fn new(w: i32, h: i32) -> Self {
        Self { w: w.clamp(0, SIZE_MAX), h: h.clamp(0, SIZE_MAX) }
    }

    /// A size that client content can have: 1 to [`CONTENT_MAX`].
    #[must_use]
    pub fn content(self) -> Self {
        Self { w: self.w.clamp(1, CONTENT_MAX), h: self.h.clamp(1, CONTENT_MAX) }
    }

    /// Whether it has no area.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.w <= 0 || self.h <= 0
    }

    /// The smaller of both in each direction.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        Self { w: self.w.min(other.w), h: self.h.min(other.h) }
    }

    /// The larger of both in each direction.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self { w: self.w.max(other.w), h: self.h.max(other.h) }
    }
}

/// What a frame adds on each side of its inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Insets {
    /// Left.
    pub left: i32,
    /// Top.
    pub top: i32,
    /// Right.
    pub right: i32,
    /// Bottom.
    pub bottom: i32,
}

impl Insets {
    /// The same on all sides.
    #[must_use]
    pub const fn all(v: i32) -> Self {
        Self { left: v, top: v, right: v, bottom: v }
    }

    /// Every side clamped to 0..=[`SIZE_MAX`].
    #[must_use]
    pub fn clamped(self) -> Self {
        let c = |v: i32| v.clamp(0, SIZE_MAX);
        Self { left: c(self.left), top: c(self.top), right: c(self.right), bottom: c(self.bottom) }
    }
}

/// A rectangle; its right and lower edges are not part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Rect {
    /// Left edge.
    pub x: i32,
    /// Upper edge.
    pub y: i32,
    /// Width.
    pub w: i32,
    /// Height.
    pub h: i32,
}

impl Rect {
    /// A rectangle, clamped to the global space.
    #[must_use]
    pub fn new(x: i32, y: i32, w: i32, h: i32) -> Self {
        Self::at(Point::new(x, y), Size::new(w, h))
    }

    /// A rectangle from its upper left corner and its size.
    #[must_use]
    pub fn at(p: Point, s: Size) -> Self {
        let (p, s) = (Point::new(p.x, p.y), Size::new(s.w, s.h));
        Self { x: p.x, y: p.y, w: s.w, h: s.h }
    }

    /// Upper left corner.
    #[must_use]
    pub fn origin(self) -> Point {
        Point { x: self.x, y: self.y }
    }

    /// Width and height.
    #[must_use]
    pub fn size(self) -> Size {
        Size { w: self.w, h: self.h }
    }

    /// First column to the right of it.
    #[must_use]
    pub fn right(self) -> i32 {
        self.x.saturating_add(self.w)
    }

    /// First row below it.
    #[must_use]
    pub fn bottom(self) -> i32 {
        self.y.saturating_add(self.h)
    }

    /// Its middle, rounded towards the origin.
    #[must_use]
    pub fn center(self) -> Point {
        Point::new(self.x.saturating_add(self.w / 2), self.y.saturating_add(self.h / 2))
    }

    /// Whether it has no area.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.size().is_empty()
    }

    /// Whether the point is inside.
    #[must_use]
    pub fn contains(self, p: Point) -> bool {
        p.x >= self.x && p.y >= self.y && p.x < self.right() && p.y < self.bottom()
    }

    /// Whether `other` lies wholly inside.
    #[must_use]
    pub fn contains_rect(self, other: Self) -> bool {
        other.x >= self.x
            && other.y >= self.y
            && other.right() <= self.right()
            && other.bottom() <= self.bottom()
    }

    /// What both have in common; none if they do not overlap.
    #[must_use]
    pub fn intersection(self, other: Self) -> Option<Self> {
        let (x, y) = (self.x.max(other.x), self.y.max(other.y));
        let (r, b) = (self.right().min(other.right()), self.bottom().min(other.bottom()));
        (r > x && b > y).then(|| Self::new(x, y, r.saturating_sub(x), b.saturating_sub(y)))
    }

    /// The smallest rectangle around both; an empty one adds nothing.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        if self.is_empty() {
            return other;
        }
        if other.is_empty() {
            return self;
        }
        let (x, y) = (self.x.min(other.x), self.y.min(other.y));
        let (r, b) = (self.right().max(other.right()), self.bottom().max(other.bottom()));
        Self::new(x, y, r.saturating_sub(x), b.saturating_sub(y))
    }

    /// Area in common with `other`, in square pixels.
    #[must_use]
    pub fn overlap(self, other: Self) -> i64 {
        self.intersection(other).map_or(0, |r| i64::from(r.w).saturating_mul(i64::from(r.h)))
    }

    /// Moved by `dx`, `dy`.
    #[must_use]
    pub fn shifted(self, dx: i32, dy: i32) -> Self {
        Self::at(self.origin().shifted(dx, dy), self.size())
    }

    /// The same size at another place.
    #[must_use]
    pub fn moved_to(self, p: Point) -> Self {
        Self::at(p, self.size())
    }

    /// Larger by the insets on every side.
    #[must_use]
    pub fn outset(self, i: Insets) -> Self {
        Self::new(
            self.x.saturating_sub(i.left),
            self.y.saturating_sub(i.top),
            self.w.saturating_add(i.left).saturating_add(i.right),
            self.h.saturating_add(i.top).saturating_add(i.bottom),
        )
    }

    /// Smaller by the insets on every side, down to nothing.
    #[must_use]
    pub fn inset(self, i: Insets) -> Self {
        Self::new(
            self.x.saturating_add(i.left.min(self.w)),
            self.y.saturating_add(i.top.min(self.h)),
            self.w.saturating_sub(i.left).saturating_sub(i.right),
            self.h.saturating_sub(i.top).saturating_sub(i.bottom),
        )
    }

    /// Moved as little as possible so that it lies inside `area`. What is larger than the area keeps
    /// its upper left corner inside, because that is where titles and menus begin.
    #[must_use]
    pub fn pushed_into(self, area: Self) -> Self {
        let axis = |pos: i32, len: i32, lo: i32, hi: i32| pos.min(hi.saturating_sub(len)).max(lo);
        self.moved_to(Point {
            x: axis(self.x, self.w, area.x, area.right()),
            y: axis(self.y, self.h, area.y, area.bottom()),
        })
    }

    /// Square of the distance from `p` to the nearest pixel, for "which is nearest".
    #[must_use]
    pub fn distance_squared(self, p: Point) -> i64 {
        let gap = |v: i32, lo: i32, hi: i32| -> i64 {
            let nearest = v.clamp(lo, hi.saturating_sub(1).max(lo));
            i64::from(v).saturating_sub(i64::from(nearest))
        };
        let (dx, dy) = (gap(p.x, self.x, self.right()), gap(p.y, self.y, self.bottom()));
        dx.saturating_mul(dx).saturating_add(dy.saturating_mul(dy))
    }
}

/// Which edges of a window are dragged. Opposite edges never stand together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Edges {
    horizontal: Option<Side>,
    vertical: Option<Side>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Side {
    Low,
    High,
}

impl Edges {
    /// From four flags; of two opposite ones neither counts.
    #[must_use]
    pub fn new(left: bool, top: bool, right: bool, bottom: bool) -> Self {
        let side = |low, high| match (low, high) {
            (true, false) => Some(Side::Low),
            (false, true) => Some(Side::High),
            _ => None,
        };
        Self { horizontal: side(left, right), vertical: side(top, bottom) }
    }

    /// The left edge is meant.
    #[must_use]
    pub fn left(self) -> bool {
        self.horizontal == Some(Side::Low)
    }

    /// The right edge is meant.
    #[must_use]
    pub fn right(self) -> bool {
        self.horizontal == Some(Side::High)
    }

    /// The upper edge is meant.
    #[must_use]
    pub fn top(self) -> bool {
        self.vertical == Some(Side::Low)
    }

    /// The lower edge is meant.
    #[must_use]
    pub fn bottom(self) -> bool {
        self.vertical == Some(Side::High)
    }

    /// No edge at all.
    #[must_use]
    pub fn is_none(self) -> bool {
        self.horizontal.is_none() && self.vertical.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extremes_are_clamped() {
        let r = Rect::new(i32::MIN, i32::MAX, i32::MAX, i32::MIN);
        assert_eq!(r, Rect { x: -COORD_MAX, y: COORD_MAX, w: SIZE_MAX, h: 0 });
        assert_eq!(r.outset(Insets::all(i32::MAX)).w, SIZE_MAX);
        assert_eq!(Rect::new(0, 0, 9, 9).distance_squared(Point::new(i32::MAX, i32::MIN)), {
            let (dx, dy) = (i64::from(COORD_MAX) - 8, i64::from(COORD_MAX));
            dx * dx + dy * dy
        });
    }

    #[test]
    fn pushed_into_keeps_the_upper_left_corner() {
        let area = Rect::new(0, 36, 1280, 764);
        for (r, expected) in [
            (Rect::new(10, 50, 100, 100), Point::new(10, 50)),
            (Rect::new(-50, 0, 100, 100), Point::new(0, 36)),
            (Rect::new(1270, 790, 100, 100), Point::new(1180, 700)),
            (Rect::new(500, 500, 4000, 4000), Point::new(0, 36)),
        ] {
            assert_eq!(r.pushed_into(area).origin(), expected, "{r:?}");
        }
    }

    #[test]
    fn emptiness_and_unions() {
        for (w, h, empty) in [(0, 0, true), (5, 0, true), (0, 5, true), (5, 5, false), (-1, 5, true)] {
            assert_eq!(Rect::new(1, 1, w, h).is_empty(), empty, "{w}×{h}");
        }
        let (a, nothing) = (Rect::new(10, 10, 5, 5), Rect::new(90, 90, 0, 5));
        assert_eq!((a.union(nothing), nothing.union(a)), (a, a), "nothing adds nothing");
        assert_eq!(a.union(Rect::new(0, 12, 5, 9)), Rect::new(0, 10, 15, 11));
    }

    #[test]
    fn opposite_edges_cancel() {
        assert!(Edges::new(true, true, true, true).is_none());
        let corner = Edges::new(true, false, false, true);
        assert!(corner.left() && corner.bottom() && !corner.right() && !corner.top());
    }
}
