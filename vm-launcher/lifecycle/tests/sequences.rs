// SPDX-License-Identifier: GPL-3.0-or-later
//! Random sequences of events: whatever comes in whatever order, nothing is spawned twice, killed
//! twice or left alive, and nothing follows the end.

use cofferdam_lifecycle::{AppExit, Effect, Event, Helper, HelperExit, Limits, Mono, State, Vm};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The shell's half: carries out effects and knows which processes exist.
#[derive(Default)]
struct World {
    spawned: BTreeSet<Helper>,
    alive: BTreeMap<Helper, bool>,
    ended: bool,
    last: Option<State>,
}

impl World {
    fn drain(&mut self, vm: &mut Vm) {
        while let Some(effect) = vm.poll_effect() {
            assert!(!self.ended, "{effect:?} after the end");
            match effect {
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
                Effect::Adopt | Effect::Send(_) => {}
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

fn helper() -> impl Strategy<Value = Helper> {
    prop_oneof![Just(Helper::Gpu), Just(Helper::Machine)]
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => helper().prop_map(Event::HelperStarted),
        1 => helper().prop_map(|h| Event::SpawnFailed(h, "no".to_owned())),
        1 => helper().prop_map(|h| Event::HelperExited(h, HelperExit::Signal(11))),
        4 => Just(Event::GpuReady),
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]
    #[test]
    fn nothing_is_left_behind(events in prop::collection::vec((event(), 0u64..40), 0..60)) {
        let mut now = Mono::default();
        let mut vm = Vm::new(Limits::FAST, now);
        let mut world = World::default();
        let mut started = BTreeSet::new();
        world.drain(&mut vm);
        let mut feed = |vm: &mut Vm, world: &mut World, event: Event, now: Mono| {
            if !world.possible(&event, &started) {
                return;
            }
            match &event {
                Event::HelperStarted(h) => { started.insert(*h); world.alive.insert(*h, false); }
                Event::SpawnFailed(h, _) => { started.insert(*h); }
                Event::HelperExited(h, _) => { world.alive.remove(h); }
                _ => {}
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
        for h in Helper::ALL {
            feed(&mut vm, &mut world, Event::HelperStarted(h), now);
        }
        feed(&mut vm, &mut world, Event::StopRequested, now);
        feed(&mut vm, &mut world, Event::StopRequested, now);
        for h in Helper::ALL {
            feed(&mut vm, &mut world, Event::HelperStarted(h), now);
            feed(&mut vm, &mut world, Event::HelperExited(h, HelperExit::Signal(9)), now);
        }
        prop_assert!(vm.is_ended() && world.ended);
        prop_assert!(vm.state().is_final());
        prop_assert_eq!(vm.poll_timeout(), None);
    }
}
