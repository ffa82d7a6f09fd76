// SPDX-License-Identifier: GPL-3.0-or-later
//! What the ledger's events add up to.
//!
//! In: [`Event`]s in the order of the ledger, and the rules from files. Out: the [`State`] that decisions
//! are made from. It can always be made again from the same events: nothing else is kept anywhere.

use crate::grants::{Given, Grants};
use crate::slot::Slot;
use crate::{
    AdminRules, Author, Effect, Event, Grant, GrantId, Key, Kind, Level, Levels, Lifetime, Millis, Resource,
    Usage,
};
use cofferdam_ids::{AppId, Identity, Label, VmId};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// A standing yes that nobody used for this long lapses.
pub const UNUSED: u64 = 90 * Millis::DAY;

/// Most keys that a VM is known to have asked about; later ones count as new each time.
const MAX_SEEN: usize = 1024;

/// Why an event can't be true. The state is as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// Nobody knows the VM: it was never registered.
    #[error("no app {0} is known")]
    UnknownVm(VmId),
    /// A run that is not newer than the last, and not the last either.
    #[error("run {run} of {vm} is not a new one")]
    OldRun {
        /// The VM.
        vm: VmId,
        /// The run.
        run: u64,
    },
    /// A number that was used before, for something else.
    #[error("the number of grant {} was used before", .0.0)]
    OldGrant(GrantId),
    /// The last number: none would be left.
    #[error("there are no numbers left for grants")]
    NoNumberLeft,
    /// A no that ends by itself would give something away when it does.
    #[error("a \"never\" has no end of its own")]
    TimedDeny,
    /// The kind has no such level.
    #[error("{kind} has no level \"{level}\"")]
    NoSuchLevel {
        /// The kind.
        kind: Kind,
        /// The level.
        level: Level,
    },
}

/// Who a VM is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Card {
    pub(crate) app: AppId,
    pub(crate) name: Label,
    pub(crate) identity: Identity,
    pub(crate) parent: Option<VmId>,
    pub(crate) since: Millis,
}

/// All about one VM, from the first time that it was registered as what it is.
#[derive(Debug, Clone)]
pub(crate) struct Vm {
    pub(crate) card: Card,
    pub(crate) first_run: u64,
    pub(crate) run: u64,
    pub(crate) running: bool,
    pub(crate) levels: BTreeMap<Kind, (Level, Author)>,
    pub(crate) grants: Grants,
    pub(crate) silenced: BTreeSet<Kind>,
    pub(crate) uses: BTreeMap<Kind, Usage>,
    pub(crate) seen: HashSet<Slot>,
    /// Which subjects of the rules it is.
    pub(crate) subjects: Vec<usize>,
}

impl Vm {
    fn new(card: Card, run: u64, subjects: Vec<usize>) -> Self {
        Self {
            card,
            first_run: run,
            run,
            running: true,
            levels: BTreeMap::new(),
            grants: Grants::default(),
            silenced: BTreeSet::new(),
            uses: BTreeMap::new(),
            seen: HashSet::new(),
            subjects,
        }
    }
}

/// What holds now: VMs, levels, grants, rules. Nothing is allowed by a new one.
#[derive(Debug, Clone, Default)]
pub struct State {
    pub(crate) vms: HashMap<VmId, Vm>,
    pub(crate) homes: HashMap<GrantId, (VmId, Key)>,
    pub(crate) ends: BTreeSet<(Millis, GrantId)>,
    pub(crate) next: u64,
    pub(crate) admin: AdminRules,
}

impl State {
    /// Nothing known, nothing allowed.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the rules from files, in place of those before.
    pub fn set_admin(&mut self, rules: AdminRules) {
        for (id, vm) in &mut self.vms {
            vm.subjects = rules.subjects_of(id, &vm.card.app);
        }
        self.admin = rules;
    }

