// SPDX-License-Identifier: GPL-3.0-or-later
//! What a change takes away. In: a revocation, an expiry, new rules. Out: cuts to the points, and the answer
//! to whoever wanted the change once nothing lives any more.

use super::Core;
use super::orders::Until;
use super::tickets::{Report, Seat, TicketKey};
use super::words::Effect;
use cofferdam_ids::VmId;
use cofferdam_monitor_wire::point::{MAX_RETURNED, Returned, ToPoint};
use cofferdam_monitor_wire::screen::ToScreen;
use cofferdam_policy::{AdminRules, Author, Decision, Event, GrantId};
use std::collections::{BTreeMap, BTreeSet};

impl Core {
    /// Revokes what time has ended, and cuts what lived under it.
    pub(super) fn expire(&mut self) {
        let expired = self.book.state().expired(self.book.now());
        if expired.is_empty() {
            return;
        }
        let vms: BTreeSet<VmId> =
            expired.iter().filter_map(|id| self.book.grant(*id)).map(|g| g.vm.clone()).collect();
        let revoked = |id: &GrantId| Event::Revoked { grant: *id, by: Author::Policy };
        let _ = self.book.take(expired.iter().map(revoked).collect());
        for id in &expired {
            for key in self.tickets.under(*id) {
                self.cut(key);
            }
        }
        for vm in &vms {
            self.reconsider_family(vm, true);
        }
    }

    /// Tells a point to end a ticket, unless it was told already.
    pub(super) fn cut(&mut self, key: TicketKey) {
        let Some(ticket) = self.tickets.get(key) else { return };
        let vm = ticket.vm.clone();
        if !self.tickets.cut(key, self.time.mono) {
            return;
        }
        let (seat, ticket) = key;
        match seat {
            Seat::Point(point) => self.push(Effect::Point(point, ToPoint::Cut { ticket })),
            Seat::Screen => self.push(Effect::Screen(ToScreen::Cut { ticket })),
        }
        self.touch(&vm);
    }

    /// A point says that a ticket has ended. False: it never was one.
    pub(super) fn cut_done(&mut self, key: TicketKey) -> bool {
        let file_of =
            self.tickets.get(key).filter(|ticket| ticket.file.is_some()).map(|ticket| ticket.vm.clone());
        let Ok(report) = self.tickets.done(key) else { return false };
        if let Some(vm) = file_of {
            self.touch(&vm);
        }
        self.write_usage(report.into_iter().collect());
        self.happened(&Until::Cut(key));
        true
    }

    /// A gateway gives tickets back. False: too many at a time, or some that it never had.
    pub(super) fn returned(&mut self, seat: Seat, tickets: &[Returned]) -> bool {
        tickets.len() <= MAX_RETURNED
            && tickets.iter().all(|one| {
                let key = (seat, one.ticket);
                match self.tickets.returned(key, one.times) {
                    // Nothing lives under it: whoever waits for its cut need not wait longer.
                    Ok(true) => self.cut_done(key),
                    Ok(false) => true,
                    Err(_) => false,
                }
            })
    }

    /// Looks again at what lives and waits at a VM and its children.
    pub(super) fn reconsider_family(&mut self, vm: &VmId, taking: bool) {
        for vm in self.families([vm]) {
            self.reconsider(&vm, taking);
        }
    }

    /// VMs with their children, and those of the children; also those that have not come back yet.
    pub(super) fn families<'a>(&self, vms: impl IntoIterator<Item = &'a VmId>) -> BTreeSet<VmId> {
        let mut children: BTreeMap<&VmId, Vec<&VmId>> = BTreeMap::new();
        let here = self.vms.iter().filter_map(|(id, v)| Some((v.who.parent.as_ref()?, id)));
        let away = self.ghosts.keys().filter_map(|id| Some((self.book.state().vm(id)?.parent?, id)));
        for (parent, child) in here.chain(away) {
            children.entry(parent).or_default().push(child);
        }
        let mut todo: Vec<&VmId> = vms.into_iter().collect();
        let mut all = BTreeSet::new();
        while let Some(vm) = todo.pop() {
            if all.insert(vm.clone()) {
                todo.extend(children.get(vm).into_iter().flatten());
            }
        }
        all
    }

    fn reconsider(&mut self, vm: &VmId, taking: bool) {
        for key in self.tickets.live_of(vm) {
            let Some(ticket) = self.tickets.get(key) else { continue };
            let (grant, once) = (ticket.grant, ticket.once);
            // A ticket that many sites share can't be looked at one by one.
            let crowd = ticket.key.is_none() && taking;
            let stays = !crowd && self.book.holds(vm, &ticket.sample, once) && {
                // Under another grant than before it is another permission: what the person took back
                // ends, even if something else would allow it anew.
                once || !taking || self.grant_now(vm, key) == Some(grant)
            };
            if !stays {
                self.cut(key);
            } else if !once && let Some(now) = self.grant_now(vm, key) {
                self.tickets.move_to(key, now);
            }
        }
        if let Some(entry) = self.vms.get_mut(vm) {
            entry.may_go_online = None;
        }
        self.reconsider_portals(vm);
        self.reconsider_questions(vm);
        self.touch(vm);
    }

    /// Under which grant a ticket would be given now; none if it would not be given.
    fn grant_now(&self, vm: &VmId, key: TicketKey) -> Option<Option<GrantId>> {
        let ticket = self.tickets.get(key)?;
        match self.book.state().decide(vm, &ticket.sample, self.book.now()) {
            Decision::Allow { grant, .. } => Some(grant),
            _ => None,
        }
    }

    /// New rules: everybody is looked at again. Gives back who that is.
    pub(super) fn rules(&mut self, rules: AdminRules) -> BTreeSet<VmId> {
        self.book.set_admin(rules);
        let here = self.vms.ids();
        for vm in &here {
            self.reconsider(vm, true);
        }
        self.push(Effect::Changed(None));
        here.into_iter().chain(self.ghosts.keys().cloned()).collect()
    }

    /// Writes usage that is due.
    pub(super) fn flush_usage(&mut self, mono: u64) {
        let reports = self.tickets.reports(mono);
        self.write_usage(reports);
        let rest = self.shares.due(mono);
        self.write_lines(rest);
    }

    pub(super) fn write_usage(&mut self, reports: Vec<Report>) {
        let reports = self.shares.admit(reports, self.time.mono);
        self.write_lines(reports);
    }

    pub(super) fn write_lines(&mut self, reports: Vec<Report>) {
        if reports.is_empty() {
            return;
        }
        let events = reports.into_iter().map(|r| {
            let Report { vm, resource, grant, usage } = r;
            self.touched.insert(vm.clone());
            Event::Used { vm, resource, grant, usage }
        });
        let events: Vec<Event> = events.collect();
        // It has happened; a full disk can't undo it, but stops everything new.
        let _ = self.book.take(events);
    }
}
