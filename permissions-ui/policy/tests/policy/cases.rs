// SPDX-License-Identifier: GPL-3.0-or-later
//! Single cases that people rely on. In: a few events. Out: the decision, and what it says for itself.

use crate::world::{registered, site, vm};
use cofferdam_policy::{
    AdminRules, Answer, ApplyError, Author, Contact, Content, Decision, Effect, Event, Grant, GrantId, Host,
    Key, Kind, Level, Lifetime, MAX_PARENTS, Millis, Origin, Refusal, Resource, Rule, RuleFault, Says, State,
    Transport, Who, Zone,
};

const NOW: Millis = Millis(1_000);

fn with(events: &[Event]) -> State {
    let mut state = State::new();
    for event in [registered(&vm("mail"), "mail", None, 5)].iter().chain(events) {
        state.apply(NOW, event).unwrap();
    }
    state
}

fn grant(id: u64, key: Key, effect: Effect, lifetime: Lifetime) -> Event {
    let author = Author::Prompt;
    Event::Granted(Grant { id: GrantId(id), vm: vm("mail"), key, effect, lifetime, author, at: NOW })
}

fn level(kind: Kind, level: Level) -> Event {
    Event::LevelSet { vm: vm("mail"), kind, level, by: Author::Person }
}

fn rule(host: Option<&str>, zone: Option<Zone>, says: Says) -> Rule {
    Rule {
        name: "10-fleet.toml, line 3".into(),
        origin: Origin::Admin,
        who: Who::App("m*".parse().unwrap()),
        kind: Some(Kind::Network),
        host: host.map(|h| Host::parse(h).unwrap()),
        zone,
        says,
    }
}

fn imap() -> Resource {
    site("imap.example.org", Zone::Internet)
}

#[test]
fn a_person_is_told_why() {
    let key = imap().key();
    for (events, expected) in [
        (vec![], "You would be asked: the level is \"ask\", as for every new app."),
        (vec![level(Kind::Network, Level::Off)], "Not allowed: the level is \"off\", set by you."),
        (vec![level(Kind::Network, Level::Internet)], "Allowed: the level is \"internet\", set by you."),
        (
            vec![grant(0, key.clone(), Effect::Allow, Lifetime::Run(5))],
            "Allowed: allowed until the app is closed by you, when you were asked (grant 0).",
        ),
        (
            vec![grant(0, key, Effect::Deny, Lifetime::Standing), level(Kind::Network, Level::Internet)],
            "Not allowed: \"never\" was said by you, when you were asked (grant 0).",
        ),
        (
            vec![Event::Silenced { vm: vm("mail"), kind: Kind::Network }],
            "Not allowed: it asked too often and is not heard until it is closed.",
        ),
        (vec![Event::Closed { vm: vm("mail"), run: 5 }], "Not allowed: the app is not running."),
    ] {
        assert_eq!(with(&events).explain(&vm("mail"), &imap(), NOW).to_string(), expected);
    }
}

#[test]
fn rules_speak_of_names_label_by_label() {
    let deny = |h| rule(Some(h), None, Says::Deny);
    for (rules, host, zone, expected) in [
        (vec![deny("example.org")], "imap.example.org", Zone::Internet, Some(false)),
        (vec![deny("example.org")], "example.org", Zone::Vm, Some(false)),
        (vec![deny("example.org")], "badexample.org", Zone::Internet, None),
        (vec![deny("imap.example.org")], "example.org", Zone::Internet, None),
        (vec![deny("192.0.2.7")], "192.0.2.7", Zone::Internet, Some(false)),
        (vec![rule(Some("org"), None, Says::Allow)], "a.b.c.org", Zone::Internet, Some(true)),
        // What is allowed by name alone is not allowed to lie in the local network.
        (vec![rule(Some("org"), None, Says::Allow)], "a.b.c.org", Zone::Local, None),
        (vec![rule(None, Some(Zone::Local), Says::Allow)], "printer", Zone::Local, Some(true)),
        (vec![rule(Some("org"), None, Says::Allow), deny("b.org")], "a.b.org", Zone::Internet, Some(false)),
        (vec![rule(None, None, Says::AtMost(Level::Off))], "a.b.org", Zone::Internet, Some(false)),
        (vec![rule(None, None, Says::Initially(Level::All))], "a.b.org", Zone::Host, Some(true)),
    ] {
        let mut state = with(&[]);
        state.set_admin(AdminRules::new(rules.clone()).unwrap());
        let said = match state.decide(&vm("mail"), &site(host, zone), NOW) {
            Decision::Allow { .. } => Some(true),
            Decision::Deny(why) => {
                assert_eq!(why, Refusal::Admin);
                Some(false)
            }
            Decision::Ask { .. } => None,
        };
        assert_eq!(said, expected, "{host} {zone:?} {rules:?}");
    }
}

