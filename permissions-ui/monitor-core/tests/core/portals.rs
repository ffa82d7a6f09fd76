// SPDX-License-Identifier: GPL-3.0-or-later
//! What apps ask for through portals. In: wishes. Out: choosers, picked apps, notifications, a screen that
//! stays on; or a no that the app takes for a cancelled dialog.

use crate::desk::{Desk, Guest, answer_of, cuts, outcomes, prompts, site, verdicts, vm};
use cofferdam_ids::{Label, Passage};
use cofferdam_monitor_core::{Effect, Input, Order, OrderError, Reply};
use cofferdam_monitor_wire::point::{FromPoint, PortalOutcome, PortalWish};
use cofferdam_monitor_wire::registry::FromMonitor;
use cofferdam_monitor_wire::screen::{Abilities, About, FromScreen, ToScreen};
use cofferdam_policy::{Answer, Event, FileAccess, FileKind, Kind, Level, Refusal};

fn file(access: FileAccess) -> PortalWish {
    PortalWish::ChooseFile {
        title: Label::new("Open"),
        kind: FileKind::File,
        access,
        suggested: Label::default(),
    }
}

fn choose(id: u64, folder: bool, writable: bool) -> Order {
    Order::Choose { id, name: Label::new("notes.txt"), folder, writable }
}

fn only_chooser(desk: &mut Desk) -> u64 {
    let Ok(Reply::Choosers(all)) = desk.order(Order::Choosers) else { panic!() };
    assert_eq!(all.len(), 1);
    all[0].id
}

#[test]
fn one_file_is_handed_over_and_dies_with_its_ticket() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    assert!(desk.wish(&mail, 1, file(FileAccess::Read)).contains(&Effect::ChoosersChanged));
    let id = only_chooser(&mut desk);
    for (folder, writable) in [(true, false), (false, true)] {
        assert!(matches!(desk.order(choose(id, folder, writable)), Err(OrderError::WrongFile(_))));
    }
    let (call, effects) = desk.begin(choose(id, false, false));
    assert_eq!(answer_of(&effects, call), Some(Ok(Reply::Done)));
    let [PortalOutcome::File { ticket, name, folder: false, writable: false }] = &outcomes(&effects)[..]
    else {
        panic!("{effects:?}")
    };
    assert_eq!(name.as_str(), "notes.txt");
    assert!(
        effects
            .iter()
            .any(|e| matches!(e, Effect::File { point, call: c, .. } if *point == mail.agent && *c == call))
    );
    assert_eq!(desk.order(choose(id, false, false)), Err(OrderError::NoChooser), "exactly one");
    let (_, effects) = desk.begin(Order::Revoke(ticket.grant.unwrap()));
    assert_eq!(cuts(&effects), [ticket.id], "taken back where the log shows it");
}

fn files(desk: &mut Desk) -> Vec<(u64, String, bool, bool)> {
    let Ok(Reply::Files(all)) = desk.order(Order::Files(vm("mail"))) else { panic!() };
    all.into_iter().map(|f| (f.id, f.name.into(), f.folder, f.write)).collect()
}

/// Hands one over; its ticket.
fn hand_over(desk: &mut Desk, mail: &Guest, serial: u32, name: &str, writable: bool) -> u64 {
    desk.wish(mail, serial, file(FileAccess::Write));
    let id = only_chooser(desk);
    let (_, effects) = desk.begin(Order::Choose { id, name: Label::new(name), folder: false, writable });
    let [PortalOutcome::File { ticket, .. }] = &outcomes(&effects)[..] else { panic!("{effects:?}") };
    ticket.id
}

