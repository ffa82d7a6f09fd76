// SPDX-License-Identifier: GPL-3.0-or-later
//! Numbers of runs. In: VMs that start again and again, whatever the clock says. Out: no number twice, and
//! nothing that outlives the run for which it was given.

use crate::desk::{Desk, Guest, START, prompts, site, verdicts, vm};
use cofferdam_monitor_core::{Effect, Input};
use cofferdam_monitor_wire::registry::FromMonitor;
use cofferdam_policy::{AdminRules, Answer, Decision, Millis};

/// The number that the shepherd of a VM was told.
fn told(desk: &Desk, guest: &Guest) -> u64 {
    let number = |e: &Effect| match e {
        Effect::Shepherd(link, FromMonitor::Registered { run }) if *link == guest.link => Some(*run),
        _ => None,
    };
    desk.seen.iter().find_map(number).unwrap()
}

/// Lets it go online until it is closed.
fn until_closed(desk: &mut Desk, guest: &Guest) {
    let id = prompts(&desk.ask(guest, 1, site("a.org")))[0].id;
    assert!(verdicts(&desk.answer(id, Answer::UntilClosed))[0].2.is_ok());
}

fn asks(desk: &Desk) -> bool {
    let decision = desk.replayed().decide(&vm("mail"), &site("a.org"), Millis(desk.now));
    matches!(decision, Decision::Ask { .. })
}

#[test]
fn a_run_that_starts_in_the_same_millisecond_is_another_one() {
    let mut desk = Desk::new();
    let first = desk.vm("mail");
    until_closed(&mut desk, &first);
    // The new one is there before the end of the old one was noticed.
    let second = desk.vm("mail");
    assert!(told(&desk, &second) > told(&desk, &first));
    assert!(asks(&desk), "what was given until it is closed");
}

#[test]
fn a_clock_that_was_set_back_brings_no_run_back() {
    let mut desk = Desk::new();
    let first = desk.vm("mail");
    until_closed(&mut desk, &first);
    let old = told(&desk, &first);
    // The monitor dies with the computer; a year is taken back before both come again.
    let mut next = Desk::from_lines(desk.memory.clone(), AdminRules::default(), START - 365 * Millis::DAY);
    next.tell(Input::ScreenUp);
    let second = next.vm("mail");
    assert!(told(&next, &second) > old);
    assert_eq!(prompts(&next.ask(&second, 1, site("a.org"))).len(), 1, "and it is not locked out either");
    next.tell(Input::LinkClosed(second.link));
    let third = next.vm("mail");
    assert!(told(&next, &third) > told(&next, &second));
}

#[test]
fn a_run_that_could_not_be_written_has_its_number_for_itself() {
    let mut desk = Desk::new();
    *desk.memory.full.borrow_mut() = true;
    let first = desk.vm("mail");
    let second = desk.vm("mail");
    assert!(told(&desk, &second) > told(&desk, &first));
    let third = desk.register("mail", None, told(&desk, &first));
    assert!(desk.seen.contains(&Effect::CloseLink(third.link)), "an earlier run does not come back");
}
