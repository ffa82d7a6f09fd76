// SPDX-License-Identifier: GPL-3.0-or-later
//! Whole lives of a VM as tables: in go events, out come the effects in order.

use cofferdam_lifecycle::{AppExit, Effect, Event, Helper, HelperExit, Limits, Mono, Order, State, Vm};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// Runs `events`, each one second after the other, and gives back the effects as short words.
fn run(events: &[Event]) -> Vec<String> {
    let mut now = Mono::default();
    let mut vm = Vm::new(Limits::FAST, now);
    let mut seen = drain(&mut vm);
    for event in events {
        now = if *event == Event::Deadline { vm.poll_timeout().unwrap_or(now) } else { now.plus(SECOND) };
        vm.handle(event.clone(), now);
        seen.extend(drain(&mut vm));
    }
    seen
}

fn drain(vm: &mut Vm) -> Vec<String> {
    std::iter::from_fn(|| vm.poll_effect())
        .map(|effect| match effect {
            Effect::Spawn(h) => format!("spawn {}", h.name()),
            Effect::Adopt => "adopt".to_owned(),
            Effect::Send(Order::StartApp) => "send start-app".to_owned(),
            Effect::Send(Order::Shutdown) => "send shutdown".to_owned(),
            Effect::Kill(h) => format!("kill {}", h.name()),
            Effect::Report(State::Stopped { exit }) => format!("stopped {exit:?}"),
            Effect::Report(State::Failed { reason, console }) => format!("failed: {reason} {console:?}"),
            Effect::Report(s) => s.name().to_owned(),
            Effect::End => "end".to_owned(),
        })
        .collect()
}

fn booting() -> Vec<Event> {
    vec![
        Event::HelperStarted(Helper::Gpu),
        Event::GpuReady,
        Event::Adopted,
        Event::HelperStarted(Helper::Machine),
    ]
}

fn running() -> Vec<Event> {
    let mut events = booting();
    events.extend([Event::Hello, Event::AppStarted]);
    events
}

const BOOT: [&str; 5] = ["preparing", "spawn gpu device", "adopt", "spawn virtual machine", "booting"];
const RUN: [&str; 4] = ["agent-up", "send start-app", "app-starting", "running"];

fn gone(helper: Helper) -> Event {
    Event::HelperExited(helper, HelperExit::Code(0))
}

fn check(start: Vec<Event>, then: &[Event], boot: &[&str], expected: &[&str]) {
    let mut events = start;
    events.extend_from_slice(then);
    assert_eq!(run(&events), [&BOOT, boot, expected].concat());
}

#[test]
fn the_app_ends_and_the_vm_with_it() {
    check(
        running(),
        &[Event::AppExited(AppExit::Code(3)), gone(Helper::Machine), gone(Helper::Gpu)],
        &RUN,
        &["send shutdown", "stopping", "kill gpu device", "stopped Some(Code(3))", "end"],
    );
}

#[test]
fn stop_is_graceful_then_firm() {
    let ends = [gone(Helper::Machine), gone(Helper::Gpu)];
    let firm =
        ["send shutdown", "stopping", "kill virtual machine", "kill gpu device", "stopped None", "end"];
    for second in [Event::StopRequested, Event::Deadline] {
        let events = [vec![Event::StopRequested, second], ends.to_vec()].concat();
        check(running(), &events, &RUN, &firm);
    }
    let early = [vec![Event::StopRequested], ends.to_vec()].concat();
    check(
        booting(),
        &early,
        &[],
        &["stopping", "kill virtual machine", "kill gpu device", "stopped None", "end"],
    );
}

#[test]
fn a_boot_that_hangs_is_reported_with_its_last_lines() {
    check(
        booting(),
        &[
            Event::ConsoleLine("Linux version".to_owned()),
            Event::Deadline,
            gone(Helper::Machine),
            gone(Helper::Gpu),
        ],
        &[],
        &[
            "stopping",
            "kill virtual machine",
            "kill gpu device",
            "failed: nothing came for 30 s while the guest was booting [\"Linux version\"]",
            "end",
        ],
    );
}

#[test]
fn a_fatal_line_counts_only_while_booting() {
    let line = Event::ConsoleLine("[1.0] COFFERDAM-FATAL: base layer: wrong hash".to_owned());
    check(
        booting(),
        &[line.clone(), gone(Helper::Machine), gone(Helper::Gpu)],
        &[],
        &[
            "stopping",
            "kill virtual machine",
            "kill gpu device",
            "failed: the guest could not start: base layer: wrong hash [\"[1.0] COFFERDAM-FATAL: base layer: wrong hash\"]",
            "end",
        ],
    );
    check(running(), &[line], &RUN, &[]);
}

#[test]
fn a_helper_that_dies_takes_the_vm_along() {
    check(
        running(),
        &[Event::HelperExited(Helper::Gpu, HelperExit::Signal(9)), gone(Helper::Machine)],
        &RUN,
        &[
            "stopping",
            "kill virtual machine",
            "failed: the gpu device ended by itself (signal 9) while the app was running []",
            "end",
        ],
    );
}

#[test]
fn a_machine_that_can_not_be_made_is_a_failure() {
    assert_eq!(
        run(&[
            Event::HelperStarted(Helper::Gpu),
            Event::GpuReady,
            Event::Adopted,
            Event::SpawnFailed(Helper::Machine, "no such file".to_owned()),
            gone(Helper::Gpu),
        ])[5..],
        [
            "stopping",
            "kill gpu device",
            "failed: the virtual machine could not be started: no such file []",
            "end"
        ]
    );
}
