// SPDX-License-Identifier: GPL-3.0-or-later
//! Orders of the panel and the command line. In: changes. Out: what they cut, what they answer and when,
//! and what undo brings back.

use crate::desk::{Desk, START, answer_of, cuts, prompts, refusals, site, verdicts, vm};
use cofferdam_monitor_core::{Effect, Input, Order, OrderError, Reply, Span};
use cofferdam_monitor_wire::point::{BEFORE, FromPoint, Ticket, ToPoint};
use cofferdam_monitor_wire::screen::{FromScreen, ToScreen};
use cofferdam_policy::{
    AdminRules, Answer, Author, Event, GrantId, Kind, Level, Millis, Origin, Refusal, Rule, Says, Usage, Who,
};

fn grant(desk: &mut Desk, target: &str, span: Span) -> Result<u64, OrderError> {
    let order = Order::Grant { vm: vm("mail"), kind: Kind::Network, target: target.to_owned(), span };
    desk.order(order).map(|reply| match reply {
        Reply::Number(number) => number,
        other => panic!("{other:?}"),
    })
}

fn allowed(desk: &mut Desk, guest: &crate::desk::Guest, serial: u32, name: &str) -> Ticket {
    let effects = desk.ask(guest, serial, site(name));
    match verdicts(&effects)[..] {
        [(_, _, Ok(ticket))] => ticket,
        _ => panic!("{name} is not allowed: {effects:?}"),
    }
}

#[test]
fn a_grant_given_by_hand_answers_an_open_question() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    let id = prompts(&desk.ask(&mail, 1, site("a.org")))[0].id;
    let order =
        Order::Grant { vm: vm("mail"), kind: Kind::Network, target: "a.org".into(), span: Span::Hour };
    let (_, effects) = desk.begin(order);
    assert!(effects.contains(&Effect::Screen(ToScreen::Withdraw(id))));
    assert!(matches!(verdicts(&effects)[..], [(_, 1, Ok(_))]));
}

#[test]
fn a_point_that_does_not_cut_in_time_loses_its_socket() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    let number = grant(&mut desk, "a.org", Span::Always).unwrap();
    allowed(&mut desk, &mail, 1, "a.org");
    let (call, effects) = desk.begin(Order::Revoke(GrantId(number)));
    assert_eq!(answer_of(&effects, call), None, "not before it is cut");
    let effects = desk.pass(2_000);
    assert!(effects.contains(&Effect::ClosePoint(mail.net)));
    assert_eq!(answer_of(&effects, call), None, "nor before it must have seen that its socket is closed");
    assert!(answer_of(&desk.pass(10_000), call).is_some());
}

#[test]
fn levels_cut_what_they_do_not_allow() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    let set = |level| Order::SetLevel { vm: vm("mail"), kind: Kind::Network, level };
    desk.order(set(Level::Internet)).unwrap();
    let ticket = allowed(&mut desk, &mail, 1, "a.org");
    assert_eq!(ticket.grant, None);
    assert!(cuts(&desk.begin(set(Level::All)).1).is_empty(), "more is no reason to cut");
    let (call, effects) = desk.begin(set(Level::Ask));
    assert_eq!(cuts(&effects), [ticket.id]);
    assert_eq!(answer_of(&effects, call), None);
    let done = desk.tell(Input::Point(mail.net, FromPoint::CutDone { ticket: ticket.id }));
    assert!(matches!(answer_of(&done, call), Some(Ok(Reply::Number(_)))));
    let odd = Order::SetLevel { vm: vm("mail"), kind: Kind::Microphone, level: Level::All };
    assert!(matches!(desk.order(odd), Err(OrderError::NoLevel { .. })));
}

#[test]
fn a_longer_grant_does_not_cut_a_shorter_one() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    grant(&mut desk, "a.org", Span::Hour).unwrap();
    let before = allowed(&mut desk, &mail, 1, "a.org");
    let number = grant(&mut desk, "a.org", Span::Always).unwrap();
    let after = allowed(&mut desk, &mail, 2, "a.org");
    assert_eq!((after.id, after.grant), (before.id, Some(GrantId(number))));
    let (_, effects) = desk.begin(Order::Revoke(GrantId(number)));
    assert_eq!(cuts(&effects), [before.id], "it lives under the new grant now");
}

