// SPDX-License-Identifier: GPL-3.0-or-later
//! `AppId` and `VmId`: short names that are safe as file names, D-Bus arguments and log fields.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Longest accepted name, in bytes.
pub(crate) const MAX_NAME: usize = 64;

/// Why a string is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// The string is empty.
    #[error("a name can't be empty")]
    Empty,
    /// The string is longer than 64 bytes.
    #[error("a name has at most {MAX_NAME} characters, this one has {0}")]
    TooLong(usize),
    /// The first character is not `a`–`z` or `0`–`9`.
    #[error("a name starts with a lower-case letter or a digit, not with {0:?}")]
    BadStart(char),
    /// Another character is not `a`–`z`, `0`–`9`, `.`, `+` or `-`.
    #[error("a name is made of a–z, 0–9, '.', '+' and '-'; {0:?} is not one of them")]
    BadChar(char),
}

fn check(s: &str) -> Result<(), NameError> {
    let first = s.chars().next().ok_or(NameError::Empty)?;
    if s.len() > MAX_NAME {
        return Err(NameError::TooLong(s.len()));
    }
    if !(first.is_ascii_lowercase() || first.is_ascii_digit()) {
        return Err(NameError::BadStart(first));
    }
    match s.chars().find(|c| !(c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '+' | '-')))
    {
        Some(c) => Err(NameError::BadChar(c)),
        None => Ok(()),
    }
}

macro_rules! name_type {
    ($(#[$doc:meta])* $ty:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $ty(String);

        impl $ty {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $ty {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $ty {
            type Err = NameError;
            fn from_str(s: &str) -> Result<Self, NameError> {
                check(s)?;
                Ok(Self(s.to_owned()))
            }
        }

        impl TryFrom<String> for $ty {
            type Error = NameError;
            fn try_from(s: String) -> Result<Self, NameError> {
                check(&s)?;
                Ok(Self(s))
            }
        }

        impl From<$ty> for String {
            fn from(v: $ty) -> Self {
                v.0
            }
        }
    };
}

name_type! {
    /// An app of the catalogue, such as `foot` or `gnome-calculator`.
    AppId
}
name_type! {
    /// One VM of this desktop, such as `foot` or, for a second one of the same app, `foot-2`.
    VmId
}

/// Longest accepted scheme of an address, in bytes.
const MAX_SCHEME: usize = 32;

/// Whether this is the scheme of an address (RFC 3986, 3.1), in small letters and of a length that people read.
#[must_use]
pub fn is_scheme(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.');
    text.len() <= MAX_SCHEME
        && text.bytes().next().is_some_and(|b| b.is_ascii_lowercase())
        && text.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let long = "a".repeat(65);
        for (input, expected) in [
            ("foot", Ok(())),
            ("gnome-calculator", Ok(())),
            ("libstdc++6", Ok(())),
            ("", Err(NameError::Empty)),
            ("-x", Err(NameError::BadStart('-'))),
            ("../x", Err(NameError::BadStart('.'))),
            ("a/b", Err(NameError::BadChar('/'))),
            ("Foot", Err(NameError::BadStart('F'))),
            ("a\nb", Err(NameError::BadChar('\n'))),
            (long.as_str(), Err(NameError::TooLong(65))),
        ] {
            assert_eq!(input.parse::<AppId>().map(|_| ()), expected, "{input:?}");
        }
    }

    #[test]
    fn schemes() {
        let (long, longer) = ("a".repeat(32), "a".repeat(33));
        for (text, is) in [
            ("https", true),
            ("web+coffee", true),
            ("ms-settings", true),
            (long.as_str(), true),
            (longer.as_str(), false),
            ("", false),
            ("HTTPS", false),
            ("9p", false),
            ("+x", false),
            ("a b", false),
            ("https:", false),
        ] {
            assert_eq!(is_scheme(text), is, "{text:?}");
        }
    }
}
