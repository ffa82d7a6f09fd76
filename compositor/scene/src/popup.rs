// SPDX-License-Identifier: GPL-3.0-or-later
//! One popup: what its client wished and committed.
//!
//! In: a positioner and committed sizes. Out: nothing by itself; the scene computes a popup's place
//! from its parent's whenever it is asked, so it can never be out of date.

use crate::geometry::{Rect, Size};
use crate::id::{Node, PopupId, WindowId};
use crate::positioner::Positioner;

/// One popup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Popup {
    pub(crate) id: PopupId,
    pub(crate) parent: Node,
    /// The toplevel at the end of the chain of parents.
    pub(crate) root: WindowId,
    pub(crate) depth: u32,
    pub(crate) positioner: Positioner,
    /// Relative to the parent's window geometry, as the client was told.
    pub(crate) rect: Rect,
    /// Size of its window geometry; none while unmapped.
    pub(crate) committed: Option<Size>,
    pub(crate) told: bool,
    pub(crate) dismissed: bool,
}

impl Popup {
    /// Its handle.
    #[must_use]
    pub fn id(&self) -> PopupId {
        self.id
    }

    /// What it belongs to.
    #[must_use]
    pub fn parent(&self) -> Node {
        self.parent
    }

    /// The toplevel at the end of the chain of parents.
    #[must_use]
    pub fn root(&self) -> WindowId {
        self.root
    }

    /// Has a buffer and was not dismissed.
    #[must_use]
    pub fn is_mapped(&self) -> bool {
        self.committed.is_some() && !self.dismissed
    }
}
