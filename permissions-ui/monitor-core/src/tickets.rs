// SPDX-License-Identifier: GPL-3.0-or-later
//! Rights that live at enforcement points. In: what was allowed, what was used, what is to end. Out: which
//! tickets a change takes away, and whose usage is due for the ledger.
//!
//! A socket gets one ticket per grant and key and shares it between all uses, so their number is bounded by
//! what the person allowed and the sites an app visits; what goes beyond [`MAX_PER_SEAT`] shares a ticket
//! without a key that any change takes away. A gateway gives back what nothing lives under; it has to give a
//! ticket back as often as it was given, so one that was given anew in the meantime lives on.

use super::index::Index;
use super::words::PointId;
use cofferdam_ids::{Label, VmId};
use cofferdam_monitor_wire::point::BEFORE;
use cofferdam_policy::{GrantId, Key, Kind, Millis, Resource, Usage};
use std::collections::{BTreeMap, BTreeSet};

/// Tickets of one socket that have a key of their own.
pub(crate) const MAX_PER_SEAT: usize = 4096;
/// How long a point may take to end what lives under a ticket, in milliseconds.
pub(crate) const CUT_LIMIT: u64 = 2_000;
/// The same for a file: what was written to a slow disk may be on its way there.
const FILE_CUT_LIMIT: u64 = 20_000;
/// Usage is written this long after the first report of a ticket, in milliseconds…
const FIRST_REPORT: u64 = 2_000;
/// …and then this often.
const LATER_REPORTS: u64 = 30_000;

/// Where a ticket lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Seat {
    /// At a point of one VM.
    Point(PointId),
    /// At the compositor.
    Screen,
}

/// One ticket: its socket and its number, which is unique over all sockets.
pub(crate) type TicketKey = (Seat, u64);

/// What is known of a ticket.
#[derive(Debug, Clone)]
pub(crate) struct LiveTicket {
    pub(crate) vm: VmId,
    /// What it covers; nothing in particular if it is shared by many.
    pub(crate) key: Option<Key>,
    pub(crate) kind: Kind,
    pub(crate) grant: Option<GrantId>,
    pub(crate) once: bool,
    /// How often it was given and not given back.
    given: u32,
    /// Something that was allowed under it, to ask about again after a change.
    pub(crate) sample: Resource,
    /// The file or folder that it is for.
    pub(crate) file: Option<Handed>,
    /// Not yet in the ledger.
    pending: Option<(Resource, Usage)>,
    due: u64,
    reported: bool,
    /// Since when it is being cut: the deadline.
    cutting: Option<u64>,
}

/// A file or folder that was handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Handed {
    pub(crate) name: Label,
    pub(crate) folder: bool,
    pub(crate) writable: bool,
    pub(crate) at: Millis,
}

/// Usage that goes into the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) vm: VmId,
    pub(crate) resource: Resource,
    pub(crate) grant: Option<GrantId>,
    pub(crate) usage: Usage,
}

/// What a new ticket is for.
#[derive(Debug, Clone)]
pub(crate) struct Want {
    pub(crate) seat: Seat,
    pub(crate) vm: VmId,
    pub(crate) resource: Resource,
    pub(crate) grant: Option<GrantId>,
    pub(crate) once: bool,
}

/// A report about a ticket that can't be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NeverIssued;

type Shared = (Seat, VmId, Option<Key>, Kind, Option<GrantId>);

/// All tickets.
#[derive(Debug, Default)]
pub(crate) struct Tickets {
    live: BTreeMap<TicketKey, LiveTicket>,
    by_vm: BTreeMap<VmId, BTreeSet<TicketKey>>,
    shared: Index<Shared, u64>,
    per_seat: BTreeMap<Seat, usize>,
    /// Usage that waits for the ledger, by when it is due.
    due: BTreeSet<(u64, TicketKey)>,
    cuts: BTreeSet<(u64, TicketKey)>,
    /// Sockets that have not said yet that nothing of before them lives, with the deadline where that matters.
    before: BTreeMap<Seat, Option<u64>>,
    last: u64,
}

