// SPDX-License-Identifier: GPL-3.0-or-later
//! Random lives of a monitor. In: any order of asks, answers, changes, crashes, full disks and time. Out: no
//! ticket without a line (the desk checks each), one answer for each question, cuts for all that ends, and a
//! ledger that adds up to the same state.

use crate::desk::{Desk, Guest, site, vm};
use cofferdam_ids::{Label, Passage, VmId};
use cofferdam_monitor_core::{Effect, Input, Order, Span};
use cofferdam_monitor_wire::point::{BEFORE, FromPoint, PortalWish, Returned, ToPoint};
use cofferdam_monitor_wire::screen::{Abilities, FromScreen, PromptId, ToScreen};
use cofferdam_policy::{
    Answer, Content, Decision, FileAccess, FileKind, GrantId, Kind, Level, Millis, Resource, Usage,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Clone)]
enum Step {
    Ask { guest: usize, site: usize },
    Wish { guest: usize, wish: usize },
    Paste { to: usize, from: usize },
    Forget { guest: usize, agent: bool, back: u32 },
    Answer { back: u64, answer: Answer, silence: bool },
    CutDone { oldest: bool },
    Used { back: usize },
    Return { back: usize, keep: usize },
    Odd { guest: usize, ticket: u64 },
    Grant { guest: usize, site: usize, span: Span },
    SetLevel { guest: usize, level: Level },
    Revoke { grant: u64 },
    AllOff { guest: Option<usize> },
    Undo { token: u64 },
    Choose { id: u64, writable: bool },
    Pass { millis: u64 },
    Jump { millis: u64 },
    Locked(bool),
    Screen(bool),
    Full(bool),
    Leave { guest: usize },
    Enter { guest: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let answers = prop::sample::select(vec![
        Answer::NotNow,
        Answer::ThisTime,
        Answer::UntilClosed,
        Answer::Hour,
        Answer::Today,
        Answer::Always,
        Answer::Never,
        Answer::Pick(0),
        Answer::Pick(9),
    ]);
    let spans = vec![Span::Once, Span::Run, Span::Hour, Span::Today, Span::Always, Span::Never];
    let levels = vec![Level::Off, Level::Ask, Level::Listed, Level::Internet, Level::All];
    prop_oneof![
        8 => (0..3usize, 0..4usize).prop_map(|(guest, site)| Step::Ask { guest, site }),
        3 => (0..3usize, 0..5usize).prop_map(|(guest, wish)| Step::Wish { guest, wish }),
        2 => (0..3usize, 0..3usize).prop_map(|(to, from)| Step::Paste { to, from }),
        2 => (0..3usize, any::<bool>(), 0..4u32).prop_map(|(guest, agent, back)| Step::Forget { guest, agent, back }),
        8 => (0..4u64, answers, prop::bool::weighted(0.1))
            .prop_map(|(back, answer, silence)| Step::Answer { back, answer, silence }),
        4 => any::<bool>().prop_map(|oldest| Step::CutDone { oldest }),
        3 => (0..4usize).prop_map(|back| Step::Used { back }),
        4 => (0..6usize, 0..2usize).prop_map(|(back, keep)| Step::Return { back, keep }),
        1 => (0..3usize, 0..40u64).prop_map(|(guest, ticket)| Step::Odd { guest, ticket }),
        3 => (0..3usize, 0..4usize, prop::sample::select(spans))
            .prop_map(|(guest, site, span)| Step::Grant { guest, site, span }),
        2 => (0..3usize, prop::sample::select(levels)).prop_map(|(guest, level)| Step::SetLevel { guest, level }),
        3 => (0..20u64).prop_map(|grant| Step::Revoke { grant }),
        1 => prop::option::of(0..3usize).prop_map(|guest| Step::AllOff { guest }),
        1 => (0..10u64).prop_map(|token| Step::Undo { token }),
        1 => (0..6u64, any::<bool>()).prop_map(|(id, writable)| Step::Choose { id, writable }),
        3 => prop::sample::select(vec![1u64, 500, 2_000, 60_000, 400_000, Millis::HOUR, 100 * Millis::DAY])
            .prop_map(|millis| Step::Pass { millis }),
        1 => prop::sample::select(vec![1u64, Millis::HOUR, Millis::DAY]).prop_map(|millis| Step::Jump { millis }),
        1 => any::<bool>().prop_map(Step::Locked),
        1 => any::<bool>().prop_map(Step::Screen),
        1 => any::<bool>().prop_map(Step::Full),
        1 => (0..3usize).prop_map(|guest| Step::Leave { guest }),
        2 => (0..3usize).prop_map(|guest| Step::Enter { guest }),
    ]
}

const NAMES: [&str; 3] = ["mail", "foot", "viewer"];

/// A desk, and what a careful observer knows.
struct World {
    desk: Desk,
    guests: BTreeMap<usize, Guest>,
    serial: u32,
    asked: BTreeMap<(u64, u32), usize>,
    prompts: u64,
    /// Tickets that a point holds, by socket; and those that it is to cut.
    live: Vec<(u64, u64, Resource)>,
    cutting: Vec<(u64, u64)>,
    /// Whose notes are on the screen.
    noted: BTreeSet<VmId>,
}

impl World {
    fn new() -> Self {
        let mut desk = Desk::new();
        desk.openers(&["mail", "foot", "firefox"]);
        Self {
            desk,
            guests: BTreeMap::new(),
            serial: 0,
            asked: BTreeMap::new(),
            prompts: 0,
            live: Vec::new(),
            cutting: Vec::new(),
            noted: BTreeSet::new(),
        }
    }

