// SPDX-License-Identifier: GPL-3.0-or-later
//! A desk for tests: a core whose ledger is in memory. In: short calls. Out: what the core did, and a check
//! after each step that nothing was allowed that the ledger does not say.

use cofferdam_ids::{Identity, Label, VmId};
use cofferdam_monitor_core::{
    CallId, Core, Effect, Input, Journal, LinkId, Moment, Newcomer, NotWritten, Opener, Order, OrderError,
    PointId, Reply, Role,
};
use cofferdam_monitor_wire::point::{FromPoint, PortalOutcome, PortalWish, Ticket, ToPoint};
use cofferdam_monitor_wire::screen::{Abilities, FromScreen, Prompt, PromptId, ToScreen};
use cofferdam_policy::{
    AdminRules, Answer, Contact, Event, Host, Kind, Level, Millis, Refusal, Resource, State, Transport, Zone,
};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// When the tests begin.
pub(crate) const START: u64 = 1_800_000_000_000;

/// What was written, and whether writing works.
#[derive(Debug, Default, Clone)]
pub(crate) struct Memory {
    pub(crate) lines: Rc<RefCell<Vec<(Millis, Event)>>>,
    pub(crate) full: Rc<RefCell<bool>>,
    /// How many lines there were after each batch.
    pub(crate) batches: Rc<RefCell<Vec<usize>>>,
}

impl Journal for Memory {
    fn append(&mut self, at: Millis, events: &[Event]) -> Result<u64, NotWritten> {
        if *self.full.borrow() {
            return Err(NotWritten);
        }
        let mut lines = self.lines.borrow_mut();
        let first = lines.len() as u64 + 1;
        lines.extend(events.iter().map(|e| (at, e.clone())));
        self.batches.borrow_mut().push(lines.len());
        Ok(first)
    }
}

/// A VM's sockets.
#[derive(Debug, Clone)]
pub(crate) struct Guest {
    pub(crate) id: VmId,
    pub(crate) link: LinkId,
    pub(crate) net: PointId,
    pub(crate) agent: PointId,
}

pub(crate) struct Desk {
    pub(crate) core: Core,
    pub(crate) memory: Memory,
    pub(crate) now: u64,
    pub(crate) mono: u64,
    last: u64,
    /// All effects so far.
    pub(crate) seen: Vec<Effect>,
    /// How many answers each question of a point got.
    pub(crate) answers: BTreeMap<(PointId, u32), usize>,
}

pub(crate) fn vm(name: &str) -> VmId {
    name.parse().unwrap()
}

pub(crate) fn site(name: &str) -> Resource {
    site_at(name, 443)
}

pub(crate) fn site_at(name: &str, port: u16) -> Resource {
    let host = Host::parse(name).unwrap();
    Resource::Network(Contact { host, zone: Zone::Internet, transport: Transport::Tcp, port })
}

impl Desk {
    /// A desk with a compositor.
    pub(crate) fn new() -> Self {
        let mut desk = Self::dark(AdminRules::default());
        desk.tell(Input::ScreenUp);
        desk.tell(Input::Screen(FromScreen::Can(Abilities { notes: true, idle: true })));
        desk
    }

    /// A desk that no compositor serves.
    pub(crate) fn dark(rules: AdminRules) -> Self {
        Self::from_lines(Memory::default(), rules, START)
    }

    /// A desk whose ledger is not empty.
    pub(crate) fn from_lines(memory: Memory, rules: AdminRules, now: u64) -> Self {
        let lines: Vec<_> = memory.lines.borrow().iter().cloned().collect();
        let lines = (1..).zip(lines).map(|(seq, (at, event))| (seq, at, event));
        let moment = Moment { now: Millis(now), mono: 0, midnight: Millis(now + Millis::DAY) };
        let (core, odd) = Core::new(Box::new(memory.clone()), lines, rules, moment);
        assert_eq!(odd, 0, "all lines make sense");
        Self { core, memory, now, mono: 0, last: 0, seen: Vec::new(), answers: BTreeMap::new() }
    }

