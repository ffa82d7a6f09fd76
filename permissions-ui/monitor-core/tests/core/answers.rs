// SPDX-License-Identifier: GPL-3.0-or-later
//! Questions and answers. In: asks of points, words of people. Out: who gets which answer.

use crate::desk::{Desk, cuts, prompts, refusals, site, site_at, verdicts};
use cofferdam_monitor_core::{Effect, Input};
use cofferdam_monitor_wire::point::{FromPoint, ToPoint};
use cofferdam_monitor_wire::screen::{About, FromScreen, ToScreen};
use cofferdam_policy::{Answer, Content, Event, Level, Lifetime, Millis, Refusal, Resource};

#[test]
fn nothing_without_a_yes() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    let effects = desk.ask(&mail, 7, site("imap.example.org"));
    assert!(verdicts(&effects).is_empty(), "held, not decided");
    let [prompt] = &prompts(&effects)[..] else { panic!("one prompt") };
    assert_eq!(prompt.vm, mail.id);
    assert!(matches!(&prompt.about, About::Network { first: true, .. }));
    let effects = desk.answer(prompt.id, Answer::Hour);
    let [(point, 7, Ok(ticket))] = verdicts(&effects)[..] else { panic!("{effects:?}") };
    assert_eq!((point, ticket.until), (mail.net, Some(Millis(desk.now).plus(Millis::HOUR))));
    // The same site again, at another port: allowed without a question, under the same ticket.
    let effects = desk.ask(&mail, 8, site_at("imap.example.org", 993));
    assert_eq!(verdicts(&effects), [(mail.net, 8, Ok(ticket))]);
    assert!(prompts(&effects).is_empty());
}

#[test]
fn who_asks_for_the_same_waits_for_one_question() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    let id = prompts(&desk.ask(&mail, 1, site("a.org")))[0].id;
    assert!(prompts(&desk.ask(&mail, 2, site("a.org"))).is_empty());
    assert!(prompts(&desk.ask(&mail, 3, site_at("a.org", 80))).is_empty());
    let other = desk.vm("foot");
    assert_eq!(prompts(&desk.ask(&other, 1, site("a.org"))).len(), 1, "once per app and site");
    let effects = desk.answer(id, Answer::UntilClosed);
    let who: Vec<_> = verdicts(&effects).iter().map(|(p, s, v)| (*p, *s, v.is_ok())).collect();
    assert_eq!(who, [(mail.net, 1, true), (mail.net, 2, true), (mail.net, 3, true)], "and nobody else");
}

#[test]
fn every_no_is_told_apart() {
    for (answer, silence, why) in [
        (Answer::NotNow, false, Refusal::Answered),
        (Answer::Never, false, Refusal::Never),
        (Answer::Always, true, Refusal::Silence),
        (Answer::Pick(0), false, Refusal::Answered),
    ] {
        let mut desk = Desk::new();
        let mail = desk.vm("mail");
        let id = prompts(&desk.ask(&mail, 1, site("a.org")))[0].id;
        let effects = desk.tell(Input::Screen(FromScreen::Answered { id, answer, silence }));
        assert_eq!(refusals(&effects), [why], "{answer:?}");
        let asks_again = !prompts(&desk.ask(&mail, 2, site("a.org"))).is_empty();
        assert_eq!(asks_again, why != Refusal::Never, "only never is remembered");
    }
}

#[test]
fn this_time_is_one_time() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    let id = prompts(&desk.ask(&mail, 1, site("a.org")))[0].id;
    let effects = desk.answer(id, Answer::ThisTime);
    let [(_, 1, Ok(ticket))] = verdicts(&effects)[..] else { panic!("{effects:?}") };
    assert!(ticket.once);
    assert_eq!(desk.replayed().grants_of(&mail.id).len(), 0, "used up in the ledger, before it was told");
    let id = prompts(&desk.ask(&mail, 2, site("a.org")))[0].id;
    desk.ask(&mail, 3, site_at("a.org", 80));
    let effects = desk.answer(id, Answer::ThisTime);
    assert!(matches!(verdicts(&effects)[..], [(_, 2, Ok(_))]), "one yes, one use");
    assert_eq!(prompts(&effects).len(), 1, "the other one asks anew");
}

