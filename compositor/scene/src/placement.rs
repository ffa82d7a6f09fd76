// SPDX-License-Identifier: GPL-3.0-or-later
//! Where a new window goes, and how far any window may go.
//!
//! In: the frame's size, the work area and the frames that are there. Out: the place of the frame's
//! upper left corner. Least overlap wins, then nearness to where reading starts, so that a second
//! window finds room beside the first; if everything is covered anyway, a cascade.

use crate::geometry::{COORD_MAX, Point, Rect, Size};
use crate::metrics::Metrics;
use crate::output::Output;

/// Step of the cascade: a title bar remains visible.
const CASCADE: i32 = 34;
/// Between windows and to the edges of the work area, where there is room: shadows stay apart.
const GAP: i32 = 24;
/// Where the first window goes, from the area's corner, where there is room.
const FIRST: Point = Point { x: 72, y: 48 };
/// Only the uppermost windows are considered: what lies deeper is covered anyway, and the search
/// must not grow with what a guest opens.
const CONSIDERED: usize = 16;

/// In the middle of the area, its upper left corner inside.
pub(crate) fn center(size: Size, area: Rect) -> Point {
    let x = area.x.saturating_add(area.w.saturating_sub(size.w) / 2);
    let y = area.y.saturating_add(area.h.saturating_sub(size.h) / 2);
    Rect::at(Point::new(x, y), size).pushed_into(area).origin()
}

/// A dialog: over the middle of its parent.
pub(crate) fn over(parent: Rect, size: Size, area: Rect) -> Point {
    let at = center(size, Rect::at(parent.origin(), parent.size().max(size)));
    Rect::at(at, size).pushed_into(area).origin()
}

/// The place with the least overlap; `others` uppermost first.
pub(crate) fn free(size: Size, area: Rect, others: &[Rect]) -> Point {
    let top = others.get(..CONSIDERED.min(others.len())).unwrap_or(others);
    let first = first(size, area);
    let xs = stops(first.x, area.x, area.right(), size.w, top.iter().map(|r| (r.x, r.right())));
    let ys = stops(first.y, area.y, area.bottom(), size.h, top.iter().map(|r| (r.y, r.bottom())));
    let spots = xs.iter().flat_map(|x| ys.iter().map(|y| Point::new(*x, *y)));
    let overlap = |r: Rect| top.iter().fold(0i64, |sum, o| sum.saturating_add(o.overlap(r)));
    let covered = |p: Point| overlap(Rect::at(p, size));
    let wide = Size::new(size.w.saturating_add(GAP), size.h.saturating_add(GAP));
    let cost = |p: &Point| {
        let crowded = overlap(Rect::at(p.shifted(GAP / -2, GAP / -2), wide));
        (covered(*p), crowded, Rect::at(first, Size::new(1, 1)).distance_squared(*p))
    };
    let best = spots.min_by_key(cost).unwrap_or(first);
    let own = i64::from(size.w).saturating_mul(i64::from(size.h));
    match top.first() {
        Some(upper) if covered(best) > own / 2 => cascade(upper.origin(), size, area, others),
        _ => best,
    }
}

/// [`FIRST`] from the area's corner; nearer to it, down to the middle, where the window is large.
fn first(size: Size, area: Rect) -> Point {
    let middle = center(size, area);
    Point::new(
        area.x.saturating_add(FIRST.x).min(middle.x).max(area.x),
        area.y.saturating_add(FIRST.y).min(middle.y).max(area.y),
    )
}