    fn tell(&mut self, input: Input) {
        let effects = self.desk.tell(input);
        self.watch(&effects);
    }

    fn order(&mut self, order: Order) {
        let (_, effects) = self.desk.begin(order);
        self.watch(&effects);
    }

    fn watch(&mut self, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::Screen(ToScreen::Ask(prompt)) => self.prompts = self.prompts.max(prompt.id.0),
                Effect::Point(point, ToPoint::Decided { serial, verdict }) => {
                    *self.asked.get_mut(&(point.0, *serial)).expect("a question of this socket") += 1;
                    if let Ok(ticket) = verdict {
                        assert!(!self.cutting.contains(&(point.0, ticket.id)), "a ticket that is being cut");
                        self.live.push((point.0, ticket.id, site("sample.org")));
                    }
                }
                Effect::Point(point, ToPoint::PortalDone { serial, .. })
                | Effect::File { point, message: ToPoint::PortalDone { serial, .. }, .. } => {
                    *self.asked.get_mut(&(point.0, *serial)).expect("a wish of this socket") += 1;
                }
                Effect::Point(point, ToPoint::Cut { ticket }) => {
                    self.live.retain(|(p, t, _)| (*p, *t) != (point.0, *ticket));
                    assert!(!self.cutting.contains(&(point.0, *ticket)), "told once");
                    self.cutting.push((point.0, *ticket));
                }
                Effect::ClosePoint(point) => self.lost(point.0),
                Effect::Screen(ToScreen::Note { vm, .. }) => drop(self.noted.insert(vm.clone())),
                Effect::Screen(ToScreen::NotesGone { vm, tag: None }) => {
                    assert!(self.noted.remove(vm), "there are some");
                }
                // A new compositor shows none, and one that lost the monitor shows none any more.
                Effect::Screen(ToScreen::Cut { ticket: BEFORE }) | Effect::CloseScreen => self.noted.clear(),
                _ => {}
            }
        }
    }

    fn lost(&mut self, point: u64) {
        self.live.retain(|(p, ..)| *p != point);
        self.cutting.retain(|(p, _)| *p != point);
        // What a closed socket asked for is answered by its end.
        self.asked.retain(|(p, _), _| *p != point);
        for guest in self.guests.values_mut() {
            for own in [&mut guest.net, &mut guest.agent] {
                if own.0 == point {
                    own.0 = u64::MAX;
                }
            }
        }
    }

    fn take(&mut self, step: Step) {
        self.serial += 1;
        let serial = self.serial;
        let names = |n: usize| format!("s{n}.org");
        match step {
            Step::Ask { guest, site: n } => {
                let Some(guest) = self.guests.get(&guest).cloned() else { return };
                if guest.net.0 == u64::MAX {
                    return;
                }
                self.asked.insert((guest.net.0, serial), 0);
                self.tell(Input::Point(guest.net, FromPoint::Ask { serial, resource: site(&names(n)) }));
            }
            Step::Wish { guest, wish } => self.wish(guest, wish),
            // What a VM copied itself is its own.
            Step::Paste { to, from } if to != from => {
                let resource = Resource::Clipboard { from: vm(NAMES[from]), content: Content::Text };
                self.tell(Input::Screen(FromScreen::Ask { serial, vm: vm(NAMES[to]), resource }));
            }
            Step::Forget { guest, agent, back } => {
                let Some(guest) = self.guests.get(&guest).cloned() else { return };
                let (point, old) = (if agent { guest.agent } else { guest.net }, serial.saturating_sub(back));
                if self.asked.get(&(point.0, old)) == Some(&0) {
                    self.asked.remove(&(point.0, old));
                }
                self.tell(Input::Point(point, FromPoint::Forget { serial: old }));
            }
            Step::Answer { back, answer, silence } => {
                let id = PromptId(self.prompts.saturating_sub(back));
                self.tell(Input::Screen(FromScreen::Answered { id, answer, silence }));
            }
            Step::CutDone { oldest } => {
                let at = if oldest { 0 } else { self.cutting.len().saturating_sub(1) };
                if at < self.cutting.len() {
                    let (point, ticket) = self.cutting.remove(at);
                    let point = cofferdam_monitor_core::PointId(point);
                    self.tell(Input::Point(point, FromPoint::CutDone { ticket }));
                }
            }
            Step::Used { back } => {
                let Some((point, ticket, resource)) = self.live.iter().rev().nth(back).cloned() else {
                    return;
                };
                let usage = Usage { times: 1, bytes_in: 5, ..Usage::default() };
                let point = cofferdam_monitor_core::PointId(point);
                // About another site than the ticket's: that is a fault, and the socket's end.
                self.tell(Input::Point(point, FromPoint::Used { ticket, resource, usage }));
            }
            Step::Return { back, keep } => {
                let Some((point, ticket, _)) = self.live.iter().rev().nth(back).cloned() else { return };
                let of = |(p, t, _): &(u64, u64, Resource)| (*p, *t) == (point, ticket);
                // What was given anew while this was under way is kept.
                let times = self.live.iter().filter(|one| of(one)).count().saturating_sub(keep);
                let Ok(times @ 1..) = u32::try_from(times) else { return };
                let mut left = times;
                self.live.retain(|one| {
                    let goes = of(one) && left > 0;
                    left -= u32::from(goes);
                    !goes
                });
                let point = cofferdam_monitor_core::PointId(point);
                self.tell(Input::Point(point, FromPoint::Returned(vec![Returned { ticket, times }])));
            }
            Step::Odd { guest, ticket } => {
                let Some(guest) = self.guests.get(&guest).cloned() else { return };
                self.tell(Input::Point(guest.net, FromPoint::CutDone { ticket: 1_000_000 + ticket }));
            }
            other => self.change(other),
        }
    }

    fn wish(&mut self, guest: usize, wish: usize) {
        let Some(guest) = self.guests.get(&guest).cloned().filter(|g| g.agent.0 != u64::MAX) else { return };
        let serial = self.serial;
        let wish = match wish {
            0 => PortalWish::OpenUri { uri: "https://a.org/".into() },
            1 => PortalWish::Notify { tag: 1, title: Label::new("a"), body: Passage::default() },
            2 => PortalWish::InhibitIdle { reason: Label::default() },
            3 => PortalWish::Screenshot,
            _ => PortalWish::ChooseFile {
                title: Label::default(),
                kind: FileKind::File,
                access: FileAccess::Write,
                suggested: Label::default(),
            },
        };
        self.asked.insert((guest.agent.0, serial), 0);
        self.tell(Input::Point(guest.agent, FromPoint::Portal { serial, wish }));
    }

    fn change(&mut self, step: Step) {
        let name = |n: usize| vm(NAMES[n]);
        match step {
            Step::Grant { guest, site, span } => {
                let target = format!("s{site}.org");
                self.order(Order::Grant { vm: name(guest), kind: Kind::Network, target, span });
            }
            Step::SetLevel { guest, level } => {
                self.order(Order::SetLevel { vm: name(guest), kind: Kind::Network, level });
            }
            Step::Revoke { grant } => self.order(Order::Revoke(GrantId(grant))),
            Step::AllOff { guest: Some(guest) } => self.order(Order::RevokeAll(name(guest))),
            Step::AllOff { guest: None } => self.order(Order::RevokeEverything),
            Step::Undo { token } => self.order(Order::Undo(token)),
            Step::Choose { id, writable } => {
                self.order(Order::Choose { id, name: Label::new("f"), folder: false, writable });
            }
            Step::Pass { millis } => {
                let effects = self.desk.pass(millis);
                self.watch(&effects);
            }
            Step::Jump { millis } => {
                self.desk.now += millis;
                self.tell(Input::Tick);
            }
            Step::Locked(locked) => self.tell(Input::Screen(FromScreen::Locked(locked))),
            Step::Screen(false) => {
                self.tell(Input::ScreenDown);
                self.noted.clear();
            }
            Step::Screen(true) => {
                self.tell(Input::ScreenUp);
                self.tell(Input::Screen(FromScreen::Can(Abilities { notes: true, idle: true })));
            }
            Step::Full(full) => *self.desk.memory.full.borrow_mut() = full,
            Step::Leave { guest } => {
                if let Some(guest) = self.guests.remove(&guest) {
                    self.tell(Input::LinkClosed(guest.link));
                    self.noted.remove(&guest.id);
                    self.lost(guest.net.0);
                    self.lost(guest.agent.0);
                }
            }
            Step::Enter { guest } => {
                self.desk.now += 1;
                let parent = (guest == 2).then_some("mail");
                let before = self.desk.seen.len();
                let new = self.desk.child(NAMES[guest], parent);
                let effects = self.desk.seen[before..].to_vec();
                self.watch(&effects);
                self.noted.remove(&new.id);
                self.guests.insert(guest, new);
            }
            _ => {}
        }
    }

    /// What must hold between any two steps.
    fn check(&mut self) {
        for (question, answers) in &self.asked {
            assert!(*answers <= 1, "{question:?} was answered {answers} times");
        }
        let full = *self.desk.memory.full.borrow();
        self.desk.replayed();
        if full {
            return;
        }
        let Ok(cofferdam_monitor_core::Reply::Pending(open)) = self.desk.order(Order::Pending) else {
            panic!()
        };
        let mut of = BTreeMap::<VmId, usize>::new();
        for question in &open {
            *of.entry(question.vm.clone()).or_default() += 1;
        }
        assert!(of.values().all(|n| *n <= 16));
        let waiting: BTreeSet<_> = self.asked.iter().filter(|(_, n)| **n == 0).map(|(q, _)| *q).collect();
        // Whoever has no answer yet waits for a question, a file, or an address on its way.
        let Ok(cofferdam_monitor_core::Reply::Choosers(files)) = self.desk.order(Order::Choosers) else {
            panic!()
        };
        assert!(waiting.is_empty() || !open.is_empty() || !files.is_empty() || self.on_their_way());
    }

    fn on_their_way(&self) -> bool {
        use cofferdam_monitor_wire::registry::FromMonitor;
        let sent =
            |e: &Effect| matches!(e, Effect::Launch { .. } | Effect::Shepherd(_, FromMonitor::Open { .. }));
        self.desk.seen.iter().any(sent)
    }

    /// At the end: what still lives is allowed by what is written.
    fn check_end(&mut self) {
        *self.desk.memory.full.borrow_mut() = false;
        let effects = self.desk.pass(2_000);
        self.watch(&effects);
        let (_, effects) = self.desk.begin(Order::RevokeEverything);
        self.watch(&effects);
        let left: Vec<_> = self.live.iter().map(|(p, t, _)| (*p, *t)).collect();
        assert!(left.is_empty(), "everything off cuts everything, not {left:?}");
        assert!(self.noted.is_empty(), "and nothing that they said is to be seen: {:?}", self.noted);
        let state = self.desk.replayed();
        for name in NAMES {
            let decision = state.decide(&vm(name), &site("s1.org"), Millis(self.desk.now));
            assert!(matches!(decision, Decision::Deny(_)), "{name}: {decision:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn any_life_keeps_the_promises(steps in prop::collection::vec(step(), 1..120)) {
        let mut world = World::new();
        for n in 0..3 {
            world.take(Step::Enter { guest: n });
        }
        for step in steps {
            world.take(step);
            world.check();
        }
        world.check_end();
    }
}
