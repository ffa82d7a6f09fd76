// SPDX-License-Identifier: GPL-3.0-or-later
//! The attention view, the lock and the note about an app that is not heard.

use super::*;
use cofferdam_control::desktop::Event;
use cofferdam_ids::Identity;
use cofferdam_monitor_wire::screen::Standing;
use std::time::{Duration, Instant};

fn attention(stage: &Stage) {
    for key in [KEY_CTRL, KEY_ALT] {
        stage.desktop.key(key, true);
    }
    stage.tap(KEY_ESC);
    for key in [KEY_ALT, KEY_CTRL] {
        stage.desktop.key(key, false);
    }
}

#[test]
fn the_attention_key_is_seen_by_the_desktop_alone() {
    let stage = Stage::new();
    let vm = stage.desktop.vm("mail", Identity::Green);
    let mut client = stage.desktop.client(&vm);
    devices(&mut client);
    let window = client.window(600, 400, RED);
    heard(&mut client);
    attention(&stage);
    let told = heard(&mut client);
    assert!(!told.iter().any(|t| matches!(t, Told::Key(KEY_ESC, _))), "{told:?}");
    assert_eq!(told.last(), Some(&Told::KeyboardLeave(window.surface.clone())));
    assert_eq!(told.iter().filter(|t| matches!(t, Told::Key(_, true))).count(), 2);
    assert_eq!(told.iter().filter(|t| matches!(t, Told::Key(_, false))).count(), 2);
    // Where the window is, its owner's plate; of the window itself nothing.
    let image = stage.desktop.screenshot();
    assert_eq!(image.count((0, 0, image.width, image.height), RED), 0);
    let f = stage.desktop.window_of(&vm).frame;
    let [r, g, b] = image.at(f.x + 3, f.y + f.h / 2);
    let library = cofferdam_themes::Library::built_in().unwrap();
    assert!(
        library.identities.get(Identity::Green).owns_border_pixel(cofferdam_themes::Rgb::new(r, g, b), 2)
    );
    stage.tap(KEY_ESC);
    assert_eq!(heard(&mut client), [Told::KeyboardEnter(window.surface)]);
    assert!(stage.desktop.screenshot().count((f.x, f.y, f.w, f.h), RED) > 1000);
}

#[test]
fn everything_can_be_cut_off_and_given_back() {
    let stage = Stage::new();
    stage.desktop.vm("mail", Identity::Green);
    attention(&stage);
    stage.desktop.ask(Request::Sync);
    stage.tap(KEY_TAB);
    stage.tap(KEY_SPACE);
    assert_eq!(stage.hear(), FromScreen::CutEverything);
    stage.desktop.ask(Request::Sync);
    stage.tap(KEY_SPACE);
    stage.wait(999);
    stage.tap(KEY_SPACE);
    stage.wait(1000);
    stage.tap(KEY_ENTER);
    stage.tap(KEY_SPACE);
    assert_eq!(stage.hear(), FromScreen::UndoCut);
    stage.tap(KEY_TAB);
    stage.tap(KEY_ENTER);
    assert_eq!(stage.hear(), FromScreen::Locked(true));
    assert!(
        stage
            .desktop
            .refused(Request::Input(cofferdam_control::desktop::Input::TouchUp { slot: 3 }))
            .contains("finger")
    );
}

/// Places in the right part of the screen, below the bar, where two pictures differ.
fn differences(a: &crate::common::Image, b: &crate::common::Image, rows: std::ops::Range<i32>) -> usize {
    rows.flat_map(|y| (840..1280).map(move |x| (x, y))).filter(|(x, y)| a.at(*x, *y) != b.at(*x, *y)).count()
}

#[test]
fn a_guest_can_not_move_the_buttons_of_the_attention_view() {
    let stage = Stage::new();
    let mail = stage.desktop.vm("mail", Identity::Green);
    let mut client = stage.desktop.client(&mail);
    client.window(600, 400, RED);
    let late = stage.desktop.vm("late", Identity::Orange);
    let vms = ["a-name-as-long-as-a-name-can-be", "b", "c"].map(|name| stage.desktop.vm(name, Identity::Sky));
    attention(&stage);
    stage.desktop.ask(Request::Sync);
    let before = stage.desktop.screenshot();
    stage.tap(KEY_TAB);
    stage.wait(1000);
    // Three more apps open windows and ask.
    let mut others = Vec::new();
    for (n, vm) in vms.iter().enumerate() {
        let mut client = stage.desktop.client(vm);
        client.window(200, 100, RED);
        stage.asks(u64::try_from(n).unwrap() + 1, vm);
        others.push(client);
    }
    let after = stage.desktop.screenshot();
    let edge =
        |image: &crate::common::Image| (0..800).rev().find(|y| image.at(1200, *y) != image.at(1279, *y));
    assert_eq!(edge(&before), edge(&after), "the card's lower edge");
    assert!(differences(&before, &after, 60..800) > 0, "what it says is new");
    // A press that began before they came counts when it ends after one more.
    stage.desktop.key(KEY_SPACE, true);
    stage.desktop.client(&late).window(100, 100, RED);
    stage.settle();
    stage.desktop.key(KEY_SPACE, false);
    assert_eq!(stage.hear(), FromScreen::CutEverything);
}

