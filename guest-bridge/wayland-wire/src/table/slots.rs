// SPDX-License-Identifier: GPL-3.0-or-later
//! In: ids that are made, destroyed and freed. Out: which ids are in use. One range of ids, kept dense as
//! libwayland demands, so memory follows the number of objects and not the ids that were sent.

use std::collections::BTreeSet;

use crate::fault::FaultKind;
use crate::id::ObjectId;
use crate::interface::Interface;

/// An object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Object {
    /// Its interface.
    pub interface: &'static Interface,
    /// Its version.
    pub version: u32,
    /// The client has not destroyed it.
    pub alive: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Range {
    server: bool,
    /// By position in the range; `None` is free.
    slots: Vec<Option<Object>>,
    /// The free positions within `slots`.
    free: BTreeSet<usize>,
    max: usize,
}

impl Range {
    pub(super) const fn new(server: bool, max: usize) -> Self {
        Self { server, slots: Vec::new(), free: BTreeSet::new(), max }
    }

    pub(super) fn used(&self) -> usize {
        self.slots.len().saturating_sub(self.free.len())
    }

    pub(super) fn get(&self, id: ObjectId) -> Option<Object> {
        self.slots.get(id.index()).copied().flatten()
    }

    /// Whether a new object may have this id.
    pub(super) fn admit(&self, id: ObjectId) -> Result<(), FaultKind> {
        match self.slots.get(id.index()) {
            Some(None) => Ok(()),
            // The server hears of the end of its own ids from the client alone and sends no `delete_id`.
            Some(Some(object)) if self.server && !object.alive => Ok(()),
            Some(Some(_)) => Err(FaultKind::NewId(id.get())),
            None if id.index() > self.slots.len() => Err(FaultKind::NewId(id.get())),
            None if self.slots.len() >= self.max => Err(FaultKind::TooMany),
            None => Ok(()),
        }
    }

    /// Puts an object where [`Self::admit`] allowed it.
    pub(super) fn insert(&mut self, id: ObjectId, object: Object) {
        let index = id.index();
        if let Some(slot) = self.slots.get_mut(index) {
            *slot = Some(object);
            self.free.remove(&index);
        } else if index == self.slots.len() {
            self.slots.push(Some(object));
        }
    }

    pub(super) fn retire(&mut self, id: ObjectId) {
        if let Some(Some(object)) = self.slots.get_mut(id.index()) {
            object.alive = false;
        }
    }

    pub(super) fn release(&mut self, id: ObjectId) -> bool {
        let index = id.index();
        let was_used = self.slots.get_mut(index).is_some_and(|slot| slot.take().is_some());
        if was_used {
            self.free.insert(index);
        }
        was_used
    }

    pub(super) fn next(&self) -> Result<ObjectId, FaultKind> {
        let index = match self.free.first() {
            Some(index) => *index,
            None if self.slots.len() >= self.max => return Err(FaultKind::TooMany),
            None => self.slots.len(),
        };
        ObjectId::at(self.server, index).ok_or(FaultKind::TooMany)
    }
}
