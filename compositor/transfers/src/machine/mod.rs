// SPDX-License-Identifier: GPL-3.0-or-later
//! The state machine of all transfers between VMs.
//!
//! In: [`Event`]s with the time. Out: [`Effect`]s, [`Offer`]s, and the time at which it wants to be
//! called again. It never fails and never waits for anybody: a source that stalls, a target that does
//! not read and a monitor that is silent each cost their own transfer and nothing else.

mod boards;
mod drops;
mod pastes;
mod transfer;
mod types;
mod verdicts;

pub use types::{Copied, Dropped, Effect, Event, Limits, Mono, Offer, SinkId, SourceRef, TransferId};

use crate::{Collector, Mismatch, Snapshot, image_header, text};
use boards::{Copy, Kept, Window};
use cofferdam_ids::VmId;
use cofferdam_policy::{Content, Refusal};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use transfer::{By, Ending, Sink, Source, Transfer, Verdict};

/// Transfers at a time, of all VMs together.
const MAX_TRANSFERS: usize = 32;
/// Transfers at a time to one VM.
const MAX_TO_ONE: usize = 8;
/// Sinks of one transfer.
const MAX_SINKS: usize = 8;

/// All transfers between VMs.
#[derive(Debug)]
pub struct Transfers {
    limits: Limits,
    copies: [Option<Copy>; 2],
    window: Option<Window>,
    kept: Vec<Kept>,
    live: BTreeMap<TransferId, Transfer>,
    ending: BTreeMap<SinkId, Ending>,
    effects: VecDeque<Effect>,
    next_generation: u64,
    next_window: u64,
    next_transfer: u64,
    next_serial: u32,
}