impl Tickets {
    /// A ticket for `want`: the one that its socket has already, or a new one.
    pub(crate) fn issue(&mut self, want: Want) -> u64 {
        let Want { seat, vm, resource, grant, once } = want;
        let crowded = !once && self.per_seat.get(&seat).is_some_and(|n| *n >= MAX_PER_SEAT);
        let key = (!crowded).then(|| resource.key());
        let kind = resource.kind();
        let shared = (seat, vm.clone(), key.clone(), kind, grant.filter(|_| !crowded));
        if !once && let Some(id) = self.shared.get(&shared) {
            if let Some(ticket) = self.live.get_mut(&(seat, *id)) {
                ticket.given = ticket.given.saturating_add(1);
            }
            return *id;
        }
        self.last = self.last.saturating_add(1);
        let id = self.last;
        if !once {
            self.shared.insert(shared, id);
        }
        let ticket = LiveTicket {
            vm: vm.clone(),
            key,
            kind,
            grant,
            once,
            given: 1,
            sample: resource,
            file: None,
            pending: None,
            due: 0,
            reported: false,
            cutting: None,
        };
        self.live.insert((seat, id), ticket);
        self.by_vm.entry(vm).or_default().insert((seat, id));
        *self.per_seat.entry(seat).or_default() += 1;
        id
    }

    /// What is known of a ticket.
    pub(crate) fn get(&self, key: TicketKey) -> Option<&LiveTicket> {
        self.live.get(&key)
    }

    /// Says which file a ticket is for.
    pub(crate) fn is_for(&mut self, key: TicketKey, file: Handed) {
        if let Some(ticket) = self.live.get_mut(&key) {
            ticket.file = Some(file);
        }
    }

    /// The files and folders that a VM has, until they are gone, oldest first.
    pub(crate) fn files_of(&self, vm: &VmId) -> Vec<(u64, &Handed)> {
        let keys = self.by_vm.get(vm).into_iter().flatten();
        let mut all: Vec<_> =
            keys.filter_map(|key| Some((key.1, self.live.get(key)?.file.as_ref()?))).collect();
        all.sort_by_key(|(id, _)| *id);
        all
    }

    /// The ticket of this number, if it is for a file.
    pub(crate) fn of_file(&self, id: u64) -> Option<TicketKey> {
        let file = |(key, ticket): &(&TicketKey, &LiveTicket)| key.1 == id && ticket.file.is_some();
        self.live.iter().find(file).map(|(key, _)| *key)
    }

    /// A new socket, which is told to end what lived before it. `deadline`: it may be that something did.
    pub(crate) fn begin(&mut self, seat: Seat, deadline: Option<u64>) {
        self.before.insert(seat, deadline);
        self.cuts.extend(deadline.map(|at| (at, (seat, BEFORE))));
    }

    /// Whether nothing can live at a socket that was allowed before it.
    pub(crate) fn is_clear(&self, seat: Seat) -> bool {
        self.before.get(&seat).copied().flatten().is_none()
    }

    /// The tickets of a VM that are not being cut.
    pub(crate) fn live_of(&self, vm: &VmId) -> Vec<TicketKey> {
        let all = self.by_vm.get(vm).into_iter().flatten();
        all.filter(|k| self.live.get(*k).is_some_and(|h| h.cutting.is_none())).copied().collect()
    }

    /// All tickets under a grant, those that are being cut too.
    pub(crate) fn under(&self, grant: GrantId) -> BTreeSet<TicketKey> {
        self.live.iter().filter(|(_, h)| h.grant == Some(grant)).map(|(k, _)| *k).collect()
    }

    /// All tickets of a VM, those that are being cut too.
    pub(crate) fn of_vm(&self, vm: &VmId) -> BTreeSet<TicketKey> {
        self.by_vm.get(vm).cloned().unwrap_or_default()
    }

