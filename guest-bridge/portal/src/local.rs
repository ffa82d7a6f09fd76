// SPDX-License-Identifier: GPL-3.0-or-later
//! The wire between the portal programs and the agent, both in the guest. In and out: frames of
//! [`cofferdam_agent_wire`] on a Unix socket which only the app's user reaches.

use cofferdam_agent_wire::{Appearance, MAX_TEXT, PortalWish};
use serde::{Deserialize, Serialize};

/// Where the agent listens.
pub const SOCKET: &str = "/run/cofferdam/portal";

/// From a program to the agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToAgent {
    /// Ask the host.
    Wish {
        /// Chosen by the program; comes back.
        serial: u32,
        /// For what.
        wish: PortalWish,
    },
    /// It does not matter any more.
    Forget {
        /// Its serial.
        serial: u32,
    },
}

/// From the agent to a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromAgent {
    /// The answer to a wish.
    Answer {
        /// Its serial.
        serial: u32,
        /// What came of it.
        outcome: Outcome,
    },
    /// How the desktop looks: first of all, and after each change.
    Appearance(Appearance),
}

/// What came of a wish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Done, nothing to hand over.
    Done,
    /// A file or folder, at this path of the guest.
    File {
        /// Where it is.
        path: String,
        /// A folder, or a file.
        folder: bool,
        /// Whether it may be written.
        writable: bool,
    },
    /// No.
    Denied,
}

/// The start of `text` that a wish may hold.
#[must_use]
pub fn bounded(text: &str) -> String {
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    text.get(..end).unwrap_or_default().to_owned()
}

/// `path` as a `file://` address.
#[must_use]
pub fn file_uri(path: &str) -> String {
    format!("file://{}", encoded(path, |b| b.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@".contains(&b)))
}

/// `address` with everything escaped that can't stand in one.
#[must_use]
pub fn address(address: &str) -> String {
    encoded(address, |b| b.is_ascii_graphic())
}

fn encoded(text: &str, plain: impl Fn(u8) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if plain(byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_at_a_character() {
        assert_eq!(bounded("short"), "short");
        let long = format!("x{}", "ä".repeat(1 << 20));
        assert_eq!(bounded(&long).len(), MAX_TEXT - 1);
    }

    #[test]
    fn addresses_are_plain_ascii() {
        assert_eq!(file_uri("/run/user/1000/a b/ü%.txt"), "file:///run/user/1000/a%20b/%C3%BC%25.txt");
        assert_eq!(address("https://example.org/ü b%20c\n"), "https://example.org/%C3%BC%20b%20c%0A");
    }
}