#[test]
fn files_are_listed_and_taken_back_one_by_one() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    assert!(files(&mut desk).is_empty());
    let letter = hand_over(&mut desk, &mail, 1, "letter.txt", false);
    let plan = hand_over(&mut desk, &mail, 2, "plan.txt", true);
    let both = [(letter, "letter.txt".to_owned(), false, false), (plan, "plan.txt".to_owned(), false, true)];
    assert_eq!(files(&mut desk), both);
    let Ok(Reply::Apps(apps)) = desk.order(Order::Apps) else { panic!() };
    assert_eq!(apps[0].summary, "files");
    let (call, effects) = desk.begin(Order::TakeBack(letter));
    assert_eq!(cuts(&effects), [letter], "this one and no other");
    assert_eq!(answer_of(&effects, call), None, "not before it is gone");
    assert!(desk.lines().iter().any(|e| matches!(e, Event::TakenBack { .. })));
    let (again, _) = desk.begin(Order::TakeBack(letter));
    assert_eq!(files(&mut desk), both, "it may still be read from");
    let effects = desk.tell(Input::Point(mail.agent, FromPoint::CutDone { ticket: letter }));
    for call in [call, again] {
        assert_eq!(answer_of(&effects, call), Some(Ok(Reply::Done)));
    }
    assert!(effects.contains(&Effect::Changed(Some(vm("mail")))));
    assert_eq!(files(&mut desk), both[1..]);
    for gone in [letter, 99] {
        assert_eq!(desk.order(Order::TakeBack(gone)), Err(OrderError::NoFile(gone)));
    }
    // What the app gives up, or loses with its point, is gone from the list, too.
    desk.tell(Input::Point(mail.agent, FromPoint::CutDone { ticket: plan }));
    assert!(files(&mut desk).is_empty());
    hand_over(&mut desk, &mail, 3, "third.txt", false);
    desk.tell(Input::PointClosed(mail.agent));
    assert!(files(&mut desk).is_empty());
    assert_eq!(desk.order(Order::Files(vm("nobody"))), Err(OrderError::NoVm(vm("nobody"))));
}

#[test]
fn a_number_that_is_no_file_s_takes_nothing_back() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    let all = Order::SetLevel { vm: vm("mail"), kind: Kind::Network, level: Level::All };
    desk.order(all).unwrap();
    let effects = desk.ask(&mail, 1, site("a.org"));
    let ticket = verdicts(&effects)[0].2.unwrap().id;
    let (call, effects) = desk.begin(Order::TakeBack(ticket));
    assert_eq!(answer_of(&effects, call), Some(Err(OrderError::NoFile(ticket))));
    assert!(cuts(&effects).is_empty());
}

#[test]
fn a_file_is_taken_back_though_the_disk_is_full() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    let letter = hand_over(&mut desk, &mail, 1, "letter.txt", false);
    *desk.memory.full.borrow_mut() = true;
    let (call, effects) = desk.begin(Order::TakeBack(letter));
    assert_eq!(cuts(&effects), [letter]);
    let effects = desk.tell(Input::Point(mail.agent, FromPoint::CutDone { ticket: letter }));
    assert_eq!(answer_of(&effects, call), Some(Ok(Reply::Done)), "nothing brings it back");
}

#[test]
fn a_cancelled_or_forgotten_chooser_hands_over_nothing() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    desk.wish(&mail, 1, file(FileAccess::Write));
    let id = only_chooser(&mut desk);
    let (_, effects) = desk.begin(Order::CancelChooser(id));
    assert_eq!(outcomes(&effects), [PortalOutcome::Denied(Refusal::Answered)]);
    desk.wish(&mail, 2, file(FileAccess::Write));
    let id = only_chooser(&mut desk);
    desk.tell(Input::Point(mail.agent, FromPoint::Forget { serial: 2 }));
    assert_eq!(desk.order(choose(id, false, true)), Err(OrderError::NoChooser));
    desk.wish(&mail, 3, file(FileAccess::Write));
    let off = Order::SetLevel { vm: vm("mail"), kind: Kind::Files, level: Level::Off };
    let (_, effects) = desk.begin(off);
    assert_eq!(outcomes(&effects), [PortalOutcome::Denied(Refusal::Off)], "off closes what is open");
}

#[test]
fn choosers_again_and_again_are_not_shown() {
    // Closed by the person, or taken back by the app before anybody could.
    for by_person in [true, false] {
        let mut desk = Desk::new();
        let mail = desk.vm("mail");
        let shown = (1..100).filter(|n| {
            desk.wish(&mail, *n, file(FileAccess::Read));
            let Ok(Reply::Choosers(open)) = desk.order(Order::Choosers) else { panic!() };
            let Some(chooser) = open.first() else { return false };
            if by_person {
                desk.order(Order::CancelChooser(chooser.id)).unwrap();
            } else {
                desk.tell(Input::Point(mail.agent, FromPoint::Forget { serial: *n }));
            }
            true
        });
        assert_eq!(shown.count(), 6, "by the person: {by_person}");
        assert!(desk.lines().contains(&Event::Silenced { vm: vm("mail"), kind: Kind::Files }));
        let lines = desk.lines().iter().filter(|e| matches!(e, Event::Asked { .. })).count();
        assert_eq!(lines, 6, "and none of the others is a line");
    }
    // Who is given files now and then is heard on.
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    for n in 0..40 {
        desk.wish(&mail, n, file(FileAccess::Read));
        let id = only_chooser(&mut desk);
        let order = if n % 4 == 3 { choose(id, false, false) } else { Order::CancelChooser(id) };
        desk.order(order).unwrap();
    }
}

