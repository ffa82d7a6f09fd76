// SPDX-License-Identifier: GPL-3.0-or-later
//! Published failures of other systems, replayed. In: what went wrong there. Out: that it does not here.

use crate::desk::{Desk, answer_of, cuts, outcomes, prompts, site, verdicts, vm};
use cofferdam_ids::{Identity, Label, Passage};
use cofferdam_monitor_core::{Effect, Input, LinkId, Newcomer, Order, PointId, Reply, Role, Span};
use cofferdam_monitor_wire::point::{FromPoint, PortalOutcome, PortalWish, ToPoint};
use cofferdam_monitor_wire::registry::FromMonitor;
use cofferdam_monitor_wire::screen::{About, ToScreen};
use cofferdam_policy::{Answer, Kind, Level, Refusal, Resource, Usage, Zone};

/// A firewall rule was removed, and the download went on until its end.
#[test]
fn revoked_rule_but_live_flow_goes_on() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    let id = prompts(&desk.ask(&mail, 1, site("a.org")))[0].id;
    let [(_, _, Ok(ticket))] = verdicts(&desk.answer(id, Answer::Always))[..] else { panic!() };
    let (call, effects) = desk.begin(Order::Revoke(ticket.grant.unwrap()));
    assert_eq!(cuts(&effects), [ticket.id]);
    assert_eq!(answer_of(&effects, call), None, "the person is told when it is true");
    // The gateway's last bytes may still be on their way; then it confirms.
    let usage = Usage { bytes_in: 1, ..Usage::default() };
    let late = FromPoint::Used { ticket: ticket.id, resource: site("a.org"), usage };
    let effects = desk.tell(Input::Point(mail.net, late));
    assert_eq!(answer_of(&effects, call), None);
    let effects = desk.tell(Input::Point(mail.net, FromPoint::CutDone { ticket: ticket.id }));
    assert!(matches!(answer_of(&effects, call), Some(Ok(Reply::Number(_)))));
    // A new flow to the same place is a new question, not the old ticket.
    assert_eq!(prompts(&desk.ask(&mail, 2, site("a.org"))).len(), 1);
}

/// A broader rule that came later did not reach flows that an older rule had let through.
#[test]
fn revoked_rule_but_a_level_keeps_the_flow_going() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    let id = prompts(&desk.ask(&mail, 1, site("a.org")))[0].id;
    let [(_, _, Ok(ticket))] = verdicts(&desk.answer(id, Answer::Always))[..] else { panic!() };
    desk.order(Order::SetLevel { vm: vm("mail"), kind: Kind::Network, level: Level::Internet }).unwrap();
    let (_, effects) = desk.begin(Order::Revoke(ticket.grant.unwrap()));
    assert_eq!(cuts(&effects), [ticket.id], "what lived under the permission ends with it");
}

/// An address was checked, then a shell put `$HOME` into it on the way to the browser.
#[test]
fn string_expanded_after_the_policy_check() {
    let mut desk = Desk::new();
    let (mail, web) = (desk.vm("mail"), desk.vm("firefox"));
    desk.openers(&["firefox"]);
    for hostile in
        ["https://a.org/$(id)|x", "https://a.org/`id`", "https://a.org/ --new-window", "https://a.org/\0"]
    {
        let effects = desk.wish(&mail, 1, PortalWish::OpenUri { uri: hostile.to_owned() });
        let outcome = &outcomes(&effects)[..];
        assert!(matches!(outcome, [PortalOutcome::Denied(_)]), "{hostile}: {outcome:?}");
    }
    let uri = "https://a.org/%24HOME/%2e%2e/~";
    let effects = desk.wish(&mail, 2, PortalWish::OpenUri { uri: uri.to_owned() });
    let [prompt] = &prompts(&effects)[..] else { panic!() };
    let About::OpenUri { uri: shown, .. } = &prompt.about else { panic!() };
    assert_eq!(shown.as_str(), uri, "shown as it is");
    let effects = desk.answer(prompt.id, Answer::Pick(0));
    let opened = |e: &Effect| matches!(e, Effect::Shepherd(link, FromMonitor::Open { uri: u, .. }) if *link == web.link && u == uri);
    assert!(effects.iter().any(opened), "and opened as it was shown");
}

/// Two prompts of one app were on the screen at once; the answer to one was taken for the other.
#[test]
fn two_prompts_at_once_that_cant_be_told_apart() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    desk.vm("firefox");
    desk.openers(&["firefox"]);
    let open = |uri: &str| PortalWish::OpenUri { uri: uri.to_owned() };
    let first = prompts(&desk.wish(&mail, 1, open("https://good.org")));
    assert!(prompts(&desk.wish(&mail, 2, open("https://evil.org"))).is_empty(), "one at a time");
    let effects = desk.answer(first[0].id, Answer::Pick(0));
    let sent = |effects: &[Effect]| {
        let uri = |e: &Effect| match e {
            Effect::Shepherd(_, FromMonitor::Open { uri, .. }) => Some(uri.clone()),
            _ => None,
        };
        effects.iter().filter_map(uri).collect::<Vec<_>>()
    };
    assert_eq!(sent(&effects), ["https://good.org"], "the answer is for what was shown");
    let second = prompts(&effects);
    assert_eq!(second.len(), 1, "then the other one");
    assert!(sent(&desk.answer(first[0].id, Answer::Pick(0))).is_empty(), "an old answer means nothing to it");
    assert_eq!(sent(&desk.answer(second[0].id, Answer::Pick(0))), ["https://evil.org"]);
    let mut on_screen = std::collections::BTreeSet::new();
    for effect in &desk.seen {
        if let Effect::Screen(ToScreen::Ask(prompt)) = effect {
            assert!(on_screen.insert(prompt.id), "a number stands for one question");
        }
    }
}

