// SPDX-License-Identifier: GPL-3.0-or-later
//! Notes: whose is seen, for how long, and what a press on one does.

mod support;

use cofferdam_prompts::{
    Effect, Event, MAX_NOTES, MAX_NOTES_OF_ONE, Meaning, Mono, NOTICE, Note, NotePart, Place, Room, Route,
    Settings, Source,
};
use support::{
    BESIDE, ON_CLOSE, ON_NOTE, ask, centre, effects, ms, noted, place_all, place_note, said, say, vm,
};

const LEFT: Source = Source::Button(0x110);
const RIGHT: Source = Source::Button(0x111);
const MIDDLE: Source = Source::Button(0x112);
const FINGER: Source = Source::Finger(0);

/// A note of "mail" that is on the screen since 0, with the pointer elsewhere.
fn shown() -> Room {
    let mut room = Room::new(Settings::default());
    room.moved(None, BESIDE, ms(0));
    say(&mut room, "mail", 1, "New mail", ms(0));
    place_note(&mut room, 0, ms(0));
    effects(&mut room);
    room
}

/// Moves there, presses and releases; what came of it.
fn click(room: &mut Room, source: Source, at: Place, now: Mono) -> (Route, Vec<Effect>) {
    if matches!(source, Source::Button(_)) {
        room.moved(None, at, now);
    }
    effects(room);
    let meaning = if matches!(source, RIGHT | MIDDLE) { Meaning::Other } else { Meaning::Point(at) };
    let route = room.press(source, meaning, now);
    assert_eq!(room.release(source, now), route, "the end goes where the beginning went");
    (route, effects(room))
}

fn chosen(effects: &[Effect]) -> bool {
    effects.contains(&Effect::NoteChosen(vm("mail")))
}

#[test]
fn a_click_brings_the_app_a_cross_or_the_middle_button_does_not() {
    for (source, at, brings) in [
        (LEFT, ON_NOTE, true),
        (FINGER, ON_NOTE, true),
        (LEFT, ON_CLOSE, false),
        (FINGER, ON_CLOSE, false),
        (MIDDLE, ON_NOTE, false),
    ] {
        let mut room = shown();
        let (route, effects) = click(&mut room, source, at, ms(1000));
        assert_eq!((route, chosen(&effects), noted(&room)), (Route::Ours, brings, None), "{source:?} {at:?}");
    }
    let mut room = shown();
    let (route, effects) = click(&mut room, RIGHT, ON_NOTE, ms(1000));
    assert_eq!((route, chosen(&effects), said(&room).is_some()), (Route::Ours, false, true), "means nothing");
    let (route, _) = click(&mut room, LEFT, BESIDE, ms(1000));
    assert_eq!((route, said(&room).is_some()), (Route::Clients, true), "beside it everything is as always");
}

#[test]
fn too_early_a_press_does_nothing_and_reaches_nobody() {
    let changes: [fn(&mut Room); 4] = [
        |_| {},
        // It moves, says something else, or is another one.
        |room| place_note(room, 10, ms(0)),
        |room| {
            say(room, "mail", 1, "No mail", ms(0));
            place_note(room, 0, ms(0));
        },
        |room| {
            room.handle(Event::Unsays(vm("mail"), Some(1)), ms(0));
            say(room, "mail", 2, "Other mail", ms(0));
            place_note(room, 0, ms(0));
        },
    ];
    for (n, change) in changes.into_iter().enumerate() {
        for source in [LEFT, FINGER, MIDDLE] {
            let mut room = shown();
            change(&mut room);
            let (route, effects) = click(&mut room, source, ON_NOTE, ms(999));
            assert_eq!(
                (route, chosen(&effects), said(&room).is_some()),
                (Route::Ours, false, true),
                "{n} {source:?}"
            );
            // Who goes on pressing has not read it.
            click(&mut room, source, ON_NOTE, ms(1999));
            assert_eq!(noted(&room), None, "{n} {source:?}");
        }
    }
}

