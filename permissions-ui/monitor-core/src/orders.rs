// SPDX-License-Identifier: GPL-3.0-or-later
//! What the panel, the command line and scripts want. In: orders. Out: changes in the ledger, and an answer
//! once they have had all their effect.

use super::Core;
use super::tickets::{Seat, TicketKey};
use super::words::{CallId, Effect, Order, OrderError, Reply, Role, Span};
use cofferdam_ids::VmId;
use cofferdam_monitor_wire::point::BEFORE;
use cofferdam_policy::{
    Author, Decision, Effect as Says, Event, Grant, GrantId, Kind, Level, Levels, Lifetime, Millis, Refusal,
};
use std::collections::{BTreeMap, BTreeSet};

/// How long something can be undone, in milliseconds.
const UNDO_LIMIT: u64 = 600_000;
/// Things that can be undone at one time.
const MAX_UNDO: usize = 64;
/// Orders that may wait for cuts at one time.
const MAX_WAITING: usize = 256;

/// What an undo brings back.
#[derive(Debug, Clone, Default)]
struct Before {
    at: Millis,
    /// What they were, and what the order made of them.
    levels: Vec<(VmId, Kind, Level, Level)>,
    grants: Vec<Grant>,
}

/// What has to happen before an order has had all its effect.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Until {
    /// A ticket ends.
    Cut(TicketKey),
    /// A VM that an earlier monitor allowed something comes back, or does not.
    Return(VmId),
    /// A point that lost its socket has another one, or its time is over.
    Point(VmId, Role),
    /// The same for the compositor.
    Screen,
}

/// An order that is answered once all of these have happened.
#[derive(Debug)]
struct Waiting {
    call: CallId,
    until: BTreeSet<Until>,
    answer: Result<Reply, OrderError>,
}

/// Orders under way, and what can be undone.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    undo: BTreeMap<u64, Before>,
    /// The token of the last cut made on the screen.
    pub(super) cut: Option<u64>,
    last_token: u64,
    waiting: Vec<Waiting>,
}

impl Orders {
    /// This has happened: orders that waited for nothing else.
    fn happened(&mut self, what: &Until) -> Vec<(CallId, Result<Reply, OrderError>)> {
        for waiting in &mut self.waiting {
            waiting.until.remove(what);
        }
        let done = self.waiting.extract_if(.., |w| w.until.is_empty());
        done.map(|w| (w.call, w.answer)).collect()
    }

    /// Who waits for the one has to wait for the others, too.
    pub(super) fn also(&mut self, one: &Until, others: &[Until]) {
        for waiting in self.waiting.iter_mut().filter(|w| w.until.contains(one)) {
            waiting.until.extend(others.iter().cloned());
        }
    }

    /// Whose levels an undo would set.
    fn vms_of(&self, token: u64) -> BTreeSet<VmId> {
        let levels = self.undo.get(&token).map(|before| &before.levels);
        levels.into_iter().flatten().map(|(vm, ..)| vm.clone()).collect()
    }

    fn remember(&mut self, before: Before) -> u64 {
        self.last_token = self.last_token.saturating_add(1);
        if self.undo.len() >= MAX_UNDO {
            self.undo.pop_first();
        }
        self.undo.insert(self.last_token, before);
        self.last_token
    }
}