impl Transfers {
    /// Nothing copied, nothing under way.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            copies: [None, None],
            window: None,
            kept: Vec::new(),
            live: BTreeMap::new(),
            ending: BTreeMap::new(),
            effects: VecDeque::new(),
            next_generation: 1,
            next_window: 1,
            next_transfer: 1,
            next_serial: 1,
        }
    }

    /// What happened.
    pub fn handle(&mut self, event: Event<'_>, now: Mono) {
        match event {
            Event::Cleared { board, generation } => self.cleared(board, generation),
            Event::Focused(vm) => self.focused(vm.as_ref()),
            Event::Gesture { target, gesture } => self.gesture(target, gesture, now),
            Event::MenuOpened(vm) => self.menu_opened(&vm, now),
            Event::MenusClosed(vm) => self.menus_closed(&vm),
            Event::Receive { board, generation, window, mime, sink } => {
                self.receive((board, generation, window), mime, sink, now);
            }
            Event::ReceiveDrop { id, mime, sink } => self.receive_drop(id, mime, sink, now),
            Event::DropOver(id) => self.drop_over(id),
            Event::Bytes { id, piece } => self.bytes(id, piece),
            Event::End(id) => self.end(id, now),
            Event::SourceFailed(id) => self.source_failed(id, None),
            Event::Checked { id, image } => match image {
                Some(image) => self.ready(id, image, now),
                None => self.source_failed(id, Some(Refusal::Mismatch)),
            },
            Event::Decided { serial, verdict } => self.decided(serial, verdict, now),
            Event::Cut { ticket } => self.cut(ticket),
            Event::MonitorGone => self.monitor_gone(),
            Event::SinkDone { sink, bytes, complete } => self.sink_done(sink, bytes, complete),
            Event::VmGone(vm) => self.vm_gone(&vm),
            Event::Tick => {}
        }
        self.expire(now);
        self.sweep(now);
    }

    /// The next thing to do.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// When [`Event::Tick`] is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Mono> {
        let live = self.live.values().filter_map(Transfer::next_timeout);
        let kept = self.kept.iter().map(|kept| kept.until);
        let copies = self.copies.iter().flatten().filter_map(Copy::next_timeout);
        let window = self.window.as_ref().and_then(Window::next_timeout);
        live.chain(kept).chain(copies).chain(window).min()
    }

    fn do_it(&mut self, effect: Effect) {
        self.effects.push_back(effect);
    }

    fn has_room_for(&self, target: &VmId) -> bool {
        let theirs = self.live.values().filter(|t| t.target == *target).count();
        self.live.len() < MAX_TRANSFERS && theirs < MAX_TO_ONE
    }

    /// Begins with the question, if there is one. The source hears of nothing before a yes: a no would
    /// otherwise tell it that the person wanted its copy elsewhere.
    fn start(&mut self, transfer: Transfer) -> TransferId {
        let id = TransferId(self.next_transfer);
        self.next_transfer = self.next_transfer.saturating_add(1);
        if let Verdict::Asked { serial, .. } = transfer.verdict {
            let (vm, resource) = (transfer.target.clone(), transfer.resource());
            self.do_it(Effect::Ask { serial, vm, resource });
        }
        self.live.insert(id, transfer);
        id
    }

    fn ask(&mut self, now: Mono) -> Verdict {
        let serial = self.next_serial;
        // Questions that are open at the same time are few, so numbers may come back.
        self.next_serial = self.next_serial.wrapping_add(1).max(1);
        Verdict::Asked { serial, until: now.plus(self.limits.question) }
    }

    /// Asks the source, once that is allowed and somebody waits.
    fn read_if_due(&mut self, id: TransferId, now: Mono) {
        let until = now.plus(self.limits.source);
        let Some(transfer) = self.live.get_mut(&id) else { return };
        if transfer.ticket().is_none() || !transfer.is_awaited() {
            return;
        }
        if let Source::Unasked(mime) = &mut transfer.source {
            let mime = std::mem::take(mime);
            transfer.source = Source::Reading { collector: Collector::new(transfer.content), until };
            let source = transfer.source_ref();
            self.effects.push_back(Effect::Read { id, source, mime });
        }
    }

    /// Closes a sink; what it was given until then is reported by [`Self::sink_closed`].
    fn close(&mut self, id: TransferId, sink: SinkId, state: Sink) {
        if let (Sink::Fed { ticket, .. }, Some(transfer)) = (state, self.live.get(&id)) {
            let (vm, resource, used) = (transfer.target.clone(), transfer.resource(), transfer.used);
            self.ending.insert(sink, Ending { id, vm, ticket, resource, used });
        }
        self.do_it(Effect::CloseSink(sink));
    }

    fn bytes(&mut self, id: TransferId, piece: &[u8]) {
        let Some(transfer) = self.live.get_mut(&id) else { return };
        if let Source::Reading { collector, .. } = &mut transfer.source
            && collector.push(piece).is_err()
        {
            self.source_failed(id, Some(Refusal::Mismatch));
        }
    }

    fn end(&mut self, id: TransferId, now: Mono) {
        let Some(transfer) = self.live.get_mut(&id) else { return };
        let reading = matches!(transfer.source, Source::Reading { .. });
        if !reading {
            return;
        }
        let Source::Reading { collector, .. } = std::mem::replace(&mut transfer.source, Source::Checking)
        else {
            return;
        };
        let (content, snapshot) = (transfer.content, collector.finish());
        if snapshot.bytes().is_empty() {
            // Nothing to hand over, and nothing to ask about.
            return self.source_failed(id, None);
        }
        match looks_like(content, snapshot.bytes()) {
            Ok(()) if content == Content::Image => self.do_it(Effect::CheckImage { id, image: snapshot }),
            Ok(()) => self.ready(id, snapshot, now),
            Err(_) => self.source_failed(id, Some(Refusal::Mismatch)),
        }
    }

    fn ready(&mut self, id: TransferId, snapshot: Snapshot, now: Mono) {
        let Some(transfer) = self.live.get_mut(&id) else { return };
        if !matches!(transfer.source, Source::Checking) {
            return;
        }
        let snapshot = Arc::new(snapshot);
        transfer.source = Source::Ready(snapshot.clone());
        if let By::Paste { board, generation, .. } = transfer.by {
            let (content, until) = (transfer.content, now.plus(self.limits.wipe));
            self.remember(board, generation, content, snapshot, until);
        }
        self.advance(id, Some(now));
    }

    /// The source gave nothing, or not what it had announced.
    fn source_failed(&mut self, id: TransferId, why: Option<Refusal>) {
        let Some(transfer) = self.live.get_mut(&id) else { return };
        if matches!(transfer.source, Source::Ready(_) | Source::Failed) {
            return;
        }
        transfer.source = Source::Failed;
        let (vm, resource) = (transfer.target.clone(), transfer.resource());
        self.do_it(Effect::StopReading(id));
        if let Some(why) = why {
            self.do_it(Effect::Refused { vm, resource, why });
        }
        self.deny(id);
    }

    /// Does what can be done now: feeds who waits, or lets go of who waits in vain.
    fn advance(&mut self, id: TransferId, now: Option<Mono>) {
        let Some(transfer) = self.live.get_mut(&id) else { return };
        if transfer.is_lost() {
            for (sink, state) in std::mem::take(&mut transfer.sinks) {
                self.close(id, sink, state);
            }
            return;
        }
        let Some(now) = now else { return };
        self.read_if_due(id, now);
        let Some(transfer) = self.live.get_mut(&id) else { return };
        let Some(ticket) = transfer.ticket() else { return };
        let (cleared, unasked) = (transfer.cleared(), matches!(transfer.source, Source::Unasked(_)));
        if (cleared.is_some() || unasked) && !transfer.is_awaited() && !transfer.used {
            let vm = transfer.target.clone();
            self.effects.push_back(Effect::TooLate { vm });
        }
        let Some(snapshot) = cleared else { return };
        let until = now.plus(self.limits.feed);
        if let By::Drop { delivered, until: end, .. } = &mut transfer.by
            && !*delivered
        {
            *delivered = true;
            *end = until;
            let content = transfer.content;
            self.effects.push_back(Effect::Deliver { id, content });
        }
        for (sink, state) in &mut transfer.sinks {
            if *state == Sink::Waiting {
                *state = Sink::Fed { until, ticket: ticket.id };
                self.effects.push_back(Effect::Feed { sink: *sink, snapshot: snapshot.clone() });
            }
        }
    }

    /// Ends what has taken too long.
    fn expire(&mut self, now: Mono) {
        let late = |until: Mono| until <= now;
        let mut stalled = Vec::new();
        let mut silent = Vec::new();
        let mut over = Vec::new();
        let mut slow = Vec::new();
        for (id, transfer) in &mut self.live {
            if matches!(&transfer.source, Source::Reading { until, .. } if late(*until)) {
                stalled.push(*id);
            }
            if matches!(transfer.verdict, Verdict::Asked { until, .. } if late(until)) {
                silent.push(*id);
            }
            if matches!(transfer.by, By::Drop { until, .. } if late(until)) {
                over.push(*id);
            }
            transfer.sinks.retain(|sink, state| {
                let too_slow = matches!(state, Sink::Fed { until, .. } if late(*until));
                if too_slow {
                    slow.push((*id, *sink, *state));
                }
                !too_slow
            });
        }
        slow.into_iter().for_each(|(id, sink, state)| self.close(id, sink, state));
        stalled.into_iter().for_each(|id| self.source_failed(id, None));
        silent.into_iter().for_each(|id| self.deny(id));
        over.into_iter().for_each(|id| self.deny(id));
        self.expire_boards(now);
    }

    fn vm_gone(&mut self, vm: &VmId) {
        let theirs = |t: &Transfer| t.from == *vm || t.target == *vm;
        let lost: Vec<_> = self.live.iter().filter(|(_, t)| theirs(t)).map(|(id, _)| *id).collect();
        for id in lost {
            self.deny(id);
        }
        self.boards_forget(vm);
    }

    /// Forgets transfers that have nothing left to do.
    fn sweep(&mut self, now: Mono) {
        let current = self.window.as_ref().map(|window| window.id);
        let done = |t: &Transfer| match t.by {
            By::Paste { window, .. } => {
                // While its gesture lasts, the target may read the same again.
                t.sinks.is_empty() && !matches!(t.verdict, Verdict::Asked { .. }) && current != Some(window)
            }
            By::Drop { over, .. } => (over || t.is_lost()) && t.sinks.is_empty(),
        };
        let gone: Vec<_> = self.live.iter().filter(|(_, t)| done(t)).map(|(id, _)| *id).collect();
        for id in gone {
            let Some(transfer) = self.live.remove(&id) else { continue };
            if matches!(transfer.source, Source::Reading { .. }) {
                self.do_it(Effect::StopReading(id));
            }
            if matches!(transfer.by, By::Drop { .. }) && !transfer.is_lost() {
                self.do_it(Effect::DropEnded { id, done: transfer.used });
            }
            self.keep(&transfer, now);
        }
    }
}

fn looks_like(content: Content, bytes: &[u8]) -> Result<(), Mismatch> {
    match content {
        Content::Text => text(bytes),
        Content::Image => image_header(bytes).map(|_size| ()),
        Content::Files => Err(Mismatch::Encoding),
    }
}