#[test]
fn rules_without_sense_are_refused() {
    let clip = Rule { kind: Some(Kind::Clipboard), ..rule(Some("a.org"), None, Says::Deny) };
    for (bad, why) in [
        (clip, RuleFault::NotNetwork(Kind::Clipboard)),
        (rule(None, Some(Zone::Vm), Says::AtMost(Level::Ask)), RuleFault::LevelOfPart),
        (Rule { kind: None, ..rule(None, None, Says::Allow) }, RuleFault::AllowsEverything),
        (
            Rule { kind: Some(Kind::Files), ..rule(None, None, Says::AtMost(Level::All)) },
            RuleFault::NoSuchLevel { kind: Kind::Files, level: Level::All },
        ),
    ] {
        let refused = AdminRules::new(vec![rule(None, None, Says::Deny), bad]).unwrap_err();
        assert_eq!((refused.index, refused.why), (1, why));
    }
}

#[test]
fn the_further_away_the_shorter_a_yes_can_last() {
    use Answer::{Always, Hour, ThisTime, Today, UntilClosed};
    let from = vm("web");
    let cases: [(Resource, &[Answer]); 6] = [
        (imap(), &[ThisTime, UntilClosed, Hour, Today, Always]),
        (site("192.0.2.7", Zone::Internet), &[ThisTime, UntilClosed, Hour]),
        (site("printer", Zone::Host), &[ThisTime, UntilClosed]),
        (
            Resource::Clipboard { from: from.clone(), content: Content::Text },
            &[ThisTime, UntilClosed, Always],
        ),
        (Resource::DragAndDrop { from, content: Content::Files }, &[ThisTime]),
        (Resource::OpenUri { scheme: "https".into() }, &[]),
    ];
    for (resource, expected) in cases {
        let said = with(&[]).decide(&vm("mail"), &resource, NOW);
        assert_eq!(said, Decision::Ask { answers: expected });
    }
}

#[test]
fn a_yes_until_closed_does_not_come_back_with_the_same_run() {
    let mut state = with(&[grant(0, imap().key(), Effect::Allow, Lifetime::Run(5))]);
    for (event, allowed) in [
        (registered(&vm("mail"), "mail", None, 5), true),
        (Event::Closed { vm: vm("mail"), run: 4 }, true),
        (Event::Closed { vm: vm("mail"), run: 5 }, false),
        (registered(&vm("mail"), "mail", None, 5), false),
    ] {
        state.apply(NOW, &event).unwrap();
        let said = state.decide(&vm("mail"), &imap(), NOW);
        assert_eq!(matches!(said, Decision::Allow { .. }), allowed, "{event:?}");
    }
}

#[test]
fn today_is_never_longer_than_a_day() {
    for (midnight, end) in [(NOW.plus(5), NOW.plus(5)), (Millis(u64::MAX), NOW.plus(25 * Millis::HOUR))] {
        let grant = with(&[]).grant_for(&vm("mail"), &imap(), Answer::Today, NOW, midnight).unwrap();
        assert_eq!(grant.lifetime, Lifetime::Until(end));
    }
}

#[test]
fn a_name_that_stands_for_another_app_starts_with_nothing() {
    let mut state = with(&[
        grant(0, imap().key(), Effect::Allow, Lifetime::Standing),
        level(Kind::Clipboard, Level::Off),
    ]);
    assert!(matches!(state.decide(&vm("mail"), &imap(), NOW), Decision::Allow { .. }));
    state.apply(NOW, &registered(&vm("mail"), "other", None, 6)).unwrap();
    assert!(matches!(state.decide(&vm("mail"), &imap(), NOW), Decision::Ask { .. }));
    assert_eq!(state.level(&vm("mail"), Kind::Clipboard), (Level::Ask, None));
    assert_eq!((state.next_expiry(), state.next_grant_id()), (None, GrantId(1)));
}

#[test]
fn what_can_not_be_true_is_refused() {
    let key = || imap().key();
    let id = vm("mail");
    for (event, why) in [
        (
            Event::LevelSet { vm: vm("web"), kind: Kind::Files, level: Level::Off, by: Author::Person },
            ApplyError::UnknownVm(vm("web")),
        ),
        (registered(&id, "mail", None, 4), ApplyError::OldRun { vm: id.clone(), run: 4 }),
        (registered(&id, "other", None, 5), ApplyError::OldRun { vm: id.clone(), run: 5 }),
        (grant(0, key(), Effect::Deny, Lifetime::Standing), ApplyError::OldGrant(GrantId(0))),
        (grant(9, key(), Effect::Deny, Lifetime::Until(NOW)), ApplyError::TimedDeny),
        (grant(u64::MAX, key(), Effect::Allow, Lifetime::Once), ApplyError::NoNumberLeft),
        (level(Kind::Files, Level::All), ApplyError::NoSuchLevel { kind: Kind::Files, level: Level::All }),
    ] {
        let mut state = with(&[grant(0, key(), Effect::Allow, Lifetime::Standing)]);
        assert_eq!(state.apply(NOW, &event), Err(why));
        assert_eq!(state.next_grant_id(), GrantId(1));
    }
}

