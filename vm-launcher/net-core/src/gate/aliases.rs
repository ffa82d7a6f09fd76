// SPDX-License-Identifier: GPL-3.0-or-later
//! Other names of what was allowed (CNAME). In: what the name servers say. Out: a question to the monitor, whether one
//! of them is forbidden, before a connection is made; a "never" to a name holds for whoever comes by another one.

use super::{Gate, Stage};
use crate::flow::{Effect, FlowId};
use cofferdam_policy::{Contact, Host, Refusal, Resource, Zone};
use core::net::IpAddr;

impl Gate {
    /// What a flow's name stands for, as in [`Gate::resolved`], and its other names.
    pub fn looked_up(&mut self, id: FlowId, addrs: &[(IpAddr, bool)], names: &[Host]) {
        if names.is_empty() {
            return self.resolved(id, addrs);
        }
        let zones: Vec<_> = addrs.iter().map(|(addr, own)| self.zone_of(*addr, *own)).collect();
        let Some(flow) = self.flows.get_mut(&id) else { return };
        let Resource::Network(contact) = &flow.resource else { return };
        if !matches!(flow.stage, Stage::Resolving) {
            return;
        }
        // A name is forbidden in a zone: in the one that is connected to, which may be another than the allowed one.
        let zone = leads_to(contact.zone, &zones);
        self.next_serial = self.next_serial.wrapping_add(1);
        let serial = self.next_serial;
        let (contact, names) = (Contact { zone, ..contact.clone() }, names.to_vec());
        flow.stage = Stage::Checking { serial, addrs: addrs.to_vec() };
        self.checks.insert(serial, id);
        self.effects.push_back(Effect::Aliases { serial, contact, names });
    }

    /// The monitor's word about a flow's other names.
    pub fn checked(&mut self, serial: u32, verdict: Result<(), Refusal>) {
        // The flow may have ended in the meantime.
        let Some(id) = self.checks.remove(&serial) else { return };
        let Some(flow) = self.flows.get_mut(&id) else { return };
        let Stage::Checking { addrs, .. } = &mut flow.stage else { return };
        let addrs = std::mem::take(addrs);
        if verdict.is_err() {
            return self.deny(id);
        }
        flow.stage = Stage::Resolving;
        self.resolved(id, &addrs);
    }
}

/// The zone of the addresses that [`Gate::resolved`] takes: the allowed one if any is there, else the first's.
fn leads_to(allowed: Zone, zones: &[Zone]) -> Zone {
    if zones.contains(&allowed) { allowed } else { zones.first().copied().unwrap_or(allowed) }
}
