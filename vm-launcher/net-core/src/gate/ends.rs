// SPDX-License-Identifier: GPL-3.0-or-later
//! How things end at a gate: by a cut, a level, a monitor or a driver that is gone, by time. In: what happened. Out:
//! effects, flows first, then word that they have ended.

use super::{Gate, PATIENCE, QUIET, Stage};
use crate::flow::{Effect, End};
use crate::online::ACTIVE;
use cofferdam_policy::{Level, Transport};
use core::time::Duration;

impl Gate {
    /// Ends everything under a ticket, now.
    pub fn cut(&mut self, ticket: u64) {
        let flows = self.tickets.cut(ticket);
        flows.into_iter().for_each(|id| self.end(id, End::Reset));
        self.effects.extend(self.used.take_ticket(ticket).into_iter().map(Effect::Used));
        self.effects.push_back(Effect::CutDone { ticket });
    }

    /// The monitor says how open the network is.
    pub fn set_level(&mut self, level: Level) {
        let was = self.is_up();
        self.level = Some(level);
        // What was denied under the old level may be asked again.
        while let Some(id) = self.denied.first().copied() {
            self.forget(id);
        }
        if level == Level::Off {
            self.end_all(End::Silent);
        }
        if was != self.is_up() {
            self.effects.push_back(Effect::Link(self.is_up()));
        }
    }

    /// There is no monitor any more: everything ends, and nothing begins.
    pub fn monitor_lost(&mut self) {
        let was = self.is_up();
        self.level = None;
        self.end_all(End::Reset);
        self.tickets.clear();
        self.asks.clear();
        self.by_resource.clear();
        self.checks.clear();
        self.used.clear();
        self.online.forget();
        // Nobody would hear these.
        self.effects.retain(|effect| matches!(effect, Effect::End { .. } | Effect::Link(_)));
        if was {
            self.effects.push_back(Effect::Link(false));
        }
    }

    /// The guest's driver is gone, and all flows with it; there is nobody to tell.
    pub fn guest_gone(&mut self) {
        let all: Vec<_> = self.flows.keys().copied().collect();
        for id in all {
            self.forget(id);
        }
    }

    fn end_all(&mut self, how: End) {
        let mut all: Vec<_> = self.flows.keys().copied().collect();
        all.sort_unstable();
        all.into_iter().for_each(|id| self.end(id, how));
    }

    /// When [`Self::expire`] has something to do.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        let timer = self.timers.first().map(|(at, _)| *at);
        [timer, self.used.due(), self.online.due(), self.tickets.due()].into_iter().flatten().min()
    }

    /// Forgets what the guest has given up, and reports use.
    pub fn expire(&mut self, now: Duration) {
        self.now = self.now.max(now);
        while let Some((at, id)) = self.timers.first().copied().filter(|(at, _)| *at <= now) {
            self.timers.remove(&(at, id));
            let Some(flow) = self.flows.get_mut(&id) else { continue };
            let patience = match (&flow.stage, flow.key.transport) {
                // A connection lives as long as its two ends want.
                (Stage::Live | Stage::Connecting, Transport::Tcp) => continue,
                (Stage::Live, _) if flow.counts => ACTIVE,
                (Stage::Live, _) => QUIET,
                _ => PATIENCE,
            };
            let until = flow.seen.saturating_add(patience);
            if until > now {
                flow.timer = until;
                self.timers.insert((until, id));
            } else if std::mem::take(&mut flow.counts) {
                flow.timer = flow.seen.saturating_add(QUIET);
                self.timers.insert((flow.timer, id));
                self.online.end(now);
            } else {
                self.end(id, End::Silent);
            }
        }
        self.effects.extend(self.used.take_due(now).into_iter().map(Effect::Used));
        self.give_back(false);
        if self.online.expire(now) {
            self.effects.push_back(Effect::Online(false));
        }
    }

    /// Gives tickets back that nothing lives under: those that are due, or, if `crowded`, only what is too many.
    pub(super) fn give_back(&mut self, crowded: bool) {
        let until = if crowded { Duration::ZERO } else { self.now };
        loop {
            let due = self.tickets.take_due(until);
            if due.is_empty() {
                return;
            }
            for one in &due {
                self.effects.extend(self.used.take_ticket(one.ticket).into_iter().map(Effect::Used));
            }
            self.effects.push_back(Effect::Returned(due));
        }
    }
}
