// SPDX-License-Identifier: GPL-3.0-or-later
//! What becomes of each flow: asked about, looked up, connected, cut.
//!
//! In: beginnings and ends of flows, answers and cuts of the monitor, addresses of names, time. Out:
//! [`Effect`]s, in an order that matters: what ends under a ticket stands before the ticket's `CutDone`.
//!
//! ```text
//! open ─▶ Asking ─yes─▶ Resolving ─▶ (Checking aliases) ─▶ (Asking about the zone) ─▶ Connecting ─▶ Live
//!            └──no──▶ Denied: its packets vanish until the app gives up
//! ```
//! Nothing about a flow leaves this computer before its yes; a flow without a ticket is at most held.

use super::flow::{Effect, End, FlowId, FlowKey, Opened, Place};
use super::names::{self, Names};
use super::online::{ACTIVE, Online};
use super::plan;
use super::tickets::Tickets;
use super::usage::Ledger;
use super::zones::{self, Range};
use cofferdam_ids::Ration;
use cofferdam_monitor_wire::point::Ticket;
use cofferdam_policy::{Contact, Host, Level, Refusal, Resource, Transport, Usage, Zone};
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

/// Most flows of one VM, those that are only held or denied included.
pub const FLOWS: usize = 4096;
/// Most flows that wait for an answer, or for the far end after a yes.
pub const HELD: usize = 512;
/// Most different questions at a time.
pub const ASKS: usize = 128;
/// How long a flow that is not live is remembered after the guest's last packet: longer than the pause
/// between two attempts of one connection.
pub const PATIENCE: Duration = Duration::from_secs(70);
/// How long a live flow without connections of its own (UDP, echo) is kept after its last packet.
pub const QUIET: Duration = Duration::from_secs(120);

/// Refusals of which the monitor is told at once after a quiet time. A guest can be refused as often as it sends
/// packets, and each line of the log is a write to the disk.
const REFUSALS: u32 = 16;
/// How long it takes until it is told of one more.
const REFUSAL_EVERY: Duration = Duration::from_secs(1);

#[derive(Debug)]
enum Stage {
    /// Waits for the answer; after the first yes with the addresses that are in another zone.
    Asking {
        serial: u32,
        then: Vec<IpAddr>,
    },
    Resolving,
    /// Waits for word about its other names, with its addresses.
    Checking {
        serial: u32,
        addrs: Vec<(IpAddr, bool)>,
    },
    Connecting,
    Live,
    Denied,
}

#[derive(Debug)]
struct Flow {
    key: FlowKey,
    resource: Resource,
    stage: Stage,
    tickets: Vec<u64>,
    seen: Duration,
    /// Its place among the timers.
    timer: Duration,
    /// It makes the VM online.
    counts: bool,
}

#[derive(Debug)]
struct Ask {
    resource: Resource,
    waiting: Vec<FlowId>,
}

/// All flows of a VM.
#[derive(Debug)]
pub struct Gate {
    /// The names that the guest looked up.
    pub names: Names,
    internet: Vec<Range>,
    /// The networks that this computer is in.
    nets: Vec<Range>,
    /// None while there is no monitor, or it has not said anything.
    level: Option<Level>,
    flows: HashMap<FlowId, Flow>,
    by_key: HashMap<FlowKey, FlowId>,
    held: usize,
    /// How many were allowed and have no far end yet.
    under_way: usize,
    refusals: Ration,
    denied: BTreeSet<FlowId>,
    asks: BTreeMap<u32, Ask>,
    by_resource: BTreeMap<Resource, u32>,
    /// Flows whose other names are asked about.
    checks: BTreeMap<u32, FlowId>,
    tickets: Tickets,
    timers: BTreeSet<(Duration, FlowId)>,
    used: Ledger,
    online: Online,
    /// The latest time that was seen.
    now: Duration,
    effects: VecDeque<Effect>,
    next_flow: u64,
    next_serial: u32,
}

impl Gate {
    /// Nothing known, nothing allowed. `internet` are ranges that a test wants to count as the internet.
    #[must_use]
    pub fn new(internet: Vec<Range>) -> Self {
        Self {
            names: Names::default(),
            internet,
            nets: Vec::new(),
            level: None,
            flows: HashMap::new(),
            by_key: HashMap::new(),
            held: 0,
            under_way: 0,
            refusals: Ration::new(REFUSALS, REFUSAL_EVERY),
            denied: BTreeSet::new(),
            asks: BTreeMap::new(),
            by_resource: BTreeMap::new(),
            checks: BTreeMap::new(),
            tickets: Tickets::default(),
            timers: BTreeSet::new(),
            used: Ledger::default(),
            online: Online::default(),
            now: Duration::ZERO,
            effects: VecDeque::new(),
            next_flow: 0,
            next_serial: 0,
        }
    }

