// SPDX-License-Identifier: GPL-3.0-or-later
//! Every order of events there is. In: a monitor, a prompt and two enforcement points of one VM that want the
//! same thing, with the real `State` between them; each message, crash, restart, tick and answer is a step
//! of its own. Out: no reachable state in which a point lets through what the ledger does not allow, and the
//! proof that the search is able to find one: seeded mistakes are found.

mod system;

use self::system::{Bug, Desktop, Down, Flow, Left, Link, Monitor, Out, Point, Step, Sys, Up, mail, wish};
use crate::oracle::backs;
use crate::world::registered;
use cofferdam_policy::{Answer, Author, Event, GrantId, Kind, Level, Lifetime, Millis};
use stateright::{Checker, Expectation, Model, Property};
use std::collections::{BTreeSet, VecDeque};

impl Model for Desktop {
    type State = Sys;
    type Action = Step;

    fn init_states(&self) -> Vec<Sys> {
        let point = Point { link: Link::Up, down: VecDeque::new(), up: VecDeque::new(), flow: Flow::Idle };
        vec![Sys {
            ledger: vec![(Millis(0), registered(&mail(), "mail", None, 1))],
            now: Millis(0),
            monitor: Some(Monitor { clear: [true; 2], ..Monitor::default() }),
            points: [point.clone(), point],
            shown: false,
            answer: None,
            screen_gone: false,
            left: self.left,
            said: Vec::new(),
            acked: BTreeSet::new(),
            opened: Vec::new(),
        }]
    }

    fn actions(&self, sys: &Sys, steps: &mut Vec<Step>) {
        let left = &sys.left;
        let idle = sys.monitor.as_ref().filter(|m| m.todo.is_empty());
        for (n, point) in sys.points.iter().enumerate() {
            let ready = point.link == Link::Up && point.flow == Flow::Idle && left.asks[n] > 0;
            let connect = point.link == Link::None && idle.is_some();
            for (step, possible) in [
                (Step::Ask(n), ready),
                (Step::PointReads(n), point.link == Link::Closing || !point.down.is_empty()),
                (Step::PointEnds(n), left.asks[n] > 0 && matches!(point.flow, Flow::Open { .. })),
                (Step::PointCrashes(n), point.link == Link::Up && left.point_crashes > 0),
                (Step::Connect(n), connect),
                (Step::MonitorReads(n), idle.is_some() && !point.up.is_empty()),
            ] {
                steps.extend(possible.then_some(step));
            }
        }
        let alive = sys.monitor.is_some();
        for (step, possible) in [
            (Step::MonitorActs, alive && idle.is_none()),
            (Step::MonitorCrashes, alive && left.monitor_crashes > 0),
            (Step::MonitorStarts, !alive),
            (Step::MonitorHears, idle.is_some() && sys.answer.is_some()),
            (Step::ScreenCrashes, left.screen_crashes > 0 && (sys.shown || sys.answer.is_some())),
            (Step::MonitorMissesScreen, idle.is_some() && sys.screen_gone),
            (Step::LevelOff, idle.is_some() && left.levels > 0),
            (Step::Tick, left.ticks > 0 && (!alive || idle.is_some())),
        ] {
            steps.extend(possible.then_some(step));
        }
        if sys.shown {
            steps.extend([Answer::NotNow, Answer::ThisTime, Answer::Hour, Answer::Always].map(Step::Say));
        }
        if idle.is_some() && left.revokes > 0 {
            steps.extend((0..sys.state(self.bug).next_grant_id().0).map(Step::Revoke));
        }
    }

