// SPDX-License-Identifier: GPL-3.0-or-later
//! What a person does, what the room makes of it.

mod support;

use cofferdam_policy::Answer;
use cofferdam_prompts::{
    ARMING, Effect, Event, MAX_WAITING_OF_ONE, Meaning, Mono, NOTICE, Note, Room, Route, SILENCE, Settings,
    Showing, Source, Target,
};
use std::time::Duration;
use support::{CHOICES, answers, ask, centre, effects, ms, noted, place_all, prompt, vm};

const ENTER: Source = Source::Key(28);
const SPACE: Source = Source::Key(57);
const ONE: Source = Source::Key(2);
const LEFT: Source = Source::Button(0x110);

/// A room with one question on the screen since 0.
fn asked() -> Room {
    let mut room = Room::new(Settings::default());
    ask(&mut room, 1, "mail", ms(0));
    place_all(&mut room, 0, ms(0));
    effects(&mut room);
    room
}

fn tap(room: &mut Room, source: Source, meaning: Meaning, at: Mono) -> Vec<(u64, Answer, bool)> {
    room.press(source, meaning, at);
    room.release(source, at);
    answers(room)
}

#[test]
fn a_fresh_press_and_release_after_arming_answers() {
    for (source, meaning, expected) in [
        (ONE, Meaning::Digit(1), Answer::ThisTime),
        (Source::Key(3), Meaning::Digit(2), Answer::Always),
        (LEFT, Meaning::Point(centre(Target::Choice(1))), Answer::Always),
        (Source::Finger(0), Meaning::Point(centre(Target::Choice(0))), Answer::ThisTime),
        (LEFT, Meaning::Point(centre(Target::NotNow)), Answer::NotNow),
        (LEFT, Meaning::Point(centre(Target::Never)), Answer::Never),
        (SPACE, Meaning::Space, Answer::NotNow),
        (ENTER, Meaning::Enter, Answer::NotNow),
        (Source::Key(1), Meaning::Escape, Answer::NotNow),
    ] {
        let mut room = asked();
        assert_eq!(tap(&mut room, source, meaning, ms(1000)), [(1, expected, false)], "{meaning:?}");
        assert!(!room.is_up());
    }
}

#[test]
fn too_early_is_not_heard_and_neither_is_its_release() {
    for (source, meaning) in [
        (ONE, Meaning::Digit(1)),
        (LEFT, Meaning::Point(centre(Target::Choice(0)))),
        (SPACE, Meaning::Space),
        (ENTER, Meaning::Enter),
        (LEFT, Meaning::Point(centre(Target::Never))),
    ] {
        let mut room = asked();
        room.press(source, meaning, ms(999));
        room.release(source, ms(3000));
        assert_eq!(answers(&mut room), [], "{meaning:?}");
        assert_eq!(tap(&mut room, source, meaning, ms(4000)).len(), 1, "{meaning:?}");
    }
    // Refusing by mouse or with Escape needs no patience.
    let mut room = asked();
    assert_eq!(
        tap(&mut room, LEFT, Meaning::Point(centre(Target::NotNow)), ms(1)),
        [(1, Answer::NotNow, false)]
    );
}

#[test]
fn who_goes_on_typing_or_clicking_says_nothing() {
    let meanings = [Meaning::Digit(1), Meaning::Point(centre(Target::Choice(1))), Meaning::Space];
    for (source, meaning) in [ONE, LEFT, SPACE].into_iter().zip(meanings) {
        let mut room = asked();
        // A tap every 400 ms, for a long time.
        for n in 0..50 {
            room.press(source, meaning, ms(n * 400));
            room.release(source, ms(n * 400 + 60));
            assert_eq!(answers(&mut room), [], "{meaning:?} {n}");
        }
        let last = 49 * 400 + 60;
        assert_eq!(room.poll_timeout(), Some(ms(last + 1000)));
        assert!(!room.is_armed(ms(last + 999)));
        assert_eq!(tap(&mut room, source, meaning, ms(last + 1000)).len(), 1, "{meaning:?}");
    }
}

#[test]
fn nothing_is_armed_while_something_is_held() {
    let mut room = Room::new(Settings::default());
    room.press(Source::Key(30), Meaning::Other, ms(0));
    room.press(Source::Key(42), Meaning::Modifier, ms(0));
    ask(&mut room, 1, "mail", ms(0));
    place_all(&mut room, 0, ms(0));
    assert_eq!(room.poll_timeout(), Some(ms(60_000)), "no alarm that would find nothing to do");
    assert!(!room.is_armed(ms(30_000)));
    assert_eq!(tap(&mut room, ONE, Meaning::Digit(1), ms(30_000)), []);
    room.release(Source::Key(30), ms(30_100));
    assert!(!room.is_armed(ms(31_099)));
    // A modifier that is down says nothing about who reads.
    assert_eq!(tap(&mut room, ONE, Meaning::Digit(1), ms(31_100)), [(1, Answer::ThisTime, false)]);
}

