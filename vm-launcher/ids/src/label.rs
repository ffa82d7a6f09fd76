// SPDX-License-Identifier: GPL-3.0-or-later
//! `Label` and `Passage`: any string made safe to show inside trusted chrome.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Longest label, in characters; the rest is cut and an ellipsis takes the last place.
const MAX_CHARS: usize = 80;
/// Longest passage, in characters.
const MAX_PASSAGE: usize = 240;

/// A string that can be drawn beside trusted text without misleading anyone: no control
/// characters, no bidirectional overrides, no zero-width characters, no line breaks, bounded length.
///
/// Made from anything, never fails: what is not fit to be shown is dropped.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Label(String);

/// Whether `c` can mislead whoever reads the text around it: control characters, bidirectional marks,
/// characters that have no shape of their own, and private ones.
#[must_use]
pub fn is_unfit(c: char) -> bool {
    c.is_control()
        || matches!(u32::from(c),
            0x00AD | 0x034F | 0x061C | 0x115F | 0x1160 | 0x17B4 | 0x17B5 | 0x180B..=0x180F
            | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0x3164 | 0xFE00..=0xFE0F | 0xFEFF | 0xFFA0
            | 0xFFF0..=0xFFFB | 0x1BCA0..=0x1BCA3 | 0x1D173..=0x1D17A | 0xE0000..=0xE0FFF
            | 0xE000..=0xF8FF | 0xF0000..=0x10FFFF)
}

/// Drops unfit characters, folds white space, cuts at `max` characters.
fn clean(raw: &str, max: usize) -> String {
    let mut out = String::new();
    let mut count = 0usize;
    let mut space = false;
    // Bounded look-ahead: a guest may send a megabyte, only the start can matter.
    for c in raw.chars().take(max.saturating_mul(16)) {
        if c.is_whitespace() {
            space = !out.is_empty();
            continue;
        }
        if is_unfit(c) {
            continue;
        }
        let need = 1 + usize::from(space);
        if count + need >= max {
            out.push('…');
            break;
        }
        if space {
            out.push(' ');
            space = false;
        }
        out.push(c);
        count += need;
    }
    out
}

impl Label {
    /// Cleans `raw`: drops unfit characters, folds white space, cuts at 80 characters.
    #[must_use]
    pub fn new(raw: &str) -> Self {
        Self(clean(raw, MAX_CHARS))
    }

    /// The clean text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing is left to show.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for Label {
    fn from(s: String) -> Self {
        Self::new(&s)
    }
}

impl From<Label> for String {
    fn from(l: Label) -> Self {
        l.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Some sentences that somebody else wrote: as clean as a [`Label`], but up to 240 characters long.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Passage(String);

impl Passage {
    /// Cleans `raw`: drops unfit characters, folds white space and lines, cuts at 240 characters.
    #[must_use]
    pub fn new(raw: &str) -> Self {
        Self(clean(raw, MAX_PASSAGE))
    }

    /// The clean text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing is left to show.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for Passage {
    fn from(s: String) -> Self {
        Self::new(&s)
    }
}

impl From<Passage> for String {
    fn from(p: Passage) -> Self {
        p.0
    }
}

impl fmt::Display for Passage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cleans() {
        let long = "x".repeat(200);
        let cut = format!("{}…", "x".repeat(79));
        for (raw, clean) in [
            ("Terminal", "Terminal"),
            ("  a \n\t b  ", "a b"),
            ("evil\u{202e}gpj.exe", "evilgpj.exe"),
            ("a\u{200b}b", "ab"),
            ("\u{0}\u{1b}[31m", "[31m"),
            (long.as_str(), cut.as_str()),
        ] {
            assert_eq!(Label::new(raw).as_str(), clean);
        }
    }

    #[test]
    fn a_passage_is_a_longer_label() {
        let long = "long words ".repeat(100);
        let passage = Passage::new(&long);
        assert_eq!(passage.as_str().chars().count(), MAX_PASSAGE);
        assert!(passage.as_str().ends_with('…'));
        assert_eq!(Passage::new(" a\r\n\u{202e}b\u{200b} ").as_str(), "a b");
        assert_eq!(Passage::from(long), passage, "what comes over a wire is cleaned too");
    }
}
