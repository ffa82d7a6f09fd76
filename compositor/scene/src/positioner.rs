// SPDX-License-Identifier: GPL-3.0-or-later
//! Where a popup goes: `xdg_positioner` with its constraint adjustments, plus our trust rule.
//!
//! In: a positioner as the client filled it, and the area the popup may use. Out: the popup's
//! rectangle in the same coordinates. The rules are those of xdg-shell: per axis flip, then slide,
//! then resize. The trust rule comes last and is not the client's to choose: see [`attach`].

use crate::geometry::{Point, Rect, Size};

/// One of nine places on a rectangle, or one of nine directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Anchor {
    /// The middle.
    #[default]
    None,
    /// Middle of the upper edge; upwards.
    Top,
    /// Middle of the lower edge; downwards.
    Bottom,
    /// Middle of the left edge; to the left.
    Left,
    /// Middle of the right edge; to the right.
    Right,
    /// Upper left corner.
    TopLeft,
    /// Lower left corner.
    BottomLeft,
    /// Upper right corner.
    TopRight,
    /// Lower right corner.
    BottomRight,
}

/// Which way along one axis: before, in the middle, after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Low,
    Mid,
    High,
}

impl Way {
    fn flipped(self) -> Self {
        match self {
            Self::Low => Self::High,
            Self::Mid => Self::Mid,
            Self::High => Self::Low,
        }
    }
}

impl Anchor {
    /// From the wire's number; unknown ones are the protocol layer's fault to report.
    #[must_use]
    pub fn from_wire(v: u32) -> Option<Self> {
        Some(match v {
            0 => Self::None,
            1 => Self::Top,
            2 => Self::Bottom,
            3 => Self::Left,
            4 => Self::Right,
            5 => Self::TopLeft,
            6 => Self::BottomLeft,
            7 => Self::TopRight,
            8 => Self::BottomRight,
            _ => return None,
        })
    }

    fn x(self) -> Way {
        match self {
            Self::Left | Self::TopLeft | Self::BottomLeft => Way::Low,
            Self::Right | Self::TopRight | Self::BottomRight => Way::High,
            Self::None | Self::Top | Self::Bottom => Way::Mid,
        }
    }

    fn y(self) -> Way {
        match self {
            Self::Top | Self::TopLeft | Self::TopRight => Way::Low,
            Self::Bottom | Self::BottomLeft | Self::BottomRight => Way::High,
            Self::None | Self::Left | Self::Right => Way::Mid,
        }
    }
}

/// What may be done, along one axis, to keep the popup in its area.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Adjust {
    /// Move it.
    pub slide: bool,
    /// Turn anchor and gravity round.
    pub flip: bool,
    /// Make it smaller.
    pub resize: bool,
}

/// A popup's wish, in coordinates of its parent's window geometry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Positioner {
    /// Size of the popup.
    pub size: Size,
    /// What it points at.
    pub anchor_rect: Rect,
    /// Where on the anchor rectangle.
    pub anchor: Anchor,
    /// In which direction from there.
    pub gravity: Anchor,
    /// Horizontal adjustments.
    pub adjust_x: Adjust,
    /// Vertical adjustments.
    pub adjust_y: Adjust,
    /// Moved by this after everything else.
    pub offset: Point,
    /// Follows its parent.
    pub reactive: bool,
}

/// One axis of the problem.
#[derive(Debug, Clone, Copy)]
struct Axis {
    anchor_pos: i32,
    anchor_len: i32,
    len: i32,
    offset: i32,
    anchor: Way,
    gravity: Way,
    adjust: Adjust,
    lo: i32,
    hi: i32,
}

impl Axis {
    fn place(&self, anchor: Way, gravity: Way) -> i32 {
        let at = match anchor {
            Way::Low => self.anchor_pos,
            Way::Mid => self.anchor_pos.saturating_add(self.anchor_len / 2),
            Way::High => self.anchor_pos.saturating_add(self.anchor_len),
        };
        let start = match gravity {
            Way::Low => at.saturating_sub(self.len),
            Way::Mid => at.saturating_sub(self.len / 2),
            Way::High => at,
        };
        start.saturating_add(self.offset)
    }

    fn fits(&self, pos: i32) -> bool {
        pos >= self.lo && pos.saturating_add(self.len) <= self.hi
    }

    fn solve(&self) -> (i32, i32) {
        let wish = self.place(self.anchor, self.gravity);
        if self.fits(wish) {
            return (wish, self.len);
        }
        if self.adjust.flip {
            // xdg-shell turns anchor and gravity round, but not the offset.
            let turned = self.place(self.anchor.flipped(), self.gravity.flipped());
            if self.fits(turned) {
                return (turned, self.len);
            }
        }
        let mut pos = wish;
        if self.adjust.slide {
            pos = self.slide(pos);
            if self.fits(pos) {
                return (pos, self.len);
            }
        }
        if self.adjust.resize {
            let start = pos.max(self.lo);
            let end = pos.saturating_add(self.len).min(self.hi);
            if end > start {
                return (start, end.saturating_sub(start));
            }
        }
        (pos, self.len)
    }

    /// As xdg-shell words it: first towards the direction of the gravity until the far edge is
    /// inside, then back until the near edge is: the edge where the popup begins wins.
    fn slide(&self, pos: i32) -> i32 {
        let last = self.hi.saturating_sub(self.len);
        match self.gravity {
            Way::Low => pos.max(self.lo).min(last),
            Way::Mid | Way::High => pos.min(last).max(self.lo),
        }
    }
}