#[test]
fn enter_never_gives() {
    let mut room = asked();
    tap(&mut room, Source::Key(15), Meaning::Next, ms(1500));
    assert_eq!(room.focused(), Some(Target::Choice(0)));
    assert_eq!(tap(&mut room, ENTER, Meaning::Enter, ms(1600)), []);
    assert_eq!(tap(&mut room, SPACE, Meaning::Space, ms(1700)), [(1, Answer::ThisTime, false)]);
}

#[test]
fn what_is_held_when_a_question_opens_never_counts() {
    let mut room = Room::new(Settings::default());
    assert_eq!(room.press(ENTER, Meaning::Enter, ms(0)), Route::Clients);
    assert_eq!(room.press(ONE, Meaning::Digit(1), ms(0)), Route::Clients);
    ask(&mut room, 1, "mail", ms(1));
    place_all(&mut room, 0, ms(1));
    assert!(effects(&mut room).contains(&Effect::Raise));
    // Pressed again without a release: a repeat, or a lie.
    assert_eq!(room.press(ONE, Meaning::Digit(1), ms(2000)), Route::Ours);
    room.release(ONE, ms(2001));
    assert_eq!(room.release(ENTER, ms(2002)), Route::Nobody);
    assert_eq!(answers(&mut room), []);
    assert!(room.is_up());
}

#[test]
fn what_is_held_when_a_question_goes_reaches_nobody() {
    let mut room = asked();
    assert_eq!(room.press(SPACE, Meaning::Other, ms(10)), Route::Ours);
    assert_eq!(room.press(Source::Key(1), Meaning::Escape, ms(20)), Route::Ours);
    assert_eq!(effects(&mut room).last(), Some(&Effect::PromptChanged));
    assert!(!room.is_up());
    assert_eq!(room.release(SPACE, ms(30)), Route::Nobody);
    assert_eq!(room.release(Source::Key(1), ms(30)), Route::Nobody);
    assert_eq!(room.press(SPACE, Meaning::Space, ms(40)), Route::Clients);
    assert_eq!(room.release(SPACE, ms(50)), Route::Clients);
}

#[test]
fn whatever_moves_disarms() {
    let changes: [fn(&mut Room); 4] = [
        |room| place_all(room, 8, ms(1500)),
        |room| {
            room.handle(Event::Disturbed, ms(1400));
            place_all(room, 0, ms(1500));
        },
        |room| {
            room.handle(Event::Attention(true), ms(1300));
            room.handle(Event::Attention(false), ms(1400));
            place_all(room, 0, ms(1500));
        },
        |room| {
            room.handle(Event::Lock(true), ms(1300));
            room.handle(Event::Lock(false), ms(1400));
            place_all(room, 0, ms(1500));
        },
    ];
    for (n, change) in changes.into_iter().enumerate() {
        let mut room = asked();
        // Pressed while it was armed, released after the change.
        room.press(ONE, Meaning::Digit(1), ms(1200));
        change(&mut room);
        room.release(ONE, ms(1600));
        assert_eq!(answers(&mut room), [], "{n}");
        assert!(!room.is_armed(ms(2599)), "{n}");
        assert_eq!(tap(&mut room, ONE, Meaning::Digit(1), ms(2600)), [(1, Answer::ThisTime, false)], "{n}");
    }
}

#[test]
fn press_and_release_belong_to_one_place_and_to_nothing_else() {
    let mut room = asked();
    room.press(LEFT, Meaning::Point(centre(Target::Choice(0))), ms(2000));
    room.moved(None, centre(Target::Choice(1)), ms(2001));
    room.release(LEFT, ms(2002));
    assert_eq!(answers(&mut room), [], "slipped off");
    room.press(LEFT, Meaning::Point(centre(Target::Choice(0))), ms(2010));
    room.moved(None, centre(Target::Choice(1)), ms(2011));
    room.moved(None, centre(Target::Choice(0)), ms(2012));
    room.press(ONE, Meaning::Digit(1), ms(2013));
    room.release(LEFT, ms(2014));
    room.release(ONE, ms(2015));
    assert_eq!(answers(&mut room), [], "two at once");
    assert_eq!(tap(&mut room, ONE, Meaning::Digit(9), ms(2020)), [], "no such choice");
}

