// SPDX-License-Identifier: GPL-3.0-or-later
//! Random sequences of events for any table of parts: whatever comes in whatever order, nothing is spawned twice,
//! killed twice or left alive, nothing follows the end, and no part ends more than it may.

use cofferdam_lifecycle::{
    AppExit, Device, Effect, Event, Helper, HelperExit, Limits, Mono, PARTS, Part, State, Vm,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const fn part(name: &'static str, essential: bool) -> Part {
    let device = Device { virtio_id: 1, queues: 1, queue_size: 64, config_size: 0 };
    let (program, without) = ("cofferdam-test", "there is none");
    Part { name, words: name, program, device, point: None, hears: &[], desktop: false, essential, without }
}

static ESSENTIAL: [Part; 2] = [part("a", true), part("b", true)];
static NEITHER: [Part; 2] = [part("a", false), part("b", false)];
static MIXED: [Part; 4] = [part("a", false), part("b", true), part("c", false), part("d", true)];

/// The shell's half: carries out effects and knows which processes exist.
struct World {
    parts: &'static [Part],
    ready: BTreeSet<Helper>,
    /// A part ended, or could not be made, that is not essential; and nothing else has happened since.
    only_missed: bool,
    spawned: BTreeSet<Helper>,
    alive: BTreeMap<Helper, bool>,
    ended: bool,
    last: Option<State>,
}

impl World {
    fn new(parts: &'static [Part]) -> Self {
        let (spawned, alive, ready) = (BTreeSet::new(), BTreeMap::new(), BTreeSet::new());
        Self { parts, ready, only_missed: false, spawned, alive, ended: false, last: None }
    }

    fn drain(&mut self, vm: &mut Vm) {
        while let Some(effect) = vm.poll_effect() {
            assert!(!self.ended, "{effect:?} after the end");
            let harmless = matches!(effect, Effect::Note(_) | Effect::Adopt | Effect::End)
                || matches!(&effect, Effect::Report(state) if state.is_final());
            assert!(!self.only_missed || harmless, "{effect:?} because of a part that is not essential");
            match effect {
                Effect::Spawn(Helper::Machine) => {
                    assert!(self.spawned.insert(Helper::Machine), "the machine spawned twice");
                    let lacks = |p: &&'static Part| p.essential && !self.ready.contains(&Helper::Part(p));
                    assert_eq!(self.parts.iter().find(lacks), None, "the machine did not wait");
                    assert!(self.parts.iter().all(|p| self.spawned.contains(&Helper::Part(p))));
                }
                Effect::Spawn(h) => {
                    assert!(self.spawned.insert(h), "{h:?} spawned twice");
                }
                Effect::Kill(h) => {
                    assert_eq!(
                        self.alive.insert(h, true),
                        Some(false),
                        "{h:?} killed, but not alive and well"
                    );
                }
                Effect::Report(state) => {
                    assert!(
                        !self.last.as_ref().is_some_and(State::is_final),
                        "{state:?} after a final state"
                    );
                    self.last = Some(state);
                }
                Effect::End => {
                    assert!(self.alive.is_empty(), "ended with living helpers");
                    self.ended = true;
                }
                Effect::Adopt | Effect::Send(_) | Effect::Note(_) => {}
            }
        }
    }

    /// Whether this event can happen at all: processes start once they were asked for and exit once.
    fn possible(&self, event: &Event, started: &BTreeSet<Helper>) -> bool {
        match event {
            Event::HelperStarted(h) | Event::SpawnFailed(h, _) => {
                self.spawned.contains(h) && !started.contains(h)
            }
            Event::HelperExited(h, _) => self.alive.contains_key(h),
            _ => true,
        }
    }
}

fn table() -> impl Strategy<Value = &'static [Part]> {
    let tables: [&'static [Part]; 5] = [PARTS, &ESSENTIAL, &NEITHER, &MIXED, &[]];
    prop::sample::select(tables.to_vec())
}

/// A helper of any table, by its place; none of a smaller one.
fn helper(parts: &'static [Part]) -> impl Strategy<Value = Helper> {
    let mut all: Vec<_> = parts.iter().map(Helper::Part).collect();
    all.push(Helper::Machine);
    prop::sample::select(all)
}

/// One that has a row, if there is one.
fn row(parts: &'static [Part], event: fn(&'static Part) -> Event) -> impl Strategy<Value = Event> {
    (0..parts.len().max(1)).prop_map(move |at| parts.get(at).map_or(Event::Deadline, event))
}