#[test]
fn families_are_bounded_and_may_not_be_rings() {
    let name = |n: usize| vm(&format!("vm-{n}"));
    let mut state = State::new();
    for n in 0..=MAX_PARENTS + 1 {
        let parent = n.checked_sub(1).map(name);
        state.apply(NOW, &registered(&name(n), "mail", parent.as_ref(), 1)).unwrap();
        let event =
            Event::LevelSet { vm: name(n), kind: Kind::Network, level: Level::All, by: Author::Person };
        state.apply(NOW, &event).unwrap();
        let allowed = matches!(state.decide(&name(n), &imap(), NOW), Decision::Allow { .. });
        assert_eq!(allowed, n <= MAX_PARENTS, "{n}");
    }
    state.apply(NOW, &registered(&name(0), "mail", Some(&name(1)), 2)).unwrap();
    assert_eq!(state.decide(&name(1), &imap(), NOW), Decision::Deny(Refusal::Parent));
    let _total = state.explain(&name(1), &imap(), NOW).to_string();
}

#[test]
fn long_names_and_names_that_no_parser_made_are_judged_too() {
    let mut state = with(&[]);
    state.set_admin(AdminRules::new(vec![rule(Some("a.a"), None, Says::Deny)]).unwrap());
    for raw in ["a.".repeat(126) + "a", ".".repeat(1_000), String::new(), "a".repeat(100_000)] {
        let contact = Contact {
            host: Host::Name(raw.clone()),
            zone: Zone::Internet,
            transport: Transport::Udp,
            port: 0,
        };
        let denied =
            state.decide(&vm("mail"), &Resource::Network(contact), NOW) == Decision::Deny(Refusal::Admin);
        assert_eq!(denied, raw.ends_with(".a"));
    }
}

#[test]
fn a_host_is_a_plain_name_or_a_plain_address() {
    for raw in [
        "10.0.0.1.",
        "127.1",
        "127.0.1",
        "0x7f.1",
        "0x7f000001",
        "0X7F.0.0.1",
        "0x",
        "2130706433",
        "0177.0.0.1",
        "127.0.0.01",
        "1.2.3.4.5",
        "256.1.1.1",
        "a.org.1",
        "[10.0.0.1]",
        "[[::1]]",
        "[::1",
        "::1]",
        "fe80::1%eth0",
        "[fe80::1%25eth0]",
        "::1.",
        "\u{ff11}27.0.0.1",
        "%31%32%37.1",
        "a..org",
        "a.org..",
        ".",
        "",
    ] {
        let read = Host::parse(raw);
        assert!(read.is_err(), "{raw:?} is {read:?}");
    }
    for (raw, addr) in [
        ("10.0.0.1", "10.0.0.1"),
        ("::1", "::1"),
        ("[::1]", "::1"),
        ("::ffff:127.0.0.1", "127.0.0.1"),
        ("[0:0:0:0:0:ffff:7f00:1]", "127.0.0.1"),
    ] {
        assert_eq!(Host::parse(raw), Ok(Host::Addr(addr.parse().unwrap())), "{raw}");
    }
    for (raw, name) in [
        ("Example.ORG.", "example.org"),
        ("1and1.com", "1and1.com"),
        ("127.0.0.1.nip.io", "127.0.0.1.nip.io"),
        ("0x7f.example", "0x7f.example"),
        ("4chan", "4chan"),
        ("xn--p1ai", "xn--p1ai"),
        ("_dns.a.org", "_dns.a.org"),
    ] {
        let host = Host::parse(raw).unwrap();
        assert_eq!(host, Host::Name(name.into()), "{raw}");
        assert_eq!(Host::parse(&host.to_string()), Ok(host), "written and read it is the same");
    }
}

