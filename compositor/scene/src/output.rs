// SPDX-License-Identifier: GPL-3.0-or-later
//! Outputs, side by side in one row.
//!
//! In: sizes and panel insets. Out: where each output lies and what of it windows may use.

use crate::geometry::{Insets, Rect, Size};
use crate::id::OutputId;

/// Most outputs at a time.
pub const MAX_OUTPUTS: usize = 16;
/// Smallest logical edge of an output and of a work area: a frame with its title bar fits.
pub const MIN_EDGE: i32 = 64;

/// One output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    pub(crate) id: OutputId,
    pub(crate) rect: Rect,
    pub(crate) scale_120: u32,
    pub(crate) insets: Insets,
    /// Height of the bar along its upper edge.
    pub(crate) bar: i32,
}

impl Output {
    pub(crate) fn new(id: OutputId, size: Size, scale_120: u32) -> Self {
        let mut o = Self { id, rect: Rect::default(), scale_120: 120, insets: Insets::default(), bar: 0 };
        o.set_mode(size, scale_120);
        o
    }

    pub(crate) fn set_mode(&mut self, size: Size, scale_120: u32) {
        let size = Size::new(size.w.max(MIN_EDGE), size.h.max(MIN_EDGE));
        self.rect = Rect::at(self.rect.origin(), size);
        self.scale_120 = scale_120.clamp(60, 480);
    }

    /// Its handle.
    #[must_use]
    pub fn id(&self) -> OutputId {
        self.id
    }

    /// Where it lies in the global space.
    #[must_use]
    pub fn rect(&self) -> Rect {
        self.rect
    }

    /// Scale in 120ths.
    #[must_use]
    pub fn scale_120(&self) -> u32 {
        self.scale_120
    }

    /// What windows may use. Insets that leave next to nothing are not honoured.
    #[must_use]
    pub fn work_area(&self) -> Rect {
        let area = self.rect.inset(self.insets).inset(Insets::top(self.bar));
        if area.w < MIN_EDGE || area.h < MIN_EDGE { self.rect } else { area }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_areas() {
        for (top, right, expected) in [
            (0, 0, Rect::new(0, 0, 640, 480)),
            (36, 10, Rect::new(0, 36, 630, 444)),
            (480 - MIN_EDGE, 0, Rect::new(0, 416, 640, 64)),
            (481 - MIN_EDGE, 0, Rect::new(0, 0, 640, 480)),
            (0, 640 - MIN_EDGE, Rect::new(0, 0, 64, 480)),
            (0, 641 - MIN_EDGE, Rect::new(0, 0, 640, 480)),
        ] {
            let mut output = Output::new(OutputId(1), Size { w: 640, h: 480 }, 120);
            output.insets = Insets { top, right, ..Insets::default() };
            assert_eq!(output.work_area(), expected, "top {top}, right {right}");
        }
    }

    #[test]
    fn scales_and_sizes_are_sane() {
        for (scale, expected) in [(0, 60), (60, 60), (180, 180), (480, 480), (u32::MAX, 480)] {
            let output = Output::new(OutputId(1), Size { w: 0, h: -5 }, scale);
            assert_eq!((output.scale_120(), output.rect().size()), (expected, Size { w: 64, h: 64 }));
        }
    }
}