    /// All tickets of a socket, with the one that stands for what was before it if that may be something.
    pub(crate) fn at(&self, seat: Seat) -> BTreeSet<TicketKey> {
        let before = (!self.is_clear(seat)).then_some((seat, BEFORE));
        let live = self.live.range((seat, 0)..=(seat, u64::MAX)).map(|(k, _)| *k);
        live.chain(before).collect()
    }

    /// Whether a ticket is being cut.
    pub(crate) fn is_cutting(&self, key: TicketKey) -> bool {
        self.live.get(&key).is_some_and(|h| h.cutting.is_some())
    }

    /// Begins to cut a ticket. Whether it was live until now.
    pub(crate) fn cut(&mut self, key: TicketKey, mono: u64) -> bool {
        let Some(ticket) = self.live.get_mut(&key) else { return false };
        if ticket.cutting.is_some() {
            return false;
        }
        let limit = if ticket.file.is_some() { FILE_CUT_LIMIT } else { CUT_LIMIT };
        let deadline = mono.saturating_add(limit);
        ticket.cutting = Some(deadline);
        let shared = (key.0, ticket.vm.clone(), ticket.key.clone(), ticket.kind, ticket.grant);
        let crowd = (key.0, ticket.vm.clone(), None, ticket.kind, None);
        for entry in [shared, crowd] {
            if self.shared.get(&entry) == Some(&key.1) {
                self.shared.remove(&entry);
            }
        }
        self.cuts.insert((deadline, key));
        true
    }

    /// Until when a socket has time to say that nothing of before it lives, where somebody waits for that.
    pub(crate) fn unclear_until(&self, seat: Seat) -> Option<u64> {
        self.before.get(&seat).copied().flatten()
    }

    /// What lives under a ticket is allowed by another grant from now on.
    pub(crate) fn move_to(&mut self, key: TicketKey, grant: Option<GrantId>) {
        let Some(ticket) = self.live.get_mut(&key).filter(|h| h.key.is_some() && h.grant != grant) else {
            return;
        };
        let entry = |grant| (key.0, ticket.vm.clone(), ticket.key.clone(), ticket.kind, grant);
        let (old, new) = (entry(ticket.grant), entry(grant));
        if self.shared.get(&old) == Some(&key.1) {
            self.shared.remove(&old);
            self.shared.entry(new).or_insert(key.1);
        }
        ticket.grant = grant;
    }

    /// A point says that nothing lives under a ticket any more. Its last usage, if any.
    pub(crate) fn done(&mut self, key: TicketKey) -> Result<Option<Report>, NeverIssued> {
        if key.1 == BEFORE {
            let deadline = self.before.remove(&key.0).ok_or(NeverIssued)?;
            deadline.map(|at| self.cuts.remove(&(at, key)));
            return Ok(None);
        }
        if key.1 > self.last {
            return Err(NeverIssued);
        }
        Ok(self.remove(key))
    }

    /// A point gives a ticket back that it was given so often. Whether it has ended: nothing lives under it, and
    /// no answer with it is under way.
    pub(crate) fn returned(&mut self, key: TicketKey, times: u32) -> Result<bool, NeverIssued> {
        if key.1 > self.last || key.1 == BEFORE || times == 0 {
            return Err(NeverIssued);
        }
        // One that was cut in the meantime is late, not wrong.
        let Some(ticket) = self.live.get_mut(&key) else { return Ok(false) };
        ticket.given = ticket.given.checked_sub(times).ok_or(NeverIssued)?;
        Ok(ticket.given == 0)
    }

    fn remove(&mut self, key: TicketKey) -> Option<Report> {
        // So that nobody is given a ticket that has ended.
        self.cut(key, 0);
        let mut ticket = self.live.remove(&key)?;
        if let Some(deadline) = ticket.cutting {
            self.cuts.remove(&(deadline, key));
        }
        self.due.remove(&(ticket.due, key));
        if let Some(keys) = self.by_vm.get_mut(&ticket.vm) {
            keys.remove(&key);
            if keys.is_empty() {
                self.by_vm.remove(&ticket.vm);
            }
        }
        if let Some(n) = self.per_seat.get_mut(&key.0) {
            *n = n.saturating_sub(1);
            if *n == 0 {
                self.per_seat.remove(&key.0);
            }
        }
        ticket.take_report()
    }

