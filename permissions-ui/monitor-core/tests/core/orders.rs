// SPDX-License-Identifier: GPL-3.0-or-later
//! Orders and answers at their edges. In: an undo that comes late, a standing yes, a disk that is full, names
//! of any length. Out: what the person said last stands, and nothing is half done.

use crate::desk::{Desk, Memory, START, answer_of, cuts, outcomes, prompts, refusals, site, verdicts, vm};
use cofferdam_monitor_core::{Effect, Input, Order, OrderError, Reply, Span};
use cofferdam_monitor_wire::point::{BEFORE, FromPoint, PortalWish};
use cofferdam_policy::{AdminRules, Answer, Event, Kind, Level, Refusal, Usage};

fn level(desk: &mut Desk, level: Level) -> Result<u64, OrderError> {
    match desk.order(Order::SetLevel { vm: vm("mail"), kind: Kind::Network, level })? {
        Reply::Number(token) => Ok(token),
        other => panic!("{other:?}"),
    }
}

/// A desk with a VM, at whose points nothing is left of before.
fn begin() -> (Desk, crate::desk::Guest) {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    for point in [mail.net, mail.agent] {
        desk.tell(Input::Point(point, FromPoint::CutDone { ticket: BEFORE }));
    }
    (desk, mail)
}

#[test]
fn an_undo_leaves_what_was_set_later() {
    let (mut desk, _mail) = begin();
    let token = level(&mut desk, Level::Internet).unwrap();
    level(&mut desk, Level::Off).unwrap();
    assert_eq!(desk.order(Order::Undo(token)), Err(OrderError::NoUndo));
    assert_eq!(desk.replayed().level(&vm("mail"), Kind::Network).0, Level::Off);
}

#[test]
fn an_undo_that_shuts_is_answered_once_nothing_lives() {
    let (mut desk, mail) = begin();
    let token = level(&mut desk, Level::Internet).unwrap();
    let [(_, _, Ok(ticket))] = verdicts(&desk.ask(&mail, 1, site("a.org")))[..] else {
        panic!("not allowed")
    };
    let (call, effects) = desk.begin(Order::Undo(token));
    assert_eq!((cuts(&effects), answer_of(&effects, call)), (vec![ticket.id], None));
    let done = desk.tell(Input::Point(mail.net, FromPoint::CutDone { ticket: ticket.id }));
    assert_eq!(answer_of(&done, call), Some(Ok(Reply::Done)));
}

#[test]
fn from_ask_to_listed_takes_and_back_gives() {
    let (mut desk, mail) = begin();
    *desk.memory.full.borrow_mut() = true;
    let set = |level| Order::SetLevel { vm: vm("mail"), kind: Kind::Network, level };
    assert_eq!(desk.order(set(Level::Listed)), Err(OrderError::NotDurable), "it holds, written or not");
    *desk.memory.full.borrow_mut() = false;
    desk.pass(2_000);
    assert_eq!(refusals(&desk.ask(&mail, 1, site("a.org"))), [Refusal::NotListed]);
    *desk.memory.full.borrow_mut() = true;
    assert_eq!(desk.order(set(Level::Ask)), Err(OrderError::NoLedger));
}

#[test]
fn this_time_is_spent_as_it_is_written() {
    let (mut desk, mail) = begin();
    let before = desk.memory.batches.borrow().len();
    let id = prompts(&desk.ask(&mail, 1, site("a.org")))[0].id;
    let effects = desk.answer(id, Answer::ThisTime);
    assert!(matches!(verdicts(&effects)[..], [(_, _, Ok(ticket))] if ticket.once));
    // A monitor that ends between any two writes leaves no unspent yes.
    let batches = desk.memory.batches.borrow()[before..].to_vec();
    for end in batches {
        let memory = Memory::default();
        memory.lines.borrow_mut().extend(desk.memory.lines.borrow().iter().take(end).cloned());
        let mut next = Desk::from_lines(memory, AdminRules::default(), START + 1);
        next.tell(Input::ScreenUp);
        let mail = next.register("mail", None, START + 1);
        assert!(verdicts(&next.ask(&mail, 1, site("a.org"))).is_empty(), "after {end} lines");
    }
}

#[test]
fn a_standing_yes_lets_addresses_be_opened() {
    let (mut desk, mail) = begin();
    desk.openers(&["firefox"]);
    let always =
        Order::Grant { vm: vm("mail"), kind: Kind::OpenUri, target: "https".into(), span: Span::Always };
    desk.order(always).unwrap();
    for serial in [1, 2] {
        let wish = PortalWish::OpenUri { uri: "https://a.org".into() };
        let id = prompts(&desk.wish(&mail, serial, wish))[0].id;
        let effects = desk.answer(id, Answer::Pick(0));
        assert!(outcomes(&effects).is_empty(), "{:?}", outcomes(&effects));
        assert!(effects.iter().any(|e| matches!(e, Effect::Launch { .. })), "it is opened");
    }
    assert_eq!(desk.replayed().grants_of(&vm("mail")).len(), 1, "under the grant that stands");
}

#[test]
fn what_a_guest_does_while_the_disk_is_full_crowds_nothing_out() {
    let (mut desk, mail) = begin();
    let Ok(Reply::Number(grant)) = desk.order(Order::Grant {
        vm: vm("mail"),
        kind: Kind::Network,
        target: "a.org".into(),
        span: Span::Always,
    }) else {
        panic!("no grant")
    };
    let [(_, _, Ok(ticket))] = verdicts(&desk.ask(&mail, 1, site("a.org")))[..] else {
        panic!("not allowed")
    };
    *desk.memory.full.borrow_mut() = true;
    let usage = Usage { times: 1, bytes_in: 1, ..Usage::default() };
    for _ in 0..11_000 {
        let used = FromPoint::Used { ticket: ticket.id, resource: site("a.org"), usage };
        desk.tell(Input::Point(mail.net, used));
        desk.pass(30_000);
    }
    let (_, effects) = desk.begin(Order::Revoke(cofferdam_policy::GrantId(grant)));
    assert_eq!(cuts(&effects), [ticket.id]);
    *desk.memory.full.borrow_mut() = false;
    desk.tell(Input::Point(mail.net, FromPoint::CutDone { ticket: ticket.id }));
    desk.pass(2_000);
    let revoked = |e: &Event| matches!(e, Event::Revoked { grant: id, .. } if id.0 == grant);
    assert!(desk.lines().iter().any(revoked), "the person's no is written in the end");
    assert_eq!(prompts(&desk.ask(&mail, 2, site("b.org"))).len(), 1, "and questions are asked again");
}

#[test]
fn the_log_has_names_to_their_end() {
    let (mut desk, mail) = begin();
    let name = format!("{}evil.org", "bank-of-example.".repeat(8));
    desk.ask(&mail, 1, site(&name));
    let log = |desk: &mut Desk, search: &str| {
        let search = search.to_owned();
        match desk.order(Order::Log { vm: None, before: 0, limit: 10, search }) {
            Ok(Reply::Log(lines)) => lines,
            other => panic!("{other:?}"),
        }
    };
    let found = log(&mut desk, "evil.org");
    assert!(found.iter().any(|line| line.target.starts_with(&name)), "{found:?}");
}