#[test]
fn focus_goes_round() {
    let mut room = asked();
    let mut seen = Vec::new();
    for _ in 0..=CHOICES.len() + 2 {
        seen.extend(room.focused());
        tap(&mut room, Source::Key(15), Meaning::Next, ms(5));
    }
    assert_eq!(seen, [Target::NotNow, Target::Choice(0), Target::Choice(1), Target::Never, Target::NotNow]);
    tap(&mut room, Source::Key(15), Meaning::Previous, ms(5));
    tap(&mut room, Source::Key(15), Meaning::Previous, ms(5));
    assert_eq!(room.focused(), Some(Target::Never));
}

#[test]
fn silence_means_no() {
    let mut room = asked();
    room.moved(None, centre(Target::NotNow), ms(30_000));
    assert_eq!(room.poll_timeout(), Some(ms(1000)));
    room.tick(ms(1000));
    assert_eq!(room.poll_timeout(), Some(ms(90_000)), "activity counts");
    room.tick(ms(89_999));
    assert!(room.is_up());
    room.tick(ms(90_000));
    assert_eq!(answers(&mut room), [(1, Answer::NotNow, true)]);
    assert_eq!((room.is_up(), room.poll_timeout()), (false, None));
    assert_eq!(SILENCE, Duration::from_secs(60));
    assert_eq!(ARMING, Duration::from_secs(1));
}

#[test]
fn apps_take_turns() {
    let mut room = Room::new(Settings::default());
    for (id, name) in [(1, "a"), (2, "a"), (3, "a"), (4, "b"), (5, "c"), (6, "b")] {
        ask(&mut room, id, name, ms(0));
    }
    let mut order = Vec::new();
    while let Some(prompt) = room.prompt() {
        order.push(prompt.id.0);
        tap(&mut room, Source::Key(1), Meaning::Escape, ms(1));
    }
    assert_eq!(order, [1, 2, 4, 5, 3, 6]);
}

#[test]
fn floods_are_answered_with_silence() {
    let mut room = Room::new(Settings::default());
    let most = u64::try_from(MAX_WAITING_OF_ONE).unwrap() + 1;
    for id in 0..most + 5 {
        ask(&mut room, id, "a", ms(0));
    }
    let refused: Vec<u64> = answers(&mut room).iter().map(|(id, ..)| *id).collect();
    assert_eq!(refused, (most..most + 5).collect::<Vec<_>>());
    ask(&mut room, 1000, "b", ms(0));
    assert_eq!(answers(&mut room), [], "others are not harmed");
}

#[test]
fn nothing_is_shown_while_locked() {
    let mut room = asked();
    room.handle(Event::Lock(true), ms(10));
    assert_eq!(room.showing(), Showing::Lock);
    ask(&mut room, 2, "b", ms(20));
    room.handle(Event::AttentionKey, ms(25));
    assert_eq!((room.showing(), room.prompt()), (Showing::Lock, None));
    assert_eq!(tap(&mut room, ONE, Meaning::Digit(1), ms(5000)), []);
    assert_eq!(room.press(Source::Key(30), Meaning::Other, ms(5001)), Route::Ours);
    room.tick(ms(1_000_000));
    assert_eq!(answers(&mut room), [], "a question waits for its reader");
    room.handle(Event::Lock(false), ms(1_000_000));
    assert_eq!(room.prompt().map(|p| p.id.0), Some(1), "the one that was interrupted");
    assert!(!room.is_armed(ms(1_000_000)));
}

#[test]
fn questions_go_with_their_reasons() {
    let mut room = asked();
    ask(&mut room, 2, "mail", ms(0));
    ask(&mut room, 3, "b", ms(0));
    ask(&mut room, 4, "c", ms(0));
    room.handle(Event::Withdraw(prompt(3, "b").id), ms(1));
    room.handle(Event::VmGone(vm("mail")), ms(2));
    assert_eq!(answers(&mut room), [(1, Answer::NotNow, true), (2, Answer::NotNow, true)]);
    assert_eq!(room.prompt().map(|p| p.id.0), Some(4));
    room.handle(Event::LinkLost, ms(3));
    assert_eq!((answers(&mut room), room.is_up(), room.waiting()), (Vec::new(), false, 0));
}

#[test]
fn a_broken_monitor_is_dropped() {
    let mut room = asked();
    ask(&mut room, 1, "b", ms(0));
    assert!(effects(&mut room).iter().any(|e| matches!(e, Effect::Broken(_))), "a number twice");
    for wrong in
        [vec![], vec![Answer::Never], vec![Answer::Pick(0)], vec![Answer::ThisTime, Answer::ThisTime]]
    {
        let mut prompt = prompt(9, "b");
        prompt.answers.clone_from(&wrong);
        room.handle(Event::Ask(prompt), ms(0));
        assert!(effects(&mut room).iter().any(|e| matches!(e, Effect::Broken(_))), "{wrong:?}");
    }
    room.handle(Event::AskForNobody(prompt(10, "x")), ms(0));
    assert_eq!(answers(&mut room), [(10, Answer::NotNow, true)]);
}

