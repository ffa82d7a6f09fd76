// SPDX-License-Identifier: GPL-3.0-or-later
//! In: where things were drawn. Out: what is at a place, and whether anything has moved.

use crate::Target;

/// A place of the global space, in logical pixels.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Place {
    /// To the right.
    pub x: f64,
    /// Down.
    pub y: f64,
}

/// A rectangle of the global space, in logical pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
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
    /// A rectangle.
    #[must_use]
    pub const fn new(x: i32, y: i32, w: i32, h: i32) -> Self {
        Self { x, y, w, h }
    }

    /// Whether a place lies inside.
    #[must_use]
    pub fn contains(&self, place: Place) -> bool {
        let within = |v: f64, from: i32, length: i32| {
            let from = f64::from(from);
            v >= from && v < from + f64::from(length)
        };
        within(place.x, self.x, self.w) && within(place.y, self.y, self.h)
    }
}

/// How something of ours is on the screen. Two frames with equal stamps look the same to a person who
/// aims at something in them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stamp {
    /// On which output.
    pub output: u32,
    /// Counts changes of theme, scale and outputs.
    pub look: u64,
    /// The card.
    pub card: Rect,
    /// What can be chosen.
    pub places: Vec<(Target, Rect)>,
}

impl Stamp {
    /// What is at a place.
    #[must_use]
    pub fn at(&self, place: Place) -> Option<Target> {
        self.places.iter().find(|(_, rect)| rect.contains(place)).map(|(target, _)| *target)
    }
}