impl Positioner {
    /// The popup's rectangle, in the parent's coordinates, if it may use `area` (same coordinates).
    #[must_use]
    pub fn solve(&self, area: Rect) -> Rect {
        let x = Axis {
            anchor_pos: self.anchor_rect.x,
            anchor_len: self.anchor_rect.w,
            len: self.size.w,
            offset: self.offset.x,
            anchor: self.anchor.x(),
            gravity: self.gravity.x(),
            adjust: self.adjust_x,
            lo: area.x,
            hi: area.right(),
        };
        let y = Axis {
            anchor_pos: self.anchor_rect.y,
            anchor_len: self.anchor_rect.h,
            len: self.size.h,
            offset: self.offset.y,
            anchor: self.anchor.y(),
            gravity: self.gravity.y(),
            adjust: self.adjust_y,
            lo: area.y,
            hi: area.bottom(),
        };
        let ((px, w), (py, h)) = (x.solve(), y.solve());
        Rect::new(px, py, w.max(1), h.max(1))
    }
}

/// The trust rule: whatever the client asked for, a popup's `frame` lies inside `area` and touches
/// `parent`, the frame that it belongs to. A popup alone somewhere on the screen, or one as large as
/// the screen, could pass for something else.
///
/// `area` is never empty. The result is never larger than `area`.
#[must_use]
pub(crate) fn attach(frame: Rect, parent: Rect, area: Rect) -> Rect {
    let frame = Rect::at(frame.origin(), frame.size().min(area.size()));
    // Touching: overlapping by nothing is enough, so the reach is the parent grown by the popup.
    let near = Rect::new(
        parent.x.saturating_sub(frame.w),
        parent.y.saturating_sub(frame.h),
        parent.w.saturating_add(frame.w).saturating_add(frame.w),
        parent.h.saturating_add(frame.h).saturating_add(frame.h),
    );
    frame.pushed_into(near).pushed_into(area)
}

#[cfg(test)]
mod tests {
    use super::*;

    const AREA: Rect = Rect { x: 0, y: 0, w: 400, h: 300 };

    fn menu(anchor_rect: Rect, anchor: Anchor, gravity: Anchor, adjust: Adjust) -> Positioner {
        let size = Size { w: 100, h: 80 };
        let (adjust_x, adjust_y) = (adjust, adjust);
        Positioner { size, anchor_rect, anchor, gravity, adjust_x, adjust_y, ..Positioner::default() }
    }

    const NONE: Adjust = Adjust { slide: false, flip: false, resize: false };
    const FLIP: Adjust = Adjust { flip: true, ..NONE };
    const SLIDE: Adjust = Adjust { slide: true, ..NONE };
    const RESIZE: Adjust = Adjust { resize: true, ..NONE };

    #[test]
    fn rules_of_xdg_positioner() {
        use Anchor::{Bottom, BottomLeft, BottomRight, Left, Right, TopLeft, TopRight};
        let at = |x, y| Rect::new(x, y, 20, 10);
        for (name, p, expected) in [
            ("below", menu(at(50, 50), BottomLeft, BottomRight, NONE), Rect::new(50, 60, 100, 80)),
            ("centred", menu(at(50, 50), Anchor::None, Anchor::None, NONE), Rect::new(10, 15, 100, 80)),
            ("beside", menu(at(50, 50), Right, Right, NONE), Rect::new(70, 15, 100, 80)),
            ("before", menu(at(150, 50), Left, Left, NONE), Rect::new(50, 15, 100, 80)),
            ("flip up", menu(at(50, 250), BottomLeft, BottomRight, FLIP), Rect::new(50, 170, 100, 80)),
            ("flip left", menu(at(350, 50), TopRight, BottomRight, FLIP), Rect::new(250, 50, 100, 80)),
            ("no room to flip", menu(at(350, 10), Bottom, Bottom, FLIP), Rect::new(310, 20, 100, 80)),
            ("slide left", menu(at(350, 50), BottomLeft, BottomRight, SLIDE), Rect::new(300, 60, 100, 80)),
            ("slide right", menu(at(-60, 50), TopLeft, BottomRight, SLIDE), Rect::new(0, 50, 100, 80)),
            ("resize", menu(at(350, 270), BottomLeft, BottomRight, RESIZE), Rect::new(350, 280, 50, 20)),
            ("stay", menu(at(350, 270), BottomLeft, BottomRight, NONE), Rect::new(350, 280, 100, 80)),
        ] {
            assert_eq!(p.solve(AREA), expected, "{name}");
        }
    }

    #[test]
    fn numbers_of_the_wire() {
        use Anchor::{Bottom, BottomLeft, BottomRight, Left, Right, Top, TopLeft, TopRight};
        let all = [Anchor::None, Top, Bottom, Left, Right, TopLeft, BottomLeft, TopRight, BottomRight];
        for (n, anchor) in (0u32..).zip(all) {
            assert_eq!(Anchor::from_wire(n), Some(anchor));
        }
        assert_eq!((Anchor::from_wire(9), Anchor::from_wire(u32::MAX)), (None, None));
    }

    #[test]
    fn a_popup_stays_with_its_window_and_on_its_output() {
        let parent = Rect::new(100, 100, 100, 100);
        for (name, frame, expected) in [
            ("fine", Rect::new(150, 150, 50, 50), Rect::new(150, 150, 50, 50)),
            ("too far", Rect::new(390, 290, 50, 50), Rect::new(200, 200, 50, 50)),
            ("outside", Rect::new(-900, 120, 50, 50), Rect::new(50, 120, 50, 50)),
            ("huge", Rect::new(-50, -50, 9000, 9000), AREA),
        ] {
            assert_eq!(attach(frame, parent, AREA), expected, "{name}");
        }
    }
}
