// SPDX-License-Identifier: GPL-3.0-or-later
//! Places and sizes, in logical pixels unless said otherwise.
//!
//! In: numbers as they came. Out: numbers whose sums fit 32 bits, or [`DecodeError::Value`].

use crate::DecodeError;
use crate::limits::COORD;
use serde::{Deserialize, Serialize};

/// A place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Point {
    /// From the left.
    pub x: i32,
    /// From the top.
    pub y: i32,
}

/// A size; 0 may stand for "none", where that is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Size {
    /// Width.
    pub w: i32,
    /// Height.
    pub h: i32,
}

/// A rectangle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
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

impl Point {
    pub(crate) fn check(self) -> Result<(), DecodeError> {
        coord(self.x)?;
        coord(self.y)
    }
}

impl Size {
    /// Both may be 0.
    pub(crate) fn check(self) -> Result<(), DecodeError> {
        length(self.w)?;
        length(self.h)
    }
}

impl Rect {
    /// A rectangle that begins at the origin.
    #[must_use]
    pub const fn of_size(w: i32, h: i32) -> Self {
        Self { x: 0, y: 0, w, h }
    }

    /// It may be empty.
    pub(crate) fn check(self) -> Result<(), DecodeError> {
        coord(self.x)?;
        coord(self.y)?;
        length(self.w)?;
        length(self.h)
    }

    /// It has an area.
    pub(crate) fn check_area(self) -> Result<(), DecodeError> {
        self.check()?;
        if self.w > 0 && self.h > 0 { Ok(()) } else { Err(DecodeError::Value("an empty rectangle")) }
    }

    /// Whether it has an area and lies inside `0, 0, w, h`.
    pub(crate) fn is_inside(self, w: i32, h: i32) -> bool {
        let axis = |at: i32, length: i32, end: i32| {
            at >= 0 && length > 0 && at.checked_add(length).is_some_and(|to| to <= end)
        };
        axis(self.x, self.w, w) && axis(self.y, self.h, h)
    }
}

fn coord(v: i32) -> Result<(), DecodeError> {
    let range = COORD.saturating_neg()..=COORD;
    if range.contains(&v) { Ok(()) } else { Err(DecodeError::Value("a place beyond every screen")) }
}

fn length(v: i32) -> Result<(), DecodeError> {
    if (0..=COORD).contains(&v) { Ok(()) } else { Err(DecodeError::Value("a length beyond every screen")) }
}