#[test]
fn a_huge_window_costs_no_more_than_the_output() {
    let stage = Stage::new();
    let vm = stage.desktop.vm("mail", Identity::Green);
    let mut client = stage.desktop.client(&vm);
    client.window(6000, 40, RED);
    attention(&stage);
    stage.desktop.ask(Request::Sync);
    let f = stage.desktop.window_of(&vm).frame;
    assert!(f.w > 2000, "{f:?}");
    // Its plate ends at the screen's edge, with a border of its own there.
    let image = stage.desktop.screenshot();
    let library = cofferdam_themes::Library::built_in().unwrap();
    let (y, right) = (f.y + f.h / 2, (f.x + f.w).min(1280) - 3);
    let [r, g, b] = image.at(right, y);
    let pixel = cofferdam_themes::Rgb::new(r, g, b);
    assert!(library.identities.get(Identity::Green).owns_border_pixel(pixel, 2), "{r} {g} {b}");
}

#[test]
fn a_question_waits_behind_the_attention_view() {
    let stage = Stage::new();
    let vm = stage.desktop.vm("mail", Identity::Green);
    attention(&stage);
    stage.asks(1, &vm);
    assert_eq!(stage.prompt(), None);
    stage.tap(KEY_ESC);
    assert_eq!(stage.prompt().map(|prompt| prompt.id), Some(1));
    stage.tap(KEY_ESC);
    stage.answered(1, Answer::NotNow);
}

#[test]
fn a_silenced_app_is_noted_once() {
    let stage = Stage::new();
    let vm = stage.desktop.vm("mail", Identity::Green);
    let clean = stage.desktop.screenshot();
    let standing = Standing {
        vm: vm.id.clone(),
        online: false,
        may_go_online: false,
        microphone: false,
        waiting: 0,
        silenced: true,
    };
    stage.say(&ToScreen::Standing(standing.clone()));
    stage.settle();
    let noted = stage.desktop.screenshot();
    let corner = (700, 40, 560, 120);
    let differs = |a: &crate::common::Image, b: &crate::common::Image| {
        let places = (corner.1..corner.1 + corner.3)
            .flat_map(|y| (corner.0..corner.0 + corner.2).map(move |x| (x, y)));
        places.filter(|(x, y)| a.at(*x, *y) != b.at(*x, *y)).count()
    };
    assert!(differs(&clean, &noted) > 4000);
    // It takes nothing away from anybody, and goes by itself.
    assert_eq!(stage.prompt(), None);
    stage.wait(8000);
    stage.say(&ToScreen::Standing(standing));
    stage.settle();
    stage.tap(KEY_A);
    stage.desktop.pointer(5, 700);
    assert_eq!(differs(&clean, &stage.desktop.screenshot()), 0);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a deadline that fails the test")]
fn listeners_hear_of_questions_and_of_the_lock() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("compositor.sock");
    let stage = Stage::with(Config { control_socket: Some(path.clone()), ..Config::default() });
    let vm = stage.desktop.vm("mail", Identity::Green);
    let mut listener = cofferdam_control::client::Client::connect(&path).unwrap();
    listener.call(Request::Subscribe, &[]).unwrap();
    stage.asks(1, &vm);
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut next = |wanted: fn(&Event) -> bool| loop {
        let event = listener.next_event(deadline).unwrap().expect("it is told");
        if wanted(&event) {
            return event;
        }
    };
    let shown = next(|e| matches!(e, Event::PromptChanged(Some(_))));
    let Event::PromptChanged(Some(prompt)) = shown else { panic!("{shown:?}") };
    assert_eq!((prompt.id, prompt.armed), (1, false));
    stage.wait(1000);
    next(|e| matches!(e, Event::PromptChanged(Some(prompt)) if prompt.armed));
    stage.tap(KEY_ESC);
    next(|e| matches!(e, Event::PromptChanged(None)));
    stage.desktop.ask(Request::SetLocked(true));
    next(|e| matches!(e, Event::LockChanged(true)));
}
