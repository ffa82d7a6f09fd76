// SPDX-License-Identifier: GPL-3.0-or-later
//! Guests that ask without end. In: all that a guest can bring about again and again without a person. Out: a
//! ledger that stays small: each line is synced to the disk, and kept for a month.

use super::desk::{Desk, Guest, site, vm};
use cofferdam_ids::{Label, Passage};
use cofferdam_monitor_core::{Input, Order};
use cofferdam_monitor_wire::point::{FromPoint, PortalWish};
use cofferdam_monitor_wire::screen::FromScreen;
use cofferdam_policy::{Content, FileAccess, FileKind, Kind, Level, Refusal, Resource};

/// Rounds of each flood, all in the same moment.
const ROUNDS: u32 = 3_000;
/// Serials of what is open before a flood are above this.
const OPEN: u32 = 1_000_000;
/// Lines that questions and refusals of one VM may get at once.
const LINES: usize = 200;
/// Lines that the use of what was allowed may get at once.
const USES: usize = 1_100;

fn uri() -> PortalWish {
    PortalWish::OpenUri { uri: "https://a.org/".into() }
}

fn note(tag: u32) -> PortalWish {
    PortalWish::Notify { tag: tag.into(), title: Label::new("x"), body: Passage::default() }
}

fn idle() -> PortalWish {
    PortalWish::InhibitIdle { reason: Label::new("x") }
}

fn file() -> PortalWish {
    let (kind, access) = (FileKind::File, FileAccess::Read);
    PortalWish::ChooseFile { title: Label::new("x"), kind, access, suggested: Label::default() }
}

fn wished_and_forgotten(desk: &mut Desk, guest: &Guest, n: u32, wish: PortalWish) {
    desk.wish(guest, n, wish);
    desk.tell(Input::Point(guest.agent, FromPoint::Forget { serial: n }));
}

fn asked_and_forgotten(desk: &mut Desk, guest: &Guest, n: u32, resource: Resource) {
    desk.ask(guest, n, resource);
    desk.tell(Input::Point(guest.net, FromPoint::Forget { serial: n }));
}

fn paste_asked_and_forgotten(desk: &mut Desk, guest: &Guest, n: u32) {
    let content = [Content::Text, Content::Image, Content::Files][n as usize % 3];
    let resource = Resource::Clipboard { from: vm("foot"), content };
    desk.tell(Input::Screen(FromScreen::Ask { serial: n, vm: guest.id.clone(), resource }));
    desk.tell(Input::Screen(FromScreen::Forget { serial: n }));
}

