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
}

impl Output {
    pub(crate) fn new(id: OutputId, size: Size, scale_120: u32) -> Self {
        let mut o = Self { id, rect: Rect::default(), scale_120: 120, insets: Insets::default() };
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
        let area = self.rect.inset(self.insets);
        if area.w < MIN_EDGE || area.h < MIN_EDGE { self.rect } else { area }
    }
}
