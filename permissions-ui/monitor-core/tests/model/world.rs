// SPDX-License-Identifier: GPL-3.0-or-later
//! The world around one mind. In: steps. Out: which steps are possible next, a digest, and the first promise
//! that was broken.

use crate::place::{Letter, Live, Place};
use crate::step::{ANSWERS, Left, Step};
use cofferdam_ids::{Identity, Label, VmId};
use cofferdam_monitor_core::{
    CallId, Core, Effect, Input, Journal, LinkId, Moment, Newcomer, NotWritten, Order, PointId, Role,
};
use cofferdam_monitor_wire::point::{BEFORE, FromPoint, Returned, ToPoint};
use cofferdam_monitor_wire::registry::FromMonitor;
use cofferdam_monitor_wire::screen::{FromScreen, ToScreen};
use cofferdam_policy::{
    AdminRules, Contact, Content, Effect as Says, Event, GrantId, Host, Kind, Level, Lifetime, Millis,
    Resource, Transport, Zone,
};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::rc::Rc;

const START: u64 = 1_800_000_000_000;

/// What a broken promise says.
pub(crate) type Broken = String;

#[derive(Debug, Default, Clone)]
struct Memory(Rc<RefCell<Vec<(Millis, Event)>>>);

impl Journal for Memory {
    fn append(&mut self, at: Millis, events: &[Event]) -> Result<u64, NotWritten> {
        let mut lines = self.0.borrow_mut();
        let first = lines.len() as u64 + 1;
        lines.extend(events.iter().map(|e| (at, e.clone())));
        Ok(first)
    }
}

/// What must not live any more once it was said that it is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gone {
    Under(GrantId),
    Net,
    All,
}

impl Gone {
    fn covers(self, live: &Live, net: bool) -> bool {
        match self {
            Self::Under(grant) => live.ticket.grant == Some(grant),
            Self::Net => net,
            Self::All => true,
        }
    }
}

pub(crate) struct World {
    core: Core,
    ledger: Memory,
    now: u64,
    mono: u64,
    pub(crate) left: Left,
    /// The link of the VM's shepherd, while the monitor has it.
    link: Option<LinkId>,
    run: Option<u64>,
    vm_lives: bool,
    /// The shepherd was told that the gateway lost its socket.
    net_lost: bool,
    net: Place,
    screen: Place,
    agent_cuts: Vec<(PointId, u64)>,
    /// The compositor's socket, as far as the monitor knows.
    screen_up: Option<u64>,
    orders: Vec<(CallId, Gone)>,
    gone: Vec<Gone>,
    spent: BTreeSet<GrantId>,
    last: u64,
    broken: Option<Broken>,
}

fn vm() -> VmId {
    "mail".parse().unwrap()
}

fn site() -> Resource {
    let host = Host::parse("a.org").unwrap();
    Resource::Network(Contact { host, zone: Zone::Internet, transport: Transport::Tcp, port: 443 })
}

fn paste() -> Resource {
    Resource::Clipboard { from: "foot".parse().unwrap(), content: Content::Text }
}

impl World {
    pub(crate) fn new(left: Left) -> Self {
        let ledger = Memory::default();
        let moment = Moment { now: Millis(START), mono: 0, midnight: Millis(START + Millis::DAY) };
        let (core, _) = Core::new(Box::new(ledger.clone()), [], AdminRules::default(), moment);
        let mut world = Self {
            core,
            ledger,
            now: START,
            mono: 0,
            left,
            link: None,
            run: None,
            vm_lives: false,
            net_lost: false,
            net: Place::default(),
            screen: Place::default(),
            agent_cuts: Vec::new(),
            screen_up: None,
            orders: Vec::new(),
            gone: Vec::new(),
            spent: BTreeSet::new(),
            last: 0,
            broken: None,
        };
        for step in
            [Step::ScreenUp, Step::TakeScreen, Step::ReadScreen, Step::VmStarts, Step::TakeNet, Step::ReadNet]
        {
            world.take(step);
        }
        world
    }

    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    fn tell(&mut self, input: Input) {
        let midnight = Millis((self.now / Millis::DAY + 1) * Millis::DAY);
        self.core.handle(input, Moment { now: Millis(self.now), mono: self.mono, midnight });
        let effects: Vec<Effect> = std::iter::from_fn(|| self.core.poll_effect()).collect();
        for effect in effects {
            self.carry_out(effect);
        }
        // The agent link is not looked at: it has nothing, and says so.
        for (agent, ticket) in std::mem::take(&mut self.agent_cuts) {
            self.tell(Input::Point(agent, FromPoint::CutDone { ticket }));
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Point(point, message) if self.is_net(point) => match message {
                ToPoint::Decided { verdict, .. } => self.decided(true, point.0, verdict.ok()),
                ToPoint::Cut { ticket } => self.net.post(point.0, Letter::Cut(ticket)),
                _ => {}
            },
            Effect::Point(agent, ToPoint::Cut { ticket }) => self.agent_cuts.push((agent, ticket)),
            Effect::ClosePoint(point) if self.is_net(point) => self.net.post(point.0, Letter::Closed),
            Effect::Screen(message) => {
                let Some(socket) = self.screen_up else { return };
                match message {
                    ToScreen::Decided { verdict, .. } => self.decided(false, socket, verdict.ok()),
                    ToScreen::Cut { ticket } => self.screen.post(socket, Letter::Cut(ticket)),
                    ToScreen::Ask(prompt) => self.screen.post(socket, Letter::Prompt(prompt.id)),
                    ToScreen::Withdraw(id) => self.screen.post(socket, Letter::Withdraw(id)),
                    _ => {}
                }
            }
            Effect::CloseScreen => self.lose_screen(),
            Effect::Shepherd(_, FromMonitor::Registered { run }) => self.run = Some(run),
            Effect::Shepherd(_, FromMonitor::Lost { role: Role::Network }) => self.net_lost = self.vm_lives,
            Effect::CloseLink(_) => self.link = None,
            Effect::Answer(call, answer) => {
                let Some(place) = self.orders.iter().position(|(c, _)| *c == call) else { return };
                let (_, gone) = self.orders.remove(place);
                if answer.is_ok() {
                    self.gone.push(gone);
                }
            }
            _ => {}
        }
    }

