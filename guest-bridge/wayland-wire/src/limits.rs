// SPDX-License-Identifier: GPL-3.0-or-later
//! In: nothing. Out: every number that bounds one connection.

use crate::message::MAX_MESSAGE;

/// Bounds of one Wayland connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Objects in each id range, dead ones that await their release included.
    pub objects: usize,
    /// Globals known at once, removed ones that a late bind may still name included.
    pub globals: usize,
    /// Bytes that a stream may hold.
    pub stream_bytes: usize,
    /// Descriptors that a stream may hold for messages that are not complete.
    pub stream_fds: usize,
}

impl Limits {
    /// What a connection gets unless said otherwise.
    pub const DEFAULT: Self =
        Self { objects: 16_384, globals: 256, stream_bytes: 64 * 1024 + MAX_MESSAGE, stream_fds: 64 };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