#[test]
fn an_address_goes_to_the_app_that_was_picked() {
    let mut desk = Desk::new();
    let (mail, web) = (desk.vm("mail"), desk.vm("firefox"));
    desk.vm("foot");
    desk.openers(&["firefox", "chromium"]);
    let uri = "https://example.org/a?b=%20$(id)".replace("$(id)", "");
    let effects = desk.wish(&mail, 1, PortalWish::OpenUri { uri: uri.clone() });
    let [prompt] = &prompts(&effects)[..] else { panic!("{effects:?}") };
    let About::OpenUri { candidates, .. } = &prompt.about else { panic!() };
    let who: Vec<_> = candidates.iter().map(|c| (c.app.as_str(), c.vm.is_some())).collect();
    assert_eq!(
        who,
        [("firefox", true), ("chromium", false)],
        "what runs first; not the asker, not a terminal"
    );
    assert_eq!(prompt.answers, [Answer::Pick(0), Answer::Pick(1), Answer::Never]);
    let effects = desk.answer(prompt.id, Answer::Pick(0));
    let open = effects.iter().find_map(|e| match e {
        Effect::Shepherd(link, FromMonitor::Open { serial, uri }) => Some((*link, *serial, uri.clone())),
        _ => None,
    });
    let (link, serial, sent) = open.expect("the shepherd is asked");
    assert_eq!((link, sent), (web.link, uri));
    let stranger = desk.tell(Input::Opened { link: mail.link, serial, ok: true });
    assert!(outcomes(&stranger).is_empty(), "not from another shepherd");
    let effects = desk.tell(Input::Opened { link: web.link, serial, ok: true });
    assert_eq!(outcomes(&effects), [PortalOutcome::OpenedBy("firefox".parse().unwrap())]);
    let id = prompts(&desk.wish(&mail, 2, PortalWish::OpenUri { uri: "http://a.org".into() }))[0].id;
    let effects = desk.answer(id, Answer::Pick(1));
    let launch = effects.iter().find_map(|e| match e {
        Effect::Launch { serial, app, .. } => Some((*serial, app.to_string())),
        _ => None,
    });
    let (serial, app) = launch.expect("the launcher is asked");
    assert_eq!(app, "chromium");
    let effects = desk.tell(Input::Launched { serial, ok: false });
    assert_eq!(outcomes(&effects), [PortalOutcome::Denied(Refusal::NotRunning)]);
}

#[test]
fn an_address_that_nobody_may_open_is_no_question() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    desk.openers(&["firefox"]);
    for uri in ["file:///etc/passwd", "javascript:1", "https://a@b.org/", "nonsense"] {
        let effects = desk.wish(&mail, 1, PortalWish::OpenUri { uri: uri.to_owned() });
        assert_eq!(outcomes(&effects), [PortalOutcome::Denied(Refusal::Malformed)], "{uri}");
        assert!(prompts(&effects).is_empty());
    }
    desk.openers(&[]);
    let effects = desk.wish(&mail, 2, PortalWish::OpenUri { uri: "https://a.org".into() });
    assert_eq!(outcomes(&effects), [PortalOutcome::Denied(Refusal::NotRunning)]);
}

fn note(tag: u64) -> PortalWish {
    PortalWish::Notify { tag, title: Label::new("New mail"), body: Passage::new("from Eve") }
}

/// What the compositor is told of notes: those that it shows, and those that it takes away.
fn notes(effects: &[Effect]) -> Vec<(&str, Option<u64>)> {
    let told = |e: &Effect| match e {
        Effect::Screen(ToScreen::Note { tag, .. }) => Some(("shown", Some(*tag))),
        Effect::Screen(ToScreen::NotesGone { tag, .. }) => Some(("gone", *tag)),
        _ => None,
    };
    effects.iter().filter_map(told).collect()
}

