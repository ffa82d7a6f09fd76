// SPDX-License-Identifier: GPL-3.0-or-later
//! Any order of copies, gestures, reads, writes, answers, cuts and ends: what must hold after each step.
//!
//! In: random steps. Out: a machine that never feeds anybody without a gesture of the person in that
//! VM, a yes for exactly that pair and content that was not taken back, and the bytes of exactly that
//! copy; and that forgets everything in the end.

#![allow(clippy::unwrap_used)]

use cofferdam_ids::VmId;
use cofferdam_monitor_wire::point::Ticket;
use cofferdam_policy::{Content, Refusal, Resource};
use cofferdam_transfers::{
    Board, Copied, Dropped, Effect, Event, Gesture, Limits, Mono, Offer, SinkId, SourceRef, TransferId,
    Transfers, limit_of,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const TEXT: &str = "text/plain";

fn vm(n: u8) -> VmId {
    format!("vm{}", n % 3).parse().unwrap()
}

#[derive(Debug, Clone)]
enum Step {
    Copy(u8, bool),
    Clear(bool),
    Gesture(u8, u8),
    Focus(Option<u8>),
    MenuOpened(u8),
    MenusClosed(u8),
    /// Reads what is offered, or what was offered some time ago.
    Receive(u8, u8),
    Drop(u8, u8),
    ReceiveDrop(u8),
    DropOver(u8),
    Write(u8, u8),
    Overflow(u8),
    End(u8),
    SourceFailed(u8),
    Answer(u8, bool),
    Cut(u8),
    MonitorGone,
    SinkDone(u8, bool),
    VmGone(u8),
    Later(u16),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let n = any::<u8>;
    let step = prop_oneof![
        4 => (n(), any::<bool>()).prop_map(|(v, p)| Step::Copy(v, p)),
        1 => any::<bool>().prop_map(Step::Clear),
        6 => (n(), n()).prop_map(|(v, g)| Step::Gesture(v, g)),
        1 => proptest::option::of(n()).prop_map(Step::Focus),
        2 => n().prop_map(Step::MenuOpened),
        1 => n().prop_map(Step::MenusClosed),
        8 => (n(), n()).prop_map(|(v, old)| Step::Receive(v, old)),
        3 => (n(), n()).prop_map(|(a, b)| Step::Drop(a, b)),
        3 => n().prop_map(Step::ReceiveDrop),
        1 => n().prop_map(Step::DropOver),
        6 => (n(), n()).prop_map(|(t, len)| Step::Write(t, len)),
        1 => n().prop_map(Step::Overflow),
        6 => n().prop_map(Step::End),
        1 => n().prop_map(Step::SourceFailed),
        6 => (n(), any::<bool>()).prop_map(|(a, yes)| Step::Answer(a, yes)),
        2 => n().prop_map(Step::Cut),
        1 => Just(Step::MonitorGone),
        4 => (n(), any::<bool>()).prop_map(|(s, all)| Step::SinkDone(s, all)),
        1 => n().prop_map(Step::VmGone),
        4 => (0_u16..20_000).prop_map(Step::Later),
    ];
    proptest::collection::vec(step, 1..120)
}

/// Who may be fed, as this test knows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Pair {
    to: VmId,
    resource: Resource,
}

#[derive(Debug)]
struct Model {
    machine: Transfers,
    now: Mono,
    sinks: u64,
    /// For each sink: who would get it, of which copy, and whether the person had just asked for it.
    wanted: BTreeMap<SinkId, (VmId, Option<u64>, bool)>,
    open: BTreeSet<SinkId>,
    fed: BTreeSet<SinkId>,
    asked: BTreeMap<u32, Pair>,
    /// Tickets that hold, and what for.
    allowed: BTreeMap<u64, Pair>,
    reading: BTreeMap<TransferId, Option<u64>>,
    written: BTreeMap<TransferId, String>,
    from: BTreeMap<u64, VmId>,
    gesture: Option<(VmId, Mono)>,
    /// Whom the person called for a menu last, and whether one opened since.
    menu: Option<(VmId, bool)>,
    offers: Vec<(VmId, Board, u64, u64)>,
    boards: [Option<u64>; 2],
    next_ticket: u64,
    drops: BTreeMap<TransferId, VmId>,
}

