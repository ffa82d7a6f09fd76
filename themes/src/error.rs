// SPDX-License-Identifier: GPL-3.0-or-later
//! Why a theme file was refused: in which file, on which line, and what was probably meant.

use crate::Rgb;

/// A theme or identity file that can't be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{file}:{line}: {problem}")]
pub struct ThemeError {
    /// The file as it was named to the loader.
    pub file: String,
    /// Line, starting at 1.
    pub line: usize,
    /// What is wrong there.
    pub problem: Problem,
}

/// What is wrong with a theme file.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The file can't be read.
    #[error("can't be read: {0}")]
    Unreadable(String),
    /// Not TOML.
    #[error("{0}")]
    Syntax(String),
    /// A key that means nothing.
    #[error("unknown key `{key}`{}", .meant.as_ref().map_or_else(String::new, |m| format!("; did you mean `{m}`?")))]
    UnknownKey {
        /// The key as written, with its section.
        key: String,
        /// The known key nearest to it.
        meant: Option<String>,
    },
    /// A key that must be there.
    #[error("`{0}` is missing")]
    Missing(String),
    /// A value of the wrong kind or out of range.
    #[error("`{key}` must be {expected}")]
    BadValue {
        /// The key, with its section.
        key: String,
        /// What would be accepted.
        expected: &'static str,
    },
    /// Text that can't be read on its surface.
    #[error("{text} on {surface} has contrast {ratio:.2}, at least {wanted} is needed")]
    LowContrast {
        /// Token of the text.
        text: String,
        /// Token of the surface below it.
        surface: String,
        /// The contrast ratio found.
        ratio: f32,
        /// The least one allowed.
        wanted: f32,
    },
    /// A token that looks like an identity.
    #[error(
        "{token} ({color}) is too near to the identity {identity}: saturated colour says whose window it is"
    )]
    LooksLikeIdentity {
        /// The token.
        token: String,
        /// Its colour.
        color: Rgb,
        /// The identity it could be taken for.
        identity: &'static str,
    },
    /// Two identities that can't be told apart.
    #[error("{0} and {1} can't be told apart: they share a pattern")]
    SamePattern(&'static str, &'static str),
}