#[test]
fn a_press_belongs_to_where_it_began() {
    // On the note, and released beside it, or on its other part.
    let mut room = shown();
    for to in [BESIDE, ON_CLOSE] {
        room.moved(None, ON_NOTE, ms(2000));
        room.press(LEFT, Meaning::Point(ON_NOTE), ms(2000));
        assert_eq!(room.notice().and_then(|shown| shown.pressed), Some(NotePart::Card));
        assert_eq!(room.moved(None, to, ms(2000)), Route::Ours, "no client hears of a pointer that is held");
        assert_eq!(room.release(LEFT, ms(2000)), Route::Ours);
        assert!(said(&room).is_some() && !chosen(&effects(&mut room)), "{to:?}");
    }
    // Beside it, and released on it: a window's, from beginning to end.
    room.moved(None, BESIDE, ms(3000));
    assert_eq!(room.press(LEFT, Meaning::Point(BESIDE), ms(3000)), Route::Clients);
    assert_eq!(room.moved(None, ON_NOTE, ms(3000)), Route::Clients);
    assert!(!room.note_has_pointer());
    assert_eq!(
        room.press(MIDDLE, Meaning::Other, ms(3000)),
        Route::Clients,
        "in the middle of something else"
    );
    assert_eq!(room.release(MIDDLE, ms(3000)), Route::Clients);
    assert_eq!(room.release(LEFT, ms(3000)), Route::Clients);
    assert!(room.note_has_pointer() && said(&room).is_some());
    // Pressed twice and released once, as a broken device does it.
    assert_eq!(room.press(FINGER, Meaning::Point(BESIDE), ms(3500)), Route::Clients);
    assert_eq!(room.press(FINGER, Meaning::Point(ON_NOTE), ms(3500)), Route::Clients);
    assert_eq!(room.release(FINGER, ms(3500)), Route::Clients);
    // Two things at once: neither counts.
    room.press(LEFT, Meaning::Point(ON_NOTE), ms(4000));
    room.press(FINGER, Meaning::Point(ON_CLOSE), ms(4000));
    room.release(FINGER, ms(4000));
    room.release(LEFT, ms(4000));
    assert!(said(&room).is_some());
}

#[test]
fn a_note_that_goes_while_it_is_pressed_is_not_clicked() {
    let goes: [fn(&mut Room); 4] = [
        |room| room.handle(Event::Unsays(vm("mail"), None), ms(2001)),
        |room| say(room, "mail", 1, "Changed", ms(2001)),
        |room| {
            room.handle(Event::Lock(true), ms(2001));
            room.handle(Event::Lock(false), ms(2001));
        },
        |room| room.handle(Event::TooLate(vm("web")), ms(2001)),
    ];
    for (n, go) in goes.into_iter().enumerate() {
        let mut room = shown();
        room.moved(None, ON_NOTE, ms(2000));
        room.press(LEFT, Meaning::Point(ON_NOTE), ms(2000));
        go(&mut room);
        place_note(&mut room, 0, ms(2001));
        effects(&mut room);
        assert!(room.release(LEFT, ms(5000)).is_kept(), "{n}");
        assert!(!chosen(&effects(&mut room)), "{n}");
    }
}

#[test]
fn the_second_of_a_double_click_reaches_nobody() {
    let mut room = shown();
    click(&mut room, LEFT, ON_NOTE, ms(2000));
    assert_eq!(click(&mut room, LEFT, ON_NOTE, ms(2499)).0, Route::Ours);
    assert_eq!(click(&mut room, LEFT, BESIDE, ms(2499)).0, Route::Clients);
    assert_eq!(click(&mut room, LEFT, ON_NOTE, ms(2500)).0, Route::Clients);
}

#[test]
fn the_pointer_is_no_clients_while_it_is_on_a_note() {
    let mut room = shown();
    assert_eq!(room.moved(None, ON_NOTE, ms(10)), Route::Ours);
    assert!(effects(&mut room).contains(&Effect::PointerOnNote(true)));
    assert_eq!(room.notice().and_then(|shown| shown.hovered), Some(NotePart::Card));
    assert_eq!(room.moved(None, ON_CLOSE, ms(11)), Route::Ours);
    assert_eq!(effects(&mut room), [Effect::Redraw], "the cross lights up, and nobody is told twice");
    assert_eq!(room.moved(None, BESIDE, ms(12)), Route::Clients);
    assert!(effects(&mut room).contains(&Effect::PointerOnNote(false)));
    // It appears under the pointer.
    let mut room = Room::new(Settings::default());
    room.moved(None, ON_NOTE, ms(0));
    say(&mut room, "mail", 1, "New mail", ms(0));
    assert!(!room.note_has_pointer(), "not before it is drawn");
    place_note(&mut room, 0, ms(5));
    assert!(effects(&mut room).contains(&Effect::PointerOnNote(true)));
    // A question takes the pointer from whoever had it, and gives it back as it gives everything back.
    ask(&mut room, 1, "web", ms(6));
    let told = effects(&mut room);
    assert!(told.contains(&Effect::Raise) && !told.iter().any(|e| matches!(e, Effect::PointerOnNote(_))));
    assert!(!room.note_has_pointer());
}

