// SPDX-License-Identifier: GPL-3.0-or-later
//! What a hostile VM can do to the monitor. In: floods, nonsense, messages about what belongs to others. Out:
//! its own socket lost, its own requests denied, and nobody else the poorer.

use crate::desk::{Desk, cuts, prompts, refusals, site, verdicts, vm};
use cofferdam_ids::{Label, Passage};
use cofferdam_monitor_core::{Effect, Input, Order, PointId, Span};
use cofferdam_monitor_wire::point::{FromPoint, PortalWish, ToPoint};
use cofferdam_monitor_wire::screen::{FromScreen, PromptId, ToScreen};
use cofferdam_policy::{Answer, Content, Event, Kind, Refusal, Resource, Usage};

#[test]
fn a_flood_of_sites_is_a_few_prompts_and_a_few_lines() {
    let mut desk = Desk::new();
    let (mail, foot) = (desk.vm("mail"), desk.vm("foot"));
    for n in 0..10_000 {
        desk.ask(&mail, n, site(&format!("h{n}.org")));
    }
    let asked = desk.lines().iter().filter(|e| matches!(e, Event::Asked { .. })).count();
    assert_eq!(asked, 16);
    assert!(desk.lines().len() < 100, "{} lines", desk.lines().len());
    assert_eq!(desk.answers.len(), 10_000 - 16, "each one has its answer, or waits");
    assert!(desk.answers.values().all(|n| *n == 1));
    assert_eq!(prompts(&desk.ask(&foot, 1, site("h1.org"))).len(), 1, "others are heard");
}

#[test]
fn a_flood_for_one_site_is_one_prompt() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    for n in 0..10_000 {
        desk.ask(&mail, n, site("a.org"));
    }
    assert_eq!(desk.seen.iter().filter(|e| matches!(e, Effect::Screen(ToScreen::Ask(_)))).count(), 1);
    assert_eq!(desk.answers.len(), 10_000 - 1_024, "so many may wait");
}

#[test]
fn who_asks_again_and_again_is_not_heard_for_this_run() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    let mut asked = 0;
    for n in 0..20 {
        let effects = desk.ask(&mail, n, site("a.org"));
        if let [prompt] = &prompts(&effects)[..] {
            asked += 1;
            desk.answer(prompt.id, Answer::NotNow);
        }
    }
    assert_eq!(asked, 3);
    assert_eq!(refusals(&desk.ask(&mail, 99, site("b.org"))), [Refusal::Silenced]);
    assert!(desk.lines().contains(&Event::Silenced { vm: vm("mail"), kind: Kind::Network }));
    let silenced = |e: &Effect| matches!(e, Effect::Screen(ToScreen::Standing(s)) if s.silenced);
    assert!(desk.seen.iter().any(silenced), "and the person sees it");
    let given =
        Order::Grant { vm: vm("mail"), kind: Kind::Network, target: "c.org".into(), span: Span::Always };
    desk.order(given).unwrap();
    assert!(
        matches!(verdicts(&desk.ask(&mail, 100, site("c.org")))[..], [(_, _, Ok(_))]),
        "what it has, it has"
    );
    desk.tell(Input::LinkClosed(mail.link));
    desk.now += 1;
    let mail = desk.vm("mail");
    assert_eq!(prompts(&desk.ask(&mail, 1, site("b.org"))).len(), 1, "the next run is heard");
}

#[test]
fn prompts_that_come_and_go_count_too() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    let mut asked = 0;
    for n in 0..20 {
        asked += prompts(&desk.ask(&mail, n, site("a.org"))).len();
        desk.tell(Input::Point(mail.net, FromPoint::Forget { serial: n }));
    }
    assert_eq!(asked, 3);
}

#[test]
fn whatever_a_point_does_wrong_costs_it_its_socket_only() {
    let clip = Resource::Clipboard { from: vm("foot"), content: Content::Text };
    let odd: [(bool, FromPoint); 7] = [
        (true, FromPoint::Ask { serial: 1, resource: clip }),
        (true, FromPoint::Ask { serial: 1, resource: Resource::Plain(Kind::Notifications) }),
        (false, FromPoint::Ask { serial: 1, resource: site("a.org") }),
        (true, FromPoint::Portal { serial: 1, wish: PortalWish::Screenshot }),
        (true, FromPoint::CutDone { ticket: 99 }),
        (true, FromPoint::Used { ticket: 99, resource: site("a.org"), usage: Usage::default() }),
        (true, FromPoint::Refused { resource: Resource::Plain(Kind::Camera), why: Refusal::Mismatch }),
    ];
    for (net, message) in odd {
        let mut desk = Desk::new();
        let (mail, foot) = (desk.vm("mail"), desk.vm("foot"));
        let point = if net { mail.net } else { mail.agent };
        let effects = desk.tell(Input::Point(point, message.clone()));
        assert!(effects.contains(&Effect::ClosePoint(point)), "{message:?}");
        let closed = effects.iter().filter(|e| matches!(e, Effect::ClosePoint(_))).count();
        assert_eq!((closed, desk.core.faults()), (1, 1), "{message:?}");
        assert_eq!(prompts(&desk.ask(&foot, 1, site("a.org"))).len(), 1);
        assert!(desk.ask(&mail, 5, site("a.org")).is_empty() || !net, "nothing it says is heard any more");
    }
}

