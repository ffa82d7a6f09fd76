// SPDX-License-Identifier: GPL-3.0-or-later
//! Host memory announced to the guest of one context and not yet claimed: keymaps and the like.
//!
//! In: files of the compositor, and ids that the guest makes blobs of. Out: each file once. A guest that
//! never claims loses the oldest, so that files cannot pile up.

use super::io::FdKey;
use super::resources::{Fill, ItemKind};
use cofferdam_xdomain::channel::{FIRST_HOST_ITEM, FIRST_READ_PIPE, PIXEL_ITEM};
use std::collections::BTreeMap;

/// The items of a context.
#[derive(Debug)]
pub(super) struct Items {
    limit: usize,
    next: u32,
    unclaimed: BTreeMap<u32, Fill>,
}

impl Items {
    /// None.
    #[must_use]
    pub(super) const fn new(limit: usize) -> Self {
        Self { limit, next: FIRST_HOST_ITEM, unclaimed: BTreeMap::new() }
    }

    /// An id that was not given out before; `None` after two thousand million of them.
    pub(super) fn next_id(&mut self) -> Option<u32> {
        let id = self.next;
        self.next = id.checked_add(1)?;
        (id < FIRST_READ_PIPE).then_some(id)
    }

    /// Whether this id was ever given out, be it for a file or for a pipe.
    pub(super) const fn was_given(&self, id: u32) -> bool {
        FIRST_HOST_ITEM <= id && id < self.next
    }

    /// Keeps a file for the guest to claim. Also returns a file that is given up for it.
    pub(super) fn announce(&mut self, fill: Fill) -> (Option<u32>, Option<FdKey>) {
        let Some(id) = self.next_id() else { return (None, Some(fill.fd)) };
        self.unclaimed.insert(id, fill);
        let over = self.unclaimed.len() > self.limit;
        let oldest = if over { self.unclaimed.pop_first() } else { None };
        (Some(id), oldest.map(|(_, fill)| fill.fd))
    }

    /// Takes the item of this id.
    pub(super) fn take(&mut self, id: u64) -> Option<ItemKind> {
        let id = u32::try_from(id).ok()?;
        if id == PIXEL_ITEM {
            return Some(ItemKind::Pixels);
        }
        self.unclaimed.remove(&id).map(ItemKind::Filled)
    }

    /// Gives all files up.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = FdKey> + use<> {
        std::mem::take(&mut self.unclaimed).into_values().map(|fill| fill.fd)
    }
}