fn index(board: Board) -> usize {
    usize::from(board == Board::Primary)
}

impl Model {
    fn new() -> Self {
        Self {
            machine: Transfers::new(Limits::default()),
            now: Mono(Duration::from_secs(100)),
            sinks: 0,
            wanted: BTreeMap::new(),
            open: BTreeSet::new(),
            fed: BTreeSet::new(),
            asked: BTreeMap::new(),
            allowed: BTreeMap::new(),
            reading: BTreeMap::new(),
            written: BTreeMap::new(),
            from: BTreeMap::new(),
            gesture: None,
            menu: None,
            offers: Vec::new(),
            boards: [None, None],
            next_ticket: 1,
            drops: BTreeMap::new(),
        }
    }

    fn does(&mut self, event: Event<'_>) {
        self.machine.handle(event, self.now);
        self.settle();
    }

    fn settle(&mut self) {
        while let Some(effect) = self.machine.poll_effect() {
            match effect {
                Effect::Ask { serial, vm, resource } => {
                    assert!(self.asked.insert(serial, Pair { to: vm, resource }).is_none(), "a number twice");
                }
                Effect::Forget { serial } => assert!(self.asked.remove(&serial).is_some()),
                Effect::Read { id, source, .. } => {
                    let generation = match source {
                        SourceRef::Board { generation, .. } => Some(generation),
                        SourceRef::Drag => None,
                    };
                    let about = |pair: &Pair| match &pair.resource {
                        Resource::Clipboard { from, .. } => {
                            generation.is_some_and(|g| self.from.get(&g) == Some(from))
                        }
                        _ => generation.is_none(),
                    };
                    assert!(self.allowed.values().any(about), "a source is asked before a yes");
                    self.reading.insert(id, generation);
                }
                Effect::StopReading(id) => {
                    self.reading.remove(&id);
                }
                Effect::Feed { sink, snapshot } => self.check_feed(sink, snapshot.bytes()),
                Effect::CloseSink(sink) => {
                    assert!(self.open.remove(&sink), "{sink:?} was not open");
                    self.machine.sink_closed(sink, 3);
                    if self.fed.contains(&sink) {
                        let next = self.machine.poll_effect();
                        assert!(matches!(next, Some(Effect::Used { .. })), "not told of first: {next:?}");
                    }
                }
                Effect::Used { ticket, vm, resource, .. } => {
                    // A report about what was fed while it was allowed.
                    assert!(self.next_ticket > ticket, "{vm} {resource:?}");
                }
                Effect::DropEnded { id, .. } => assert!(self.drops.remove(&id).is_some(), "twice"),
                Effect::Deliver { id, .. } => assert!(self.drops.contains_key(&id)),
                Effect::Offers
                | Effect::CheckImage { .. }
                | Effect::Refused { .. }
                | Effect::TooLate { .. }
                | Effect::CutDone { .. } => {}
            }
        }
    }

    /// The heart of it.
    fn check_feed(&mut self, sink: SinkId, bytes: &[u8]) {
        assert!(self.open.contains(&sink) && self.fed.insert(sink), "{sink:?} fed twice or when closed");
        let (to, generation, gesture) = self.wanted.get(&sink).unwrap().clone();
        assert!(gesture, "no gesture");
        let said = String::from_utf8(bytes.to_vec()).unwrap();
        let fits = |pair: &Pair| {
            pair.to == to
                && match &pair.resource {
                    Resource::Clipboard { from, content: Content::Text } => {
                        generation.is_some_and(|g| self.from.get(&g) == Some(from))
                    }
                    Resource::DragAndDrop { content: Content::Text, .. } => generation.is_none(),
                    _ => false,
                }
        };
        assert!(self.allowed.values().any(fits), "nobody said yes: {to} {said}");
        if let Some(generation) = generation {
            assert!(said.starts_with(&format!("copy {generation};")), "{said} is not of copy {generation}");
        } else {
            assert!(said.starts_with("drop;"), "{said}");
        }
    }