    pub(crate) fn moment(&self) -> Moment {
        Moment {
            now: Millis(self.now),
            mono: self.mono,
            midnight: Millis((self.now / Millis::DAY + 1) * Millis::DAY),
        }
    }

    /// One input; what came of it.
    pub(crate) fn tell(&mut self, input: Input) -> Vec<Effect> {
        self.core.handle(input, self.moment());
        let effects: Vec<Effect> = std::iter::from_fn(|| self.core.poll_effect()).collect();
        for effect in &effects {
            self.check(effect);
        }
        self.seen.extend(effects.iter().cloned());
        effects
    }

    /// What must be true of every effect.
    fn check(&mut self, effect: &Effect) {
        if let Effect::Point(point, message) = effect {
            match message {
                ToPoint::Decided { serial, verdict } => {
                    *self.answers.entry((*point, *serial)).or_default() += 1;
                    if let Ok(ticket) = verdict {
                        self.check_ticket(ticket);
                    }
                }
                ToPoint::PortalDone { serial, .. } => {
                    *self.answers.entry((*point, *serial)).or_default() += 1;
                }
                _ => {}
            }
        }
        if let Effect::Screen(ToScreen::Decided { verdict: Ok(ticket), .. }) = effect {
            self.check_ticket(ticket);
        }
        if let Effect::Screen(ToScreen::Ask(prompt)) = effect {
            assert!((1..=6).contains(&prompt.answers.len()), "{prompt:?}");
            let asked = self.memory.lines.borrow().iter().any(
                |(_, e)| matches!(e, Event::Asked { vm, resource } if *vm == prompt.vm && Some(resource.kind()) == kind_of(prompt)),
            );
            assert!(asked, "no prompt before its line");
        }
    }

    /// Nothing is allowed without a line: a grant that was given, or a level that was set.
    fn check_ticket(&self, ticket: &Ticket) {
        let lines = self.memory.lines.borrow();
        let written = match ticket.grant {
            Some(id) => lines.iter().any(|(_, e)| matches!(e, Event::Granted(g) if g.id == id)),
            None => {
                lines.iter().any(|(_, e)| matches!(e, Event::LevelSet { level, .. } if *level > Level::Ask))
            }
        };
        assert!(written, "{ticket:?} has no line");
    }

    pub(crate) fn pass(&mut self, millis: u64) -> Vec<Effect> {
        self.now += millis;
        self.mono += millis;
        self.tell(Input::Tick)
    }

    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    pub(crate) fn vm(&mut self, name: &str) -> Guest {
        self.child(name, None)
    }

    pub(crate) fn child(&mut self, name: &str, parent: Option<&str>) -> Guest {
        self.register(name, parent, None)
    }

    pub(crate) fn register(
        &mut self,
        name: &str,
        parent: Option<&str>,
        run: impl Into<Option<u64>>,
    ) -> Guest {
        let (link, net, agent) = (LinkId(self.next()), PointId(self.next()), PointId(self.next()));
        let who = Newcomer {
            vm: vm(name),
            app: name.parse().unwrap(),
            name: Label::new(name),
            identity: Identity::Sky,
            parent: parent.map(vm),
            run: run.into(),
        };
        self.tell(Input::Registered {
            link,
            who,
            points: [(Role::Network, net), (Role::Agent, agent)].into(),
        });
        Guest { id: vm(name), link, net, agent }
    }

    pub(crate) fn ask(&mut self, guest: &Guest, serial: u32, resource: Resource) -> Vec<Effect> {
        self.tell(Input::Point(guest.net, FromPoint::Ask { serial, resource }))
    }

    pub(crate) fn wish(&mut self, guest: &Guest, serial: u32, wish: PortalWish) -> Vec<Effect> {
        self.tell(Input::Point(guest.agent, FromPoint::Portal { serial, wish }))
    }