    /// Adds what happened at `at`. The same events in the same order always make the same state, and one that
    /// is repeated right behind itself changes no decision; what was revoked or used up does not come back.
    ///
    /// # Errors
    /// If the event contradicts an earlier one; the state is unchanged then.
    pub fn apply(&mut self, at: Millis, event: &Event) -> Result<(), ApplyError> {
        match event {
            Event::Registered { vm, app, name, identity, parent, run } => {
                let card = Card {
                    app: app.clone(),
                    name: name.clone(),
                    identity: *identity,
                    parent: parent.clone(),
                    since: at,
                };
                return self.register(vm, card, *run);
            }
            Event::Closed { vm, run } => self.close(vm, *run),
            Event::Asked { vm, resource } => self.see(vm, resource),
            Event::Granted(grant) => return self.grant_given(grant),
            Event::Revoked { grant, by } => {
                self.remove(*grant);
                if *by == Author::Policy {
                    self.spend_number(*grant);
                }
            }
            Event::LevelSet { vm, kind, level, by } => {
                if !Levels::of(*kind).contains(level) {
                    return Err(ApplyError::NoSuchLevel { kind: *kind, level: *level });
                }
                let known = self.vms.get_mut(vm).ok_or_else(|| ApplyError::UnknownVm(vm.clone()))?;
                known.levels.insert(*kind, (*level, *by));
            }
            Event::Used { vm, resource, grant, usage } => self.used(at, vm, resource, *grant, *usage),
            Event::Silenced { vm, kind } => {
                if let Some(vm) = self.vms.get_mut(vm) {
                    vm.silenced.insert(*kind);
                }
            }
            Event::Answered { .. } | Event::Refused { .. } | Event::TakenBack { .. } => {}
        }
        Ok(())
    }

    /// The number for the next grant. The first is 1: 0 stands for none wherever a number has to.
    #[must_use]
    pub const fn next_grant_id(&self) -> GrantId {
        GrantId(if self.next == 0 { 1 } else { self.next })
    }

    /// The grants that time has ended by now, oldest end first. They allow nothing any more; the monitor
    /// records it with [`Event::Revoked`] and cuts what lives under them.
    #[must_use]
    pub fn expired(&self, now: Millis) -> Vec<GrantId> {
        self.ends.iter().take_while(|(end, _)| *end <= now).map(|(_, id)| *id).collect()
    }