#[test]
fn the_attention_view_locks_cuts_and_takes_back() {
    let mut room = Room::new(Settings::default());
    room.handle(Event::AttentionKey, ms(0));
    place_all(&mut room, 0, ms(0));
    effects(&mut room);
    room.press(LEFT, Meaning::Point(centre(Target::Cut)), ms(1));
    room.release(LEFT, ms(2));
    assert!(effects(&mut room).contains(&Effect::CutEverything));
    place_all(&mut room, 0, ms(3));
    assert_eq!(room.targets(), [Target::Lock, Target::Undo]);
    let undo = Meaning::Point(centre(Target::Undo));
    tap(&mut room, LEFT, undo, ms(500));
    assert!(room.can_undo(), "giving back needs patience");
    tap(&mut room, LEFT, undo, ms(1003));
    assert!(room.can_undo(), "and more of it after each press");
    room.press(LEFT, undo, ms(2003));
    room.release(LEFT, ms(2004));
    assert!(effects(&mut room).contains(&Effect::UndoCut));
    place_all(&mut room, 0, ms(2005));
    tap(&mut room, Source::Key(15), Meaning::Previous, ms(2006));
    tap(&mut room, SPACE, Meaning::Space, ms(2007));
    assert_eq!((room.focused(), room.is_locked()), (None, true));
}

#[test]
fn a_lock_of_a_desktop_inside_another_opens() {
    for opens_freely in [false, true] {
        let mut room = Room::new(Settings { opens_freely });
        room.handle(Event::Lock(true), ms(0));
        place_all(&mut room, 0, ms(0));
        tap(&mut room, SPACE, Meaning::Space, ms(500));
        assert!(room.is_locked());
        tap(&mut room, ENTER, Meaning::Enter, ms(1500));
        assert!(room.is_locked());
        tap(&mut room, SPACE, Meaning::Space, ms(1600));
        assert_eq!(room.is_locked(), !opens_freely);
    }
}

#[test]
fn a_note_is_seen_for_a_while() {
    let mut room = Room::new(Settings::default());
    room.handle(Event::Lock(true), ms(0));
    room.handle(Event::Silenced(vm("mail")), ms(0));
    room.handle(Event::Silenced(vm("mail")), ms(0));
    assert_eq!((noted(&room), room.poll_timeout()), (None, None));
    room.handle(Event::Lock(false), ms(60_000));
    assert_eq!(noted(&room), Some((vm("mail"), Note::Silenced)));
    room.tick(ms(67_999));
    assert!(room.notice().is_some() && !room.is_up());
    room.tick(ms(68_000));
    assert_eq!((noted(&room), room.poll_timeout()), (None, None));
}

#[test]
fn a_hint_to_paste_again_goes_with_the_next_press() {
    let mut room = Room::new(Settings::default());
    let (mail, web) = (vm("mail"), vm("web"));
    room.handle(Event::Silenced(mail.clone()), ms(0));
    room.handle(Event::TooLate(web.clone()), ms(5000));
    room.handle(Event::TooLate(web.clone()), ms(5000));
    assert_eq!(noted(&room), Some((web.clone(), Note::PasteAgain)), "the person waits for it");
    // The release of what answered is no press.
    room.release(LEFT, ms(5001));
    assert_eq!(noted(&room), Some((web.clone(), Note::PasteAgain)));
    effects(&mut room);
    assert_eq!(room.press(Source::Key(29), Meaning::Modifier, ms(6000)), Route::Clients);
    assert_eq!(effects(&mut room), [Effect::Redraw]);
    assert_eq!(noted(&room), Some((mail, Note::Silenced)), "that one has not been seen long enough");
    room.press(LEFT, Meaning::Other, ms(6001));
    room.tick(ms(13_999));
    assert!(room.notice().is_some());
    room.tick(ms(14_000));
    assert_eq!((noted(&room), room.poll_timeout()), (None, None));
}

#[test]
fn a_hint_to_paste_again_waits_for_questions_and_goes_by_itself() {
    let mut room = asked();
    let mail = vm("mail");
    room.handle(Event::TooLate(mail.clone()), ms(0));
    assert_eq!(noted(&room), None);
    tap(&mut room, Source::Key(1), Meaning::Escape, ms(2000));
    assert_eq!(noted(&room), Some((mail.clone(), Note::PasteAgain)));
    room.tick(ms(2000).plus(NOTICE));
    assert_eq!(noted(&room), None);
    room.handle(Event::TooLate(mail.clone()), ms(60_000));
    room.handle(Event::VmGone(mail), ms(60_001));
    assert_eq!(noted(&room), None);
}