#[test]
fn notes_go_with_the_permission_that_let_them_through() {
    let level = |level| Order::SetLevel { vm: vm("mail"), kind: Kind::Notifications, level };
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    let id = prompts(&desk.wish(&mail, 1, note(7)))[0].id;
    assert_eq!(notes(&desk.answer(id, Answer::UntilClosed)), [("shown", Some(7))]);
    let grant = desk.replayed().grants_of(&mail.id)[0].id;
    assert_eq!(notes(&desk.begin(Order::Revoke(grant)).1), [("gone", None)], "revoked");
    // For one use: it stays, although its grant is used up, until something says no.
    let id = prompts(&desk.wish(&mail, 2, note(8)))[0].id;
    assert_eq!(notes(&desk.answer(id, Answer::ThisTime)), [("shown", Some(8))]);
    let other = prompts(&desk.wish(&mail, 3, note(9)))[0].id;
    assert_eq!(notes(&desk.answer(other, Answer::NotNow)), []);
    assert_eq!(notes(&desk.begin(level(Level::Off)).1), [("gone", None)], "off");
    assert_eq!(notes(&desk.begin(level(Level::All)).1), []);
    assert_eq!(notes(&desk.wish(&mail, 4, note(9))), [("shown", Some(9))]);
    assert_eq!(notes(&desk.begin(Order::RevokeAll(vm("mail"))).1), [("gone", None)], "everything off");
    assert_eq!(notes(&desk.begin(level(Level::Off)).1), [], "there are none any more");
}

#[test]
fn a_note_that_its_app_takes_back_is_neither_seen_nor_asked_about() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    let id = prompts(&desk.wish(&mail, 1, note(7)))[0].id;
    let effects = desk.wish(&mail, 2, PortalWish::Unnotify { tag: 8 });
    assert_eq!(outcomes(&effects), [PortalOutcome::Done], "of another one");
    let effects = desk.wish(&mail, 3, PortalWish::Unnotify { tag: 7 });
    assert!(effects.contains(&Effect::Screen(ToScreen::Withdraw(id))));
    assert_eq!(outcomes(&effects), [PortalOutcome::Denied(Refusal::Silence), PortalOutcome::Done]);
    let id = prompts(&desk.wish(&mail, 4, note(7)))[0].id;
    desk.answer(id, Answer::Always);
    assert_eq!(notes(&desk.wish(&mail, 5, PortalWish::Unnotify { tag: 7 })), [("gone", Some(7))]);
}

#[test]
fn one_no_answers_all_notes_that_wait() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    let id = prompts(&desk.wish(&mail, 1, note(1)))[0].id;
    for serial in 2..5 {
        assert!(prompts(&desk.wish(&mail, serial, note(u64::from(serial)))).is_empty());
    }
    let effects = desk.answer(id, Answer::NotNow);
    assert!(prompts(&effects).is_empty(), "once for all of them");
    assert_eq!(outcomes(&effects), vec![PortalOutcome::Denied(Refusal::Answered); 4]);
}

#[test]
fn a_note_that_changes_while_it_waits_is_one_question_and_its_withdrawal_is_no_answer() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    assert_eq!(prompts(&desk.wish(&mail, 1, note(7))).len(), 1);
    desk.wish(&mail, 2, note(7));
    let effects = desk.wish(&mail, 3, note(7));
    assert_eq!(
        outcomes(&effects),
        [PortalOutcome::Denied(Refusal::Silence)],
        "of the one that is out of date"
    );
    let effects = desk.wish(&mail, 4, PortalWish::Unnotify { tag: 7 });
    assert!(prompts(&effects).is_empty(), "none is shown only to be withdrawn");
    let silenced = desk.lines().iter().any(|e| matches!(e, Event::Silenced { .. }));
    assert!(!silenced, "the person has said nothing");
    assert_eq!(prompts(&desk.wish(&mail, 5, note(8))).len(), 1);
}