/// Places along one axis worth a try: the first one, both ends, and beside every other window; the
/// latter two with and without a gap, for where it is tight.
fn stops(first: i32, lo: i32, hi: i32, len: i32, others: impl Iterator<Item = (i32, i32)>) -> Vec<i32> {
    let last = hi.saturating_sub(len).max(lo);
    let ends = [lo, lo.saturating_add(GAP), last, last.saturating_sub(GAP)];
    let beside = others.flat_map(|(start, end)| {
        let before = start.saturating_sub(len);
        [before, before.saturating_sub(GAP), end, end.saturating_add(GAP)]
    });
    let mut all: Vec<i32> = [first]
        .into_iter()
        .chain(ends.into_iter().chain(beside).filter(|v| (lo..=last).contains(v)))
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Down and right of the uppermost window; from the area's corner again where that would leave it.
fn cascade(upper: Point, size: Size, area: Rect, others: &[Rect]) -> Point {
    let mut at = upper;
    for _ in 0..CONSIDERED {
        let next = at.shifted(CASCADE, CASCADE);
        let inside = Rect::at(next, size).pushed_into(area).origin();
        at = if inside == next { next } else { area.origin() };
        if !others.iter().any(|o| o.origin() == at) {
            return at;
        }
        if at == area.origin() {
            at = area.origin().shifted(CASCADE, 0).shifted(0, CASCADE.saturating_neg());
        }
    }
    at
}

/// The nearest place to where a floating `frame` is at which enough of its title bar lies on a work
/// area. A frame that would leave the area on both sides starts at its left edge, where mark and name
/// are: a client must not push them out of sight by growing. Without outputs everything is within reach.
pub(crate) fn reachable(frame: Rect, outputs: &[Output], m: &Metrics) -> Point {
    let spot = |o: &Output| {
        let area = o.work_area();
        let need = m.reach.min(frame.w).min(area.w);
        let bar = m.border.saturating_add(m.title).min(area.h);
        let clamp = |v: i32, lo: i32, hi: i32| v.max(lo).min(hi.max(lo));
        let both_sides = frame.x < area.x && frame.right() > area.right();
        let leftmost = if both_sides { area.x } else { area.x.saturating_add(need).saturating_sub(frame.w) };
        Point::new(
            clamp(frame.x, leftmost, area.right().saturating_sub(need)),
            clamp(frame.y, area.y, area.bottom().saturating_sub(bar)),
        )
    };
    let far = |p: &Point| Rect::at(*p, Size::new(1, 1)).distance_squared(frame.origin());
    // Without outputs only the space itself limits, with room for the frame around the content.
    let anywhere = || {
        let half = COORD_MAX / 2;
        Point::new(frame.x.clamp(half.saturating_neg(), half), frame.y.clamp(half.saturating_neg(), half))
    };
    outputs.iter().map(spot).min_by_key(far).unwrap_or_else(anywhere)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::OutputId;

    const AREA: Rect = Rect { x: 0, y: 0, w: 1280, h: 800 };

    #[test]
    fn first_where_reading_starts_then_beside_then_cascade() {
        let first = free(Size::new(400, 300), AREA, &[]);
        assert_eq!(first, Point::new(72, 48));
        let taken = Rect::new(0, 0, 700, 800);
        assert_eq!(free(Size::new(400, 300), AREA, &[taken]), Point::new(724, 48));
        // A terminal, then a calculator: side by side.
        let terminal = Rect::at(Point::new(72, 48), Size::new(704, 532));
        assert_eq!(free(Size::new(368, 654), AREA, &[terminal]), Point::new(800, 48));
        let full = Rect::new(0, 0, 1280, 800);
        assert_eq!(free(Size::new(400, 300), AREA, &[full]), Point::new(CASCADE, CASCADE));
    }

    #[test]
    fn half_covered_is_not_yet_covered() {
        // The upper halves of all places are taken: 400×300 is half free at best.
        let half = Rect::new(0, 0, 1280, 650);
        assert_eq!(free(Size::new(400, 300), AREA, &[half]), Point::new(0, 500));
        let more = Rect::new(0, 0, 1280, 651);
        assert_eq!(free(Size::new(400, 300), AREA, &[more]), Point::new(CASCADE, CASCADE));
    }

    #[test]
    fn without_outputs_only_space_limits() {
        let m = Metrics::default();
        let far = Rect::new(i32::MAX, i32::MIN, 10, 10);
        assert_eq!(reachable(far, &[], &m), Point::new(COORD_MAX / 2, -COORD_MAX / 2));
        assert_eq!(reachable(Rect::new(-77, 5, 10, 10), &[], &m), Point::new(-77, 5));
    }

    #[test]
    fn cascade_never_leaves_the_area() {
        let mut others = vec![Rect::new(0, 0, 1280, 800)];
        for _ in 0..60 {
            let at = free(Size::new(900, 700), AREA, &others);
            assert!(AREA.contains_rect(Rect::at(at, Size::new(900, 700))), "{at:?}");
            others.insert(0, Rect::at(at, Size::new(900, 700)));
        }
    }

    #[test]
    fn too_large_starts_in_the_corner() {
        assert_eq!(free(Size::new(5000, 5000), AREA, &[]), Point::new(0, 0));
    }

    #[test]
    fn reach() {
        let m = Metrics::default();
        let outputs = [Output::new(OutputId(1), AREA.size(), 120)];
        for (frame, expected) in [
            (Rect::new(10, 10, 300, 200), Point::new(10, 10)),
            (Rect::new(-900, -50, 300, 200), Point::new(-140, 0)),
            (Rect::new(9000, 9000, 300, 200), Point::new(1120, 766)),
            (Rect::new(9000, 10, 100, 200), Point::new(1180, 10)),
            (Rect::new(-90, 10, 2000, 1500), Point::new(0, 10)),
        ] {
            assert_eq!(reachable(frame, &outputs, &m), expected, "{frame:?}");
        }
    }
}
