// SPDX-License-Identifier: GPL-3.0-or-later
//! Pastes: a target reads what it was offered.
//!
//! In: its request, with an fd of its own. Out: a transfer under the gesture that is under way, or the
//! fd closed at once.

use super::transfer::{By, Ending, Sink, Source, Transfer, Verdict};
use super::types::{Effect, Mono, SinkId};
use super::{MAX_SINKS, Transfers};
use crate::{Board, content_of};
use cofferdam_policy::Usage;
use std::collections::BTreeMap;

impl Transfers {
    pub(super) fn receive(
        &mut self,
        (board, generation, window): (Board, u64, u64),
        mime: &str,
        sink: SinkId,
        now: Mono,
    ) {
        if self.try_receive((board, generation, window), mime, sink, now).is_none() {
            self.do_it(Effect::CloseSink(sink));
        }
    }

    /// None if there is nothing to wait for.
    fn try_receive(
        &mut self,
        (board, generation, window): (Board, u64, u64),
        mime: &str,
        sink: SinkId,
        now: Mono,
    ) -> Option<()> {
        let open = self.window.as_ref().filter(|open| {
            let this =
                open.id == window && open.copies.get(super::boards::index(board)) == Some(&Some(generation));
            this && open.may_read && now < open.until
        })?;
        let target = open.target.clone();
        let content = content_of(mime)?;
        let by = By::Paste { board, generation, window };
        let same = |t: &Transfer| t.by == by && t.content == content;
        if let Some((id, transfer)) = self.live.iter_mut().find(|(_, t)| same(t)) {
            if transfer.is_lost() || transfer.sinks.len() >= MAX_SINKS {
                return None;
            }
            let id = *id;
            transfer.sinks.insert(sink, Sink::Waiting);
            self.advance(id, Some(now));
            return Some(());
        }
        if !self.has_room_for(&target) {
            return None;
        }
        let copy = self.copy_of(board, generation)?;
        let source_mime = copy.kinds.mime_for(content)?.to_owned();
        let from = copy.from.clone()?;
        let source = match copy.snapshot(content) {
            Some(snapshot) => Source::Ready(snapshot),
            None => Source::Unasked(source_mime),
        };
        let verdict = match self.take_kept(&target, generation, content) {
            Some(ticket) => Verdict::Allowed(ticket),
            None => self.ask(now),
        };
        let sinks = BTreeMap::from([(sink, Sink::Waiting)]);
        let transfer = Transfer { by, from, target, content, source, verdict, sinks, used: false };
        let id = self.start(transfer);
        self.advance(id, Some(now));
        Some(())
    }

    pub(super) fn sink_done(&mut self, sink: SinkId, bytes: u64, complete: bool) {
        let Some(transfer) = self.live.values_mut().find(|t| t.sinks.contains_key(&sink)) else { return };
        transfer.sinks.remove(&sink);
        let Some(ticket) = transfer.ticket() else { return };
        if bytes == 0 && !complete {
            // It had given up at the moment of the yes, before we could hear of it.
            if !transfer.is_awaited() && !transfer.used {
                let vm = transfer.target.clone();
                self.do_it(Effect::TooLate { vm });
            }
            return;
        }
        let times = u64::from(!std::mem::replace(&mut transfer.used, true));
        let usage = Usage { times, bytes_in: bytes, ..Usage::default() };
        let (vm, resource) = (transfer.target.clone(), transfer.resource());
        self.do_it(Effect::Used { vm, ticket: ticket.id, resource, usage });
    }

    /// A sink that [`Effect::CloseSink`] was about is closed, and had taken this much. What crossed is
    /// told before anything else that follows from the end.
    pub fn sink_closed(&mut self, sink: SinkId, bytes: u64) {
        let Some(ending) = self.ending.remove(&sink).filter(|_| bytes > 0) else { return };
        let times = u64::from(!ending.used);
        // A yes under which anything crossed is not kept for another paste.
        self.kept.retain(|kept| kept.ticket.id != ending.ticket);
        if let Some(transfer) = self.live.get_mut(&ending.id) {
            transfer.used = true;
        }
        self.ending.values_mut().filter(|other| other.id == ending.id).for_each(|other| other.used = true);
        let usage = Usage { times, bytes_in: bytes, ..Usage::default() };
        let Ending { vm, ticket, resource, .. } = ending;
        self.effects.push_front(Effect::Used { vm, ticket, resource, usage });
    }
}
