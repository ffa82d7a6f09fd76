// SPDX-License-Identifier: GPL-3.0-or-later
//! In: a number off the wire. Out: an [`ObjectId`], which is never null.

use std::num::NonZeroU32;

/// First id that the server gives out.
const SERVER_START: u32 = 0xff00_0000;

/// The id of an object on one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(NonZeroU32);

impl ObjectId {
    /// `wl_display`, which always exists.
    pub const DISPLAY: Self = Self(NonZeroU32::MIN);

    /// `None` for 0, the null object.
    #[must_use]
    pub const fn new(id: u32) -> Option<Self> {
        match NonZeroU32::new(id) {
            Some(id) => Some(Self(id)),
            None => None,
        }
    }

    /// The number on the wire.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0.get()
    }

    /// Whether the server chose it; otherwise the client did.
    #[must_use]
    pub const fn is_server(self) -> bool {
        self.get() >= SERVER_START
    }

    /// Its position in its range, from 0.
    pub(crate) fn index(self) -> usize {
        let index = if self.is_server() {
            self.get().saturating_sub(SERVER_START)
        } else {
            self.get().saturating_sub(1)
        };
        usize::try_from(index).unwrap_or(usize::MAX)
    }

    /// The id at a position of a range; `None` past the range's end.
    pub(crate) fn at(server: bool, index: usize) -> Option<Self> {
        let index = u32::try_from(index).ok()?;
        let id = index.checked_add(if server { SERVER_START } else { 1 })?;
        Self::new(id).filter(|id| id.is_server() == server)
    }
}

impl std::fmt::Display for ObjectId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.get().fmt(f)
    }
}
