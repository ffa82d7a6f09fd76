// SPDX-License-Identifier: GPL-3.0-or-later
//! What must hold of a gate whatever happened. In: a gate. Out: nothing, or what does not hold.

use super::{ASKS, FLOWS, Flow, Gate, HELD, Stage};
use crate::flow::FlowId;
use std::collections::BTreeMap;

impl Gate {
    /// Verifies what must hold after every call.
    ///
    /// # Errors
    /// What does not hold.
    pub fn check(&self) -> Result<(), &'static str> {
        let held = self.flows.values().filter(|flow| matches!(flow.stage, Stage::Asking { .. })).count();
        let under_way = |flow: &&Flow| {
            matches!(flow.stage, Stage::Resolving | Stage::Checking { .. } | Stage::Connecting)
        };
        let under_way = self.flows.values().filter(under_way).count();
        let live = |flow: &Flow| {
            matches!(flow.stage, Stage::Resolving | Stage::Checking { .. } | Stage::Connecting | Stage::Live)
        };
        let covered = |(id, flow): (&FlowId, &Flow)| {
            !flow.tickets.is_empty() && flow.tickets.iter().all(|t| self.tickets.covers(*t, *id))
        };
        let known = self.tickets.flows().all(|id| self.flows.contains_key(&id));
        let checking = self.flows.iter().filter_map(|(id, flow)| match flow.stage {
            Stage::Checking { serial, .. } => Some((serial, *id)),
            _ => None,
        });
        let checking: BTreeMap<_, _> = checking.collect();
        let counted = self.flows.values().filter(|flow| flow.counts).count();
        let asked = self.asks.values().flat_map(|ask| &ask.waiting).count();
        [
            (
                self.flows.len() <= FLOWS && self.asks.len() <= ASKS && held + under_way <= HELD,
                "a bound is broken",
            ),
            (self.flows.len() == self.by_key.len(), "a flow has no key, or a key no flow"),
            (held == self.held && asked == held, "a held flow waits for nothing"),
            (under_way == self.under_way, "flows under way are miscounted"),
            (self.flows.iter().filter(|(_, flow)| live(flow)).all(covered), "a flow lives without a ticket"),
            (counted == self.online.flows(), "a flow that counts is not counted"),
            (self.tickets.is_sound(), "a ticket is neither used nor to be given back"),
            (checking == self.checks, "a flow waits for no word about its names"),
            (known, "a ticket covers a flow that is not there"),
            (self.is_up() || self.flows.is_empty(), "the link is down and something flows"),
        ]
        .into_iter()
        .find_map(|(holds, what)| (!holds).then_some(Err(what)))
        .unwrap_or(Ok(()))
    }
}