#[test]
fn everything_off_and_back_again() {
    let mut desk = Desk::new();
    let (mail, foot) = (desk.vm("mail"), desk.vm("foot"));
    let site_grant = grant(&mut desk, "a.org", Span::Always).unwrap();
    let ticket = allowed(&mut desk, &mail, 1, "a.org");
    desk.ask(&mail, 2, site("b.org"));
    desk.ask(&foot, 1, site("b.org"));
    let (call, effects) = desk.begin(Order::RevokeEverything);
    assert_eq!(cuts(&effects), [ticket.id]);
    assert_eq!(refusals(&effects), [Refusal::Off, Refusal::Off], "open questions too");
    let done = desk.tell(Input::Point(mail.net, FromPoint::CutDone { ticket: ticket.id }));
    let Some(Ok(Reply::Number(token))) = answer_of(&done, call) else { panic!("{done:?}") };
    assert_eq!(refusals(&desk.ask(&mail, 3, site("a.org"))), [Refusal::Off]);
    assert_eq!(desk.order(Order::Undo(token)), Ok(Reply::Done));
    let ticket = allowed(&mut desk, &mail, 4, "a.org");
    assert!(ticket.grant.is_some_and(|id| id.0 > site_grant), "a new grant, by the person");
    assert_eq!(desk.order(Order::Undo(token)), Err(OrderError::NoUndo), "once");
}

#[test]
fn the_attention_view_cuts_everything() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    grant(&mut desk, "a.org", Span::Always).unwrap();
    let ticket = allowed(&mut desk, &mail, 1, "a.org");
    let effects = desk.tell(Input::Screen(FromScreen::CutEverything));
    assert_eq!(cuts(&effects), [ticket.id]);
    assert_eq!(refusals(&desk.ask(&mail, 2, site("a.org"))), [Refusal::Off]);
    // And gives it back, once.
    desk.tell(Input::Point(mail.net, FromPoint::CutDone { ticket: ticket.id }));
    desk.tell(Input::Screen(FromScreen::UndoCut));
    allowed(&mut desk, &mail, 3, "a.org");
    let again = desk.tell(Input::Screen(FromScreen::UndoCut));
    assert!(cuts(&again).is_empty());
}

#[test]
fn undo_ends_after_ten_minutes_and_brings_back_only_what_would_hold() {
    let mut desk = Desk::new();
    desk.vm("mail");
    let number = grant(&mut desk, "a.org", Span::Hour).unwrap();
    let Ok(Reply::Number(token)) = desk.order(Order::Revoke(GrantId(number))) else { panic!() };
    desk.pass(600_000);
    assert_eq!(desk.order(Order::Undo(token)), Err(OrderError::NoUndo));
    let number = grant(&mut desk, "a.org", Span::Run).unwrap();
    let Ok(Reply::Number(token)) = desk.order(Order::Revoke(GrantId(number))) else { panic!() };
    desk.now += 1;
    let guest = desk.vm("mail");
    assert_eq!(desk.order(Order::Undo(token)), Err(OrderError::NoUndo), "that run is over");
    assert_eq!(prompts(&desk.ask(&guest, 1, site("a.org"))).len(), 1);
}

#[test]
fn what_cannot_be_written_is_cut_all_the_same() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    let number = grant(&mut desk, "a.org", Span::Always).unwrap();
    let ticket = allowed(&mut desk, &mail, 1, "a.org");
    *desk.memory.full.borrow_mut() = true;
    let (call, effects) = desk.begin(Order::Revoke(GrantId(number)));
    assert_eq!(cuts(&effects), [ticket.id]);
    let done = desk.tell(Input::Point(mail.net, FromPoint::CutDone { ticket: ticket.id }));
    assert_eq!(answer_of(&done, call), Some(Err(OrderError::NotDurable)), "and the person is told");
    assert_eq!(grant(&mut desk, "b.org", Span::Always), Err(OrderError::NoLedger));
    *desk.memory.full.borrow_mut() = false;
    assert_eq!(desk.replayed().grants_of(&mail.id).len(), 1, "a restart now would bring it back");
    let at = desk.core.poll_timeout().mono.unwrap();
    desk.pass(at - desk.mono);
    assert_eq!(desk.replayed().grants_of(&mail.id).len(), 0, "written as soon as it can be");
}