    fn nth<K: Copy, V>(map: &BTreeMap<K, V>, n: u8) -> Option<K> {
        let at = usize::from(n).checked_rem(map.len())?;
        map.keys().nth(at).copied()
    }

    fn new_sink(&mut self, to: VmId, generation: Option<u64>, gesture: bool) -> SinkId {
        self.sinks += 1;
        let sink = SinkId(self.sinks);
        self.wanted.insert(sink, (to, generation, gesture));
        self.open.insert(sink);
        sink
    }

    fn receive(&mut self, to: &VmId, old: u8) {
        for board in Board::ALL {
            if let Offer::Across { generation, window, .. } = self.machine.offer(board, Some(to)) {
                self.offers.push((to.clone(), board, generation, window));
            }
        }
        let theirs: Vec<_> = self.offers.iter().filter(|(t, ..)| t == to).cloned().collect();
        let Some(at) = usize::from(old).checked_rem(theirs.len()) else { return };
        let (_, board, generation, window) = theirs.get(theirs.len() - 1 - at).cloned().unwrap();
        let gesture = self
            .gesture
            .as_ref()
            .is_some_and(|(target, since)| target == to && self.now.0 - since.0 < Limits::default().gesture);
        let sink = self.new_sink(to.clone(), Some(generation), gesture);
        self.does(Event::Receive { board, generation, window, mime: TEXT, sink });
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Copy(from, primary) => self.copy(from, primary),
            Step::Clear(primary) => {
                let board = if primary { Board::Primary } else { Board::Clipboard };
                if let Some(generation) = self.boards[index(board)] {
                    self.does(Event::Cleared { board, generation });
                }
            }
            Step::Gesture(target, which) => self.gesture(target, which),
            Step::Focus(to) => self.does(Event::Focused(to.map(vm))),
            Step::MenuOpened(of) => {
                if let Some((_, opened)) = self.menu.as_mut().filter(|(target, _)| *target == vm(of)) {
                    *opened = true;
                }
                self.does(Event::MenuOpened(vm(of)));
            }
            Step::MenusClosed(of) => self.does(Event::MenusClosed(vm(of))),
            Step::Receive(to, old) => self.receive(&vm(to), old),
            Step::Drop(from, target) if vm(from) != vm(target) => {
                let dropped = Dropped { from: vm(from), target: vm(target), mimes: &[TEXT.to_owned()] };
                if let Some(id) = self.machine.dropped(dropped, self.now) {
                    self.drops.insert(id, vm(target));
                }
            }
            Step::ReceiveDrop(n) => {
                let Some(id) = Self::nth(&self.drops, n) else { return };
                let to = self.drops.get(&id).unwrap().clone();
                let sink = self.new_sink(to, None, true);
                self.does(Event::ReceiveDrop { id, mime: TEXT, sink });
            }
            Step::DropOver(n) => {
                if let Some(id) = Self::nth(&self.drops, n) {
                    self.does(Event::DropOver(id));
                }
            }
            Step::Write(n, len) => self.write(n, usize::from(len)),
            Step::Overflow(n) => self.write(n, limit_of(Content::Text) + 1),
            Step::End(n) => {
                if let Some(id) = Self::nth(&self.reading, n) {
                    self.reading.remove(&id);
                    self.does(Event::End(id));
                }
            }
            Step::SourceFailed(n) => {
                if let Some(id) = Self::nth(&self.reading, n) {
                    self.does(Event::SourceFailed(id));
                }
            }
            Step::Answer(n, yes) => self.answer(n, yes),
            Step::Cut(n) => {
                if let Some(ticket) = Self::nth(&self.allowed, n) {
                    self.allowed.remove(&ticket);
                    self.does(Event::Cut { ticket });
                }
            }
            Step::MonitorGone => {
                self.allowed.clear();
                self.asked.clear();
                self.does(Event::MonitorGone);
            }
            Step::SinkDone(n, complete) => {
                let all: BTreeMap<SinkId, ()> = self.open.iter().map(|sink| (*sink, ())).collect();
                let Some(sink) = Self::nth(&all, n) else { return };
                let fed = self.fed.contains(&sink);
                self.open.remove(&sink);
                let bytes = if fed { 5 } else { 0 };
                self.does(Event::SinkDone { sink, bytes, complete: complete && fed });
            }
            Step::VmGone(gone) => self.does(Event::VmGone(vm(gone))),
            Step::Later(millis) => {
                self.now = self.now.plus(Duration::from_millis(u64::from(millis)));
                self.does(Event::Tick);
            }
            Step::Drop(..) => {}
        }
        self.settle();
    }

    fn copy(&mut self, from: u8, primary: bool) {
        let board = if primary { Board::Primary } else { Board::Clipboard };
        let copied = Copied { board, from: Some(vm(from)), mimes: &[TEXT.to_owned()] };
        let generation = self.machine.copied(copied);
        self.from.insert(generation, vm(from));
        self.boards[index(board)] = Some(generation);
    }

    fn gesture(&mut self, target: u8, which: u8) {
        let all =
            [Gesture::PasteKeys, Gesture::ShiftInsert, Gesture::MiddleButton, Gesture::Menu, Gesture::Chosen];
        let gesture = all[usize::from(which) % all.len()];
        let target = vm(target);
        if gesture == Gesture::Chosen {
            // A choice counts in the menu that was called for.
            if self.menu.take_if(|menu| *menu == (target.clone(), true)).is_some() {
                self.gesture = Some((target.clone(), self.now));
            }
        } else {
            // Calling for a menu over a running gesture takes that one back, too.
            self.gesture = gesture.may_read().then(|| (target.clone(), self.now));
            self.menu = (gesture == Gesture::Menu).then(|| (target.clone(), false));
        }
        self.does(Event::Gesture { target, gesture });
    }

    fn write(&mut self, n: u8, len: usize) {
        let Some(id) = Self::nth(&self.reading, n) else { return };
        let begins = match self.reading.get(&id).unwrap() {
            Some(generation) => format!("copy {generation};"),
            None => "drop;".to_owned(),
        };
        let fresh = self.written.insert(id, String::new()).is_none();
        let piece = if fresh { begins } else { String::new() } + &"x".repeat(len);
        self.does(Event::Bytes { id, piece: piece.as_bytes() });
    }

    fn answer(&mut self, n: u8, yes: bool) {
        let Some(serial) = Self::nth(&self.asked, n) else { return };
        let pair = self.asked.remove(&serial).unwrap();
        let verdict = if yes {
            let id = self.next_ticket;
            self.next_ticket += 1;
            self.allowed.insert(id, pair);
            Ok(Ticket { id, grant: None, until: None, once: true })
        } else {
            Err(Refusal::Answered)
        };
        self.does(Event::Decided { serial, verdict });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, ..ProptestConfig::default() })]

    #[test]
    fn nothing_crosses_without_gesture_and_yes(steps in steps()) {
        let mut model = Model::new();
        for step in &steps {
            model.step(step);
        }
        // In the end nothing is left: no fd, no buffer, no deadline.
        let mut turns = 0;
        while let Some(due) = model.machine.poll_timeout() {
            prop_assert!(due > model.now, "overdue: {:?}", due);
            model.now = due;
            model.does(Event::Tick);
            turns += 1;
            prop_assert!(turns < 1000, "it never comes to rest");
        }
        prop_assert!(model.drops.is_empty(), "drops without an end: {:?}", model.drops);
        prop_assert!(model.reading.is_empty(), "sources without an end: {:?}", model.reading);
        prop_assert!(model.open.is_empty(), "fds left open: {:?}", model.open);
    }
}