    /// Sockets of the gateway have even numbers.
    fn is_net(&self, point: PointId) -> bool {
        point.0.is_multiple_of(2)
    }

    fn lose_screen(&mut self) {
        if let Some(socket) = self.screen_up.take() {
            self.screen.post(socket, Letter::Closed);
        }
    }

    /// A yes must stand in the ledger when it is given, and what is for one use is given once.
    fn decided(&mut self, net: bool, socket: u64, ticket: Option<cofferdam_monitor_wire::point::Ticket>) {
        if let Some(ticket) = ticket {
            let live = Live { socket, ticket };
            if !self.permits(&live, net) {
                self.broken.get_or_insert(format!("a yes that the ledger does not allow: {ticket:?}"));
            }
            if ticket.once && !ticket.grant.is_some_and(|grant| self.spent.insert(grant)) {
                self.broken.get_or_insert(format!("used twice: {ticket:?}"));
            }
        }
        let place = if net { &mut self.net } else { &mut self.screen };
        place.post(socket, Letter::Decided(ticket));
    }

    /// What the ledger alone says about something that is let through, looked up line by line.
    fn permits(&self, live: &Live, net: bool) -> bool {
        let (kind, resource) = if net { (Kind::Network, site()) } else { (Kind::Clipboard, paste()) };
        let Some(id) = live.ticket.grant else { return false };
        let (mut given, mut run, mut shut) = (None, None, false);
        for (_, event) in self.ledger.0.borrow().iter() {
            match event {
                Event::Registered { run: new, .. } => run = Some(*new),
                Event::Closed { run: old, .. } if run == Some(*old) => run = None,
                Event::LevelSet { kind: of, level, .. } if *of == kind => shut = *level == Level::Off,
                Event::Granted(grant) if grant.id == id => given = Some(grant.clone()),
                Event::Revoked { grant, by } if *grant == id => {
                    // One use that is used up goes on to its end.
                    let used_up = *by == cofferdam_policy::Author::Policy;
                    given = given.filter(|g| used_up && g.lifetime == Lifetime::Once);
                }
                _ => {}
            }
        }
        let holds = |grant: cofferdam_policy::Grant| {
            let in_time = match grant.lifetime {
                Lifetime::Until(end) => self.now < end.0,
                Lifetime::Run(of) => run == Some(of),
                Lifetime::Once | Lifetime::Standing => run.is_some(),
            };
            in_time && grant.effect == Says::Allow && grant.key == resource.key() && grant.vm == vm()
        };
        !shut && given.is_some_and(holds)
    }

    /// What holds, by number.
    fn grants(&self) -> Vec<GrantId> {
        let mut all = BTreeSet::new();
        for (_, event) in self.ledger.0.borrow().iter() {
            match event {
                Event::Granted(grant) => drop(all.insert(grant.id)),
                Event::Revoked { grant, by: cofferdam_policy::Author::Person } => drop(all.remove(grant)),
                _ => {}
            }
        }
        all.into_iter().collect()
    }

    /// The first promise that is broken.
    pub(crate) fn broken(&self) -> Option<Broken> {
        if self.broken.is_some() {
            return self.broken.clone();
        }
        for (place, net) in [(&self.net, true), (&self.screen, false)] {
            for live in &place.live {
                if !place.is_ending(live) && !self.permits(live, net) {
                    return Some(format!("{live:?} lives, and the ledger does not allow it"));
                }
                if let Some(gone) = self.gone.iter().find(|gone| gone.covers(live, net)) {
                    return Some(format!("{live:?} lives after {gone:?} was acknowledged"));
                }
            }
        }
        None
    }