    pub(crate) fn answer(&mut self, id: PromptId, answer: Answer) -> Vec<Effect> {
        self.tell(Input::Screen(FromScreen::Answered { id, answer, silence: false }))
    }

    /// An order whose answer comes at once.
    pub(crate) fn order(&mut self, order: Order) -> Result<Reply, OrderError> {
        let (call, effects) = self.begin(order);
        answer_of(&effects, call).expect("an answer at once")
    }

    pub(crate) fn begin(&mut self, order: Order) -> (CallId, Vec<Effect>) {
        let call = CallId(self.next());
        let effects = self.tell(Input::Order(call, order));
        (call, effects)
    }

    pub(crate) fn openers(&mut self, apps: &[&str]) {
        let openers = apps.iter().map(|app| Opener {
            app: app.parse().unwrap(),
            name: Label::new(app),
            schemes: vec!["http".into(), "https".into()],
        });
        let openers = openers.collect();
        self.tell(Input::Openers(openers));
    }

    pub(crate) fn lines(&self) -> Vec<Event> {
        self.memory.lines.borrow().iter().map(|(_, e)| e.clone()).collect()
    }

    /// What the ledger alone adds up to.
    pub(crate) fn replayed(&self) -> State {
        let mut state = State::new();
        for (at, event) in self.memory.lines.borrow().iter() {
            state.apply(*at, event).unwrap();
        }
        state
    }
}

fn kind_of(prompt: &Prompt) -> Option<Kind> {
    use cofferdam_monitor_wire::screen::About;
    Some(match prompt.about {
        About::Network { .. } => Kind::Network,
        About::Paste { .. } => Kind::Clipboard,
        About::Drop { .. } => Kind::DragAndDrop,
        About::File { .. } => Kind::Files,
        About::OpenUri { .. } => Kind::OpenUri,
        About::Plain(kind) => kind,
    })
}

pub(crate) fn answer_of(effects: &[Effect], call: CallId) -> Option<Result<Reply, OrderError>> {
    effects.iter().find_map(|e| match e {
        Effect::Answer(c, answer) if *c == call => Some(answer.clone()),
        _ => None,
    })
}

/// The prompts among effects.
pub(crate) fn prompts(effects: &[Effect]) -> Vec<Prompt> {
    let prompt = |e: &Effect| match e {
        Effect::Screen(ToScreen::Ask(prompt)) => Some(prompt.clone()),
        _ => None,
    };
    effects.iter().filter_map(prompt).collect()
}

/// The answers to points among effects.
pub(crate) fn verdicts(effects: &[Effect]) -> Vec<(PointId, u32, Result<Ticket, Refusal>)> {
    let verdict = |e: &Effect| match e {
        Effect::Point(point, ToPoint::Decided { serial, verdict }) => Some((*point, *serial, *verdict)),
        _ => None,
    };
    effects.iter().filter_map(verdict).collect()
}

pub(crate) fn refusals(effects: &[Effect]) -> Vec<Refusal> {
    verdicts(effects).into_iter().filter_map(|(.., verdict)| verdict.err()).collect()
}

pub(crate) fn cuts(effects: &[Effect]) -> Vec<u64> {
    let cut = |e: &Effect| match e {
        Effect::Point(_, ToPoint::Cut { ticket }) | Effect::Screen(ToScreen::Cut { ticket }) => Some(*ticket),
        _ => None,
    };
    effects.iter().filter_map(cut).collect()
}

pub(crate) fn outcomes(effects: &[Effect]) -> Vec<PortalOutcome> {
    let outcome = |e: &Effect| match e {
        Effect::Point(_, ToPoint::PortalDone { outcome, .. })
        | Effect::File { message: ToPoint::PortalDone { outcome, .. }, .. } => Some(outcome.clone()),
        _ => None,
    };
    effects.iter().filter_map(outcome).collect()
}
