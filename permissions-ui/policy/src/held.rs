// SPDX-License-Identifier: GPL-3.0-or-later
//! The grants of one VM.
//!
//! In: grants as they are given, taken back and used. Out: the one that speaks about a question, by one
//! look-up, and the one that speaks about its whole kind.

use crate::slot::{AsKey, Slot};
use crate::state::UNUSED;
use crate::{Effect, Grant, Key, Kind, Lifetime, Millis, Resource};
use std::collections::{BTreeMap, HashMap};

/// A grant and what became of it.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) grant: Grant,
    pub(crate) last_used: Option<Millis>,
}

impl Held {
    /// When time alone ends it.
    pub(crate) fn end(&self) -> Option<Millis> {
        match (self.grant.lifetime, self.grant.effect) {
            (Lifetime::Until(end), _) => Some(end),
            (Lifetime::Standing, Effect::Allow) => {
                Some(self.last_used.unwrap_or_default().max(self.grant.at).plus(UNUSED))
            }
            _ => None,
        }
    }

    /// Whether it speaks at all, in this run of its VM.
    pub(crate) fn is_active(&self, run: u64, now: Millis) -> bool {
        let in_time = self.end().is_none_or(|end| now < end);
        in_time && !matches!(self.grant.lifetime, Lifetime::Run(only) if only != run)
    }
}

/// All that a VM holds, one for each key.
#[derive(Debug, Clone, Default)]
pub(crate) struct Grants {
    one: HashMap<Slot, Held>,
    /// Those about a whole kind; few, and asked for each time.
    whole: BTreeMap<Kind, Held>,
}

impl Grants {
    /// The grant about just this, and the one about everything of its kind.
    pub(crate) fn about(&self, resource: &Resource) -> [Option<&Held>; 2] {
        let one = match resource {
            Resource::Plain(_) => None,
            _ => self.one.get(resource as &dyn AsKey),
        };
        [one, self.whole.get(&resource.kind())]
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&Held> {
        match key {
            Key::All(kind) => self.whole.get(kind),
            _ => self.one.get(key as &dyn AsKey),
        }
    }

    pub(crate) fn get_mut(&mut self, key: &Key) -> Option<&mut Held> {
        match key {
            Key::All(kind) => self.whole.get_mut(kind),
            _ => self.one.get_mut(key as &dyn AsKey),
        }
    }

    /// Puts one in place of the one with the same key.
    pub(crate) fn insert(&mut self, held: Held) -> Option<Held> {
        match &held.grant.key {
            Key::All(kind) => self.whole.insert(*kind, held),
            key => self.one.insert(Slot(key.clone()), held),
        }
    }

    pub(crate) fn remove(&mut self, key: &Key) -> Option<Held> {
        match key {
            Key::All(kind) => self.whole.remove(kind),
            _ => self.one.remove(key as &dyn AsKey),
        }
    }

    /// All of them, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Held> {
        self.one.values().chain(self.whole.values())
    }
}