#[test]
fn it_stays_while_somebody_is_at_it_and_only_then() {
    let mut room = shown();
    room.moved(None, ON_NOTE, ms(7000));
    assert_eq!(room.poll_timeout(), None, "nothing to wake up for");
    room.tick(ms(100_000));
    room.moved(None, BESIDE, ms(100_000));
    assert_eq!(room.poll_timeout(), Some(ms(100_000).plus(NOTICE)));
    room.tick(ms(100_000).plus(NOTICE));
    assert_eq!((noted(&room), room.poll_timeout()), (None, None));
    // A pointer that lies there by chance, while somebody types, holds nothing.
    let mut room = Room::new(Settings::default());
    room.moved(None, ON_NOTE, ms(0));
    say(&mut room, "mail", 1, "New mail", ms(0));
    place_note(&mut room, 0, ms(0));
    room.tick(ms(0).plus(NOTICE));
    assert_eq!(noted(&room), None);
}

#[test]
fn its_time_runs_while_it_is_seen() {
    for hide in [Event::Lock(true), Event::Attention(true), Event::Ask(support::prompt(9, "web"))] {
        let mut room = shown();
        room.handle(hide.clone(), ms(7000));
        say(&mut room, "web", 1, "Later", ms(7000));
        assert_eq!(noted(&room), None, "{hide:?}");
        let due = room.poll_timeout();
        assert!(due.is_none_or(|due| matches!(hide, Event::Ask(_)) && due > ms(60_000)), "{due:?}");
        let now = ms(60_000);
        room.handle(Event::Lock(false), now);
        room.handle(Event::Attention(false), now);
        room.handle(Event::Withdraw(support::prompt(9, "web").id), now);
        assert_eq!(said(&room).as_deref(), Some("New mail"));
        place_note(&mut room, 0, now);
        assert!(!chosen(&click(&mut room, LEFT, ON_NOTE, ms(60_999)).1), "and it has to stand still anew");
        room.moved(None, BESIDE, now);
        room.tick(now.plus(NOTICE));
        assert_eq!(said(&room).as_deref(), Some("Later"));
    }
}

#[test]
fn the_same_words_are_one_note_and_the_same_tag_has_new_words() {
    let mut room = shown();
    say(&mut room, "mail", 2, "New mail", ms(1));
    assert_eq!((room.notice().map(|shown| shown.waiting), effects(&mut room)), (Some(0), vec![]));
    room.handle(Event::Unsays(vm("mail"), Some(1)), ms(2));
    assert!(said(&room).is_some(), "its tag is the newest one");
    say(&mut room, "mail", 2, "Old mail", ms(3));
    assert_eq!(said(&room).as_deref(), Some("Old mail"));
    assert_eq!(room.poll_timeout(), Some(ms(0).plus(NOTICE)), "nobody stays longer by changing their words");
    say(&mut room, "mail", 3, "New mail", ms(4));
    say(&mut room, "mail", 3, "Old mail", ms(5));
    assert_eq!(room.notice().map(|shown| shown.waiting), Some(0), "what says the same twice is one");
    say(&mut room, "web", 3, "Old mail", ms(6));
    assert_eq!(room.notice().map(|shown| shown.waiting), Some(1), "but not of two apps");
}

