// SPDX-License-Identifier: GPL-3.0-or-later
//! The eight trust identities. Colours and patterns live in `themes`; here is only which one.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Which of the eight colour-and-pattern identities a VM wears.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Identity {
    /// Plain orange.
    Orange,
    /// Sky blue, diagonal stripes.
    Sky,
    /// Green, dots.
    Green,
    /// Purple, vertical bars.
    Purple,
    /// Yellow, horizontal bars.
    Yellow,
    /// Blue, checks.
    Blue,
    /// Vermilion, zigzag.
    Vermilion,
    /// Grey, grid.
    Grey,
}

/// The string names no identity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no colour; use one of orange, sky, green, purple, yellow, blue, vermilion, grey")]
pub struct ParseIdentityError(pub String);

impl Identity {
    /// All eight, in the order in which they are handed out.
    pub const ALL: [Self; 8] = [
        Self::Orange,
        Self::Sky,
        Self::Green,
        Self::Purple,
        Self::Yellow,
        Self::Blue,
        Self::Vermilion,
        Self::Grey,
    ];

    /// The lower-case name, as in theme files and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Orange => "orange",
            Self::Sky => "sky",
            Self::Green => "green",
            Self::Purple => "purple",
            Self::Yellow => "yellow",
            Self::Blue => "blue",
            Self::Vermilion => "vermilion",
            Self::Grey => "grey",
        }
    }

    /// The identity used by the fewest of `used`; ties go to the earlier one of [`Self::ALL`].
    #[must_use]
    pub fn least_used(used: impl IntoIterator<Item = Self>) -> Self {
        let mut counts = [0usize; 8];
        for i in used {
            if let Some(n) = Self::ALL.iter().position(|a| *a == i).and_then(|p| counts.get_mut(p)) {
                *n = n.saturating_add(1);
            }
        }
        Self::ALL.iter().zip(counts).min_by_key(|(_, n)| *n).map_or(Self::Orange, |(i, _)| *i)
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Identity {
    type Err = ParseIdentityError;
    fn from_str(s: &str) -> Result<Self, ParseIdentityError> {
        Self::ALL.into_iter().find(|i| i.name() == s).ok_or_else(|| ParseIdentityError(s.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn least_used_first() {
        assert_eq!(Identity::least_used([]), Identity::Orange);
        assert_eq!(Identity::least_used([Identity::Orange]), Identity::Sky);
        assert_eq!(Identity::least_used(Identity::ALL), Identity::Orange);
    }
}