    fn next_state(&self, last: &Sys, step: Step) -> Option<Sys> {
        let (mut sys, bug) = (last.clone(), self.bug);
        match step {
            Step::Ask(n) => {
                sys.left.asks[n] -= 1;
                let serial = sys.left.asks[n];
                sys.points[n].flow = Flow::Held(serial);
                sys.points[n].up.push_back(Up::Ask(serial));
            }
            Step::PointReads(n) => sys.point_reads(n),
            Step::PointEnds(n) => sys.points[n].flow = Flow::Idle,
            Step::PointCrashes(n) => {
                sys.left.point_crashes -= 1;
                sys.point_dies(n);
            }
            Step::Connect(n) => {
                sys.points[n].link = Link::Up;
                sys.monitor.as_mut()?.todo.push_back(Out::Down(n, Down::Cut(0)));
            }
            Step::MonitorReads(n) => sys.monitor_reads(bug, n),
            Step::MonitorActs => sys.act(bug),
            Step::MonitorCrashes => {
                sys.left.monitor_crashes -= 1;
                sys.monitor_dies();
            }
            Step::MonitorStarts => {
                sys.monitor = Some(Monitor::default());
                sys.screen_gone = false;
                sys.expire(bug);
            }
            Step::Say(answer) => {
                sys.shown = false;
                sys.answer = Some(answer);
                sys.said.extend(answer.is_yes().then_some(answer));
            }
            Step::MonitorHears => {
                let answer = sys.answer.take()?;
                sys.heard(bug, answer);
            }
            Step::ScreenCrashes => {
                sys.left.screen_crashes -= 1;
                (sys.shown, sys.answer, sys.screen_gone) = (false, None, true);
            }
            Step::MonitorMissesScreen => {
                sys.screen_gone = false;
                if sys.idle_monitor()?.asking {
                    sys.heard(bug, if bug == Bug::CrashIsYes { Answer::Always } else { Answer::NotNow });
                }
            }
            Step::Revoke(grant) => {
                sys.left.revokes -= 1;
                let gone = Event::Revoked { grant: GrantId(grant), by: Author::Person };
                sys.monitor.as_mut()?.todo.push_back(Out::Append(gone));
                sys.cut(|under, _| under == grant);
                sys.monitor.as_mut()?.todo.push_back(Out::Ack(grant));
            }
            Step::LevelOff => {
                sys.left.levels -= 1;
                let event = Event::LevelSet {
                    vm: mail(),
                    kind: Kind::Network,
                    level: Level::Off,
                    by: Author::Person,
                };
                let mut after = sys.state(bug);
                after.apply(sys.now, &event).unwrap();
                sys.monitor.as_mut()?.todo.push_back(Out::Append(event));
                let now = sys.now;
                if bug != Bug::LevelLater {
                    sys.cut(|_, once| !after.holds(&mail(), &wish(), once, now));
                }
            }
            Step::Tick => {
                sys.left.ticks -= 1;
                sys.now = sys.now.plus(Millis::HOUR);
                sys.expire(bug);
            }
        }
        Some(sys)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("what runs was granted", |_, sys: &Sys| {
                open(sys).all(|(_, _, grant)| {
                    sys.ledger.iter().any(|(_, e)| matches!(e, Event::Granted(g) if g.id.0 == grant))
                })
            }),
            // A cut that is on its way is as good as done only for as long as nobody was told that it is.
            Property::always(
                "what runs is backed by the ledger, or its end is on the way",
                |_, sys: &Sys| {
                    open(sys).all(|(point, ticket, grant)| {
                        let coming = point.link != Link::Up || point.down.contains(&Down::Cut(ticket));
                        let busy = sys.monitor.as_ref().is_some_and(|m| !m.todo.is_empty());
                        coming || busy || backs(&sys.ledger, grant, sys.now)
                    })
                },
            ),
            Property::always("nothing runs under a grant whose revoke was answered", |_, sys: &Sys| {
                open(sys).all(|(_, _, grant)| !sys.acked.contains(&grant))
            }),
            Property::always("this time is one time", |_, sys: &Sys| {
                sys.opened.iter().collect::<BTreeSet<_>>().len() == sys.opened.len()
            }),
            Property::always("every grant is a yes that was said", |_, sys: &Sys| {
                let given = |f: fn(&Lifetime) -> bool| {
                    let of = |e: &Event| matches!(e, Event::Granted(g) if f(&g.lifetime));
                    sys.ledger.iter().filter(|(_, e)| of(e)).count()
                };
                let said = |a| sys.said.iter().filter(|s| **s == a).count();
                given(|l| *l == Lifetime::Once) <= said(Answer::ThisTime)
                    && given(|l| matches!(l, Lifetime::Until(_))) <= said(Answer::Hour)
                    && given(|l| *l == Lifetime::Standing) <= said(Answer::Always)
            }),
            Property::sometimes("both run", |_, sys: &Sys| open(sys).count() == 2),
            Property::sometimes("an answered revoke, and another yes", |_, sys: &Sys| {
                !sys.acked.is_empty() && open(sys).count() > 0
            }),
            Property::sometimes("a yes survives a restart", |_, sys: &Sys| {
                sys.left.monitor_crashes == 0 && sys.said.len() == 1 && open(sys).count() == 1
            }),
        ]
    }
}