#[test]
fn an_hour_lapses() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    let id = prompts(&desk.ask(&mail, 1, site("a.org")))[0].id;
    let [(_, _, Ok(ticket))] = verdicts(&desk.answer(id, Answer::Hour))[..] else { panic!() };
    assert!(cuts(&desk.pass(Millis::HOUR - 1)).is_empty());
    assert_eq!(desk.core.poll_timeout().now, ticket.until);
    assert_eq!(cuts(&desk.pass(1)), [ticket.id]);
    desk.tell(Input::Point(mail.net, FromPoint::CutDone { ticket: ticket.id }));
    assert_eq!(prompts(&desk.ask(&mail, 2, site("a.org"))).len(), 1, "asked anew");
}

#[test]
fn the_end_of_a_run_ends_what_was_given_for_it() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    let id = prompts(&desk.ask(&mail, 1, site("a.org")))[0].id;
    desk.answer(id, Answer::UntilClosed);
    assert!(matches!(desk.replayed().grants_of(&mail.id)[0].lifetime, Lifetime::Run(_)));
    let effects = desk.tell(Input::LinkClosed(mail.link));
    assert!(
        effects.contains(&Effect::ClosePoint(mail.net)) && effects.contains(&Effect::ClosePoint(mail.agent))
    );
    assert_eq!(desk.replayed().grants_of(&mail.id).len(), 0);
    desk.now += 1;
    let mail = desk.vm("mail");
    assert_eq!(prompts(&desk.ask(&mail, 1, site("a.org"))).len(), 1);
}

#[test]
fn without_a_screen_nobody_can_say_yes() {
    let mut desk = Desk::new();
    let (mail, foot) = (desk.vm("mail"), desk.vm("foot"));
    desk.ask(&mail, 1, site("a.org"));
    desk.ask(&foot, 1, site("b.org"));
    let effects = desk.tell(Input::ScreenDown);
    assert_eq!(refusals(&effects), [Refusal::Silence, Refusal::Silence], "open questions are denied");
    assert_eq!(refusals(&desk.ask(&mail, 2, site("a.org"))), [Refusal::Silence]);
    let effects = desk.tell(Input::ScreenUp);
    let standing = |e: &&Effect| matches!(e, Effect::Screen(ToScreen::Standing(_)));
    assert_eq!(effects.iter().filter(standing).count(), 2, "a new screen learns how everybody stands");
    assert_eq!(prompts(&desk.ask(&mail, 3, site("a.org"))).len(), 1);
}

#[test]
fn silence_is_no() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    desk.ask(&mail, 1, site("a.org"));
    let at = desk.core.poll_timeout().mono.unwrap();
    assert!(refusals(&desk.pass(at - desk.mono - 1)).is_empty());
    assert_eq!(refusals(&desk.pass(1)), [Refusal::Silence]);
}

#[test]
fn a_moved_wall_clock_denies_no_question() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    desk.ask(&mail, 1, site("a.org"));
    desk.now += 7 * Millis::DAY;
    assert!(refusals(&desk.tell(Input::Tick)).is_empty());
    desk.now -= 30 * Millis::DAY;
    desk.tell(Input::Tick);
    assert_eq!(desk.core.now(), Millis(crate::desk::START + 7 * Millis::DAY), "and it never goes back");
}

#[test]
fn a_yes_on_a_locked_screen_is_none() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    let id = prompts(&desk.ask(&mail, 1, site("a.org")))[0].id;
    desk.tell(Input::Screen(FromScreen::Locked(true)));
    assert!(refusals(&desk.pass(Millis::DAY)).is_empty(), "while it is locked the question waits");
    assert_eq!(refusals(&desk.answer(id, Answer::Always)), [Refusal::Answered]);
    assert_eq!(desk.core.faults(), 1);
}

#[test]
fn forgotten_questions_are_withdrawn() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    let id = prompts(&desk.ask(&mail, 1, site("a.org")))[0].id;
    desk.ask(&mail, 2, site("a.org"));
    let withdrawn = Effect::Screen(ToScreen::Withdraw(id));
    assert!(!desk.tell(Input::Point(mail.net, FromPoint::Forget { serial: 1 })).contains(&withdrawn));
    assert!(desk.tell(Input::Point(mail.net, FromPoint::Forget { serial: 2 })).contains(&withdrawn));
    let effects = desk.answer(id, Answer::Always);
    assert!(verdicts(&effects).is_empty(), "an answer that comes too late says nothing");
    assert_eq!(desk.replayed().grants_of(&mail.id).len(), 0);
}

