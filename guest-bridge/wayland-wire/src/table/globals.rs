// SPDX-License-Identifier: GPL-3.0-or-later
//! In: what the server announces in `wl_registry`. Out: the part of it that a guest may see and bind.

use std::collections::BTreeMap;

use crate::interface::Interface;
use crate::protocol;

/// An announced global.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Global {
    /// Its interface.
    pub interface: &'static Interface,
    /// Highest version that may be bound: what is announced and allowed.
    pub version: u32,
    /// The server has taken it back. A client that did not know yet may still bind it.
    pub withdrawn: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Globals {
    known: BTreeMap<u32, Global>,
    max: usize,
}

impl Globals {
    pub(super) const fn new(max: usize) -> Self {
        Self { known: BTreeMap::new(), max }
    }

    pub(super) fn get(&self, name: u32) -> Option<Global> {
        self.known.get(&name).copied()
    }

    /// The version under which the client hears of a global, `None` if it must not hear of it.
    pub(super) fn announce(&mut self, name: u32, interface: &str, version: u32) -> Option<u32> {
        let spec = protocol::global(interface)?;
        let version = version.min(spec.version);
        if version == 0 || !self.make_room(name) {
            return None;
        }
        self.known.insert(name, Global { interface: spec.interface, version, withdrawn: false });
        Some(version)
    }

    /// Whether the client has heard of that global.
    pub(super) fn withdraw(&mut self, name: u32) -> bool {
        self.known.get_mut(&name).map(|global| global.withdrawn = true).is_some()
    }

    /// Forgets the oldest withdrawn global if there is no room for another one.
    fn make_room(&mut self, name: u32) -> bool {
        if self.known.len() < self.max || self.known.contains_key(&name) {
            return true;
        }
        let oldest = self.known.iter().find(|(_, global)| global.withdrawn).map(|(name, _)| *name);
        oldest.is_some_and(|name| self.known.remove(&name).is_some())
    }
}