    /// A socket is gone, and all that lived there.
    pub(crate) fn drop_seat(&mut self, seat: Seat) -> (BTreeSet<TicketKey>, Vec<Report>) {
        let keys = self.at(seat);
        let reports = keys.iter().filter_map(|k| self.remove(*k)).collect();
        // It may have said so already.
        let _ = self.done((seat, BEFORE));
        (keys, reports)
    }

    /// Adds usage to a ticket. A resource that it does not cover, or a number that was never given, is a
    /// broken point; one that has ended is late and means nothing.
    pub(crate) fn used(
        &mut self,
        key: TicketKey,
        vm: &VmId,
        resource: Resource,
        usage: Usage,
        mono: u64,
    ) -> Result<Option<Report>, NeverIssued> {
        if key.1 > self.last || key.1 == 0 {
            return Err(NeverIssued);
        }
        let Some(ticket) = self.live.get_mut(&key) else { return Ok(None) };
        let covers = ticket.key.as_ref().map_or(ticket.kind == resource.kind(), |k| *k == resource.key());
        if ticket.vm != *vm || !covers {
            return Err(NeverIssued);
        }
        // Another port of the same site begins another line, but not faster than lines are due.
        let early = match &ticket.pending {
            Some((before, _)) if *before != resource && ticket.due <= mono => ticket.take_report(),
            _ => None,
        };
        match &mut ticket.pending {
            Some((_, sum)) => add(sum, usage),
            None => {
                self.due.remove(&(ticket.due, key));
                ticket.pending = Some((resource, usage));
                ticket.due = mono.saturating_add(if ticket.reported { LATER_REPORTS } else { FIRST_REPORT });
                self.due.insert((ticket.due, key));
            }
        }
        Ok(early)
    }

    /// Usage that is due at `mono`; all of it if that is the end of time.
    pub(crate) fn reports(&mut self, mono: u64) -> Vec<Report> {
        let mut out = Vec::new();
        while let Some((at, key)) = self.due.first().copied()
            && at <= mono
        {
            self.due.remove(&(at, key));
            if let Some(ticket) = self.live.get_mut(&key) {
                out.extend(ticket.take_report());
            }
        }
        out
    }

    /// Tickets whose point did not answer in time.
    pub(crate) fn late(&self, mono: u64) -> Vec<TicketKey> {
        self.cuts.iter().take_while(|(at, _)| *at <= mono).map(|(_, key)| *key).collect()
    }

    /// When something is due.
    pub(crate) fn wake(&self) -> Option<u64> {
        self.due.first().map(|(at, _)| *at).into_iter().chain(self.cuts.first().map(|(at, _)| *at)).min()
    }
}

/// Adds usage up.
pub(super) fn add(sum: &mut Usage, more: Usage) {
    sum.times = sum.times.saturating_add(more.times);
    sum.bytes_in = sum.bytes_in.saturating_add(more.bytes_in);
    sum.bytes_out = sum.bytes_out.saturating_add(more.bytes_out);
    sum.millis = sum.millis.saturating_add(more.millis);
}