#[test]
fn transfers_are_asked_by_the_compositor() {
    let mut desk = Desk::new();
    let (mail, _foot) = (desk.vm("mail"), desk.vm("foot"));
    let resource = Resource::Clipboard { from: "foot".parse().unwrap(), content: Content::Text };
    let ask = |serial| FromScreen::Ask { serial, vm: mail.id.clone(), resource: resource.clone() };
    let id = prompts(&desk.tell(Input::Screen(ask(1))))[0].id;
    let effects = desk.answer(id, Answer::Always);
    let decided = |e: &Effect| match e {
        Effect::Screen(ToScreen::Decided { serial, verdict }) => Some((*serial, verdict.is_ok())),
        _ => None,
    };
    assert_eq!(effects.iter().filter_map(decided).collect::<Vec<_>>(), [(1, true)]);
    let effects = desk.tell(Input::Screen(ask(2)));
    assert_eq!(
        effects.iter().filter_map(decided).collect::<Vec<_>>(),
        [(2, true)],
        "remembered for the pair"
    );
    let back = Resource::Clipboard { from: mail.id.clone(), content: Content::Text };
    let back = FromScreen::Ask { serial: 3, vm: "foot".parse().unwrap(), resource: back };
    assert_eq!(prompts(&desk.tell(Input::Screen(back))).len(), 1, "the other direction is another question");
}

#[test]
fn a_child_never_has_more_than_its_parent() {
    let mut desk = Desk::new();
    let parent = desk.vm("mail");
    let child = desk.child("viewer", Some("mail"));
    assert_eq!(refusals(&desk.ask(&child, 1, site("a.org"))), [Refusal::Parent]);
    let id = prompts(&desk.ask(&parent, 1, site("a.org")))[0].id;
    desk.answer(id, Answer::Always);
    let id = prompts(&desk.ask(&child, 2, site("a.org")))[0].id;
    let [(_, 2, Ok(ticket))] = verdicts(&desk.answer(id, Answer::Always))[..] else { panic!() };
    let grant = desk.replayed().grants_of(&parent.id)[0].id;
    let (_, effects) = desk.begin(cofferdam_monitor_core::Order::Revoke(grant));
    assert!(cuts(&effects).contains(&ticket.id), "what the parent lost the child loses");
}

#[test]
fn a_ledger_that_cannot_be_written_allows_nothing_new() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    let id = prompts(&desk.ask(&mail, 1, site("a.org")))[0].id;
    *desk.memory.full.borrow_mut() = true;
    assert_eq!(refusals(&desk.answer(id, Answer::Always)), [Refusal::NoLedger]);
    desk.pass(2_000);
    assert_eq!(refusals(&desk.ask(&mail, 2, site("b.org"))), [Refusal::NoLedger]);
    let foot = desk.vm("foot");
    assert_eq!(refusals(&desk.ask(&foot, 1, site("b.org"))), [Refusal::NoLedger], "nor a VM without a start");
    *desk.memory.full.borrow_mut() = false;
    desk.pass(2_000);
    assert_eq!(prompts(&desk.ask(&mail, 3, site("b.org"))).len(), 1, "and it recovers");
    assert_eq!(prompts(&desk.ask(&foot, 2, site("b.org"))).len(), 1);
    assert!(desk.lines().iter().any(|e| matches!(e, Event::Registered { vm, .. } if *vm == foot.id)));
}

#[test]
fn the_gateway_hears_the_level() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    let level = |level| Effect::Point(mail.net, ToPoint::Level(level));
    assert!(desk.seen.contains(&level(Level::Ask)), "first of all");
    let order = |level| cofferdam_monitor_core::Order::SetLevel {
        vm: "mail".parse().unwrap(),
        kind: cofferdam_policy::Kind::Network,
        level,
    };
    let (_, effects) = desk.begin(order(Level::Off));
    assert!(effects.contains(&level(Level::Off)));
    let (_, effects) = desk.begin(order(Level::Off));
    assert!(!effects.contains(&level(Level::Off)), "only changes");
}