#[test]
fn an_administrators_no_stands() {
    let rule = Rule {
        name: "10-fleet.toml, line 3".to_owned(),
        origin: Origin::Admin,
        who: Who::Everyone,
        kind: Some(Kind::Network),
        host: Some(cofferdam_policy::Host::parse("bad.org").unwrap()),
        zone: None,
        says: Says::Deny,
    };
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    grant(&mut desk, "bad.org", Span::Always).unwrap();
    let ticket = allowed(&mut desk, &mail, 1, "bad.org");
    let rules = AdminRules::new(vec![rule]).unwrap();
    let (call, effects) = desk.begin(Order::Rules(Box::new(rules)));
    assert_eq!(cuts(&effects), [ticket.id], "new rules cut what lives");
    assert_eq!(answer_of(&effects, call), None, "and hold once it has ended");
    let done = desk.tell(Input::Point(mail.net, FromPoint::CutDone { ticket: ticket.id }));
    assert_eq!(answer_of(&done, call), Some(Ok(Reply::Done)));
    assert_eq!(refusals(&desk.ask(&mail, 2, site("bad.org"))), [Refusal::Admin]);
    assert_eq!(grant(&mut desk, "bad.org", Span::Always), Err(OrderError::Admin));
    let explain = Order::Explain { vm: vm("mail"), kind: Kind::Network, target: "bad.org".into() };
    let Ok(Reply::Explained(word, why)) = desk.order(explain) else { panic!() };
    assert!(word == "deny" && why.contains("10-fleet.toml, line 3"), "{why}");
}

#[test]
fn a_restarted_monitor_knows_what_the_ledger_says() {
    let mut desk = Desk::new();
    let run = START + 5;
    desk.register("mail", None, run);
    grant(&mut desk, "a.org", Span::Always).unwrap();
    grant(&mut desk, "b.org", Span::Run).unwrap();
    desk.vm("gone");
    let mut desk = Desk::from_lines(desk.memory.clone(), AdminRules::default(), desk.now);
    desk.tell(Input::ScreenUp);
    let mail = desk.register("mail", None, run);
    allowed(&mut desk, &mail, 1, "a.org");
    allowed(&mut desk, &mail, 2, "b.org");
    let started = desk
        .lines()
        .iter()
        .filter(|e| matches!(e, Event::Registered { vm, .. } if vm.as_str() == "mail"))
        .count();
    assert_eq!(started, 1, "the same run is the same start");
    assert!(desk.replayed().vm(&vm("gone")).unwrap().running);
    desk.pass(10_000);
    assert!(!desk.replayed().vm(&vm("gone")).unwrap().running, "who does not come back has ended");
    assert!(desk.replayed().vm(&vm("mail")).unwrap().running);
}

#[test]
fn use_is_written_down_before_it_is_shown() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    let number = grant(&mut desk, "a.org", Span::Always).unwrap();
    let ticket = allowed(&mut desk, &mail, 1, "a.org");
    let usage = Usage { times: 1, bytes_in: 1_200_000, bytes_out: 40_000, millis: 0 };
    let used = FromPoint::Used { ticket: ticket.id, resource: site("a.org"), usage };
    desk.tell(Input::Point(mail.net, used));
    let log = Order::Log { vm: None, before: 0, limit: 10, search: "A.ORG".into() };
    let Ok(Reply::Log(lines)) = desk.order(log) else { panic!() };
    let words: Vec<_> = lines.iter().map(|l| (l.what, l.target.as_str(), l.detail.as_str())).collect();
    assert_eq!(
        words,
        [("used", "a.org:443", "1.2 MB in, 40.0 kB out"), ("granted", "a.org", "always, by you")]
    );
    assert_ne!(number, 0, "0 stands for no grant");
    assert_eq!(lines[0].grant, Some(GrantId(number)), "stop from now");
    let Ok(Reply::Apps(apps)) = desk.order(Order::Apps) else { panic!() };
    assert!(apps[0].running && apps[0].summary == "online", "{apps:?}");
    let Ok(Reply::Permissions(all)) = desk.order(Order::Permissions(vm("mail"))) else { panic!() };
    assert_eq!((all.len(), all[0].uses, all[0].grants[0].last_used.is_some()), (10, 1, true));
}

