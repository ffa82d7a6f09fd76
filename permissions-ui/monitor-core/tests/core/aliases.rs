// SPDX-License-Identifier: GPL-3.0-or-later
//! Other names of what was allowed. In: what a gateway learned from the name servers. Out: no, if one of them is
//! forbidden; nobody is asked anything.

use crate::desk::{Desk, Guest, prompts, site, vm};
use cofferdam_monitor_core::{Effect, Input, Order, Span};
use cofferdam_monitor_wire::point::{FromPoint, MAX_ALIASES, ToPoint};
use cofferdam_policy::{Event, Host, Kind, Level, Refusal, Resource};

/// The word about a site with these other names.
fn word(desk: &mut Desk, guest: &Guest, names: &[&str]) -> Result<(), Refusal> {
    let Resource::Network(contact) = site("a.org") else { panic!() };
    let names = names.iter().map(|name| Host::parse(name).unwrap()).collect();
    let effects = desk.tell(Input::Point(guest.net, FromPoint::Aliases { serial: 9, contact, names }));
    assert!(prompts(&effects).is_empty());
    let word = effects.iter().find_map(|effect| match effect {
        Effect::Point(point, ToPoint::Checked { serial: 9, verdict }) if *point == guest.net => {
            Some(*verdict)
        }
        _ => None,
    });
    word.expect("a word")
}

fn say(desk: &mut Desk, name: &str, target: &str, span: Span) {
    let order = Order::Grant { vm: vm(name), kind: Kind::Network, target: target.into(), span };
    desk.order(order).unwrap();
}

#[test]
fn only_what_somebody_forbade_counts() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    say(&mut desk, "mail", "a.org", Span::Always);
    assert_eq!(word(&mut desk, &mail, &["cdn.org", "edge.org"]), Ok(()), "nobody has spoken of them");
    say(&mut desk, "mail", "tracker.org", Span::Never);
    assert_eq!(word(&mut desk, &mail, &["cdn.org", "edge.org"]), Ok(()));
    assert_eq!(word(&mut desk, &mail, &["cdn.org", "tracker.org"]), Err(Refusal::Never));
    let refused =
        |e: &Event| matches!(e, Event::Refused { resource, .. } if *resource == site("tracker.org"));
    assert!(desk.lines().iter().any(refused), "and the person can read why");
    let order = Order::SetLevel { vm: vm("mail"), kind: Kind::Network, level: Level::All };
    desk.order(order).unwrap();
    assert_eq!(word(&mut desk, &mail, &["tracker.org"]), Err(Refusal::Never), "whatever the level is");
    let foot = desk.vm("foot");
    assert_eq!(word(&mut desk, &foot, &["tracker.org"]), Ok(()), "another app's never");
}

#[test]
fn a_child_has_no_more_names_than_its_parent() {
    let mut desk = Desk::new();
    desk.vm("mail");
    let child = desk.child("viewer", Some("mail"));
    say(&mut desk, "mail", "tracker.org", Span::Never);
    assert_eq!(word(&mut desk, &child, &["tracker.org"]), Err(Refusal::Never));
    assert_eq!(word(&mut desk, &child, &["cdn.org"]), Ok(()));
}

#[test]
fn too_many_names_are_a_broken_gateway() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    let Resource::Network(contact) = site("a.org") else { panic!() };
    let names = vec![contact.host.clone(); MAX_ALIASES + 1];
    let wrong = FromPoint::Aliases { serial: 1, contact: contact.clone(), names };
    desk.tell(Input::Point(mail.net, wrong));
    assert_eq!(desk.core.faults(), 1);
    let foot = desk.vm("foot");
    let wrong = FromPoint::Aliases { serial: 1, contact, names: Vec::new() };
    desk.tell(Input::Point(foot.agent, wrong));
    assert_eq!(desk.core.faults(), 2, "only a gateway has such questions");
}
