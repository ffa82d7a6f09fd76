// SPDX-License-Identifier: GPL-3.0-or-later
//! The monitor, as transfers see it.
//!
//! In: its verdicts and cuts, from the link. Out: questions and reports. Without a monitor every
//! question is answered with no.

use super::State;
use cofferdam_ids::VmId;
use cofferdam_monitor_wire::point::Ticket;
use cofferdam_monitor_wire::screen::FromScreen;
use cofferdam_policy::Refusal;
use cofferdam_transfers::Event;
use std::collections::BTreeSet;

/// VMs that are remembered as shut; there are never more of them.
const MAX_SHUT: usize = 512;

/// VMs whose level is off: nothing is offered to them, since nothing could come of it.
#[derive(Debug, Default)]
pub(super) struct Shut {
    pastes: BTreeSet<VmId>,
    drops: BTreeSet<VmId>,
}

impl Shut {
    /// Whether nothing can be pasted into this VM.
    pub(super) fn to_pastes(&self, vm: &VmId) -> bool {
        self.pastes.contains(vm)
    }

    /// Whether nothing can be dropped on this VM's windows.
    pub(super) fn to_drops(&self, vm: &VmId) -> bool {
        self.drops.contains(vm)
    }

    fn set(list: &mut BTreeSet<VmId>, vm: &VmId, shut: bool) {
        if !shut {
            list.remove(vm);
        } else if list.len() < MAX_SHUT {
            list.insert(vm.clone());
        }
    }
}

impl State {
    /// The monitor says whether anything could be pasted or dropped into a VM.
    pub(crate) fn crossings_are(&mut self, vm: VmId, paste: bool, drop: bool) {
        Shut::set(&mut self.selections.shut.pastes, &vm, !paste);
        Shut::set(&mut self.selections.shut.drops, &vm, !drop);
        self.look_below_drag();
    }

    /// Asks; if nobody can be asked, the answer is no.
    pub(super) fn ask_monitor(&mut self, serial: u32, question: FromScreen) {
        if !self.send_to_monitor(&question) {
            self.event_loop.insert_idle(move |state| {
                state.transfer_decided(serial, Err(Refusal::Silence));
            });
        }
    }

    pub(super) fn tell_monitor(&mut self, report: FromScreen) {
        if !self.send_to_monitor(&report) {
            tracing::debug!("there is no monitor to tell");
        }
    }

    /// The monitor answered a question about a transfer.
    pub(crate) fn transfer_decided(&mut self, serial: u32, verdict: Result<Ticket, Refusal>) {
        self.transfer(Event::Decided { serial, verdict });
    }

    /// The monitor ends what lives under a ticket; it is told when that is done.
    pub(crate) fn transfer_cut(&mut self, ticket: u64) {
        self.transfer(Event::Cut { ticket });
    }

    /// The monitor is gone, or another one took its place: nothing that it allowed goes on.
    pub(crate) fn transfers_without_monitor(&mut self) {
        // Another monitor says it anew.
        self.selections.shut = Shut::default();
        self.transfer(Event::MonitorGone);
    }
}