fn event(parts: &'static [Part]) -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => helper(parts).prop_map(Event::HelperStarted),
        1 => helper(parts).prop_map(|h| Event::SpawnFailed(h, "no".to_owned())),
        1 => helper(parts).prop_map(|h| Event::HelperExited(h, HelperExit::Signal(11))),
        8 => row(parts, Event::Ready),
        1 => row(parts, Event::GivenUp),
        4 => Just(Event::Adopted),
        1 => Just(Event::AdoptFailed("no".to_owned())),
        1 => ".{0,40}".prop_map(Event::ConsoleLine),
        1 => Just(Event::ConsoleLine("COFFERDAM-FATAL: x".to_owned())),
        4 => Just(Event::Hello),
        1 => Just(Event::AgentBroken("no".to_owned())),
        4 => Just(Event::AppStarted),
        1 => Just(Event::AppFailed("no".to_owned())),
        1 => Just(Event::AppExited(AppExit::Code(0))),
        1 => Just(Event::StopRequested),
        1 => Just(Event::DesktopGone),
        2 => Just(Event::Deadline),
    ]
}

/// What a VM goes through: its table, and events some seconds apart.
fn life() -> impl Strategy<Value = (&'static [Part], Vec<(Event, u64)>)> {
    table().prop_flat_map(|parts| (Just(parts), prop::collection::vec((event(parts), 0u64..40), 0..60)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]
    #[test]
    fn nothing_is_left_behind((parts, events) in life()) {
        let mut now = Mono::default();
        let mut vm = Vm::new(parts, Limits::FAST, now);
        let mut world = World::new(parts);
        let mut started = BTreeSet::new();
        world.drain(&mut vm);
        let mut feed = |vm: &mut Vm, world: &mut World, event: Event, now: Mono| {
            if !world.possible(&event, &started) {
                return;
            }
            world.only_missed = false;
            match &event {
                Event::HelperStarted(h) => { started.insert(*h); world.alive.insert(*h, false); }
                Event::SpawnFailed(h, _) => { started.insert(*h); }
                Event::HelperExited(h, _) => { world.alive.remove(h); }
                Event::Ready(part) => { world.ready.insert(Helper::Part(part)); }
                _ => {}
            }
            if let Event::SpawnFailed(Helper::Part(part), _) | Event::HelperExited(Helper::Part(part), _) = &event {
                world.only_missed = !part.essential;
            }
            vm.handle(event, now);
            world.drain(vm);
            let reaping = world.alive.values().any(|killed| *killed) || world.spawned.difference(&started).next().is_some();
            assert!(
                vm.is_ended() || vm.poll_timeout().is_some() || *vm.state() == State::Running || reaping,
                "stuck in {:?}", vm.state()
            );
        };
        for (event, seconds) in events {
            now = now.plus(Duration::from_secs(seconds));
            feed(&mut vm, &mut world, event, now);
        }
        // Now the world answers like a real one, and somebody insists.
        let all: Vec<_> = parts.iter().map(Helper::Part).chain([Helper::Machine]).collect();
        for h in &all {
            feed(&mut vm, &mut world, Event::HelperStarted(*h), now);
        }
        feed(&mut vm, &mut world, Event::StopRequested, now);
        feed(&mut vm, &mut world, Event::StopRequested, now);
        for h in &all {
            feed(&mut vm, &mut world, Event::HelperStarted(*h), now);
            feed(&mut vm, &mut world, Event::HelperExited(*h, HelperExit::Signal(9)), now);
        }
        prop_assert!(vm.is_ended() && world.ended);
        prop_assert!(vm.state().is_final());
        prop_assert_eq!(vm.poll_timeout(), None);
    }
}
