// SPDX-License-Identifier: GPL-3.0-or-later
//! Processes that die. In: kills of the monitor, compositors that come and go. Out: closed points, denied
//! questions, and permissions that are still there afterwards.

use crate::desktop::Desktop;
use cofferdam_monitor_wire::point::{BEFORE, FromPoint, ToPoint};
use cofferdam_patience::until;
use cofferdam_policy::{Answer, Refusal};
use std::sync::mpsc::channel;

#[test]
fn what_was_said_outlives_a_killed_monitor() {
    let mut desktop = Desktop::start();
    let screen = desktop.screen();
    let guest = desktop.vm("mail", 1);
    for (serial, site, answer) in [
        (1, "always.org", Answer::Always),
        (2, "run.org", Answer::UntilClosed),
        (3, "never.org", Answer::Never),
    ] {
        guest.ask(serial, site);
        screen.answer(&screen.prompt(), answer);
        assert_eq!(guest.verdict().1.is_ok(), answer.is_yes());
    }
    guest.ask(4, "open.org");
    screen.prompt();
    desktop.kill();
    guest.net.ends();
    guest.agent.ends();
    assert!(screen.heard().is_none(), "the compositor sees it too");
    drop(screen);
    desktop.revive();
    let screen = desktop.screen();
    let guest = desktop.vm("mail", 1);
    for (serial, site, yes) in [(1, "always.org", true), (2, "run.org", true), (3, "never.org", false)] {
        guest.ask(serial, site);
        assert_eq!(guest.verdict().1.is_ok(), yes, "{site}");
    }
    guest.ask(4, "open.org");
    screen.prompt();
    let log = desktop.permissions().log("mail", 0, 100, "").unwrap();
    assert_eq!(log.iter().filter(|l| l.what == "started").count(), 1, "the run goes on");
}

#[test]
fn a_new_run_has_nothing_of_the_old_one() {
    let mut desktop = Desktop::start();
    let screen = desktop.screen();
    let guest = desktop.vm("mail", 1);
    guest.ask(1, "run.org");
    screen.answer(&screen.prompt(), Answer::UntilClosed);
    guest.verdict().1.unwrap();
    desktop.crash();
    let screen = desktop.screen();
    let guest = desktop.vm("mail", 2);
    guest.ask(1, "run.org");
    screen.prompt();
}

#[test]
fn a_compositor_that_dies_denies_what_is_open_and_the_next_one_is_served() {
    let desktop = Desktop::start();
    let guest = desktop.vm("mail", 1);
    guest.ask(1, "a.org");
    assert_eq!(guest.verdict(), (1, Err(Refusal::Silence)), "nobody could say yes");
    let screen = desktop.screen();
    guest.ask(2, "a.org");
    screen.prompt();
    drop(screen);
    assert_eq!(guest.verdict(), (2, Err(Refusal::Silence)));
    let screen = desktop.screen();
    guest.ask(3, "a.org");
    screen.answer(&screen.prompt(), Answer::ThisTime);
    assert!(guest.verdict().1.is_ok());
}

#[test]
fn the_end_of_a_shepherd_is_the_end_of_the_run() {
    let desktop = Desktop::start();
    let _screen = desktop.screen();
    let guest = desktop.vm("mail", 1);
    drop(guest.link);
    guest.net.ends();
    guest.agent.ends();
    let apps = desktop.permissions().apps().unwrap();
    assert!(!apps[0].running);
}

#[test]
fn there_is_one_monitor() {
    let desktop = Desktop::start();
    assert!(desktop.second().is_none(), "the ledger is in use");
    let guest = desktop.vm("mail", 1);
    assert!(matches!(guest.net.recv(), Some(ToPoint::Level(_))), "and the first one goes on");
}

#[test]
fn only_a_test_moves_the_clock() {
    let desktop = Desktop::start_with(&[]);
    let panel = desktop.permissions();
    let before = panel.now().unwrap();
    assert!(panel.advance_clock(1_000_000_000).is_err());
    assert!(panel.now().unwrap() < before + 1_000_000_000);
}

#[test]
fn its_walls_are_up() {
    let desktop = Desktop::start();
    let status = std::fs::read_to_string(format!("/proc/{}/status", desktop.monitor.id())).unwrap();
    for line in ["NoNewPrivs:\t1", "Seccomp:\t2"] {
        assert!(status.lines().any(|l| l == line), "{line} in {status}");
    }
    // It still reads rules and writes the ledger from behind them.
    desktop.permissions().reload_rules().unwrap();
    desktop.vm("mail", 1);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a caller whose call takes its time")]
fn a_revoke_after_a_crash_is_answered_when_no_point_holds_anything_of_before() {
    let mut desktop = Desktop::start();
    let screen = desktop.screen();
    let guest = desktop.vm("mail", 1);
    guest.ask(1, "a.org");
    screen.answer(&screen.prompt(), Answer::Always);
    let (_, Ok(ticket)) = guest.verdict() else { panic!("no yes") };
    desktop.crash();
    let _screen = desktop.screen();
    let guest = desktop.returning("mail", 1);
    let (tell, told) = channel();
    let bus = desktop.bus.clone();
    let caller = std::thread::spawn(move || {
        let panel = cofferdam_runner::blocking::Permissions::connect(&bus).unwrap();
        tell.send(panel.revoke(ticket.grant.unwrap().0)).unwrap();
    });
    // The revoke has been heard once nothing is allowed any more.
    until("the revoke to be heard", || {
        let all = desktop.permissions().permissions("mail").unwrap();
        all.iter().all(|p| p.grants.is_empty()).then_some(())
    });
    assert!(told.try_recv().is_err(), "something may still flow");
    for point in [&guest.net, &guest.agent] {
        point.send(&FromPoint::CutDone { ticket: BEFORE });
    }
    told.recv().unwrap().unwrap();
    caller.join().unwrap();
}