    /// Two worlds with the same digest go on alike.
    pub(crate) fn digest(&self) -> u128 {
        let world = (self.now, self.mono, &self.left, self.link, self.run, self.vm_lives, self.net_lost);
        let rest = (&self.net, &self.screen, self.screen_up, &self.orders, &self.gone);
        let text = format!("{:?}{:?}{:?}{world:?}{rest:?}", self.core, self.ledger, self.spent);
        let half = |salt: u8| {
            let mut hasher = DefaultHasher::new();
            (salt, &text).hash(&mut hasher);
            u128::from(hasher.finish())
        };
        half(0) << 64 | half(1)
    }

    /// The steps that are possible now.
    pub(crate) fn steps(&self) -> Vec<Step> {
        let (left, registered) = (&self.left, self.link.is_some());
        let grants = if left.orders > 0 { self.grants().len() } else { 0 };
        let asks = |place: &Place, left: u8| left > 0 && place.socket.is_some() && !place.asking;
        let crash = self.link.is_some() && self.screen_up.is_some();
        let mut steps: Vec<Step> = [
            (Step::AskNet, asks(&self.net, left.asks[0])),
            (Step::AskPaste, asks(&self.screen, left.asks[1])),
            (Step::ReadNet, self.net.can_read()),
            (Step::TakeNet, self.net.next.is_some()),
            (Step::NetEnds, !self.net.live.is_empty()),
            (Step::ReadScreen, self.screen.can_read()),
            (Step::TakeScreen, self.screen.next.is_some()),
            (Step::ScreenUp, self.screen_up.is_none()),
            (Step::RevokeFirst, grants > 0),
            (Step::RevokeLast, grants > 1),
            (Step::NetOff, left.orders > 0),
            (Step::AllOff, left.orders > 0),
            (Step::Hour, left.hours > 0),
            (Step::Late, left.lates > 0),
            (Step::Long, left.longs > 0),
            (Step::MonitorCrash, left.monitor_crashes > 0 && crash),
            (Step::Register, self.vm_lives && !registered),
            (Step::NetBreaks, left.net_breaks > 0 && self.net.socket.is_some() && registered),
            (Step::Renew, self.net_lost && registered),
            (Step::VmEnds, left.vm_ends > 0 && self.vm_lives),
            (Step::VmStarts, !self.vm_lives),
            (Step::ScreenCrash, left.screen_crashes > 0 && self.screen.socket.is_some()),
        ]
        .into_iter()
        .filter_map(|(step, possible)| possible.then_some(step))
        .collect();
        if self.screen.prompt.is_some() {
            steps.extend(ANSWERS.map(Step::Say));
        }
        steps
    }

    pub(crate) fn take(&mut self, step: Step) {
        match step {
            Step::AskNet => {
                (self.net.asking, self.left.asks[0]) = (true, self.left.asks[0] - 1);
                let Some(socket) = self.net.socket else { return };
                let ask = FromPoint::Ask { serial: u32::from(self.left.asks[0]), resource: site() };
                self.tell(Input::Point(PointId(socket), ask));
            }
            Step::AskPaste => {
                (self.screen.asking, self.left.asks[1]) = (true, self.left.asks[1] - 1);
                let serial = u32::from(self.left.asks[1]);
                self.say(FromScreen::Ask { serial, vm: vm(), resource: paste() });
            }
            Step::ReadNet => {
                if let Some((socket, ticket)) = self.net.read() {
                    self.tell(Input::Point(PointId(socket), FromPoint::CutDone { ticket }));
                }
            }
            Step::TakeNet => self.net.take(),
            Step::NetEnds => {
                let Some((socket, ticket, times)) = self.net.give_back() else { return };
                let back = FromPoint::Returned(vec![Returned { ticket, times }]);
                self.tell(Input::Point(PointId(socket), back));
            }
            Step::ReadScreen => {
                if let Some((socket, ticket)) = self.screen.read()
                    && self.screen_up == Some(socket)
                {
                    self.tell(Input::Screen(FromScreen::CutDone { ticket }));
                }
            }
            Step::TakeScreen => self.screen.take(),
            Step::ScreenUp => {
                let socket = self.next();
                (self.screen_up, self.screen.next) = (Some(socket), Some(socket));
                self.tell(Input::ScreenUp);
            }
            Step::Say(answer) => {
                let Some(id) = self.screen.prompt.take() else { return };
                self.say(FromScreen::Answered { id, answer, silence: false });
            }
            Step::RevokeFirst | Step::RevokeLast => {
                let all = self.grants();
                let grant = if step == Step::RevokeFirst { all.first() } else { all.last() };
                let Some(grant) = grant.copied() else { return };
                self.order(Order::Revoke(grant), Gone::Under(grant));
            }
            Step::NetOff => {
                let order = Order::SetLevel { vm: vm(), kind: Kind::Network, level: Level::Off };
                self.order(order, Gone::Net);
            }
            Step::AllOff => self.order(Order::RevokeAll(vm()), Gone::All),
            other => self.take_more(other),
        }
    }

