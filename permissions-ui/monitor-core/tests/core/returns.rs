// SPDX-License-Identifier: GPL-3.0-or-later
//! Tickets that come back. In: thousands of sites in turn, answers and cuts that cross a ticket on its way back.
//! Out: a revocation that is answered when nothing lives, never before, and tables that stay small.

use crate::desk::{Desk, Guest, answer_of, cuts, site, verdicts, vm};
use cofferdam_monitor_core::{Input, Order, Reply, Span};
use cofferdam_monitor_wire::point::{FromPoint, MAX_RETURNED, Returned};
use cofferdam_policy::{Event, Kind, Level, Resource, Usage};

/// A ticket for a site that is allowed.
fn ticket(desk: &mut Desk, guest: &Guest, serial: u32, resource: Resource) -> u64 {
    let effects = desk.ask(guest, serial, resource);
    verdicts(&effects).into_iter().find_map(|(_, s, v)| (s == serial).then(|| v.unwrap().id)).unwrap()
}

fn give_back(desk: &mut Desk, guest: &Guest, tickets: &[(u64, u32)]) -> Vec<cofferdam_monitor_core::Effect> {
    let tickets = tickets.iter().map(|(ticket, times)| Returned { ticket: *ticket, times: *times }).collect();
    desk.tell(Input::Point(guest.net, FromPoint::Returned(tickets)))
}

fn grant(desk: &mut Desk, target: &str) -> cofferdam_policy::GrantId {
    let order =
        Order::Grant { vm: vm("mail"), kind: Kind::Network, target: target.into(), span: Span::Always };
    match desk.order(order) {
        Ok(Reply::Number(id)) => cofferdam_policy::GrantId(id),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_ticket_that_is_given_anew_while_it_comes_back_is_still_cut() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    let id = grant(&mut desk, "a.org");
    let first = ticket(&mut desk, &mail, 1, site("a.org"));
    // The gateway gives it back; on the way that crosses the answer to the next question.
    let second = ticket(&mut desk, &mail, 2, site("a.org"));
    assert_eq!(first, second, "shared");
    give_back(&mut desk, &mail, &[(first, 1)]);
    let (call, effects) = desk.begin(Order::Revoke(id));
    assert_eq!(cuts(&effects), [first], "something lives under it");
    assert_eq!(answer_of(&effects, call), None, "not answered before it has ended");
    let effects = desk.tell(Input::Point(mail.net, FromPoint::CutDone { ticket: first }));
    assert!(matches!(answer_of(&effects, call), Some(Ok(_))));
}

#[test]
fn a_ticket_that_came_back_is_neither_cut_nor_waited_for() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    let id = grant(&mut desk, "a.org");
    let old = ticket(&mut desk, &mail, 1, site("a.org"));
    assert_eq!(ticket(&mut desk, &mail, 2, site("a.org")), old);
    give_back(&mut desk, &mail, &[(old, 2)]);
    assert_ne!(ticket(&mut desk, &mail, 3, site("a.org")), old, "numbers are used once");
    let new = ticket(&mut desk, &mail, 4, site("a.org"));
    give_back(&mut desk, &mail, &[(new, 2)]);
    let (call, effects) = desk.begin(Order::Revoke(id));
    assert_eq!(cuts(&effects), [] as [u64; 0]);
    assert!(matches!(answer_of(&effects, call), Some(Ok(_))));
}

#[test]
fn a_cut_that_crosses_a_ticket_on_its_way_back_is_done_then() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    let id = grant(&mut desk, "a.org");
    let one = ticket(&mut desk, &mail, 1, site("a.org"));
    let (call, effects) = desk.begin(Order::Revoke(id));
    assert_eq!((cuts(&effects), answer_of(&effects, call)), (vec![one], None));
    let effects = give_back(&mut desk, &mail, &[(one, 1)]);
    assert!(matches!(answer_of(&effects, call), Some(Ok(_))), "nothing lives");
    desk.tell(Input::Point(mail.net, FromPoint::CutDone { ticket: one }));
    assert_eq!(desk.core.faults(), 0, "late, not wrong");
}

#[test]
fn who_gives_back_what_it_never_had_loses_its_socket() {
    for (wrong, count) in [((99, 1), 1), ((1, 2), 1), ((1, 0), 1), ((0, 1), 1), ((1, 1), MAX_RETURNED + 1)] {
        let mut desk = Desk::new();
        let mail = desk.vm("mail");
        grant(&mut desk, "a.org");
        assert_eq!(ticket(&mut desk, &mail, 1, site("a.org")), 1);
        give_back(&mut desk, &mail, &vec![wrong; count]);
        assert_eq!(desk.core.faults(), 1, "{wrong:?} {count}");
    }
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    desk.tell(Input::Point(mail.agent, FromPoint::Returned(Vec::new())));
    assert_eq!(desk.core.faults(), 1, "only a gateway does that");
}

#[test]
fn thousands_of_sites_in_turn_have_a_ticket_each_and_leave_few_lines() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    let vm = vm("mail");
    desk.order(Order::SetLevel { vm: vm.clone(), kind: Kind::Network, level: Level::Internet }).unwrap();
    let lives = ticket(&mut desk, &mail, 1, site("lives.org"));
    let usage = Usage { times: 1, bytes_in: 10, ..Usage::default() };
    let mut last = lives;
    for n in 0..10_000 {
        let resource = site(&format!("h{n}.org"));
        let one = ticket(&mut desk, &mail, 2, resource.clone());
        assert!(one > last, "never the one for a crowd");
        last = one;
        desk.tell(Input::Point(mail.net, FromPoint::Used { ticket: one, resource, usage }));
        give_back(&mut desk, &mail, &[(one, 1)]);
    }
    let used = |desk: &Desk| {
        let bytes = desk.lines().into_iter().filter_map(|e| match e {
            Event::Used { usage, .. } => Some(usage.bytes_in),
            _ => None,
        });
        bytes.fold((0, 0), |(n, sum): (usize, u64), more| (n + 1, sum + more))
    };
    assert!(used(&desk).0 < 2_000, "{} lines", used(&desk).0);
    // A level that shuts takes only what is left.
    let order = Order::SetLevel { vm, kind: Kind::Network, level: Level::Off };
    let (call, effects) = desk.begin(order);
    assert_eq!((cuts(&effects), answer_of(&effects, call)), (vec![lives], None));
    let effects = desk.tell(Input::Point(mail.net, FromPoint::CutDone { ticket: lives }));
    assert!(matches!(answer_of(&effects, call), Some(Ok(_))));
    desk.pass(30_000);
    assert_eq!(used(&desk).1, 100_000, "not a byte is lost");
}