impl Core {
    pub(super) fn order(&mut self, call: CallId, order: Order) {
        let answer = match order {
            Order::Apps => Ok(Reply::Apps(self.apps())),
            Order::Permissions(vm) => self.permissions(&vm).map(Reply::Permissions),
            Order::Pending => Ok(Reply::Pending(self.pending())),
            Order::Choosers => Ok(Reply::Choosers(self.choosers())),
            Order::Explain { vm, kind, target } => {
                self.explain(&vm, kind, &target).map(|(word, why)| Reply::Explained(word, why))
            }
            Order::Log { vm, before, limit, search } => {
                // So that what was just used is seen.
                self.flush_usage(u64::MAX);
                Ok(Reply::Log(self.log(vm.as_ref(), before, limit, &search)))
            }
            Order::SetLevel { vm, kind, level } => return self.set_level(call, &vm, kind, level),
            Order::Grant { vm, kind, target, span } => {
                let answer = self.grant(&vm, kind, &target, span);
                let until = if span == Span::Never { self.unfinished([&vm]) } else { BTreeSet::new() };
                return self.answer_after(call, until, answer);
            }
            Order::Revoke(id) => return self.revoke(call, id),
            Order::RevokeAll(vm) => return self.revoke_all(call, &vm),
            Order::RevokeEverything => {
                let (answer, until) = self.revoke_everything();
                return self.answer_after(call, until, answer);
            }
            Order::Undo(token) => {
                let vms = self.orders.vms_of(token);
                let answer = self.undo(token);
                // What it brings back may be a level that is shut.
                return self.answer_after(call, self.unfinished(&vms), answer);
            }
            Order::Rules(rules) => {
                let vms = self.rules(*rules);
                return self.answer_after(call, self.unfinished(&vms), Ok(Reply::Done));
            }
            Order::Choose { id, name, folder, writable } => {
                return self.choose(call, id, name, folder, writable);
            }
            Order::CancelChooser(id) => self.cancel_chooser(id),
            Order::Files(vm) => self.files(&vm).map(Reply::Files),
            Order::TakeBack(file) => return self.take_back(call, file),
        };
        self.push(Effect::Answer(call, answer));
    }

    /// Answers once all of this has happened; at once if that is nothing.
    fn answer_after(&mut self, call: CallId, until: BTreeSet<Until>, answer: Result<Reply, OrderError>) {
        if until.is_empty() {
            return self.push(Effect::Answer(call, answer));
        }
        if self.orders.waiting.len() >= MAX_WAITING {
            return self.push(Effect::Answer(call, Err(OrderError::Busy)));
        }
        self.orders.waiting.push(Waiting { call, until, answer });
    }

    /// Answers orders that waited for this.
    pub(super) fn happened(&mut self, what: &Until) {
        for (call, answer) in self.orders.happened(what) {
            self.push(Effect::Answer(call, answer));
        }
    }

