// SPDX-License-Identifier: GPL-3.0-or-later
//! Numbers of one kind as numbers of another: the one place of this crate with lossy casts.
//!
//! In: sizes and places that the scene and the backends have bounded. Out: the same, rounded and
//! clamped.

#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_possible_wrap)]

/// A scale in 120ths as a factor.
pub(crate) fn factor(scale_120: u32) -> f64 {
    f64::from(scale_120) / 120.0
}

/// The same for the painter.
pub(crate) fn factor32(scale: f64) -> f32 {
    scale as f32
}

/// The nearest whole number.
pub(crate) fn round(v: f64) -> i32 {
    v.round().clamp(f64::from(i32::MIN), f64::from(i32::MAX)) as i32
}

/// A length as an unsigned number; negative ones are 0.
pub(crate) fn length(v: i32) -> u32 {
    v.max(0) as u32
}

/// A length as a coordinate.
pub(crate) fn coord(v: u32) -> i32 {
    v.min(i32::MAX as u32) as i32
}

/// An index as a coordinate.
pub(crate) fn coord_of(v: usize) -> i32 {
    v.min(i32::MAX as usize) as i32
}