    /// When the next grant ends by itself.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Millis> {
        self.ends.first().map(|(end, _)| *end)
    }

    /// Whether a compacted ledger has to keep this event, or would add up to another state without it. It may
    /// also keep everything from some time on. Of what was used this only asks for the last use of each grant.
    #[must_use]
    pub fn needs(&self, at: Millis, event: &Event) -> bool {
        match event {
            // The first run as well: before it the name may have stood for something else.
            Event::Registered { vm, app, parent, run, .. } => self.vms.get(vm).is_some_and(|v| {
                (v.run == *run || v.first_run == *run) && v.card.app == *app && v.card.parent == *parent
            }),
            Event::Closed { vm, run } => self.vms.get(vm).is_some_and(|v| v.run == *run && !v.running),
            Event::Granted(grant) => self.given(grant.id).is_some(),
            Event::Revoked { grant, .. } => grant.0.checked_add(1) == Some(self.next),
            Event::LevelSet { vm, kind, level, by } => {
                self.vms.get(vm).and_then(|v| v.levels.get(kind)) == Some(&(*level, *by))
            }
            Event::Used { grant: Some(id), .. } => self.given(*id).is_some_and(|h| h.last_used == Some(at)),
            Event::Silenced { vm, kind } => self.vms.get(vm).is_some_and(|v| v.silenced.contains(kind)),
            Event::Used { .. }
            | Event::Asked { .. }
            | Event::Answered { .. }
            | Event::Refused { .. }
            | Event::TakenBack { .. } => false,
        }
    }

    /// An event to append before a ledger is compacted, so that no number of a grant is used twice even if
    /// the last grant is gone from it. None if no grant was ever given or the last one still holds.
    #[must_use]
    pub fn reminder(&self) -> Option<Event> {
        let last = GrantId(self.next.checked_sub(1)?);
        self.given(last).is_none().then_some(Event::Revoked { grant: last, by: Author::Policy })
    }

    pub(crate) fn given(&self, id: GrantId) -> Option<&Given> {
        let (vm, key) = self.homes.get(&id)?;
        self.vms.get(vm)?.grants.get(key)
    }

    fn register(&mut self, id: &VmId, mut card: Card, run: u64) -> Result<(), ApplyError> {
        let known = self.vms.get(id).filter(|v| v.card.app == card.app && v.card.parent == card.parent);
        let last = self.vms.get(id).map(|v| v.run);
        if last.is_some_and(|last| run < last || (run == last && known.is_none())) {
            return Err(ApplyError::OldRun { vm: id.clone(), run });
        }
        // A name that now stands for something else starts with nothing.
        let over =
            |h: &&Given| known.is_none() || matches!(h.grant.lifetime, Lifetime::Run(only) if only != run);
        let grants = self.vms.get(id).into_iter().flat_map(|v| v.grants.iter());
        let gone: Vec<GrantId> = grants.filter(over).map(|h| h.grant.id).collect();
        let fresh = known.is_none();
        for grant in gone {
            self.remove(grant);
        }
        if fresh {
            let subjects = self.admin.subjects_of(id, &card.app);
            self.vms.insert(id.clone(), Vm::new(card, run, subjects));
        } else if let Some(vm) = self.vms.get_mut(id) {
            if run > vm.run {
                vm.silenced.clear();
            } else {
                // The same run again is the same start.
                card.since = vm.card.since;
            }
            (vm.card, vm.run, vm.running) = (card, run, true);
        }
        Ok(())
    }

    fn close(&mut self, id: &VmId, run: u64) {
        let Some(vm) = self.vms.get_mut(id).filter(|v| v.run == run) else { return };
        vm.running = false;
        let over = |h: &&Given| matches!(h.grant.lifetime, Lifetime::Run(_));
        let gone: Vec<GrantId> = vm.grants.iter().filter(over).map(|h| h.grant.id).collect();
        for grant in gone {
            self.remove(grant);
        }
    }

    fn grant_given(&mut self, grant: &Grant) -> Result<(), ApplyError> {
        if grant.id.0 < self.next {
            let same = self.given(grant.id).is_some_and(|h| h.grant == *grant);
            return if same { Ok(()) } else { Err(ApplyError::OldGrant(grant.id)) };
        }
        if !self.vms.contains_key(&grant.vm) {
            return Err(ApplyError::UnknownVm(grant.vm.clone()));
        }
        if grant.effect == Effect::Deny && grant.lifetime != Lifetime::Standing {
            return Err(ApplyError::TimedDeny);
        }
        self.next = grant.id.0.checked_add(1).ok_or(ApplyError::NoNumberLeft)?;
        let given = Given { grant: grant.clone(), last_used: None };
        self.ends.extend(given.end().map(|end| (end, grant.id)));
        let grants = self.vms.get_mut(&grant.vm).map(|v| &mut v.grants);
        if let Some(old) = grants.and_then(|all| all.insert(given)) {
            self.homes.remove(&old.grant.id);
            if let Some(end) = old.end() {
                self.ends.remove(&(end, old.grant.id));
            }
        }
        self.homes.insert(grant.id, (grant.vm.clone(), grant.key.clone()));
        Ok(())
    }

    fn remove(&mut self, id: GrantId) {
        let Some((vm, key)) = self.homes.remove(&id) else { return };
        let given = self.vms.get_mut(&vm).and_then(|v| v.grants.remove(&key));
        if let Some(end) = given.and_then(|h| h.end()) {
            self.ends.remove(&(end, id));
        }
    }

    fn spend_number(&mut self, id: GrantId) {
        if let Some(next) = id.0.checked_add(1) {
            self.next = self.next.max(next);
        }
    }

    fn see(&mut self, vm: &VmId, resource: &Resource) {
        if let Some(vm) = self.vms.get_mut(vm).filter(|v| v.seen.len() < MAX_SEEN) {
            vm.seen.insert(Slot(resource.key()));
        }
    }

    fn used(&mut self, at: Millis, vm: &VmId, resource: &Resource, grant: Option<GrantId>, usage: Usage) {
        self.see(vm, resource);
        if let Some(vm) = self.vms.get_mut(vm) {
            let sum = vm.uses.entry(resource.kind()).or_default();
            *sum = Usage {
                times: sum.times.saturating_add(usage.times),
                bytes_in: sum.bytes_in.saturating_add(usage.bytes_in),
                bytes_out: sum.bytes_out.saturating_add(usage.bytes_out),
                millis: sum.millis.saturating_add(usage.millis),
            };
        }
        if let Some(id) = grant {
            self.used_under(at, id);
        }
    }

    /// A use keeps a standing grant alive, and is the end of one for "this time".
    fn used_under(&mut self, at: Millis, id: GrantId) {
        let Some((vm, key)) = self.homes.get(&id) else { return };
        let Some(given) = self.vms.get_mut(vm).and_then(|v| v.grants.get_mut(key)) else {
            return;
        };
        if given.grant.lifetime == Lifetime::Once {
            return self.remove(id);
        }
        if let Some(end) = given.end() {
            self.ends.remove(&(end, id));
        }
        given.last_used = given.last_used.max(Some(at));
        self.ends.extend(given.end().map(|end| (end, id)));
    }
}