#[test]
fn pages_of_the_log() {
    let mut desk = Desk::new();
    desk.vm("mail");
    for n in 0..30 {
        grant(&mut desk, &format!("h{n}.org"), Span::Always).unwrap();
    }
    let mut before = 0;
    let mut all = Vec::new();
    loop {
        let log = Order::Log { vm: Some(vm("mail")), before, limit: 7, search: String::new() };
        let Ok(Reply::Log(lines)) = desk.order(log) else { panic!() };
        let Some(last) = lines.last() else { break };
        before = last.seq;
        all.extend(lines.iter().map(|l| l.seq));
    }
    assert_eq!(all, (1..=31).rev().collect::<Vec<u64>>());
}

#[test]
fn used_up_and_lapsed_are_policys_doing() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    let number = grant(&mut desk, "a.org", Span::Once).unwrap();
    assert!(allowed(&mut desk, &mail, 1, "a.org").once);
    let by = |e: &Event| matches!(e, Event::Revoked { grant, by: Author::Policy } if grant.0 == number);
    assert!(desk.lines().iter().any(by));
    let id = prompts(&desk.ask(&mail, 2, site("a.org")))[0].id;
    desk.answer(id, Answer::Always);
    desk.pass(90 * Millis::DAY);
    assert_eq!(desk.replayed().grants_of(&mail.id).len(), 0, "unused for 90 days");
}

#[test]
fn a_smaller_ledger_says_the_same() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    for n in 0..20 {
        let number = grant(&mut desk, &format!("h{n}.org"), Span::Always).unwrap();
        if n % 2 == 0 {
            desk.order(Order::Revoke(GrantId(number))).unwrap();
        }
    }
    let ticket = allowed(&mut desk, &mail, 1, "h1.org");
    let usage = Usage { times: 1, ..Usage::default() };
    desk.tell(Input::Point(mail.net, FromPoint::Used { ticket: ticket.id, resource: site("h1.org"), usage }));
    desk.order(Order::SetLevel { vm: vm("mail"), kind: Kind::Clipboard, level: Level::Off }).unwrap();
    let last = grant(&mut desk, "last.org", Span::Always).unwrap();
    desk.order(Order::Revoke(GrantId(last))).unwrap();
    let moment = desk.moment();
    desk.core.finish(moment);
    assert!(desk.lines().iter().any(|e| matches!(e, Event::Used { .. })), "written at the end at the latest");
    desk.pass(40 * Millis::DAY);
    let before = desk.replayed();
    let since = Millis(desk.now - 30 * Millis::DAY);
    let core = &desk.core;
    let mut kept = desk.memory.lines.borrow().clone();
    kept.extend(core.reminder().map(|event| (Millis(desk.now), event)));
    let all = kept.len();
    kept.retain(|(at, event)| core.keeps(*at, event, since));
    assert!(kept.len() < all - 20, "{} of {all} are left", kept.len());
    *desk.memory.lines.borrow_mut() = kept;
    let after = desk.replayed();
    assert_eq!(after.grants_of(&mail.id), before.grants_of(&mail.id));
    assert_eq!(after.level(&mail.id, Kind::Clipboard), before.level(&mail.id, Kind::Clipboard));
    assert_eq!(after.next_grant_id(), before.next_grant_id(), "no number is used twice");
    let used = before.grants_of(&mail.id).iter().map(|g| before.last_used(g.id)).collect::<Vec<_>>();
    assert_eq!(after.grants_of(&mail.id).iter().map(|g| after.last_used(g.id)).collect::<Vec<_>>(), used);
}