#[test]
fn a_serial_in_use_is_not_used_again() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    desk.ask(&mail, 1, site("a.org"));
    let effects = desk.ask(&mail, 1, site("b.org"));
    assert!(effects.contains(&Effect::ClosePoint(mail.net)));
    let withdrawn = |e: &Effect| matches!(e, Effect::Screen(ToScreen::Withdraw(_)));
    assert!(effects.iter().any(withdrawn), "and nobody is asked for it any more");
}

#[test]
fn nobody_speaks_about_what_belongs_to_others() {
    let mut desk = Desk::new();
    let (mail, foot) = (desk.vm("mail"), desk.vm("foot"));
    for name in ["mail", "foot"] {
        let given =
            Order::Grant { vm: vm(name), kind: Kind::Network, target: "a.org".into(), span: Span::Always };
        desk.order(given).unwrap();
    }
    let [(_, _, Ok(mails))] = verdicts(&desk.ask(&mail, 1, site("a.org")))[..] else { panic!() };
    desk.ask(&foot, 1, site("b.org"));
    // The other VM's ticket, and serials of the other VM's questions.
    let effects = desk.tell(Input::Point(foot.net, FromPoint::CutDone { ticket: mails.id }));
    assert!(!effects.contains(&Effect::ClosePoint(mail.net)));
    desk.tell(Input::Point(mail.net, FromPoint::Forget { serial: 1 }));
    let Ok(cofferdam_monitor_core::Reply::Pending(open)) = desk.order(Order::Pending) else { panic!() };
    assert_eq!(open.len(), 1, "the question of foot is still open");
    let grant = mails.grant.unwrap();
    let (_, effects) = desk.begin(Order::Revoke(grant));
    assert_eq!(cuts(&effects), [mails.id], "the ticket of mail is still known");
}

#[test]
fn a_socket_that_was_closed_says_nothing() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    desk.tell(Input::PointClosed(mail.net));
    assert!(desk.ask(&mail, 1, site("a.org")).is_empty());
    assert!(desk.tell(Input::PointBroken(PointId(999))).is_empty());
    assert_eq!(desk.core.faults(), 1);
}

#[test]
fn a_compositor_that_answers_what_was_not_asked_is_not_believed() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    desk.ask(&mail, 1, site("a.org"));
    assert!(verdicts(&desk.answer(PromptId(77), Answer::Always)).is_empty());
    let effects =
        desk.tell(Input::Screen(FromScreen::Ask { serial: 1, vm: mail.id.clone(), resource: site("a.org") }));
    assert!(effects.contains(&Effect::CloseScreen), "it asks for transfers only");
    assert_eq!(refusals(&effects), [Refusal::Silence]);
}

#[test]
fn wishes_are_bounded() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    let file = || PortalWish::ChooseFile {
        title: Label::new("x"),
        kind: cofferdam_policy::FileKind::File,
        access: cofferdam_policy::FileAccess::Read,
        suggested: Label::default(),
    };
    for n in 0..1_000 {
        desk.wish(&mail, n, file());
    }
    let Ok(cofferdam_monitor_core::Reply::Choosers(open)) = desk.order(Order::Choosers) else { panic!() };
    assert_eq!(open.len(), 4);
    let note = |tag| PortalWish::Notify { tag, title: Label::new("x"), body: Passage::default() };
    for n in 1_000..2_000 {
        desk.wish(&mail, n, note(u64::from(n)));
    }
    let Ok(cofferdam_monitor_core::Reply::Pending(open)) = desk.order(Order::Pending) else { panic!() };
    assert_eq!(open.len(), 4, "notes leave room for questions about other things");
    assert!(desk.lines().len() < 100);
}

#[test]
fn a_shepherd_speaks_for_one_vm_and_one_run() {
    let mut desk = Desk::new();
    let new = desk.register("mail", None, 2_000_000_000_000);
    let old = desk.register("mail", None, 1_900_000_000_000);
    assert!(desk.seen.contains(&Effect::CloseLink(old.link)));
    assert_eq!(prompts(&desk.ask(&new, 1, site("a.org"))).len(), 1, "the newer run stays");
    let again = desk.register("mail", None, 2_000_000_000_000);
    assert!(desk.seen.contains(&Effect::ClosePoint(new.net)), "new sockets take the place of the old ones");
    assert_eq!(prompts(&desk.ask(&again, 1, site("b.org"))).len(), 1);
    let point = |e: &Effect| matches!(e, Effect::Point(p, ToPoint::Decided { .. }) if *p == new.net);
    assert!(!desk.seen.iter().any(point));
}
