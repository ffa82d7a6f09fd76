// SPDX-License-Identifier: GPL-3.0-or-later
//! One layer: a surface of the desktop's own programs, above all windows.
//!
//! In: what its program wished and committed. Out: nothing by itself; the scene computes a layer's place
//! from its output whenever it is asked.

use crate::geometry::{Point, Rect, Size};
use crate::id::{LayerId, OutputId};
use cofferdam_ids::VmId;

/// Most layers at a time: a bar for each output, and some dialogs.
pub const MAX_LAYERS: usize = 64;
/// Least and greatest height of a bar.
const BAR_HEIGHT: std::ops::RangeInclusive<i32> = 16..=128;
/// What a panel or dialog leaves free around itself.
const MARGIN: i32 = 12;

/// What a layer is for; the later, the higher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LayerRole {
    /// Along the upper edge of its output; takes room from windows, never the keyboard.
    Bar,
    /// In the middle of an output; has the keyboard while it is shown.
    Panel,
    /// In the middle of an output, for one VM; takes the keyboard if that VM had it.
    Dialog,
}

/// One layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    pub(crate) id: LayerId,
    pub(crate) role: LayerRole,
    /// The output it was made for.
    pub(crate) bound: Option<OutputId>,
    /// The output it is on since it was last told its size.
    pub(crate) home: Option<OutputId>,
    /// The VM that waits for it.
    pub(crate) vm: Option<VmId>,
    /// The size it would like; 0 for all there is.
    pub(crate) wish: Size,
    /// The size it was told.
    pub(crate) told: Option<Size>,
    /// The size it drew; none while it is not shown.
    pub(crate) committed: Option<Size>,
}

impl Layer {
    pub(crate) fn new(id: LayerId, role: LayerRole, bound: Option<OutputId>, vm: Option<VmId>) -> Self {
        Self { id, role, bound, home: bound, vm, wish: Size { w: 0, h: 0 }, told: None, committed: None }
    }

    /// Its handle.
    #[must_use]
    pub fn id(&self) -> LayerId {
        self.id
    }

    /// The output it is on.
    #[must_use]
    pub fn home(&self) -> Option<OutputId> {
        self.home
    }

    /// What it is for.
    #[must_use]
    pub fn role(&self) -> LayerRole {
        self.role
    }

    /// The size that it is told on an output with this area and this room for windows.
    pub(crate) fn size_for(&self, whole: Rect, area: Rect) -> Size {
        let axis = |wish: i32, room: i32| {
            let room = room.saturating_sub(MARGIN.saturating_mul(2)).max(1);
            if wish > 0 { wish.min(room) } else { room }
        };
        match self.role {
            LayerRole::Bar => {
                Size { w: whole.w, h: self.wish.h.clamp(*BAR_HEIGHT.start(), *BAR_HEIGHT.end()).min(whole.h) }
            }
            LayerRole::Panel | LayerRole::Dialog => {
                Size { w: axis(self.wish.w, area.w), h: axis(self.wish.h, area.h) }
            }
        }
    }

    /// Where it is, with a buffer of this size: never beyond what it was told.
    pub(crate) fn place(&self, drawn: Size, whole: Rect, area: Rect) -> Rect {
        let told = self.told.unwrap_or(drawn);
        let size = Size { w: drawn.w.min(told.w).max(1), h: drawn.h.min(told.h).max(1) };
        match self.role {
            LayerRole::Bar => Rect::at(whole.origin(), size),
            LayerRole::Panel | LayerRole::Dialog => {
                let centre =
                    |from: i32, room: i32, len: i32| from.saturating_add(room.saturating_sub(len).max(0) / 2);
                Rect::at(Point::new(centre(area.x, area.w, size.w), centre(area.y, area.h, size.h)), size)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_places() {
        let whole = Rect::new(100, 0, 1280, 800);
        let area = Rect::new(100, 36, 1280, 764);
        let layer = |role, w, h| Layer { wish: Size { w, h }, ..Layer::new(LayerId(1), role, None, None) };
        for (role, (w, h), size, place) in [
            (LayerRole::Bar, (0, 36), (1280, 36), (100, 0)),
            (LayerRole::Bar, (5, 0), (1280, 16), (100, 0)),
            (LayerRole::Bar, (5, i32::MAX), (1280, 128), (100, 0)),
            (LayerRole::Panel, (1060, 690), (1060, 690), (210, 73)),
            (LayerRole::Panel, (0, 0), (1256, 740), (112, 48)),
            (LayerRole::Dialog, (i32::MAX, i32::MIN), (1256, 740), (112, 48)),
        ] {
            let mut layer = layer(role, w, h);
            let told = layer.size_for(whole, area);
            assert_eq!((told.w, told.h), size, "{role:?} {w}×{h}");
            layer.told = Some(told);
            let at = layer.place(told, whole, area);
            assert_eq!((at.x, at.y), place, "{role:?} {w}×{h}");
            let larger = layer.place(Size { w: 9999, h: 9999 }, whole, area);
            assert_eq!(larger, at, "what is larger than told is cut off");
        }
    }
}
