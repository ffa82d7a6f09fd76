// SPDX-License-Identifier: GPL-3.0-or-later
//! The grants of one VM.
//!
//! In: grants as they are given, taken back and used. Out: the one that speaks about a question, by one
//! look-up, and the one that speaks about its whole kind.

use crate::slot::{AsKey, KeyView, Slot};
use crate::state::UNUSED;
use crate::{Contact, Effect, Grant, Host, Key, Kind, Lifetime, Millis, Resource, Zone};
use std::collections::{BTreeMap, HashMap};

/// A grant and what became of it.
#[derive(Debug, Clone)]
pub(crate) struct Given {
    pub(crate) grant: Grant,
    pub(crate) last_used: Option<Millis>,
}

impl Given {
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
    one: HashMap<Slot, Given>,
    /// Those about a whole zone or a whole kind: few, and asked for each time, so nothing is hashed for them.
    zones: BTreeMap<Zone, Given>,
    whole: BTreeMap<Kind, Given>,
}

impl Grants {
    /// The grant about just this, then those about more: everybody in its zone, everything of its kind.
    pub(crate) fn about(&self, resource: &Resource) -> [Option<&Given>; 3] {
        let (one, zone) = match resource {
            Resource::Plain(_) => (None, None),
            Resource::Network(contact) => {
                (self.one.get(resource as &dyn AsKey), self.zones.get(&contact.zone))
            }
            _ => (self.one.get(resource as &dyn AsKey), None),
        };
        // A yes to "the network" opens neither the local network nor this computer; a no shuts all of it.
        let inside = |contact: &Contact| contact.zone != Zone::Internet;
        let home = matches!(resource, Resource::Network(contact) if inside(contact));
        let whole = self.whole.get(&resource.kind());
        [one, zone, whole.filter(|given| !home || given.grant.effect == Effect::Deny)]
    }

    /// The "never" about the address of `resource` that was written down for another zone: which one an
    /// address is in depends on where this computer is, and a no is about the address wherever that is.
    pub(crate) fn never(&self, resource: &Resource) -> Option<&Given> {
        let Resource::Network(Contact { host: host @ Host::Addr(_), .. }) = resource else { return None };
        let mut anywhere =
            Zone::ALL.into_iter().filter_map(|zone| self.one.get(&KeyView::Site(host, zone) as &dyn AsKey));
        anywhere.find(|given| given.grant.effect == Effect::Deny)
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&Given> {
        match key {
            Key::All(kind) => self.whole.get(kind),
            Key::Zone(zone) => self.zones.get(zone),
            _ => self.one.get(key as &dyn AsKey),
        }
    }

    pub(crate) fn get_mut(&mut self, key: &Key) -> Option<&mut Given> {
        match key {
            Key::All(kind) => self.whole.get_mut(kind),
            Key::Zone(zone) => self.zones.get_mut(zone),
            _ => self.one.get_mut(key as &dyn AsKey),
        }
    }

    /// Puts one in place of the one with the same key.
    pub(crate) fn insert(&mut self, given: Given) -> Option<Given> {
        match &given.grant.key {
            Key::All(kind) => self.whole.insert(*kind, given),
            Key::Zone(zone) => self.zones.insert(*zone, given),
            key => self.one.insert(Slot(key.clone()), given),
        }
    }

    pub(crate) fn remove(&mut self, key: &Key) -> Option<Given> {
        match key {
            Key::All(kind) => self.whole.remove(kind),
            Key::Zone(zone) => self.zones.remove(zone),
            _ => self.one.remove(key as &dyn AsKey),
        }
    }

    /// All of them, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Given> {
        self.one.values().chain(self.zones.values()).chain(self.whole.values())
    }
}