/// What runs: point, ticket, grant.
fn open(sys: &Sys) -> impl Iterator<Item = (&Point, u64, u64)> {
    sys.points.iter().filter_map(|p| match p.flow {
        Flow::Open { ticket, grant } => Some((p, ticket, grant)),
        _ => None,
    })
}

const FEW: Left = Left {
    asks: [1, 1],
    revokes: 1,
    levels: 0,
    ticks: 0,
    monitor_crashes: 1,
    screen_crashes: 0,
    point_crashes: 0,
};

/// How many states there are, which promises are broken in one of them, and which hopes were met.
fn explore(left: Left, bug: Bug) -> (usize, Vec<&'static str>, usize) {
    let checker = Desktop { left, bug }.checker().threads(2).spawn_bfs().join();
    let hopes = |name: &str| {
        let mut all = checker.model().properties().into_iter();
        all.any(|p| p.name == name && p.expectation == Expectation::Sometimes)
    };
    let (met, mut broken): (Vec<_>, Vec<_>) = checker.discoveries().into_keys().partition(|n| hopes(n));
    broken.sort_unstable();
    (checker.unique_state_count(), broken, met.len())
}

#[test]
fn nothing_gets_through_in_any_order() {
    let budgets = [
        ("revoke, crash, restart", FEW, 3),
        ("expiry and revoke", Left { asks: [2, 1], ticks: 1, monitor_crashes: 0, ..FEW }, 2),
        ("expiry while nobody is there", Left { revokes: 0, ticks: 1, ..FEW }, 2),
        ("level, crash, prompt that dies", Left { revokes: 0, levels: 1, screen_crashes: 1, ..FEW }, 2),
        ("point that dies", Left { asks: [2, 1], monitor_crashes: 0, point_crashes: 1, ..FEW }, 2),
    ];
    for (name, left, hopes) in budgets {
        let (states, broken, met) = explore(left, Bug::None);
        assert_eq!(broken, Vec::<&str>::new(), "{name}");
        assert!(states > 10_000 && met >= hopes, "{name}: {states} states, {met} hopes met");
    }
}

#[test]
fn seeded_mistakes_are_found() {
    let tick = Left { ticks: 1, monitor_crashes: 0, revokes: 0, ..FEW };
    for (bug, left, broken) in [
        (Bug::EffectFirst, FEW, "this time is one time"),
        (Bug::OnceKept, FEW, "this time is one time"),
        (Bug::AckFirst, FEW, "nothing runs under a grant whose revoke was answered"),
        (Bug::NoBarrier, FEW, "nothing runs under a grant whose revoke was answered"),
        (Bug::DeafToTime, tick, "what runs is backed by the ledger, or its end is on the way"),
        (Bug::Forgetful, FEW, "what runs is backed by the ledger, or its end is on the way"),
        (
            Bug::LevelLater,
            Left { levels: 1, ..tick },
            "what runs is backed by the ledger, or its end is on the way",
        ),
        (Bug::CrashIsYes, Left { screen_crashes: 1, ..tick }, "every grant is a yes that was said"),
        (Bug::AsksNobody, tick, "what runs was granted"),
    ] {
        let found = explore(left, bug).1;
        assert!(found.contains(&broken), "{bug:?} was not found: {found:?}");
    }
}
