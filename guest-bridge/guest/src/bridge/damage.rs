// SPDX-License-Identifier: GPL-3.0-or-later
//! Pure. In: rectangles an app says it changed, in any number and of any size. Out: at most
//! [`MAX_RECTS`] rectangles that do not overlap and cover at least those.

/// Rectangles a region holds; beyond it neighbours are merged.
pub(crate) const MAX_RECTS: usize = 16;

/// A rectangle from `x0`, `y0` up to but without `x1`, `y1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rect {
    pub(crate) x0: i32,
    pub(crate) y0: i32,
    pub(crate) x1: i32,
    pub(crate) y1: i32,
}

impl Rect {
    /// From a position and a size as Wayland sends them; `None` if it is empty.
    pub(crate) fn new(x: i32, y: i32, width: i32, height: i32) -> Option<Self> {
        Self { x0: x, y0: y, x1: x.saturating_add(width), y1: y.saturating_add(height) }.non_empty()
    }

    fn non_empty(self) -> Option<Self> {
        (self.x0 < self.x1 && self.y0 < self.y1).then_some(self)
    }

    /// Columns.
    pub(crate) const fn width(self) -> i32 {
        self.x1.saturating_sub(self.x0)
    }

    /// Rows.
    pub(crate) const fn height(self) -> i32 {
        self.y1.saturating_sub(self.y0)
    }

    /// Pixels.
    pub(crate) fn area(self) -> u64 {
        u64::from(self.x1.abs_diff(self.x0)).saturating_mul(u64::from(self.y1.abs_diff(self.y0)))
    }

    /// What both cover.
    pub(crate) fn intersection(self, other: Self) -> Option<Self> {
        Self {
            x0: self.x0.max(other.x0),
            y0: self.y0.max(other.y0),
            x1: self.x1.min(other.x1),
            y1: self.y1.min(other.y1),
        }
        .non_empty()
    }

    fn bounds(self, other: Self) -> Self {
        Self {
            x0: self.x0.min(other.x0),
            y0: self.y0.min(other.y0),
            x1: self.x1.max(other.x1),
            y1: self.y1.max(other.y1),
        }
    }

    /// The same in a coordinate system `factor` times as fine.
    pub(crate) fn scaled(self, factor: i32) -> Self {
        let scale = |v: i32| v.saturating_mul(factor);
        Self { x0: scale(self.x0), y0: scale(self.y0), x1: scale(self.x1), y1: scale(self.y1) }
    }

    /// The up to four parts outside of `hole`, which must overlap.
    fn without(self, hole: Self) -> [Option<Self>; 4] {
        let (top, bottom) = (self.y0.max(hole.y0), self.y1.min(hole.y1));
        [
            Self { y1: top, ..self }.non_empty(),
            Self { y0: bottom, ..self }.non_empty(),
            Self { y0: top, y1: bottom, x1: hole.x0, ..self }.non_empty(),
            Self { y0: top, y1: bottom, x0: hole.x1, ..self }.non_empty(),
        ]
    }
}

/// A set of pixels, as disjoint rectangles.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Region {
    rects: Vec<Rect>,
}

impl Region {
    /// Exactly one rectangle.
    pub(crate) fn from_rect(rect: Rect) -> Self {
        Self { rects: vec![rect] }
    }

    /// Its rectangles.
    pub(crate) fn rects(&self) -> &[Rect] {
        &self.rects
    }