fn online(desk: &mut Desk) -> bool {
    let Ok(Reply::Apps(apps)) = desk.order(Order::Apps) else { panic!() };
    apps[0].online
}

#[test]
fn online_is_what_the_gateway_says() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    grant(&mut desk, "a.org", Span::Always).unwrap();
    allowed(&mut desk, &mail, 1, "a.org");
    assert!(!online(&mut desk), "a yes is no connection");
    let said = |effects: &[Effect]| {
        let standing =
            |e: &Effect| if let Effect::Screen(ToScreen::Standing(s)) = e { Some(s.online) } else { None };
        effects.iter().find_map(standing)
    };
    let effects = desk.tell(Input::Point(mail.net, FromPoint::Online(true)));
    assert_eq!((said(&effects), online(&mut desk)), (Some(true), true));
    desk.pass(60_000);
    assert!(online(&mut desk), "for as long as it lasts");
    let effects = desk.tell(Input::Point(mail.net, FromPoint::Online(false)));
    assert_eq!((said(&effects), online(&mut desk)), (Some(false), false));
    desk.tell(Input::Point(mail.net, FromPoint::Online(true)));
    desk.tell(Input::PointClosed(mail.net));
    assert!(!online(&mut desk), "without a gateway nothing is connected");
    let effects = desk.tell(Input::Point(mail.agent, FromPoint::Online(true)));
    assert!(effects.contains(&Effect::ClosePoint(mail.agent)), "that is not its business");
}

/// A monitor that was killed while mail had a grant and a point held something under it.
fn after_a_crash(parent: Option<&str>) -> (Desk, u64, u64) {
    let mut desk = Desk::new();
    if let Some(parent) = parent {
        desk.vm(parent);
        let (vm, target, span) = (vm(parent), "a.org".to_owned(), Span::Always);
        desk.order(Order::Grant { vm, kind: Kind::Network, target, span }).unwrap();
    }
    let mail = desk.child("mail", parent);
    let run = desk.replayed().vm(&mail.id).unwrap().run;
    let number = grant(&mut desk, "a.org", Span::Always).unwrap();
    allowed(&mut desk, &mail, 1, "a.org");
    let desk = Desk::from_lines(desk.memory.clone(), AdminRules::default(), desk.now);
    (desk, number, run)
}

fn clear_screen(desk: &mut Desk) {
    desk.tell(Input::ScreenUp);
    desk.tell(Input::Screen(FromScreen::CutDone { ticket: BEFORE }));
}

#[test]
fn a_revoke_after_a_crash_waits_for_points_that_may_not_have_noticed() {
    let (mut desk, number, run) = after_a_crash(None);
    clear_screen(&mut desk);
    let mail = desk.register("mail", None, run);
    for point in [mail.net, mail.agent] {
        let first = desk.seen.iter().find(|e| matches!(e, Effect::Point(p, _) if *p == point));
        assert_eq!(
            first,
            Some(&Effect::Point(point, ToPoint::Cut { ticket: BEFORE })),
            "before anything else"
        );
    }
    let (call, effects) = desk.begin(Order::Revoke(GrantId(number)));
    assert_eq!(answer_of(&effects, call), None, "something may still flow");
    let one = desk.tell(Input::Point(mail.net, FromPoint::CutDone { ticket: BEFORE }));
    assert_eq!(answer_of(&one, call), None, "one is not both");
    let both = desk.tell(Input::Point(mail.agent, FromPoint::CutDone { ticket: BEFORE }));
    assert!(matches!(answer_of(&both, call), Some(Ok(Reply::Number(_)))));
    let again = desk.tell(Input::Point(mail.net, FromPoint::CutDone { ticket: BEFORE }));
    assert!(again.contains(&Effect::ClosePoint(mail.net)), "once is what was asked for");
}