#[test]
fn a_flood_drops_what_waits_and_everybody_has_their_turn() {
    let mut room = shown();
    for n in 2..1000 {
        say(&mut room, "mail", n, &n.to_string(), ms(1));
    }
    assert_eq!(room.notice().map(|shown| shown.waiting), Some(MAX_NOTES_OF_ONE - 1));
    say(&mut room, "web", 1, "Hello", ms(2));
    room.handle(Event::Silenced(vm("foot")), ms(3));
    let mut seen = Vec::new();
    while let Some((vm, note)) = noted(&room) {
        seen.push(match note {
            Note::Said(said) => format!("{vm} {}", said.title),
            other => format!("{vm} {other:?}"),
        });
        let due = room.poll_timeout().unwrap();
        room.tick(due);
    }
    assert_eq!(seen, ["mail New mail", "foot Silenced", "mail 997", "web Hello", "mail 998", "mail 999"]);
    for n in 0..100 {
        say(&mut room, &format!("vm-{n}"), 1, "x", ms(1));
    }
    assert_eq!(room.notice().map(|shown| shown.waiting), Some(MAX_NOTES - 1));
}

#[test]
fn notes_go_with_their_vm_their_permission_and_the_monitor() {
    type End = fn(&mut Room);
    let ends: [(End, bool); 4] = [
        (|room| room.handle(Event::VmGone(vm("mail")), ms(1)), true),
        (|room| room.handle(Event::Unsays(vm("mail"), None), ms(1)), false),
        (|room| room.handle(Event::Unsays(vm("mail"), Some(1)), ms(1)), false),
        (|room| room.handle(Event::LinkLost, ms(1)), true),
    ];
    for (n, (end, own_too)) in ends.into_iter().enumerate() {
        let mut room = shown();
        room.handle(Event::Silenced(vm("mail")), ms(0));
        effects(&mut room);
        end(&mut room);
        assert_eq!(noted(&room).is_none(), own_too, "{n}");
        assert!(effects(&mut room).contains(&Effect::Redraw), "{n}: at once");
        assert!(said(&room).is_none());
    }
}

#[test]
fn a_card_above_a_note_hears_its_own_presses() {
    let mut room = shown();
    ask(&mut room, 1, "web", ms(0));
    place_all(&mut room, 0, ms(0));
    let not_now = centre(cofferdam_prompts::Target::NotNow);
    room.press(LEFT, Meaning::Point(not_now), ms(1500));
    room.release(LEFT, ms(1500));
    assert!(!room.is_up());
    // What was pressed on the card does not end on the note that is seen again.
    place_note(&mut room, 0, ms(1500));
    assert!(said(&room).is_some());
}

#[test]
fn a_press_does_not_fall_through_what_changes_goes_or_is_over() {
    type Change = fn(&mut Room);
    let changes: [(Source, Change); 3] = [
        // Not drawn yet: the old picture is on the screen.
        (LEFT, |room| say(room, "mail", 1, "Other", ms(2000))),
        (LEFT, |room| room.handle(Event::Unsays(vm("mail"), None), ms(2000))),
        (FINGER, |room| room.tick(ms(8000))),
    ];
    for (n, (source, change)) in changes.into_iter().enumerate() {
        let mut room = shown();
        change(&mut room);
        let at = if source == FINGER { ms(8001) } else { ms(2001) };
        assert_eq!(click(&mut room, source, ON_CLOSE, at).0, Route::Ours, "{n}");
    }
}

#[test]
fn words_that_change_all_the_time_can_be_closed() {
    let mut room = shown();
    let closed = (1..10u64).any(|n| {
        say(&mut room, "mail", 1, &format!("{n} %"), ms(n * 500));
        place_note(&mut room, 0, ms(n * 500 + 10));
        click(&mut room, LEFT, ON_CLOSE, ms(n * 500 + 480));
        noted(&room).is_none()
    });
    assert!(closed);
}

#[test]
fn who_goes_on_clicking_brings_nobody() {
    let mut room = shown();
    for n in 1..30u64 {
        let (_, effects) = click(&mut room, LEFT, ON_NOTE, ms(n * 250));
        assert!(!chosen(&effects), "{n}");
    }
}

#[test]
fn none_covers_the_panel() {
    let mut room = shown();
    room.handle(Event::Aside(true), ms(2000));
    assert_eq!(noted(&room), None);
    room.handle(Event::Aside(false), ms(60_000));
    assert!(noted(&room).is_some(), "its time runs while it is seen");
}