    /// Whether it covers nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.rects.is_empty()
    }

    /// Pixels covered.
    pub(crate) fn area(&self) -> u64 {
        self.rects.iter().fold(0, |sum, rect| sum.saturating_add(rect.area()))
    }

    /// Adds a rectangle.
    pub(crate) fn add(&mut self, rect: Rect) {
        // Only what is not covered yet is added, so that no pixel is copied twice.
        let mut parts = vec![rect];
        for old in &self.rects {
            let overlapping = parts.iter().any(|part| part.intersection(*old).is_some());
            if overlapping {
                parts = parts
                    .into_iter()
                    .flat_map(|part| match part.intersection(*old) {
                        Some(_) => part.without(*old),
                        None => [Some(part), None, None, None],
                    })
                    .flatten()
                    .collect();
            }
        }
        self.rects.append(&mut parts);
        while self.rects.len() > MAX_RECTS {
            self.merge_cheapest();
        }
    }

    /// Adds all of another region.
    pub(crate) fn union(&mut self, other: &Self) {
        for rect in &other.rects {
            self.add(*rect);
        }
    }

    /// Its part inside of `bounds`.
    pub(crate) fn clipped(&self, bounds: Rect) -> Self {
        Self { rects: self.rects.iter().filter_map(|rect| rect.intersection(bounds)).collect() }
    }

    /// Replaces the two rectangles whose common bounds waste least by those bounds.
    fn merge_cheapest(&mut self) {
        let mut best: Option<(u64, Rect)> = None;
        for (index, a) in self.rects.iter().enumerate() {
            for b in self.rects.iter().skip(index.saturating_add(1)) {
                let bounds = a.bounds(*b);
                let waste = bounds.area().saturating_sub(a.area()).saturating_sub(b.area());
                if best.is_none_or(|(least, _)| waste < least) {
                    best = Some((waste, bounds));
                }
            }
        }
        let Some((_, mut merged)) = best else { return };
        // The bounds may touch others; they grow until the rectangles are disjoint again.
        while let Some(touched) = self.rects.iter().position(|rect| rect.intersection(merged).is_some()) {
            merged = merged.bounds(self.rects.swap_remove(touched));
        }
        self.rects.push(merged);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rect(x: i32, y: i32, w: i32, h: i32) -> Rect {
        Rect::new(x, y, w, h).unwrap()
    }

    fn region(rects: &[Rect]) -> Region {
        let mut region = Region::default();
        rects.iter().for_each(|r| region.add(*r));
        region
    }

    #[test]
    fn empty_rectangles_do_not_exist() {
        for (w, h) in [(0, 5), (5, 0), (-1, 5), (5, i32::MIN)] {
            assert_eq!(Rect::new(3, 3, w, h), None);
        }
        let whole = Rect::new(0, 0, i32::MAX, i32::MAX).unwrap();
        assert_eq!(whole.intersection(rect(0, 0, 640, 480)), Some(rect(0, 0, 640, 480)));
        assert_eq!(Rect::new(i32::MAX, 0, i32::MAX, 1), None);
    }

    #[test]
    fn areas() {
        let check = |rects: &[Rect], area: u64| assert_eq!(region(rects).area(), area, "{rects:?}");
        check(&[], 0);
        check(&[rect(0, 0, 10, 10)], 100);
        check(&[rect(0, 0, 10, 10), rect(2, 2, 3, 3)], 100);
        check(&[rect(2, 2, 3, 3), rect(0, 0, 10, 10)], 100);
        check(&[rect(0, 0, 10, 10), rect(5, 5, 10, 10)], 175);
        check(&[rect(0, 4, 10, 2), rect(4, 0, 2, 10)], 36);
        check(&[Rect { x0: i32::MIN, y0: i32::MIN, x1: i32::MAX, y1: i32::MAX }], u64::from(u32::MAX).pow(2));
    }

    #[test]
    fn scaling_saturates() {
        assert_eq!(rect(1, 2, 3, 4).scaled(2), rect(2, 4, 6, 8));
        assert_eq!(rect(0, 0, i32::MAX, 1).scaled(3).x1, i32::MAX);
    }

    proptest! {
        #[test]
        fn a_region_covers_what_was_added_without_overlap(
            input in prop::collection::vec((-8i32..40, -8i32..40, 0i32..20, 0i32..20), 0..60)
        ) {
            let mut region = Region::default();
            for (x, y, w, h) in &input {
                if let Some(rect) = Rect::new(*x, *y, *w, *h) {
                    region.add(rect);
                }
            }
            prop_assert!(region.rects().len() <= MAX_RECTS);
            for (index, a) in region.rects().iter().enumerate() {
                prop_assert!(region.rects()[index + 1..].iter().all(|b| a.intersection(*b).is_none()));
            }
            for (x, y, w, h) in input {
                for px in x..x + w {
                    for py in y..y + h {
                        let pixel = rect(px, py, 1, 1);
                        prop_assert!(region.rects().iter().any(|r| r.intersection(pixel).is_some()));
                    }
                }
            }
        }
    }
}
