// SPDX-License-Identifier: GPL-3.0-or-later
//! What the core produces: effects in order, counters, and the count of faults.
//!
//! In: everything that the parts of the core want done. Out: one queue.

use super::fault::{Fault, Meter};
use super::io::{Effect, Mono, Token};
use cofferdam_xdomain::virtio::{Header, Response};
use std::collections::VecDeque;

/// What the core counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Commands taken.
    pub commands: u64,
    /// Commands answered.
    pub completions: u64,
    /// Contexts opened.
    pub contexts: u64,
    /// Bytes of Wayland requests passed on.
    pub bytes_to_compositor: u64,
    /// Bytes of Wayland events passed on.
    pub bytes_to_guest: u64,
    /// Faults of the guest.
    pub faults: u64,
    /// Times that the compositor's side was not understood.
    pub troubles: u64,
}

/// The queue of effects and the counters.
#[derive(Debug, Default)]
pub(super) struct Out {
    effects: VecDeque<Effect>,
    meter: Meter,
    troubles: Meter,
    /// The counters.
    pub counters: Counters,
}

impl Out {
    /// Queues an effect.
    pub(super) fn push(&mut self, effect: Effect) {
        self.effects.push_back(effect);
    }

    /// Takes the first effect.
    pub(super) fn pop(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// Answers a command.
    pub(super) fn complete(&mut self, token: Token, request: &Header, response: &Response<'_>) {
        let mut bytes = Vec::with_capacity(64);
        response.encode(request, &mut bytes);
        self.complete_raw(token, bytes);
    }

    /// Answers a command with these bytes.
    pub(super) fn complete_raw(&mut self, token: Token, response: Vec<u8>) {
        self.counters.completions = self.counters.completions.saturating_add(1);
        self.push(Effect::Complete { token, response });
    }

    /// Counts a fault and reports it if the last reports are long enough ago.
    pub(super) fn fault(&mut self, fault: Fault, now: Mono) {
        let report = self.meter.count(now);
        self.counters.faults = self.meter.total();
        if report {
            self.push(Effect::Report { fault, total: self.meter.total() });
        }
    }

    /// Counts something that the compositor sent and we do not understand.
    pub(super) fn trouble(&mut self, kind: &'static str, now: Mono) {
        self.counters.troubles = self.counters.troubles.saturating_add(1);
        // A guest may have a hand in it, so it is not written down without end either.
        if self.troubles.count(now) {
            self.push(Effect::Trouble { kind, total: self.troubles.total() });
        }
    }
}
