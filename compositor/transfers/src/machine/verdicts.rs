// SPDX-License-Identifier: GPL-3.0-or-later
//! What the monitor says, and what follows from its silence.
//!
//! In: verdicts, cuts, the end of the monitor. Out: transfers that go on, or end without another byte.

use super::Transfers;
use super::transfer::{By, Source, Verdict};
use super::types::{Effect, Mono, TransferId};
use cofferdam_monitor_wire::point::Ticket;
use cofferdam_policy::Refusal;

impl Transfers {
    pub(super) fn decided(&mut self, serial: u32, verdict: Result<Ticket, Refusal>, now: Mono) {
        let asked = |v: &Verdict| matches!(v, Verdict::Asked { serial: s, .. } if *s == serial);
        let Some((id, transfer)) = self.live.iter_mut().find(|(_, t)| asked(&t.verdict)) else {
            // An answer to nothing that is open: what came with it is used for nothing.
            return;
        };
        let id = *id;
        match verdict {
            Ok(ticket) => {
                transfer.verdict = Verdict::Allowed(ticket);
                self.advance(id, Some(now));
            }
            Err(_) => {
                transfer.verdict = Verdict::Denied;
                self.lost(id);
            }
        }
    }

    /// Nothing crosses any more under this transfer.
    pub(super) fn deny(&mut self, id: TransferId) {
        let Some(transfer) = self.live.get_mut(&id) else { return };
        match std::mem::replace(&mut transfer.verdict, Verdict::Denied) {
            Verdict::Asked { serial, .. } => self.do_it(Effect::Forget { serial }),
            Verdict::Allowed(_) => {}
            Verdict::Denied => return,
        }
        self.lost(id);
    }

    /// A transfer has just been denied.
    fn lost(&mut self, id: TransferId) {
        let Some(transfer) = self.live.get_mut(&id) else { return };
        let reading = matches!(transfer.source, Source::Reading { .. } | Source::Checking);
        if reading {
            transfer.source = Source::Failed;
            self.effects.push_back(Effect::StopReading(id));
        }
        if let By::Drop { .. } = transfer.by {
            let done = transfer.used;
            self.effects.push_back(Effect::DropEnded { id, done });
        }
        self.advance(id, None);
    }

    pub(super) fn cut(&mut self, ticket: u64) {
        let under: Vec<_> = self
            .live
            .iter()
            .filter(|(_, t)| t.ticket().is_some_and(|t| t.id == ticket))
            .map(|(id, _)| *id)
            .collect();
        under.into_iter().for_each(|id| self.deny(id));
        self.kept.retain(|kept| kept.ticket.id != ticket);
        self.do_it(Effect::CutDone { ticket });
    }

    pub(super) fn monitor_gone(&mut self) {
        let all: Vec<_> = self.live.keys().copied().collect();
        for id in all {
            // There is nobody left to tell that the question is void.
            if let Some(transfer) = self.live.get_mut(&id)
                && transfer.verdict != Verdict::Denied
            {
                transfer.verdict = Verdict::Denied;
                self.lost(id);
            }
        }
        self.kept.clear();
    }
}
