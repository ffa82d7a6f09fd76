// SPDX-License-Identifier: GPL-3.0-or-later
//! What lives under which ticket, and tickets that nothing lives under any more.
//!
//! In: answers of the monitor, flows that begin and end. Out: flows that a cut ends; tickets to give back. One
//! is kept for a while, so that the next connection to the same site finds it and the ledger gets one line for
//! both; but no more than some hundred are. How often a ticket came is told with it: the monitor may just be
//! giving it anew.

use super::flow::FlowId;
use cofferdam_monitor_wire::point::{MAX_RETURNED, Returned};
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

/// How long a ticket is kept that nothing lives under.
pub const KEEP: Duration = Duration::from_secs(30);
/// Most tickets that are kept so.
pub const IDLE: usize = 512;

#[derive(Debug, Default)]
struct Held {
    flows: BTreeSet<FlowId>,
    /// In how many answers it came.
    times: u32,
    /// Since nothing lives under it: until when it is kept.
    idle: Option<Duration>,
}

/// All tickets of a VM.
#[derive(Debug, Default)]
pub struct Tickets {
    held: BTreeMap<u64, Held>,
    idle: BTreeSet<(Duration, u64)>,
}

impl Tickets {
    /// It came in an answer, whether anybody waited for it or not.
    pub fn given(&mut self, ticket: u64, now: Duration) {
        let held = self.held.entry(ticket).or_default();
        held.times = held.times.saturating_add(1);
        self.rest(ticket, now);
    }

    /// A flow lives under it.
    pub fn add(&mut self, ticket: u64, flow: FlowId) {
        let held = self.held.entry(ticket).or_default();
        held.flows.insert(flow);
        if let Some(at) = held.idle.take() {
            self.idle.remove(&(at, ticket));
        }
    }

    /// A flow has ended.
    pub fn release(&mut self, ticket: u64, flow: FlowId, now: Duration) {
        if self.held.get_mut(&ticket).is_some_and(|held| held.flows.remove(&flow)) {
            self.rest(ticket, now);
        }
    }

    fn rest(&mut self, ticket: u64, now: Duration) {
        let Some(held) = self.held.get_mut(&ticket).filter(|held| held.flows.is_empty()) else { return };
        let until = now.saturating_add(KEEP);
        if let Some(old) = held.idle.replace(until) {
            self.idle.remove(&(old, ticket));
        }
        self.idle.insert((until, ticket));
    }

    /// It is cut: the flows under it.
    pub fn cut(&mut self, ticket: u64) -> BTreeSet<FlowId> {
        let held = self.held.remove(&ticket).unwrap_or_default();
        if let Some(at) = held.idle {
            self.idle.remove(&(at, ticket));
        }
        held.flows
    }

    /// Tickets to give back now, as many as one message takes: those whose time is over, and the oldest ones if
    /// there are too many.
    pub fn take_due(&mut self, now: Duration) -> Vec<Returned> {
        let crowded = self.idle.len() > IDLE;
        let mut due = Vec::new();
        while due.len() < MAX_RETURNED
            && let Some((_, ticket)) = self.idle.first().copied().filter(|(at, _)| crowded || *at <= now)
        {
            let times = self.held.get(&ticket).map_or(0, |held| held.times);
            self.cut(ticket);
            due.push(Returned { ticket, times });
        }
        due
    }

    /// When [`Self::take_due`] has something.
    #[must_use]
    pub fn due(&self) -> Option<Duration> {
        let crowded = (self.idle.len() > IDLE).then_some(Duration::ZERO);
        crowded.or_else(|| self.idle.first().map(|(at, _)| *at))
    }

    /// There is no monitor any more: none of them means anything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Whether a ticket is used or kept.
    #[must_use]
    pub fn has(&self, ticket: u64) -> bool {
        self.held.contains_key(&ticket)
    }

    /// Whether a flow lives under a ticket.
    #[must_use]
    pub fn covers(&self, ticket: u64, flow: FlowId) -> bool {
        self.held.get(&ticket).is_some_and(|held| held.flows.contains(&flow))
    }

    /// All flows under tickets, one for each ticket of theirs.
    pub fn flows(&self) -> impl Iterator<Item = FlowId> {
        self.held.values().flat_map(|held| held.flows.iter().copied())
    }

    /// Whether each ticket has flows or is to be given back.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let idle = |(ticket, held): (&u64, &Held)| match held.idle {
            Some(at) => held.flows.is_empty() && self.idle.contains(&(at, *ticket)),
            None => !held.flows.is_empty(),
        };
        self.held.iter().all(idle)
            && self.idle.len() == self.held.values().filter(|held| held.idle.is_some()).count()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }
}