/// What a flood is called, what is open before it, one round of it, and how many lines it may leave.
type Flood = (&'static str, Option<PortalWish>, fn(&mut Desk, &Guest, u32), usize);

fn floods() -> Vec<Flood> {
    vec![
        ("addresses", None, |d, g, n| wished_and_forgotten(d, g, n, uri()), LINES),
        ("addresses behind another", Some(uri()), |d, g, n| wished_and_forgotten(d, g, n, uri()), LINES),
        ("addresses that wait", Some(uri()), |d, g, n| drop(d.wish(g, n, uri())), LINES),
        ("notes", None, |d, g, n| wished_and_forgotten(d, g, n, note(n)), LINES),
        ("notes behind another", Some(note(0)), |d, g, n| wished_and_forgotten(d, g, n, note(n)), LINES),
        ("notes in other words", Some(note(0)), |d, g, n| drop(d.wish(g, n, note(1))), LINES),
        (
            "notes that are taken back",
            Some(note(0)),
            |d, g, n| {
                d.wish(g, n, note(n));
                d.wish(g, n + ROUNDS, PortalWish::Unnotify { tag: n.into() });
            },
            LINES,
        ),
        ("reasons to stay on", None, |d, g, n| wished_and_forgotten(d, g, n, idle()), LINES),
        ("reasons behind another", Some(idle()), |d, g, n| wished_and_forgotten(d, g, n, idle()), LINES),
        ("files", None, |d, g, n| wished_and_forgotten(d, g, n, file()), LINES),
        ("files behind another", Some(file()), |d, g, n| wished_and_forgotten(d, g, n, file()), LINES),
        ("one site", None, |d, g, n| asked_and_forgotten(d, g, n, site("a.org")), LINES),
        ("sites", None, |d, g, n| asked_and_forgotten(d, g, n, site(&format!("h{n}.org"))), LINES),
        ("sites that wait", None, |d, g, n| drop(d.ask(g, n, site(&format!("h{n}.org")))), LINES),
        ("pastes", None, paste_asked_and_forgotten, LINES),
        ("nonsense", None, |d, g, n| drop(d.wish(g, n, PortalWish::OpenUri { uri: "x".into() })), LINES),
        (
            "refusals of a point",
            None,
            |d, g, n| {
                let (resource, why) = (site(&format!("h{n}.org")), Refusal::Mismatch);
                d.tell(Input::Point(g.net, FromPoint::Refused { resource, why }));
            },
            LINES,
        ),
    ]
}

fn desk() -> (Desk, Guest) {
    let mut desk = Desk::new();
    desk.openers(&["firefox"]);
    desk.vm("foot");
    let mail = desk.vm("mail");
    (desk, mail)
}

#[test]
fn no_flood_fills_the_ledger() {
    let mut findings = Vec::new();
    for (name, open, round, most) in floods() {
        let (mut desk, mail) = desk();
        if let Some(wish) = open {
            desk.wish(&mail, OPEN, wish);
        }
        let before = desk.lines().len();
        for n in 1..=ROUNDS {
            round(&mut desk, &mail, n);
        }
        let lines = desk.lines().len() - before;
        if lines > most {
            findings.push(format!("{name}: {lines} lines, {most} at most"));
        }
    }
    assert!(findings.is_empty(), "{findings:#?}");
}

#[test]
fn nor_does_what_is_allowed() {
    for (kind, wish) in
        [(Kind::Notifications, note as fn(u32) -> PortalWish), (Kind::IdleInhibit, |_| idle())]
    {
        let (mut desk, mail) = desk();
        desk.order(Order::SetLevel { vm: mail.id.clone(), kind, level: Level::All }).unwrap();
        let before = desk.lines().len();
        for n in 1..=ROUNDS {
            wished_and_forgotten(&mut desk, &mail, n, wish(n));
        }
        let lines = desk.lines().len() - before;
        assert!((1_000..=USES).contains(&lines), "{kind}: {lines} lines");
    }
}

#[test]
fn a_flood_that_goes_on_is_a_trickle_in_the_ledger() {
    let (mut desk, mail) = desk();
    desk.wish(&mail, OPEN, uri());
    let before = desk.lines().len();
    // An hour.
    for n in 1..=36_000 {
        wished_and_forgotten(&mut desk, &mail, n, uri());
        desk.pass(100);
    }
    let lines = desk.lines().len() - before;
    assert!(lines < 2_000, "{lines} lines");
}

#[test]
fn what_waits_is_written_when_it_is_shown() {
    let (mut desk, mail) = desk();
    let asked = |desk: &Desk| {
        let asked = |e: &cofferdam_policy::Event| matches!(e, cofferdam_policy::Event::Asked { .. });
        desk.lines().iter().filter(|e| asked(e)).count()
    };
    desk.wish(&mail, 1, uri());
    desk.wish(&mail, 2, uri());
    assert_eq!(asked(&desk), 1, "the second one waits, and nobody has seen it");
    let effects = desk.tell(Input::Point(mail.agent, FromPoint::Forget { serial: 1 }));
    assert_eq!(super::desk::prompts(&effects).len(), 1, "now it is seen");
    assert_eq!(asked(&desk), 2);
    desk.wish(&mail, 3, uri());
    *desk.memory.full.borrow_mut() = true;
    let effects = desk.tell(Input::Point(mail.agent, FromPoint::Forget { serial: 2 }));
    assert!(super::desk::prompts(&effects).is_empty(), "what can't be written is not shown");
    let denied = cofferdam_monitor_wire::point::PortalOutcome::Denied(Refusal::NoLedger);
    assert_eq!(super::desk::outcomes(&effects), [denied]);
}