/// A name with a line break wrote a second line into the log: "allowed by you".
#[test]
fn log_injection() {
    let mut desk = Desk::new();
    let evil = "x\n1970-01-01 granted a.org always by you\u{202e}\u{200b}\r\u{1b}[2K";
    let who = Newcomer {
        vm: vm("mail"),
        app: "mail".parse().unwrap(),
        name: Label::new(evil),
        identity: Identity::Sky,
        parent: None,
        run: None,
    };
    let (link, net, agent) = (LinkId(901), PointId(902), PointId(903));
    desk.tell(Input::Registered { link, who, points: [(Role::Network, net), (Role::Agent, agent)].into() });
    let wish = PortalWish::Notify { tag: 1, title: Label::new(evil), body: Passage::new(evil) };
    let effects = desk.tell(Input::Point(agent, FromPoint::Portal { serial: 1, wish }));
    desk.answer(prompts(&effects)[0].id, Answer::Always);
    let wish = PortalWish::OpenUri { uri: format!("https://a.org/{evil}") };
    desk.tell(Input::Point(agent, FromPoint::Portal { serial: 2, wish }));
    // A host that could carry such a name is none.
    assert!(cofferdam_policy::Host::parse("a.org\nallowed").is_err());
    let log = Order::Log { vm: None, before: 0, limit: 1_000, search: String::new() };
    let Ok(Reply::Log(lines)) = desk.order(log) else { panic!() };
    assert_eq!(lines.len(), desk.lines().len(), "one line for one event");
    for line in &lines {
        for text in [&line.target, &line.detail] {
            assert!(
                !text.chars().any(|c| c.is_control() || matches!(c, '\u{202e}' | '\u{200b}')),
                "{line:?}"
            );
            assert!(!text.contains("by you\n") && !text.contains("1970"), "{line:?}");
        }
    }
    let notified = desk.seen.iter().find_map(|e| match e {
        Effect::Screen(ToScreen::Note { title, body, .. }) => Some(format!("{title}{body}")),
        _ => None,
    });
    assert!(!notified.unwrap().contains(['\n', '\u{202e}']));
}

/// A "no" was overridden because a later, wider "yes" was looked at first.
#[test]
fn a_wider_yes_does_not_beat_a_narrow_no() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    for (target, span) in [("bad.org", Span::Never), ("all", Span::Always)] {
        desk.order(Order::Grant { vm: vm("mail"), kind: Kind::Network, target: target.into(), span })
            .unwrap();
    }
    let decided = |effects: &[Effect]| {
        effects.iter().any(|e| matches!(e, Effect::Point(_, ToPoint::Decided { verdict: Ok(_), .. })))
    };
    assert!(!decided(&desk.ask(&mail, 1, site("bad.org"))));
    assert!(decided(&desk.ask(&mail, 2, site("good.org"))));
}

/// A "never" about an address of the home network was written down for the Internet, and never looked at.
#[test]
fn a_never_about_an_address_is_about_that_address() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    for target in ["100.64.0.1", "2001:db8::1"] {
        let (target, span) = (target.into(), Span::Never);
        desk.order(Order::Grant { vm: vm("mail"), kind: Kind::Network, target, span }).unwrap();
    }
    for (serial, (addr, zone)) in (1..).zip([("100.64.0.1", Zone::Local), ("2001:db8::1", Zone::Local)]) {
        let mut resource = site(addr);
        if let Resource::Network(contact) = &mut resource {
            contact.zone = zone;
        }
        let no = |e: &Effect| {
            let verdict = Err(Refusal::Never);
            matches!(e, Effect::Point(_, ToPoint::Decided { verdict: v, .. }) if *v == verdict)
        };
        assert!(desk.ask(&mail, serial, resource).iter().any(no), "{addr}");
    }
}

/// A datagram that was denied went on being denied after the person had said yes in the panel: the gateway
/// remembered the no and never asked again.
#[test]
fn a_yes_in_the_panel_reaches_a_gateway_that_was_told_no() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    let levels = |effects: &[Effect]| {
        let level = |e: &Effect| matches!(e, Effect::Point(p, ToPoint::Level(_)) if *p == mail.net);
        effects.iter().filter(|e| level(e)).count()
    };
    for (kind, target, span, expected) in [
        (Kind::Network, "a.org", Span::Always, 1),
        (Kind::Network, "b.org", Span::Never, 0),
        (Kind::Notifications, "all", Span::Always, 0),
    ] {
        let order = Order::Grant { vm: vm("mail"), kind, target: target.into(), span };
        let (_, effects) = desk.begin(order);
        assert_eq!(levels(&effects), expected, "{target}");
    }
}
