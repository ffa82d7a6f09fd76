// SPDX-License-Identifier: GPL-3.0-or-later
//! In: numbers of one kind. Out: the same of another kind, clamped: the one place with lossy casts.

#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]

/// Longest side of anything that is drawn.
pub const MAX_SIDE: u32 = 16_384;

/// A length as a float; exact up to 16 million.
pub const fn f(v: u32) -> f32 {
    v as f32
}

/// A whole, not negative number of pixels; NaN is 0.
pub fn u(v: f32) -> u32 {
    v.round().clamp(0.0, f(MAX_SIDE)) as u32
}

/// `v` logical units at `scale`, at least one pixel.
pub fn at_least_one(v: f32, scale: f32) -> u32 {
    u(v * scale).max(1)
}

/// Width of a hairline: whole pixels, rounded down, because a fine line that is a little too fine
/// looks better than one that is twice as heavy.
pub fn hairline(scale: f32) -> u32 {
    u(scale.floor()).max(1)
}

/// A coordinate as a whole number.
pub fn i(v: f32) -> i32 {
    v.round().clamp(-1e6, 1e6) as i32
}

/// A length as a coordinate.
pub fn coord(v: u32) -> i32 {
    i32::try_from(v).unwrap_or(i32::MAX)
}

/// A share of 0 to 1 as a byte.
pub fn byte(share: f32) -> u8 {
    (share.clamp(0.0, 1.0) * 255.0).round() as u8
}

/// A length as an index.
pub const fn index(v: u32) -> usize {
    v as usize
}