    /// The next thing to do.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// Whether the guest is to see a network at all.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.level.is_some_and(|level| level != Level::Off)
    }

    /// How many flows there are, held and denied ones included.
    #[must_use]
    pub fn flows(&self) -> usize {
        self.flows.len()
    }

    /// What an address means.
    #[must_use]
    pub fn place(&self, transport: Transport, to: SocketAddr) -> Place {
        let addr = to.ip();
        if transport != Transport::Echo && to.port() == plan::DNS_PORT && zones::is_place(addr) {
            return Place::Dns;
        }
        if plan::is_gateway(addr) {
            return Place::Gateway;
        }
        if !zones::is_place(addr) {
            return Place::Nowhere;
        }
        let host = if names::in_pool(addr) {
            match self.names.name(addr) {
                Some(name) => Host::Name(name.to_owned()),
                None => return Place::Nowhere,
            }
        } else {
            Host::Addr(addr.to_canonical())
        };
        if transport != Transport::Echo && zones::is_resolver(addr, to.port()) {
            return Place::Resolver(host);
        }
        Place::Site(host)
    }

    /// The networks that this computer is in now: who is there is no stranger on the internet, whatever the
    /// address looks like.
    pub fn set_nets(&mut self, nets: Vec<Range>) {
        self.nets = nets;
    }

    fn zone_of(&self, addr: IpAddr, own: bool) -> Zone {
        let addr = addr.to_canonical();
        let within = |ranges: &[Range]| ranges.iter().any(|range| range.contains(addr));
        match Zone::of(addr) {
            _ if within(&self.internet) => Zone::Internet,
            _ if own => Zone::Host,
            Zone::Internet if within(&self.nets) => Zone::Local,
            zone => zone,
        }
    }

    /// A flow as the guest names it, if it is there.
    #[must_use]
    pub fn find(&self, key: &FlowKey) -> Option<FlowId> {
        self.by_key.get(key).copied()
    }

    /// Who a flow goes to.
    #[must_use]
    pub fn host(&self, flow: FlowId) -> Option<&Host> {
        match &self.flows.get(&flow)?.resource {
            Resource::Network(contact) => Some(&contact.host),
            _ => None,
        }
    }

    /// A packet of the guest's to a site. `own`: a literal address is one of this computer's.
    pub fn open(&mut self, key: FlowKey, host: Host, own: bool, now: Duration) -> Opened {
        self.now = self.now.max(now);
        if let Some(id) = self.find(&key) {
            self.touch(id, now);
            let denied = self.flows.get(&id).is_none_or(|flow| matches!(flow.stage, Stage::Denied));
            return if denied { Opened::Swallowed } else { Opened::Known(id) };
        }
        if !self.is_up() {
            return Opened::Swallowed;
        }
        if self.flows.len() >= FLOWS
            && let Some(oldest) = self.denied.first().copied()
        {
            self.forget(oldest);
        }
        let zone = match host {
            Host::Addr(addr) => self.zone_of(addr, own),
            Host::Name(_) => Zone::Internet,
        };
        let contact = Contact { host, zone, transport: key.transport, port: key.remote.port() };
        let resource = Resource::Network(contact);
        let known = self.by_resource.contains_key(&resource);
        if self.flows.len() >= FLOWS
            || self.held + self.under_way >= HELD
            || (!known && self.asks.len() >= ASKS)
        {
            return Opened::Flood;
        }
        let id = FlowId(self.next_flow);
        self.next_flow = self.next_flow.wrapping_add(1);
        self.by_key.insert(key, id);
        let timer = now.saturating_add(PATIENCE);
        self.timers.insert((timer, id));
        let serial = self.ask(&resource, id);
        let stage = Stage::Asking { serial, then: Vec::new() };
        self.held = self.held.saturating_add(1);
        let (tickets, counts) = (Vec::new(), false);
        self.flows.insert(id, Flow { key, resource, stage, tickets, seen: now, timer, counts });
        Opened::New(id)
    }

    /// Something passed on a flow.
    pub fn touch(&mut self, id: FlowId, now: Duration) {
        self.now = self.now.max(now);
        if let Some(flow) = self.flows.get_mut(&id) {
            flow.seen = now;
            if matches!(flow.stage, Stage::Live) && !flow.counts {
                self.count(id);
            }
        }
    }

    /// From now on a live flow makes the VM online.
    fn count(&mut self, id: FlowId) {
        let Some(flow) = self.flows.get_mut(&id) else { return };
        flow.counts = true;
        if flow.key.transport != Transport::Tcp {
            self.timers.remove(&(flow.timer, id));
            flow.timer = flow.seen.saturating_add(ACTIVE);
            self.timers.insert((flow.timer, id));
        }
        if self.online.begin() {
            self.effects.push_back(Effect::Online(true));
        }
    }

    fn ask(&mut self, resource: &Resource, id: FlowId) -> u32 {
        if let Some(serial) = self.by_resource.get(resource)
            && let Some(ask) = self.asks.get_mut(serial)
        {
            ask.waiting.push(id);
            return *serial;
        }
        self.next_serial = self.next_serial.wrapping_add(1);
        let serial = self.next_serial;
        self.asks.insert(serial, Ask { resource: resource.clone(), waiting: vec![id] });
        self.by_resource.insert(resource.clone(), serial);
        self.effects.push_back(Effect::Ask { serial, resource: resource.clone() });
        serial
    }

    /// The monitor's answer.
    pub fn decided(&mut self, serial: u32, verdict: Result<Ticket, Refusal>, now: Duration) {
        self.now = self.now.max(now);
        if let Ok(ticket) = verdict {
            self.tickets.given(ticket.id, now);
            self.give_back(true);
        }
        // Nobody may wait for it any more.
        let Some(ask) = self.asks.remove(&serial) else { return };
        self.by_resource.remove(&ask.resource);
        let Ok(ticket) = verdict else {
            ask.waiting.into_iter().for_each(|id| self.deny(id));
            return;
        };
        if !ticket.once {
            self.reopen(&ask.resource);
        }
        let mut waiting = ask.waiting.into_iter();
        for id in waiting.by_ref() {
            self.allowed(id, ticket.id, now);
            // One use is one connection; the others ask again.
            if ticket.once {
                break;
            }
        }
        for id in waiting {
            let serial = self.ask(&ask.resource, id);
            if let Some(Flow { stage: Stage::Asking { serial: old, .. }, .. }) = self.flows.get_mut(&id) {
                *old = serial;
            }
        }
    }

    fn allowed(&mut self, id: FlowId, ticket: u64, now: Duration) {
        let Some(flow) = self.flows.get_mut(&id) else { return };
        let Resource::Network(contact) = &flow.resource else { return };
        let port = contact.port;
        let Stage::Asking { then, .. } = &mut flow.stage else { return };
        let then = std::mem::take(then);
        self.held = self.held.saturating_sub(1);
        self.under_way = self.under_way.saturating_add(1);
        flow.tickets.push(ticket);
        self.tickets.add(ticket, id);
        let once = Usage { times: 1, ..Usage::default() };
        self.used.add(ticket, &flow.resource, once, now);
        let effect = match (&contact.host, then.is_empty()) {
            (Host::Name(name), true) => {
                flow.stage = Stage::Resolving;
                Effect::Resolve { flow: id, name: name.clone() }
            }
            (Host::Addr(addr), true) => {
                flow.stage = Stage::Connecting;
                Effect::Connect { flow: id, to: vec![SocketAddr::new(*addr, port)] }
            }
            (_, false) => {
                flow.stage = Stage::Connecting;
                let to = then.into_iter().map(|addr| SocketAddr::new(addr, port)).collect();
                Effect::Connect { flow: id, to }
            }
        };
        self.effects.push_back(effect);
    }

    /// The addresses of a flow's name, the preferred one first, each with whether it is this computer's own.
    /// Those on the internet are connected to; if there are none, another question is due.
    pub fn resolved(&mut self, id: FlowId, addrs: &[(IpAddr, bool)]) {
        let zones: Vec<_> = addrs.iter().map(|(addr, own)| (*addr, self.zone_of(*addr, *own))).collect();
        let Some(flow) = self.flows.get_mut(&id) else { return };
        let Resource::Network(contact) = &mut flow.resource else { return };
        if !matches!(flow.stage, Stage::Resolving) {
            return;
        }
        let here = |zone: Zone| zones.iter().filter(move |(_, z)| *z == zone).map(|(addr, _)| *addr);
        let to: Vec<_> = here(contact.zone).map(|addr| SocketAddr::new(addr, contact.port)).collect();
        if !to.is_empty() {
            flow.stage = Stage::Connecting;
            self.effects.push_back(Effect::Connect { flow: id, to });
            return;
        }
        let Some((_, zone)) = zones.first() else {
            self.end(id, End::Unreachable);
            return;
        };
        // A name of the internet that points home: the person is asked about that, by that name.
        let then: Vec<_> = here(*zone).collect();
        contact.zone = *zone;
        let resource = flow.resource.clone();
        if !self.by_resource.contains_key(&resource) && self.asks.len() >= ASKS {
            self.end(id, End::Silent);
            return;
        }
        let serial = self.ask(&resource, id);
        if let Some(flow) = self.flows.get_mut(&id) {
            flow.stage = Stage::Asking { serial, then };
            self.held = self.held.saturating_add(1);
            self.under_way = self.under_way.saturating_sub(1);
        }
    }

    /// A connection stands.
    pub fn connected(&mut self, id: FlowId) {
        if let Some(flow) = self.flows.get_mut(&id)
            && matches!(flow.stage, Stage::Connecting)
        {
            flow.stage = Stage::Live;
            self.under_way = self.under_way.saturating_sub(1);
            self.count(id);
        }
    }

    /// A flow is over, by either side's wish or because nobody answered.
    pub fn ended(&mut self, id: FlowId) {
        self.forget(id);
    }

    /// The gateway itself refuses a live flow: what it says in its first bytes is not what was allowed.
    pub fn refuse(&mut self, id: FlowId, why: Refusal) {
        if let Some(flow) = self.flows.get(&id) {
            let resource = flow.resource.clone();
            self.tell_refused(resource, why);
            self.end(id, End::Reset);
        }
    }

    /// The gateway itself refuses something before it became a flow.
    pub fn refused(&mut self, host: Host, transport: Transport, port: u16, why: Refusal, now: Duration) {
        self.now = self.now.max(now);
        let zone = match host {
            Host::Addr(addr) => self.zone_of(addr, false),
            Host::Name(_) => Zone::Internet,
        };
        self.tell_refused(Resource::Network(Contact { host, zone, transport, port }), why);
    }

    fn tell_refused(&mut self, resource: Resource, why: Refusal) {
        if self.refusals.take(self.now) {
            self.effects.push_back(Effect::Refused { resource, why });
        }
    }

    /// Bytes went over a flow.
    pub fn used(&mut self, id: FlowId, bytes_in: u64, bytes_out: u64, now: Duration) {
        if let Some(flow) = self.flows.get(&id)
            && let Some(ticket) = flow.tickets.last()
        {
            let usage = Usage { bytes_in, bytes_out, ..Usage::default() };
            self.used.add(*ticket, &flow.resource, usage, now);
        }
    }

    fn deny(&mut self, id: FlowId) {
        let Some(flow) = self.flows.get_mut(&id) else { return };
        match flow.stage {
            Stage::Asking { .. } => self.held = self.held.saturating_sub(1),
            Stage::Checking { .. } => self.under_way = self.under_way.saturating_sub(1),
            _ => {}
        }
        flow.stage = Stage::Denied;
        let tickets = std::mem::take(&mut flow.tickets);
        self.release(id, &tickets);
        self.denied.insert(id);
        self.effects.push_back(Effect::End { flow: id, how: End::Silent });
    }

    /// A yes that lasts: flows to the same site that were denied before it may ask again.
    fn reopen(&mut self, resource: &Resource) {
        let same = |id: &FlowId| self.flows.get(id).is_some_and(|f| f.resource.key() == resource.key());
        let same: Vec<_> = self.denied.iter().copied().filter(same).collect();
        for id in same {
            self.forget(id);
        }
    }

    fn release(&mut self, id: FlowId, tickets: &[u64]) {
        for ticket in tickets {
            self.tickets.release(*ticket, id, self.now);
        }
    }

    fn end(&mut self, id: FlowId, how: End) {
        if self.forget(id) {
            self.effects.push_back(Effect::End { flow: id, how });
        }
    }

    fn forget(&mut self, id: FlowId) -> bool {
        let Some(flow) = self.flows.remove(&id) else { return false };
        self.by_key.remove(&flow.key);
        self.timers.remove(&(flow.timer, id));
        self.denied.remove(&id);
        if flow.counts {
            self.online.end(self.now);
        }
        self.release(id, &flow.tickets);
        if let Stage::Checking { serial, .. } = flow.stage {
            self.checks.remove(&serial);
        }
        if matches!(flow.stage, Stage::Resolving | Stage::Checking { .. } | Stage::Connecting) {
            self.under_way = self.under_way.saturating_sub(1);
        }
        if let Stage::Asking { serial, .. } = flow.stage {
            self.held = self.held.saturating_sub(1);
            if let Some(ask) = self.asks.get_mut(&serial) {
                ask.waiting.retain(|waiting| *waiting != id);
                if ask.waiting.is_empty()
                    && let Some(ask) = self.asks.remove(&serial)
                {
                    self.by_resource.remove(&ask.resource);
                    self.effects.push_back(Effect::Forget { serial });
                }
            }
        }
        true
    }
}

mod aliases;
mod check;
mod ends;
#[cfg(test)]
mod tests;