#[test]
fn what_has_no_effect_is_not_offered_unless_something_was_said_about_it() {
    let mut desk = Desk::new();
    desk.vm("mail");
    let kinds = |desk: &mut Desk| {
        let Ok(Reply::Permissions(all)) = desk.order(Order::Permissions(vm("mail"))) else { panic!() };
        all.into_iter()
            .map(|p| p.kind.name())
            .filter(|k| !["network", "files"].contains(k))
            .collect::<Vec<_>>()
    };
    let always = ["clipboard", "drag-and-drop", "open-uri", "microphone", "camera", "devices"];
    let mut all = always.to_vec();
    all.extend(["notifications", "idle-inhibit"]);
    assert_eq!(kinds(&mut desk), all);
    // Another compositor, that only asks.
    desk.tell(Input::ScreenUp);
    assert_eq!(kinds(&mut desk), always);
    let can = FromScreen::Can(Abilities { notes: true, idle: false });
    let effects = desk.tell(Input::Screen(can.clone()));
    assert!(effects.contains(&Effect::Changed(None)), "whoever shows them looks again");
    assert!(!desk.tell(Input::Screen(can)).contains(&Effect::Changed(None)));
    assert_eq!(kinds(&mut desk).last(), Some(&"notifications"));
    let off = Order::SetLevel { vm: vm("mail"), kind: Kind::IdleInhibit, level: Level::Off };
    desk.order(off).unwrap();
    assert_eq!(kinds(&mut desk), all, "what the person has said can be seen, and taken back");
}

#[test]
fn a_notification_is_shown_once_it_is_allowed() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    let note = || note(1);
    let shown = |effects: &[Effect]| notes(effects).len();
    let effects = desk.wish(&mail, 1, note());
    assert_eq!(shown(&effects), 0);
    let id = prompts(&effects)[0].id;
    assert!(prompts(&desk.wish(&mail, 2, note())).is_empty(), "waits behind");
    let effects = desk.answer(id, Answer::Always);
    assert_eq!((shown(&effects), outcomes(&effects).len()), (2, 2), "always is for the one behind too");
    assert_eq!(shown(&desk.wish(&mail, 3, note())), 1);
    let never = Order::SetLevel { vm: vm("mail"), kind: Kind::Notifications, level: Level::Off };
    desk.order(never).unwrap();
    let effects = desk.wish(&mail, 4, note());
    assert_eq!((shown(&effects), outcomes(&effects)), (0, vec![PortalOutcome::Denied(Refusal::Off)]));
}

#[test]
fn the_screen_stays_on_as_long_as_somebody_who_may_wants_it() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    let wish = || PortalWish::InhibitIdle { reason: Label::new("film") };
    let on = |on| Effect::Screen(ToScreen::IdleInhibited(on));
    let id = prompts(&desk.wish(&mail, 1, wish()))[0].id;
    assert!(desk.answer(id, Answer::ThisTime).contains(&on(true)));
    assert!(desk.tell(Input::Point(mail.agent, FromPoint::Forget { serial: 1 })).contains(&on(false)));
    let id = prompts(&desk.wish(&mail, 2, wish()))[0].id;
    assert!(desk.answer(id, Answer::UntilClosed).contains(&on(true)));
    let grant = desk.replayed().grants_of(&mail.id)[0].id;
    let (_, effects) = desk.begin(Order::Revoke(grant));
    assert!(effects.contains(&on(false)), "revoked");
    desk.wish(&mail, 3, wish());
    let effects = desk.tell(Input::PointClosed(mail.agent));
    assert!(!effects.contains(&on(true)));
}

#[test]
fn what_the_screen_can_t_do_is_no_question() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    let wishes = || [note(1), PortalWish::InhibitIdle { reason: Label::new("film") }];
    // Another compositor came, and said nothing of such things.
    desk.tell(Input::ScreenUp);
    for (n, wish) in (1..).zip(wishes()) {
        let effects = desk.wish(&mail, n, wish);
        assert!(prompts(&effects).is_empty(), "asked for what will not happen");
        assert_eq!(outcomes(&effects), [PortalOutcome::Denied(Refusal::Off)]);
        assert!(notes(&effects).is_empty());
    }
    // A yes of before changes nothing.
    let all = Order::SetLevel { vm: vm("mail"), kind: Kind::Notifications, level: Level::All };
    desk.order(all).unwrap();
    let [note, _] = wishes();
    assert_eq!(outcomes(&desk.wish(&mail, 9, note)), [PortalOutcome::Denied(Refusal::Off)]);
}

#[test]
fn pictures_of_the_screen_are_not_to_be_had() {
    let mut desk = Desk::new();
    let mail = desk.vm("mail");
    let effects = desk.wish(&mail, 1, PortalWish::Screenshot);
    assert_eq!(outcomes(&effects), [PortalOutcome::Denied(Refusal::Off)]);
    assert!(desk.lines().iter().any(|e| matches!(e, Event::Refused { .. })), "but the log knows");
}
