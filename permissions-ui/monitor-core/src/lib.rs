// SPDX-License-Identifier: GPL-3.0-or-later
//! The monitor without its sockets. In: [`Input`]s with the time at which they came. Out: [`Effect`]s, in
//! order; whatever gives something away stands behind its line in the [`Journal`].
//!
//! Nothing here waits, reads a clock or knows a descriptor. One fault of a point costs that point its
//! socket and nobody else anything.
//!
//! | module | job |
//! |---|---|
//! | `words` | inputs and effects |
//! | `book` | policy and ledger |
//! | `vms` | who runs, and how often it was heard |
//! | `tickets` | what lives at which point |
//! | `shares` | how many lines the use of it gets |
//! | `questions` | what waits for a person |
//! | `presence` | VMs and screens that come and go |
//! | `points` | sockets of points that go and are made anew |
//! | `asks` | questions of points, and answers to them |
//! | `portals` | what apps ask for through portals |
//! | `notes` | what apps say through them |
//! | `cuts` | what a change takes away |
//! | `orders` | what the panel and the command line want |
//! | `views`, [`shown`] | what they are shown |
//! | `lines` | what happened, as people read it |
//! | [`target`] | what a permission is about, in words |

#![forbid(unsafe_code)]

mod asks;
mod book;
mod cuts;
mod index;
mod lines;
mod notes;
mod orders;
mod points;
mod portals;
mod presence;
mod questions;
mod shares;
pub mod shown;
pub mod target;
mod tickets;
mod uri;
mod views;
mod vms;
mod words;

pub use book::{Journal, Line, NotWritten};
pub use views::answer_name;
pub use words::{
    CallId, Effect, Input, LinkId, Moment, Newcomer, Opener, Order, OrderError, PointId, Reply, Role, Span,
    Wake,
};

use book::Book;
use cofferdam_ids::VmId;
use cofferdam_policy::{AdminRules, Event, Millis};
use orders::Orders;
use portals::Portals;
use questions::Questions;
use shares::Shares;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use tickets::Tickets;
use vms::Vms;

/// VMs of an earlier monitor have this long to make themselves known again, in milliseconds.
const RETURN_LIMIT: u64 = 10_000;

/// The monitor's mind.
#[derive(Debug)]
pub struct Core {
    book: Book,
    vms: Vms,
    tickets: Tickets,
    shares: Shares,
    questions: Questions,
    portals: Portals,
    orders: Orders,
    screen: Screen,
    /// Runs of which only the ledger knows, until when they may come back.
    ghosts: BTreeMap<VmId, (u64, u64)>,
    /// A compositor may hold what was allowed over an earlier socket; until when it may come back.
    screen_before: Option<u64>,
    effects: VecDeque<Effect>,
    touched: BTreeSet<VmId>,
    time: Moment,
    faults: u64,
}

/// The compositor, as far as we know.
#[derive(Debug, Default)]
struct Screen {
    up: bool,
    locked: bool,
    idle_inhibited: bool,
    can: cofferdam_monitor_wire::screen::Abilities,
}

impl Core {
    /// A monitor that knows what the ledger says and that nobody talks to yet. `entries` are numbers,
    /// times and events, oldest first; gives back how many of them made no sense, too.
    pub fn new(
        journal: Box<dyn Journal>,
        entries: impl IntoIterator<Item = (u64, Millis, Event)>,
        rules: AdminRules,
        time: Moment,
    ) -> (Self, u64) {
        let mut book = Book::new(journal);
        book.set_admin(rules);
        let odd = entries
            .into_iter()
            .fold(0u64, |odd, (seq, at, event)| odd.saturating_add(u64::from(!book.replay(seq, at, event))));
        let deadline = time.mono.saturating_add(RETURN_LIMIT);
        let running = book.state().vms().into_iter().filter(|v| v.running);
        let ghosts: BTreeMap<_, _> = running.map(|v| (v.vm.clone(), (v.run, deadline))).collect();
        let screen_before = (!ghosts.is_empty()).then_some(deadline);
        let mut core = Self {
            book,
            vms: Vms::default(),
            tickets: Tickets::default(),
            shares: Shares::default(),
            questions: Questions::default(),
            portals: Portals::default(),
            orders: Orders::default(),
            screen: Screen::default(),
            ghosts,
            screen_before,
            effects: VecDeque::new(),
            touched: BTreeSet::new(),
            time: Moment::default(),
            faults: 0,
        };
        core.set_time(time);
        (core, odd)
    }

    /// Takes one input. What follows from it is in [`Self::poll_effect`] afterwards.
    pub fn handle(&mut self, input: Input, time: Moment) {
        self.set_time(time);
        // Before anything else, so that nothing is allowed by what has ended.
        self.expire();
        match input {
            Input::Tick => {}
            Input::Registered { link, who, points } => self.register(link, who, points),
            Input::Renewed { link, role, point } => self.renewed(link, role, point),
            Input::LinkClosed(link) => self.link_closed(link),
            Input::Opened { link, serial, ok } => self.opened(link, serial, ok),
            Input::Launched { serial, ok } => self.launched(serial, ok),
            Input::Point(point, message) => self.point(point, message),
            Input::PointBroken(point) => self.fault(point),
            Input::PointClosed(point) => self.point_closed(point),
            Input::ScreenUp => self.screen_up(),
            Input::Screen(message) => self.screen_said(message),
            Input::ScreenDown => self.screen_down(),
            Input::Openers(openers) => self.portals.openers = openers,
            Input::Order(call, order) => self.order(call, order),
        }
        self.pass_deadlines();
        self.settle();
    }

    /// The monitor ends: what was used and not yet written is written. VMs live on, and come back to the
    /// next monitor.
    pub fn finish(&mut self, time: Moment) {
        self.set_time(time);
        self.flush_usage(u64::MAX);
    }

    /// The next thing to do.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// When [`Input::Tick`] is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Wake {
        let ghosts = self.ghosts.values().map(|(_, deadline)| *deadline).min();
        let book = self.book.wake();
        let lost = self.vms.next_lost();
        let tickets = [self.tickets.wake(), self.shares.wake()].into_iter().flatten().min();
        let mono = [tickets, self.questions.wake(), book, ghosts, lost, self.screen_before];
        Wake { now: self.book.state().next_expiry(), mono: mono.into_iter().flatten().min() }
    }

    /// Messages that broke the protocol so far.
    #[must_use]
    pub const fn faults(&self) -> u64 {
        self.faults
    }

    /// The latest time that was seen.
    #[must_use]
    pub const fn now(&self) -> Millis {
        self.book.now()
    }

    /// Whether a compacted ledger has to keep an event of that time, when use before `since` may go.
    #[must_use]
    pub fn keeps(&self, at: Millis, event: &Event, since: Millis) -> bool {
        at >= since || self.book.state().needs(at, event)
    }

    /// The event to append before the ledger is compacted, if one is needed.
    #[must_use]
    pub fn reminder(&self) -> Option<Event> {
        self.book.state().reminder()
    }

    /// Forgets lines of before `since`: the ledger was compacted.
    pub fn compacted(&mut self, since: Millis) {
        self.book.forget_lines(since);
    }

    fn set_time(&mut self, time: Moment) {
        // Both clocks only ever go forward.
        self.time = Moment {
            now: self.time.now.max(time.now),
            mono: self.time.mono.max(time.mono),
            midnight: time.midnight,
        };
        self.book.set_time(self.time.now, self.time.mono);
    }

    fn push(&mut self, effect: Effect) {
        self.effects.push_back(effect);
    }

    fn touch(&mut self, vm: &VmId) {
        self.touched.insert(vm.clone());
    }
}