#[test]
fn a_revoke_before_a_vm_has_come_back_waits_for_it() {
    let (mut desk, number, run) = after_a_crash(None);
    clear_screen(&mut desk);
    let (call, effects) = desk.begin(Order::Revoke(GrantId(number)));
    assert_eq!(answer_of(&effects, call), None);
    let mail = desk.register("mail", None, run);
    desk.tell(Input::Point(mail.net, FromPoint::CutDone { ticket: BEFORE }));
    let last = desk.tell(Input::Point(mail.agent, FromPoint::CutDone { ticket: BEFORE }));
    assert!(matches!(answer_of(&last, call), Some(Ok(_))));
    // Who does not come back has ended.
    let (mut desk, number, _) = after_a_crash(None);
    clear_screen(&mut desk);
    let (call, _) = desk.begin(Order::Revoke(GrantId(number)));
    assert_eq!(answer_of(&desk.pass(9_999), call), None);
    assert!(matches!(answer_of(&desk.pass(1), call), Some(Ok(_))));
}

#[test]
fn a_point_that_stays_silent_after_a_crash_loses_its_socket() {
    let (mut desk, number, run) = after_a_crash(None);
    clear_screen(&mut desk);
    let mail = desk.register("mail", None, run);
    desk.tell(Input::Point(mail.agent, FromPoint::CutDone { ticket: BEFORE }));
    let (call, _) = desk.begin(Order::Revoke(GrantId(number)));
    let effects = desk.pass(10_000);
    let closed = effects.iter().position(|e| *e == Effect::ClosePoint(mail.net)).expect("closed");
    let answered = effects.iter().position(|e| matches!(e, Effect::Answer(c, _) if *c == call));
    assert!(answered.is_some_and(|at| at > closed));
    assert_eq!(desk.core.poll_timeout().mono, None, "nothing is left to wait for");
}

#[test]
fn everything_off_after_a_crash_waits_for_children_and_the_compositor() {
    let (mut desk, _, run) = after_a_crash(Some("web"));
    let web = desk.replayed().vm(&vm("web")).unwrap().run;
    let web = desk.register("web", None, web);
    for point in [web.net, web.agent] {
        desk.tell(Input::Point(point, FromPoint::CutDone { ticket: BEFORE }));
    }
    let (call, effects) = desk.begin(Order::RevokeAll(vm("web")));
    assert_eq!(answer_of(&effects, call), None, "its child is not back");
    let mail = desk.register("mail", Some("web"), run);
    for point in [mail.net, mail.agent] {
        desk.tell(Input::Point(point, FromPoint::CutDone { ticket: BEFORE }));
    }
    let effects = desk.tell(Input::ScreenUp);
    assert_eq!(answer_of(&effects, call), None, "a paste may go on");
    assert_eq!(cuts(&effects), [BEFORE]);
    let done = desk.tell(Input::Screen(FromScreen::CutDone { ticket: BEFORE }));
    assert!(matches!(answer_of(&done, call), Some(Ok(_))));
}

#[test]
fn who_comes_back_with_new_sockets_is_waited_for() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    let run = desk.replayed().vm(&mail.id).unwrap().run;
    let number = grant(&mut desk, "a.org", Span::Always).unwrap();
    allowed(&mut desk, &mail, 1, "a.org");
    let (call, _) = desk.begin(Order::Revoke(GrantId(number)));
    let again = desk.register("mail", None, run);
    assert_eq!(answer_of(&desk.seen, call), None, "the old socket's end is not the end of what lived there");
    desk.tell(Input::Point(again.agent, FromPoint::CutDone { ticket: BEFORE }));
    let done = desk.tell(Input::Point(again.net, FromPoint::CutDone { ticket: BEFORE }));
    assert!(matches!(answer_of(&done, call), Some(Ok(_))));
}

#[test]
fn never_is_true_once_it_is_answered() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    grant(&mut desk, "a.org", Span::Always).unwrap();
    let ticket = allowed(&mut desk, &mail, 1, "a.org");
    let never =
        Order::Grant { vm: vm("mail"), kind: Kind::Network, target: "a.org".into(), span: Span::Never };
    let (call, effects) = desk.begin(never);
    assert_eq!((cuts(&effects), answer_of(&effects, call)), (vec![ticket.id], None));
    let done = desk.tell(Input::Point(mail.net, FromPoint::CutDone { ticket: ticket.id }));
    assert!(matches!(answer_of(&done, call), Some(Ok(Reply::Number(_)))));
}