impl LiveTicket {
    fn take_report(&mut self) -> Option<Report> {
        let (resource, usage) = self.pending.take()?;
        self.reported = true;
        Some(Report { vm: self.vm.clone(), resource, grant: self.grant, usage })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cofferdam_policy::{Contact, Host, Transport, Zone};

    fn site(name: &str, port: u16) -> Resource {
        let host = Host::parse(name).unwrap();
        Resource::Network(Contact { host, zone: Zone::Internet, transport: Transport::Tcp, port })
    }

    fn want(name: &str, grant: u64, once: bool) -> Want {
        let (seat, vm) = (Seat::Point(PointId(1)), "mail".parse().unwrap());
        Want { seat, vm, resource: site(name, 1), grant: Some(GrantId(grant)), once }
    }

    #[test]
    fn the_same_grant_and_site_share_a_ticket() {
        let mut tickets = Tickets::default();
        let first = tickets.issue(want("a.org", 1, false));
        assert_eq!(tickets.issue(want("a.org", 1, false)), first);
        assert_ne!(tickets.issue(want("b.org", 1, false)), first);
        assert_ne!(tickets.issue(want("a.org", 2, false)), first);
        assert_ne!(tickets.issue(want("a.org", 1, true)), first, "once is never shared");
    }

    #[test]
    fn a_ticket_that_is_being_cut_is_not_given_again() {
        let mut tickets = Tickets::default();
        let first = tickets.issue(want("a.org", 1, false));
        let key = (Seat::Point(PointId(1)), first);
        assert!(tickets.cut(key, 10));
        assert!(!tickets.cut(key, 11), "once is enough");
        assert_ne!(tickets.issue(want("a.org", 1, false)), first);
        assert_eq!(tickets.late(10 + CUT_LIMIT), [key]);
        assert_eq!(tickets.done(key), Ok(None));
        assert_eq!(tickets.done(key), Ok(None), "late, not wrong");
        assert_eq!(tickets.done((key.0, 99)), Err(NeverIssued));
        assert!(tickets.late(u64::MAX).is_empty());
    }

    #[test]
    fn sites_without_end_share_one_ticket() {
        let mut tickets = Tickets::default();
        for n in 0..MAX_PER_SEAT + 100 {
            tickets.issue(want(&format!("h{n}.org"), 1, false));
        }
        assert_eq!(tickets.live.len(), MAX_PER_SEAT + 1);
        let (keys, _) = tickets.drop_seat(Seat::Point(PointId(1)));
        assert_eq!(keys.len(), MAX_PER_SEAT + 1);
        let left = (&tickets.live, &tickets.by_vm, &tickets.shared, &tickets.per_seat);
        assert!(left.0.is_empty() && left.1.is_empty() && left.2.is_empty() && left.3.is_empty());
    }

    #[test]
    fn usage_adds_up_and_comes_when_due() {
        let mut tickets = Tickets::default();
        let vm = "mail".parse().unwrap();
        let key = (Seat::Point(PointId(1)), tickets.issue(want("a.org", 1, false)));
        let usage = Usage { times: 1, bytes_in: 10, ..Usage::default() };
        for _ in 0..3 {
            assert_eq!(tickets.used(key, &vm, site("a.org", 1), usage, 5), Ok(None));
        }
        assert!(tickets.reports(5).is_empty());
        let sum = Usage { times: 3, bytes_in: 30, ..Usage::default() };
        let reports = tickets.reports(5 + FIRST_REPORT);
        assert_eq!(reports.iter().map(|r| r.usage).collect::<Vec<_>>(), [sum]);
        tickets.used(key, &vm, site("a.org", 1), usage, 6000).unwrap();
        assert!(tickets.reports(6000 + FIRST_REPORT).is_empty(), "a busy ticket fills no ledger");
        assert_eq!(tickets.done(key).unwrap().unwrap().usage, usage, "the rest comes at the end");
        assert_eq!(tickets.wake(), None);
        assert_eq!(tickets.used((key.0, 77), &vm, site("a.org", 1), usage, 0), Err(NeverIssued));
    }

    #[test]
    fn usage_of_something_else_is_wrong() {
        let mut tickets = Tickets::default();
        let vm = "mail".parse().unwrap();
        let key = (Seat::Point(PointId(1)), tickets.issue(want("a.org", 1, false)));
        let wrong = tickets.used(key, &vm, site("b.org", 1), Usage::default(), 0);
        assert_eq!(wrong, Err(NeverIssued));
        let other = "foot".parse().unwrap();
        assert_eq!(tickets.used(key, &other, site("a.org", 1), Usage::default(), 0), Err(NeverIssued));
    }
}