#[test]
fn an_address_says_where_it_is() {
    for (addr, expected) in [
        ("93.184.216.34", Zone::Internet),
        ("2606:2800:220:1::1", Zone::Internet),
        ("127.0.0.1", Zone::Host),
        ("0.0.0.0", Zone::Host),
        ("::1", Zone::Host),
        ("::ffff:127.0.0.1", Zone::Host),
        ("::ffff:192.168.1.1", Zone::Local),
        ("64:ff9b::7f00:1", Zone::Host),
        ("64:ff9b::5db8:d822", Zone::Internet),
        ("10.0.2.16", Zone::Vm),
        ("fd00:cffe::16", Zone::Vm),
        ("10.1.2.3", Zone::Local),
        ("172.16.0.1", Zone::Local),
        ("172.32.0.1", Zone::Internet),
        ("192.168.0.1", Zone::Local),
        ("192.0.0.8", Zone::Local),
        ("169.254.169.254", Zone::Local),
        ("100.64.0.1", Zone::Local),
        ("198.18.0.7", Zone::Local),
        ("224.0.0.251", Zone::Local),
        ("255.255.255.255", Zone::Local),
        ("fe80::1", Zone::Local),
        ("fc00::1", Zone::Local),
        ("ff02::1", Zone::Local),
        ("2002:7f00:1::1", Zone::Local),
        ("2001:0:1::1", Zone::Local),
        ("::7f00:1", Zone::Local),
    ] {
        assert_eq!(Zone::of(addr.parse().unwrap()), expected, "{addr}");
    }
}

#[test]
fn a_never_about_an_address_holds_wherever_the_address_is() {
    let addr = |zone| site("2001:db8::7", zone);
    let never = grant(0, addr(Zone::Internet).key(), Effect::Deny, Lifetime::Standing);
    let yes = grant(1, addr(Zone::Local).key(), Effect::Allow, Lifetime::Standing);
    let all = level(Kind::Network, Level::All);
    let state = with(&[never, yes, all]);
    for zone in Zone::ALL {
        let said = state.decide(&vm("mail"), &addr(zone), NOW);
        assert_eq!(said, Decision::Deny(Refusal::Never), "{zone:?}");
    }
    // Of a name the Internet is another place than home.
    let name = grant(0, site("a.org", Zone::Local).key(), Effect::Deny, Lifetime::Standing);
    let state = with(&[name, level(Kind::Network, Level::All)]);
    assert!(matches!(state.decide(&vm("mail"), &site("a.org", Zone::Internet), NOW), Decision::Allow { .. }));
}

#[test]
fn the_level_internet_is_about_names() {
    let never = grant(0, site("bad.org", Zone::Internet).key(), Effect::Deny, Lifetime::Standing);
    let decide = |events: &[Event], resource: Resource| with(events).decide(&vm("mail"), &resource, NOW);
    let internet = [never, level(Kind::Network, Level::Internet)];
    assert!(matches!(decide(&internet, imap()), Decision::Allow { .. }));
    assert_eq!(decide(&internet, site("bad.org", Zone::Internet)), Decision::Deny(Refusal::Never));
    // It may be the address of the name that was refused.
    assert!(matches!(decide(&internet, site("93.184.216.34", Zone::Internet)), Decision::Ask { .. }));
    assert_eq!(decide(&internet, site("192.168.1.1", Zone::Local)), Decision::Deny(Refusal::NotListed));
    let silenced =
        [internet.to_vec(), vec![Event::Silenced { vm: vm("mail"), kind: Kind::Network }]].concat();
    assert_eq!(decide(&silenced, site("93.184.216.34", Zone::Internet)), Decision::Deny(Refusal::Silenced));
    assert!(matches!(decide(&silenced, imap()), Decision::Allow { .. }));
    let all = [level(Kind::Network, Level::All)];
    assert!(matches!(decide(&all, site("93.184.216.34", Zone::Internet)), Decision::Allow { .. }));
}

#[test]
fn a_yes_to_the_network_stops_at_the_front_door() {
    let key = Key::All(Kind::Network);
    let zones = |events: &[Event]| {
        let state = with(events);
        Zone::ALL.map(|zone| {
            matches!(state.decide(&vm("mail"), &site("printer", zone), NOW), Decision::Allow { .. })
        })
    };
    let yes = grant(0, key.clone(), Effect::Allow, Lifetime::Standing);
    assert_eq!(zones(std::slice::from_ref(&yes)), [true, false, false, false]);
    let home = grant(1, Key::Zone(Zone::Local), Effect::Allow, Lifetime::Standing);
    assert_eq!(zones(&[yes.clone(), home.clone()]), [true, true, false, false]);
    assert_eq!(
        zones(&[grant(0, Key::Zone(Zone::Host), Effect::Allow, Lifetime::Once)]),
        [false, false, true, false]
    );
    let no_home = grant(1, Key::Zone(Zone::Local), Effect::Deny, Lifetime::Standing);
    assert_eq!(zones(&[level(Kind::Network, Level::All), no_home]), [true, false, true, true]);
    let never = grant(2, key, Effect::Deny, Lifetime::Standing);
    assert_eq!(
        zones(&[level(Kind::Network, Level::All), home, never]),
        [false; 4],
        "a no is about all of it"
    );
}