    /// What has to happen before all that was taken from these VMs and their children is gone.
    fn unfinished<'a>(&self, vms: impl IntoIterator<Item = &'a VmId>) -> BTreeSet<Until> {
        let mut until = BTreeSet::new();
        for vm in self.families(vms) {
            let cutting = self.tickets.of_vm(&vm).into_iter().filter(|k| self.tickets.is_cutting(*k));
            until.extend(cutting.map(Until::Cut));
            let points = self.vms.get(&vm).into_iter().flat_map(|v| v.points.values().copied());
            let unclear = points.map(Seat::Point).filter(|seat| !self.tickets.is_clear(*seat));
            until.extend(unclear.map(|seat| Until::Cut((seat, BEFORE))));
            let lost = self.vms.get(&vm).into_iter().flat_map(|v| v.lost.keys());
            until.extend(lost.map(|role| Until::Point(vm.clone(), *role)));
            if self.ghosts.contains_key(&vm) {
                until.insert(Until::Return(vm));
            }
        }
        if self.screen_before.is_some() {
            until.insert(Until::Screen);
        }
        if !self.tickets.is_clear(Seat::Screen) {
            until.insert(Until::Cut((Seat::Screen, BEFORE)));
        }
        until
    }

    fn known(&self, vm: &VmId) -> Result<(), OrderError> {
        let known = self.book.state().vm(vm).is_some() || self.vms.get(vm).is_some();
        if known { Ok(()) } else { Err(OrderError::NoVm(vm.clone())) }
    }

    fn set_level(&mut self, call: CallId, vm: &VmId, kind: Kind, level: Level) {
        let mut taken = false;
        let answer = self.check_level(vm, kind, level).and_then(|()| {
            let (old, _) = self.book.state().level(vm, kind);
            let event = Event::LevelSet { vm: vm.clone(), kind, level, by: Author::Person };
            taken = level.rank() < old.rank();
            if taken {
                // Off at once, written or not.
                let written = self.book.take(vec![event]);
                written.map_err(|_full| OrderError::NotDurable).map(|()| old)
            } else {
                self.book.give(vec![event]).map_err(|_full| OrderError::NoLedger).map(|()| old)
            }
        });
        self.reconsider_family(vm, true);
        let answer = answer.map(|old| {
            let (at, levels) = (self.book.now(), vec![(vm.clone(), kind, old, level)]);
            Reply::Number(self.orders.remember(Before { at, levels, grants: Vec::new() }))
        });
        let until = if taken { self.unfinished([vm]) } else { BTreeSet::new() };
        self.answer_after(call, until, answer);
    }

    fn check_level(&self, vm: &VmId, kind: Kind, level: Level) -> Result<(), OrderError> {
        self.known(vm)?;
        if Levels::of(kind).contains(&level) {
            return Ok(());
        }
        let levels = Levels::of(kind).iter().map(|l| l.name()).collect::<Vec<_>>().join(", ");
        Err(OrderError::NoLevel { kind, level, levels })
    }

    fn grant(&mut self, vm: &VmId, kind: Kind, target: &str, span: Span) -> Result<Reply, OrderError> {
        self.known(vm)?;
        let key = crate::target::parse(kind, target)?;
        let run = self.book.state().vm(vm).filter(|v| v.running).map(|v| v.run);
        let (effect, lifetime) = match span {
            Span::Once => (Says::Allow, Lifetime::Once),
            Span::Run => (Says::Allow, Lifetime::Run(run.ok_or_else(|| OrderError::NotRunning(vm.clone()))?)),
            Span::Hour => (Says::Allow, Lifetime::Until(self.book.now().plus(Millis::HOUR))),
            Span::Today => (Says::Allow, Lifetime::Until(self.time.midnight)),
            Span::Always => (Says::Allow, Lifetime::Standing),
            Span::Never => (Says::Deny, Lifetime::Standing),
        };
        let resource = crate::target::example(&key);
        let decided = self.book.state().decide(vm, &resource, self.book.now());
        if effect == Says::Allow && decided == Decision::Deny(Refusal::Admin) {
            return Err(OrderError::Admin);
        }
        let (id, at) = (self.book.state().next_grant_id(), self.book.now());
        let event =
            Event::Granted(Grant { id, vm: vm.clone(), key, effect, lifetime, author: Author::Person, at });
        let answer = match effect {
            Says::Allow => self.book.give(vec![event]).map_err(|_full| OrderError::NoLedger),
            Says::Deny => self.book.take(vec![event]).map_err(|_full| OrderError::NotDurable),
        };
        self.reconsider_family(vm, effect == Says::Deny);
        if (effect, kind) == (Says::Allow, Kind::Network) {
            self.reopen(vm);
        }
        answer.map(|()| Reply::Number(id.0))
    }

    fn revoke(&mut self, call: CallId, id: GrantId) {
        let grant = self.book.grant(id).cloned();
        let tickets = self.tickets.under(id);
        if grant.is_none() && tickets.is_empty() {
            return self.push(Effect::Answer(call, Err(OrderError::NoGrant(id.0))));
        }
        let mut answer = Ok(());
        let mut vms: BTreeSet<VmId> =
            tickets.iter().filter_map(|k| self.tickets.get(*k)).map(|h| h.vm.clone()).collect();
        if let Some(grant) = &grant {
            vms.insert(grant.vm.clone());
            let event = Event::Revoked { grant: id, by: Author::Person };
            answer = match grant.effect {
                Says::Allow => self.book.take(vec![event]).map_err(|_full| OrderError::NotDurable),
                // Without its "never" the app may ask again, which is giving.
                Says::Deny => self.book.give(vec![event]).map_err(|_full| OrderError::NoLedger),
            };
        }
        for key in &tickets {
            self.cut(*key);
        }
        let taking = grant.as_ref().is_none_or(|g| g.effect == Says::Allow);
        for vm in &vms {
            self.reconsider_family(vm, taking);
        }
        let at = self.book.now();
        let grants = grant.into_iter().collect();
        let token = self.orders.remember(Before { at, grants, levels: Vec::new() });
        let until = if taking { self.unfinished(&vms) } else { BTreeSet::new() };
        self.answer_after(call, until, answer.map(|()| Reply::Number(token)));
    }

    /// Takes one file or folder back. Whoever has it open loses it, too.
    fn take_back(&mut self, call: CallId, file: u64) {
        let ticket = self.tickets.of_file(file).and_then(|key| Some((key, self.tickets.get(key)?)));
        let Some((key, ticket)) = ticket else {
            return self.push(Effect::Answer(call, Err(OrderError::NoFile(file))));
        };
        let (vm, resource) = (ticket.vm.clone(), ticket.sample.clone());
        // Unwritten it is gone all the same: nothing brings a file back.
        let _ = self.book.take(vec![Event::TakenBack { vm, resource, by: Author::Person }]);
        self.cut(key);
        self.answer_after(call, BTreeSet::from([Until::Cut(key)]), Ok(Reply::Done));
    }

    fn revoke_all(&mut self, call: CallId, vm: &VmId) {
        if let Err(error) = self.known(vm) {
            return self.push(Effect::Answer(call, Err(error)));
        }
        let (answer, until) = self.all_off(std::slice::from_ref(vm));
        self.answer_after(call, until, answer);
    }

    /// Everything off for everybody; what has to end first.
    pub(super) fn revoke_everything(&mut self) -> (Result<Reply, OrderError>, BTreeSet<Until>) {
        let known = self.book.state().vms().into_iter().map(|v| v.vm.clone());
        let vms: BTreeSet<VmId> = known.chain(self.vms.ids()).collect();
        self.all_off(&Vec::from_iter(vms))
    }

    fn all_off(&mut self, vms: &[VmId]) -> (Result<Reply, OrderError>, BTreeSet<Until>) {
        let mut before = Before { at: self.book.now(), ..Before::default() };
        let mut events = Vec::new();
        for vm in vms {
            for kind in Kind::ALL {
                let (old, _) = self.book.state().level(vm, kind);
                if old != Level::Off {
                    before.levels.push((vm.clone(), kind, old, Level::Off));
                    events.push(Event::LevelSet {
                        vm: vm.clone(),
                        kind,
                        level: Level::Off,
                        by: Author::Person,
                    });
                }
            }
            for grant in self.book.state().grants_of(vm) {
                if grant.effect == Says::Allow {
                    before.grants.push(grant.clone());
                    events.push(Event::Revoked { grant: grant.id, by: Author::Person });
                }
            }
        }
        let written = self.book.take(events).map_err(|_full| OrderError::NotDurable);
        let tickets: BTreeSet<TicketKey> = vms.iter().flat_map(|vm| self.tickets.of_vm(vm)).collect();
        for key in &tickets {
            self.cut(*key);
        }
        for vm in vms {
            self.reconsider_family(vm, true);
        }
        let token = self.orders.remember(before);
        (written.map(|()| Reply::Number(token)), self.unfinished(vms))
    }

    /// Brings back what the person had before, as far as it would still hold.
    pub(super) fn undo(&mut self, token: u64) -> Result<Reply, OrderError> {
        let before = self.orders.undo.remove(&token).ok_or(OrderError::NoUndo)?;
        let now = self.book.now();
        if now >= before.at.plus(UNDO_LIMIT) {
            return Err(OrderError::NoUndo);
        }
        let mut vms: BTreeSet<VmId> = before.levels.iter().map(|(vm, ..)| vm.clone()).collect();
        // What the person has set in the meantime stands.
        let levels = before.levels.into_iter();
        let levels = levels.filter(|(vm, kind, _, made)| self.book.state().level(vm, *kind).0 == *made);
        let mut events: Vec<Event> = levels
            .map(|(vm, kind, level, _)| Event::LevelSet { vm, kind, level, by: Author::Person })
            .collect();
        let mut next = self.book.state().next_grant_id().0;
        for grant in before.grants {
            let run = self.book.state().vm(&grant.vm).filter(|v| v.running).map(|v| v.run);
            let over = match grant.lifetime {
                Lifetime::Once | Lifetime::Standing => false,
                Lifetime::Run(of) => run != Some(of),
                Lifetime::Until(end) => end <= now,
            };
            // What the person has said about the same thing in the meantime stands.
            let newer = self.book.state().grants_of(&grant.vm).iter().any(|g| g.key == grant.key);
            if over || newer {
                continue;
            }
            vms.insert(grant.vm.clone());
            events.push(Event::Granted(Grant {
                id: GrantId(next),
                at: now,
                author: Author::Person,
                ..grant
            }));
            next = next.saturating_add(1);
        }
        if events.is_empty() {
            return Err(OrderError::NoUndo);
        }
        self.book.give(events).map_err(|_full| OrderError::NoLedger)?;
        for vm in &vms {
            // It may also be that a level is shut again.
            self.reconsider_family(vm, true);
        }
        Ok(Reply::Done)
    }
}
