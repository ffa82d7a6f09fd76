// SPDX-License-Identifier: GPL-3.0-or-later
//! The serial console: in go bytes that a guest chose, out come lines that are safe to print.

use cofferdam_ids::is_unfit;
use std::collections::VecDeque;

/// Longest line kept, in bytes; the rest of a longer one is dropped.
pub const MAX_LINE: usize = 400;

/// Cuts a byte stream into clean lines: no control characters, no escape sequences, bounded length.
#[derive(Debug, Default)]
pub struct LineSplitter {
    line: Vec<u8>,
    escape: Escape,
}

/// Where in a terminal escape sequence the stream is; such sequences are dropped whole.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Escape {
    #[default]
    None,
    Start,
    Csi,
}

impl LineSplitter {
    /// An empty splitter.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in `bytes` and gives back every line that they end.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for &b in bytes {
            self.escape = match (self.escape, b) {
                (_, b'\n') => {
                    lines.extend(self.flush());
                    Escape::None
                }
                (_, 0x1b) => Escape::Start,
                (Escape::Start, b'[') => Escape::Csi,
                (Escape::Start, _) | (Escape::Csi, 0x40..=0x7e) => Escape::None,
                (Escape::Csi, _) => Escape::Csi,
                (Escape::None, b) => {
                    if self.line.len() < MAX_LINE {
                        self.line.push(b);
                    }
                    Escape::None
                }
            };
        }
        lines
    }

    /// The line begun but not ended, when the stream is over. Blank lines are nothing.
    pub fn flush(&mut self) -> Option<String> {
        let raw = std::mem::take(&mut self.line);
        let clean: String = String::from_utf8_lossy(&raw)
            .chars()
            .map(|c| if c == '\t' { ' ' } else { c })
            .filter(|c| !is_unfit(*c))
            .collect();
        let clean = clean.trim_end();
        (!clean.is_empty()).then(|| clean.to_owned())
    }
}

/// The last lines of a console.
#[derive(Debug)]
pub struct Console {
    lines: VecDeque<String>,
    keep: usize,
}

impl Console {
    /// Keeps the last `keep` lines.
    #[must_use]
    pub const fn new(keep: usize) -> Self {
        Self { lines: VecDeque::new(), keep }
    }

    /// Adds a line.
    pub fn push(&mut self, line: String) {
        if self.lines.len() >= self.keep {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// The last `count` lines, oldest first.
    #[must_use]
    pub fn last(&self, count: usize) -> Vec<String> {
        self.lines.iter().skip(self.lines.len().saturating_sub(count)).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &[u8], expected: &[&str]) {
        let mut splitter = LineSplitter::new();
        let mut lines = splitter.push(input);
        lines.extend(splitter.flush());
        assert_eq!(lines, expected, "{input:?}");
    }

    #[test]
    fn lines() {
        check(b"", &[]);
        check(b"a\r\nb", &["a", "b"]);
        check(b"\n\n x \n", &[" x"]);
        check(b"\x1b[2J\x1b[01;31mred\x1b[m\n", &["red"]);
        check(b"\x1bcafter\n", &["after"]);
        check(b"a\tb\x07\x00\n", &["a b"]);
        check("gpj.\u{202e}exe\n".as_bytes(), &["gpj.exe"]);
        check("a\u{61c}b\u{e0041}c\u{fff9}d\n".as_bytes(), &["abcd"]);
        check(b"bad \xff utf\n", &["bad \u{fffd} utf"]);
        check(&[b'x'; 5000], &["x".repeat(MAX_LINE).as_str()]);
    }

    #[test]
    fn split_anywhere() {
        let whole = b"one\r\n\x1b[1mtwo\x1b[0m\nthree";
        for cut in 0..whole.len() {
            let mut splitter = LineSplitter::new();
            let mut lines = splitter.push(&whole[..cut]);
            lines.extend(splitter.push(&whole[cut..]));
            lines.extend(splitter.flush());
            assert_eq!(lines, ["one", "two", "three"]);
        }
    }

    #[test]
    fn keeps_the_last() {
        let mut console = Console::new(3);
        for i in 0..10 {
            console.push(i.to_string());
        }
        assert_eq!(console.last(9), ["7", "8", "9"]);
        assert_eq!(console.last(2), ["8", "9"]);
    }
}
