// SPDX-License-Identifier: GPL-3.0-or-later
//! The small system whose every history is looked at. In: a step. Out: the system after it. The monitor here
//! keeps no rules of its own: it reads the ledger into the real `State` and asks that.

use crate::world::{site, vm};
use cofferdam_policy::{Answer, Author, Decision, Event, GrantId, Millis, Resource, State, Usage, Zone};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A mistake that a monitor could make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bug {
    None,
    /// The yes goes out before the ledger has it.
    EffectFirst,
    /// "This time" is not used up.
    OnceKept,
    /// A revoke is answered before everything under it has ended.
    AckFirst,
    /// After a restart a revoke is answered though a point may not have noticed the crash yet.
    NoBarrier,
    /// What runs goes on when its time is over.
    DeafToTime,
    /// What was taken back comes back when the ledger is read again.
    Forgetful,
    /// A level that is shut does not end what runs.
    LevelLater,
    /// A prompt that crashes counts as a yes.
    CrashIsYes,
    /// Who would have to be asked is let through.
    AsksNobody,
}

/// How much of each thing happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Left {
    pub(super) asks: [u8; 2],
    pub(super) revokes: u8,
    pub(super) levels: u8,
    pub(super) ticks: u8,
    pub(super) monitor_crashes: u8,
    pub(super) screen_crashes: u8,
    pub(super) point_crashes: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Out {
    Append(Event),
    Down(usize, Down),
    Show,
    /// Decide anew about one that waits, until none is left.
    Resume,
    /// Answer the revoke, if nothing is open any more.
    Ack(u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Down {
    Yes { serial: u8, ticket: u64, grant: u64, once: bool },
    No { serial: u8 },
    Cut(u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Up {
    Ask(u8),
    CutDone(u64),
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Monitor {
    pub(super) todo: VecDeque<Out>,
    /// Live tickets: at which point, under which grant, for one use.
    pub(super) tickets: BTreeMap<u64, (usize, u64, bool)>,
    pub(super) last_ticket: u64,
    pub(super) waiting: BTreeSet<(usize, u8)>,
    pub(super) asking: bool,
    pub(super) acks: BTreeSet<u64>,
    /// Points that have proved to hold nothing from before the restart.
    pub(super) clear: [bool; 2],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Link {
    Up,
    /// The other side is gone; what it sent before can still be read.
    Closing,
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Flow {
    Idle,
    Held(u8),
    Open { ticket: u64, grant: u64 },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Point {
    pub(super) link: Link,
    pub(super) down: VecDeque<Down>,
    pub(super) up: VecDeque<Up>,
    pub(super) flow: Flow,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Sys {
    pub(super) ledger: Vec<(Millis, Event)>,
    pub(super) now: Millis,
    pub(super) monitor: Option<Monitor>,
    pub(super) points: [Point; 2],
    pub(super) shown: bool,
    pub(super) answer: Option<Answer>,
    pub(super) screen_gone: bool,
    pub(super) left: Left,
    /// Seen from outside: what the person said yes to, which revokes were answered, what opened.
    pub(super) said: Vec<Answer>,
    pub(super) acked: BTreeSet<u64>,
    pub(super) opened: Vec<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Step {
    Ask(usize),
    PointReads(usize),
    PointEnds(usize),
    PointCrashes(usize),
    Connect(usize),
    MonitorReads(usize),
    MonitorActs,
    MonitorCrashes,
    MonitorStarts,
    Say(Answer),
    MonitorHears,
    ScreenCrashes,
    MonitorMissesScreen,
    Revoke(u64),
    LevelOff,
    Tick,
}

pub(super) struct Desktop {
    pub(super) left: Left,
    pub(super) bug: Bug,
}

pub(super) fn mail() -> cofferdam_ids::VmId {
    vm("mail")
}

pub(super) fn wish() -> Resource {
    site("imap.example.org", Zone::Internet)
}

impl Sys {
    /// What a monitor knows: the ledger, and nothing else.
    pub(super) fn state(&self, bug: Bug) -> State {
        let mut state = State::new();
        for (at, event) in &self.ledger {
            if bug != Bug::Forgetful || !matches!(event, Event::Revoked { .. }) {
                state.apply(*at, event).unwrap();
            }
        }
        state
    }

    pub(super) fn idle_monitor(&mut self) -> Option<&mut Monitor> {
        self.monitor.as_mut().filter(|m| m.todo.is_empty())
    }

    /// What a point asks, or asked before: decided now.
    pub(super) fn decide(&mut self, bug: Bug, point: usize, serial: u8, may_ask: bool) {
        let (state, now) = (self.state(bug), self.now);
        let decision = match state.decide(&mail(), &wish(), now) {
            Decision::Ask { .. } if bug == Bug::AsksNobody => {
                Decision::Allow { grant: Some(GrantId(7)), until: None, once: false }
            }
            other => other,
        };
        let Some(monitor) = self.monitor.as_mut() else { return };
        match decision {
            Decision::Allow { grant, once, .. } => {
                let grant = grant.unwrap().0;
                monitor.last_ticket += 1;
                let ticket = monitor.last_ticket;
                monitor.tickets.insert(ticket, (point, grant, once));
                let yes = Out::Down(point, Down::Yes { serial, ticket, grant, once });
                let used = Out::Append(Event::Used {
                    vm: mail(),
                    resource: wish(),
                    grant: Some(GrantId(grant)),
                    usage: Usage::default(),
                });
                let uses = if once && bug != Bug::OnceKept { Some(used) } else { None };
                monitor.todo.extend(uses.into_iter().chain([yes]));
            }
            Decision::Ask { .. } if may_ask => {
                monitor.waiting.insert((point, serial));
                if !monitor.asking {
                    monitor.asking = true;
                    monitor.todo.push_back(Out::Append(Event::Asked { vm: mail(), resource: wish() }));
                    monitor.todo.push_back(Out::Show);
                }
            }
            Decision::Ask { .. } | Decision::Deny(_) => {
                monitor.todo.push_back(Out::Down(point, Down::No { serial }));
            }
        }
    }

    pub(super) fn heard(&mut self, bug: Bug, answer: Answer) {
        let grant = self.state(bug).grant_for(&mail(), &wish(), answer, self.now, self.now.plus(Millis::DAY));
        let Some(monitor) = self.monitor.as_mut() else { return };
        monitor.asking = false;
        let granted = grant.map(|g| Out::Append(Event::Granted(g)));
        monitor.todo.extend(granted);
        monitor.todo.push_back(Out::Resume);
    }

    /// Cuts the live tickets that `over` chooses.
    pub(super) fn cut(&mut self, over: impl Fn(u64, bool) -> bool) {
        let Some(monitor) = self.monitor.as_mut() else { return };
        let gone = monitor.tickets.iter().filter(|(_, (_, grant, once))| over(*grant, *once));
        let cuts: Vec<Out> = gone.map(|(t, (point, ..))| Out::Down(*point, Down::Cut(*t))).collect();
        monitor.todo.extend(cuts);
    }

    pub(super) fn expire(&mut self, bug: Bug) {
        let over: BTreeSet<u64> = self.state(bug).expired(self.now).iter().map(|g| g.0).collect();
        let Some(monitor) = self.monitor.as_mut() else { return };
        for grant in &over {
            let gone = Event::Revoked { grant: GrantId(*grant), by: Author::Policy };
            monitor.todo.push_back(Out::Append(gone));
        }
        if bug != Bug::DeafToTime {
            self.cut(|grant, _| over.contains(&grant));
        }
    }

    pub(super) fn act(&mut self, bug: Bug) {
        let Some(monitor) = self.monitor.as_mut() else { return };
        // The mistake swaps what is written down with the message behind it.
        if bug == Bug::EffectFirst
            && let [Out::Append(_), Out::Down(..), ..] = monitor.todo.make_contiguous()
        {
            monitor.todo.swap(0, 1);
        }
        match monitor.todo.pop_front() {
            Some(Out::Append(event)) => self.ledger.push((self.now, event)),
            Some(Out::Down(point, message)) => {
                let point = &mut self.points[point];
                if point.link == Link::Up {
                    point.down.push_back(message);
                }
            }
            Some(Out::Show) => self.shown = !self.screen_gone,
            Some(Out::Resume) => {
                if let Some((point, serial)) = monitor.waiting.pop_first() {
                    self.decide(bug, point, serial, false);
                    self.monitor.as_mut().unwrap().todo.push_back(Out::Resume);
                }
            }
            Some(Out::Ack(grant)) => {
                let live = monitor.tickets.values().any(|(_, g, _)| *g == grant);
                let unsure = monitor.clear != [true; 2] && bug != Bug::NoBarrier;
                if (live && bug != Bug::AckFirst) || unsure {
                    monitor.acks.insert(grant);
                } else {
                    self.acked.insert(grant);
                }
            }
            None => {}
        }
    }

    pub(super) fn monitor_reads(&mut self, bug: Bug, point: usize) {
        match self.points[point].up.pop_front() {
            Some(Up::Ask(serial)) => self.decide(bug, point, serial, true),
            Some(Up::CutDone(ticket)) => {
                let Some(monitor) = self.monitor.as_mut() else { return };
                monitor.tickets.remove(&ticket);
                monitor.clear[point] |= ticket == 0;
                let again = std::mem::take(&mut monitor.acks);
                monitor.todo.extend(again.into_iter().map(Out::Ack));
            }
            None => {}
        }
    }

    pub(super) fn point_reads(&mut self, point: usize) {
        let point = &mut self.points[point];
        match point.down.pop_front() {
            Some(Down::Yes { serial, ticket, grant, once }) => {
                if point.flow == Flow::Held(serial) {
                    point.flow = Flow::Open { ticket, grant };
                    if once {
                        self.opened.push(grant);
                    }
                }
            }
            Some(Down::No { serial }) => {
                if point.flow == Flow::Held(serial) {
                    point.flow = Flow::Idle;
                }
            }
            Some(Down::Cut(cut)) => {
                if matches!(point.flow, Flow::Open { ticket, .. } if ticket == cut) {
                    point.flow = Flow::Idle;
                }
                if point.link == Link::Up {
                    point.up.push_back(Up::CutDone(cut));
                }
            }
            None => {
                point.link = Link::None;
                point.flow = Flow::Idle;
            }
        }
    }

    pub(super) fn monitor_dies(&mut self) {
        self.monitor = None;
        self.shown = false;
        self.answer = None;
        for point in &mut self.points {
            point.up.clear();
            if point.link == Link::Up {
                point.link = Link::Closing;
            }
        }
    }

    pub(super) fn point_dies(&mut self, point: usize) {
        self.points[point] =
            Point { link: Link::None, down: VecDeque::new(), up: VecDeque::new(), flow: Flow::Idle };
        if let Some(monitor) = self.monitor.as_mut() {
            monitor.tickets.retain(|_, (at, ..)| *at != point);
            monitor.waiting.retain(|(at, _)| *at != point);
            monitor.todo.retain(|out| !matches!(out, Out::Down(at, _) if *at == point));
            monitor.clear[point] = true;
            let again = std::mem::take(&mut monitor.acks);
            monitor.todo.extend(again.into_iter().map(Out::Ack));
        }
    }
}