    fn take_more(&mut self, step: Step) {
        match step {
            Step::Hour => {
                (self.left.hours, self.now) = (self.left.hours - 1, self.now + Millis::HOUR);
                self.tell(Input::Tick);
            }
            Step::Late => {
                self.left.lates -= 1;
                self.pass(2_000);
            }
            Step::Long => {
                self.left.longs -= 1;
                // Ten seconds are enough to see that a socket is closed, whatever else one has to do.
                self.net.notice();
                self.screen.notice();
                self.pass(10_000);
            }
            Step::MonitorCrash => self.monitor_crashes(),
            Step::Register => self.register(),
            Step::NetBreaks => {
                self.left.net_breaks -= 1;
                let Some(socket) = self.net.socket else { return };
                self.tell(Input::PointBroken(PointId(socket)));
            }
            Step::Renew => {
                self.net_lost = false;
                let (Some(link), socket) = (self.link, self.even()) else { return };
                self.net.next = Some(socket);
                self.tell(Input::Renewed { link, role: Role::Network, point: PointId(socket) });
            }
            Step::VmEnds => {
                self.left.vm_ends -= 1;
                self.net.end();
                (self.net.next, self.vm_lives, self.net_lost, self.run) = (None, false, false, None);
                if let Some(link) = self.link.take() {
                    self.tell(Input::LinkClosed(link));
                }
            }
            Step::VmStarts => {
                self.vm_lives = true;
                self.register();
            }
            Step::ScreenCrash => {
                self.left.screen_crashes -= 1;
                self.screen.end();
                self.screen.next = None;
                if self.screen_up.take().is_some() {
                    self.tell(Input::ScreenDown);
                }
            }
            _ => {}
        }
    }

    fn even(&mut self) -> u64 {
        self.last = (self.last / 2 + 1) * 2;
        self.last
    }

    fn say(&mut self, message: FromScreen) {
        if self.screen.socket.is_some() && self.screen.socket == self.screen_up {
            self.tell(Input::Screen(message));
        }
    }

    fn order(&mut self, order: Order, gone: Gone) {
        self.left.orders -= 1;
        let call = CallId(self.next());
        self.orders.push((call, gone));
        self.tell(Input::Order(call, order));
    }

    fn pass(&mut self, millis: u64) {
        (self.now, self.mono) = (self.now + millis, self.mono + millis);
        self.tell(Input::Tick);
    }

    fn register(&mut self) {
        let link = LinkId(self.next());
        let network = self.even();
        let agent = PointId(self.next());
        let who = Newcomer {
            vm: vm(),
            app: "mail".parse().unwrap(),
            name: Label::new("Mail"),
            identity: Identity::Sky,
            parent: None,
            run: self.run,
        };
        (self.link, self.net_lost, self.net.next) = (Some(link), false, Some(network));
        let points = [(Role::Network, PointId(network)), (Role::Agent, agent)].into();
        self.tell(Input::Registered { link, who, points });
    }

    /// Its sockets close; whoever had them has not noticed yet.
    fn monitor_crashes(&mut self) {
        self.left.monitor_crashes -= 1;
        for place in [&mut self.net, &mut self.screen] {
            let socket = place.next.take().or(place.socket);
            if let Some(socket) = socket {
                place.post(socket, Letter::Closed);
            }
        }
        (self.screen_up, self.link, self.net_lost) = (None, None, false);
        self.orders.clear();
        let lines = self.ledger.0.borrow().clone();
        let lines = (1..).zip(lines).map(|(seq, (at, event))| (seq, at, event));
        let moment = Moment {
            now: Millis(self.now),
            mono: self.mono,
            midnight: Millis((self.now / Millis::DAY + 1) * Millis::DAY),
        };
        let (core, odd) = Core::new(Box::new(self.ledger.clone()), lines, AdminRules::default(), moment);
        if odd > 0 {
            self.broken.get_or_insert(format!("{odd} lines of the ledger make no sense"));
        }
        self.core = core;
    }

    /// How much of the interesting has happened, so that a search that sees nothing is noticed.
    pub(crate) fn seen(&self) -> (bool, bool, bool) {
        let live = !self.net.live.is_empty() || !self.screen.live.is_empty();
        (live, !self.gone.is_empty(), !self.orders.is_empty())
    }
}

const _: () = assert!(BEFORE == 0, "no ticket has this number");
