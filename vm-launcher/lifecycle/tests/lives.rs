// SPDX-License-Identifier: GPL-3.0-or-later
//! Whole lives of a VM as tables: in go events, out come the effects in order.

use cofferdam_lifecycle::{
    AppExit, Device, Effect, Event, Helper, HelperExit, Limits, Mono, Order, Part, State, Vm,
};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

const fn part(name: &'static str, essential: bool) -> Part {
    let device = Device { virtio_id: 1, queues: 1, queue_size: 64, config_size: 0 };
    let (program, without) = ("cofferdam-test", "there is none");
    Part { name, words: name, program, device, point: None, hears: &[], desktop: false, essential, without }
}

/// A VM can't be without its screen; without its radio it can.
static PARTS: [Part; 2] = [part("screen", true), part("radio", false)];
const SCREEN: Helper = Helper::Part(&PARTS[0]);
const RADIO: Helper = Helper::Part(&PARTS[1]);

/// Runs `events`, each one second after the other, and gives back the effects as short words.
fn run(events: &[Event]) -> Vec<String> {
    let mut now = Mono::default();
    let mut vm = Vm::new(&PARTS, Limits::FAST, now);
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
            Effect::Note(line) => line,
            Effect::Report(State::Stopped { exit }) => format!("stopped {exit:?}"),
            Effect::Report(State::Failed { reason, console }) => format!("failed: {reason} {console:?}"),
            Effect::Report(s) => s.name().to_owned(),
            Effect::End => "end".to_owned(),
        })
        .collect()
}

fn booting() -> Vec<Event> {
    vec![
        Event::HelperStarted(SCREEN),
        Event::HelperStarted(RADIO),
        Event::Ready(&PARTS[0]),
        Event::Adopted,
        Event::HelperStarted(Helper::Machine),
    ]
}

fn running() -> Vec<Event> {
    let mut events = booting();
    events.extend([Event::Hello, Event::AppStarted]);
    events
}

const BOOT: [&str; 6] =
    ["preparing", "spawn screen", "spawn radio", "adopt", "spawn virtual machine", "booting"];
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
        &[Event::AppExited(AppExit::Code(3)), gone(Helper::Machine), gone(SCREEN), gone(RADIO)],
        &RUN,
        &["send shutdown", "stopping", "kill screen", "kill radio", "stopped Some(Code(3))", "end"],
    );
}

#[test]
fn stop_is_graceful_then_firm() {
    let ends = [gone(Helper::Machine), gone(SCREEN), gone(RADIO)];
    let firm = [
        "send shutdown",
        "stopping",
        "kill virtual machine",
        "kill screen",
        "kill radio",
        "stopped None",
        "end",
    ];
    for second in [Event::StopRequested, Event::Deadline] {
        let events = [vec![Event::StopRequested, second], ends.to_vec()].concat();
        check(running(), &events, &RUN, &firm);
    }
    let early = [vec![Event::StopRequested], ends.to_vec()].concat();
    check(
        booting(),
        &early,
        &[],
        &["stopping", "kill virtual machine", "kill screen", "kill radio", "stopped None", "end"],
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
            gone(SCREEN),
            gone(RADIO),
        ],
        &[],
        &[
            "stopping",
            "kill virtual machine",
            "kill screen",
            "kill radio",
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
        &[line.clone(), gone(Helper::Machine), gone(SCREEN), gone(RADIO)],
        &[],
        &[
            "stopping",
            "kill virtual machine",
            "kill screen",
            "kill radio",
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
        &[Event::HelperExited(SCREEN, HelperExit::Signal(9)), gone(Helper::Machine), gone(RADIO)],
        &RUN,
        &[
            "stopping",
            "kill virtual machine",
            "kill radio",
            "failed: the screen ended by itself (signal 9) while the app was running []",
            "end",
        ],
    );
}

#[test]
fn a_part_that_is_not_essential_is_missed_and_no_more() {
    let end = Event::HelperExited(RADIO, HelperExit::Code(3));
    check(running(), std::slice::from_ref(&end), &RUN, &["the radio ended (exit code 3); there is none"]);
    // While the guest shuts down nobody is told, and nothing is hurried.
    let ends = [Event::StopRequested, end, gone(Helper::Machine), gone(SCREEN)];
    check(running(), &ends, &RUN, &["send shutdown", "stopping", "kill screen", "stopped None", "end"]);
    // It is no reason to wait either: neither when it can't be made nor when it ends at once.
    for (early, note) in [
        (vec![Event::SpawnFailed(RADIO, "no such file".to_owned())], "could not be started: no such file"),
        (vec![Event::HelperStarted(RADIO), gone(RADIO)], "ended (exit code 0)"),
    ] {
        let screen = vec![Event::HelperStarted(SCREEN), Event::Ready(&PARTS[0])];
        let note = format!("the radio {note}; there is none");
        assert_eq!(run(&[early.clone(), screen.clone()].concat())[3..], [note.as_str(), "adopt"]);
        let mut late = run(&[screen, early].concat())[3..].to_vec();
        late.sort();
        assert_eq!(late, ["adopt", note.as_str()], "in either order");
    }
}

#[test]
fn a_part_that_is_given_up_is_ended() {
    let given_up = Event::GivenUp(&PARTS[1]);
    check(
        running(),
        &[given_up.clone(), given_up, Event::HelperExited(RADIO, HelperExit::Signal(9))],
        &RUN,
        &[
            "the permission monitor had to drop the radio too often and ends it",
            "kill radio",
            "the radio ended (signal 9); there is none",
        ],
    );
}

#[test]
fn a_machine_that_can_not_be_made_is_a_failure() {
    let mut events = booting();
    events.pop();
    check(
        events,
        &[Event::SpawnFailed(Helper::Machine, "no such file".to_owned()), gone(SCREEN), gone(RADIO)],
        &[],
        &[
            "stopping",
            "kill screen",
            "kill radio",
            "failed: the virtual machine could not be started: no such file []",
            "end",
        ],
    );
}
