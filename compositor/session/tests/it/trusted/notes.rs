// SPDX-License-Identifier: GPL-3.0-or-later
//! Notes that apps send: where they are, what a press on them does, and what they never do.

use super::*;
use crate::common::Image;
use cofferdam_control::desktop::{Input, NoticeInfo, WindowOp};
use cofferdam_ids::{Identity, Label, Passage};

const BTN_MIDDLE: u32 = 0x112;
const BLUE: [u8; 3] = [0, 0, 255];

impl Stage {
    fn says(&self, vm: &Vm, tag: u64, title: &str, body: &str) {
        let (title, body) = (Label::new(title), Passage::new(body));
        self.say(&ToScreen::Note { vm: vm.id.clone(), tag, title, body });
        self.settle();
    }

    fn note(&self) -> Option<NoticeInfo> {
        match self.desktop.ask(Request::Notice) {
            Reply::Notice(note) => note,
            other => panic!("{other:?}"),
        }
    }

    /// The middle of the note's card, and of its cross.
    fn note_places(&self) -> [(i32, i32); 2] {
        let note = self.note().expect("a note");
        [note.card, note.close].map(|r| (r.x + r.w / 2, r.y + r.h / 2))
    }

    fn middle_button(&self, pressed: bool) {
        self.desktop.input(Input::PointerButton { code: BTN_MIDDLE, pressed });
    }
}

/// Pixels of a rectangle that are not the same in two pictures.
fn differences(a: &Image, b: &Image, inside: impl Fn(i32, i32) -> bool) -> usize {
    let all = (0..a.height).flat_map(|y| (0..a.width).map(move |x| (x, y)));
    all.filter(|(x, y)| inside(*x, *y) && a.at(*x, *y) != b.at(*x, *y)).count()
}

#[test]
fn a_note_lies_where_it_says_and_costs_only_its_place() {
    let stage = Stage::new();
    let vm = stage.desktop.vm("mail", Identity::Green);
    stage.desktop.pointer(5, 700);
    let clean = stage.desktop.screenshot();
    stage.says(&vm, 1, "New mail", "from Eve");
    let shown = stage.desktop.screenshot();
    let note = stage.note().expect("it is shown");
    assert_eq!(
        (note.heading.as_str(), note.title.as_str(), note.text.as_str()),
        ("mail", "New mail", "from Eve")
    );
    let r = note.card;
    // Below the bar and clear of a maximised window's buttons, on the right.
    assert!(r.y > 36 + 34 && r.x > 640 && r.x + r.w <= 1280, "{r:?}");
    let inside = |x, y| (r.x..r.x + r.w).contains(&x) && (r.y..r.y + r.h).contains(&y);
    assert!(differences(&clean, &shown, inside) > 4000);
    // Around it no more than a shadow.
    let near = |x, y| (r.x - 60..r.x + r.w + 60).contains(&x) && (r.y - 60..r.y + r.h + 60).contains(&y);
    assert_eq!(differences(&clean, &shown, |x, y| !near(x, y)), 0);
    // New words cost their place and no more; that nothing changes costs nothing.
    let before = stage.desktop.counters();
    stage.says(&vm, 1, "No mail", "from nobody");
    stage.desktop.screenshot();
    let after = stage.desktop.counters();
    let damage = after.damaged_pixels - before.damaged_pixels;
    assert!(damage > 0 && damage <= u64::try_from(r.w * r.h).unwrap(), "{damage} pixels for a note of {r:?}");
    stage.says(&vm, 2, "No mail", "from nobody");
    stage.desktop.screenshot();
    assert_eq!(stage.desktop.counters().damaged_pixels, after.damaged_pixels);
    // It goes by itself, and nothing of it stays.
    stage.wait(8000);
    assert_eq!((stage.note(), differences(&clean, &stage.desktop.screenshot(), |_, _| true)), (None, 0));
}

#[test]
fn a_click_brings_the_window_that_the_person_was_at_last() {
    let stage = Stage::new();
    let (mail, web) = (stage.desktop.vm("mail", Identity::Green), stage.desktop.vm("web", Identity::Sky));
    let (mut one, mut other) = (stage.desktop.client(&mail), stage.desktop.client(&web));
    devices(&mut one);
    one.window(200, 100, RED);
    let last = one.window(300, 200, RED);
    let ids: Vec<_> = stage.desktop.windows().iter().map(|w| w.id).collect();
    other.window(600, 400, BLUE);
    let mut windows = stage.desktop.windows();
    windows.retain(|w| ids.contains(&w.id));
    // The first of the two was the last one that the person was at.
    let at_first = windows.iter().find(|w| w.content.w == 200).unwrap().clone();
    stage.desktop.window_op(&at_first, WindowOp::Activate);
    stage.desktop.window_op(&at_first, WindowOp::Minimize);
    let web_window = stage.desktop.window_of(&web);
    stage.desktop.window_op(&web_window, WindowOp::Activate);
    heard(&mut one);
    stage.says(&mail, 1, "New mail", "");
    assert_eq!(heard(&mut one), [], "a note alone moves no window and no focus");
    assert!(stage.desktop.window_of(&web).focused);
    stage.wait(1000);
    let [(x, y), _] = stage.note_places();
    stage.desktop.click(x, y);
    assert_eq!(stage.note(), None);
    let now = stage.desktop.windows();
    let chosen = now.iter().find(|w| w.focused).expect("somebody has the keyboard");
    assert_eq!(chosen.vm.as_ref(), Some(&mail.id));
    let raised = now.last().unwrap();
    assert_eq!(raised.id, chosen.id, "in front of all");
    drop(last);
}

#[test]
fn a_press_on_a_note_reaches_no_client_and_one_of_before_is_not_taken_from_it() {
    let stage = Stage::new();
    let vm = stage.desktop.vm("mail", Identity::Green);
    let mut client = stage.desktop.client(&vm);
    devices(&mut client);
    let window = client.window(1200, 700, RED);
    stage.desktop.pointer(1000, 600);
    stage.says(&vm, 1, "New mail", "from Eve");
    let [(x, y), close] = stage.note_places();
    // Under it lies the window. Too early a click goes nowhere, and so does the motion there.
    heard(&mut client);
    stage.desktop.pointer(x, y);
    assert_eq!(heard(&mut client), [Told::PointerLeave(window.surface.clone())]);
    stage.desktop.button(true);
    stage.desktop.button(false);
    stage.desktop.input(Input::PointerAxis { dx_120: 0, dy_120: 120 });
    stage.desktop.input(Input::TouchDown { slot: 0, x: f64::from(x), y: f64::from(y) });
    stage.desktop.input(Input::TouchUp { slot: 0 });
    assert_eq!(heard(&mut client), []);
    assert!(stage.note().is_some_and(|note| !note.armed), "and did nothing");
    stage.desktop.pointer(1000, 600);
    assert!(matches!(heard(&mut client)[..], [Told::PointerEnter(..)]));
    // A press in the window, released on the note, is the window's from beginning to end.
    stage.wait(1000);
    stage.desktop.button(true);
    stage.desktop.pointer(x, y);
    stage.desktop.button(false);
    let told = heard(&mut client);
    assert_eq!(told.iter().filter(|t| matches!(t, Told::Button(BTN_LEFT, _))).count(), 2, "{told:?}");
    assert!(stage.note().is_some());
    // One on the note, released in the window, is nobody's.
    heard(&mut client);
    stage.desktop.button(true);
    stage.desktop.pointer(1000, 600);
    assert_eq!(heard(&mut client), []);
    stage.desktop.button(false);
    let told = heard(&mut client);
    assert!(matches!(told[..], [Told::PointerEnter(..)]), "the pointer and no button: {told:?}");
    assert!(stage.note().is_some());
    // The cross, and the middle button anywhere on it, close it and nothing else.
    stage.desktop.click(close.0, close.1);
    assert_eq!(stage.note(), None);
    // What it covered has the pointer again at once.
    let told = heard(&mut client);
    assert!(matches!(told[..], [Told::PointerLeave(_), Told::PointerEnter(..)]), "{told:?}");
    stage.says(&vm, 2, "More mail", "");
    stage.wait(1000);
    stage.desktop.pointer(x, y);
    stage.middle_button(true);
    stage.middle_button(false);
    assert_eq!(stage.note(), None);
}

#[test]
fn nothing_of_a_note_is_above_a_question_or_on_the_lock() {
    let stage = Stage::new();
    let vm = stage.desktop.vm("mail", Identity::Green);
    stage.desktop.pointer(5, 700);
    stage.desktop.ask(Request::SetLocked(true));
    assert_eq!(stage.hear(), FromScreen::Locked(true));
    let locked = stage.desktop.screenshot();
    stage.says(&vm, 1, "New mail", "from Eve");
    assert_eq!(differences(&locked, &stage.desktop.screenshot(), |_, _| true), 0);
    assert_eq!(stage.note(), None);
    stage.wait(60_000);
    stage.desktop.ask(Request::SetLocked(false));
    assert_eq!(stage.hear(), FromScreen::Locked(false));
    stage.desktop.ask(Request::Sync);
    assert!(stage.note().is_some(), "it waited");
    stage.desktop.ask(Request::Attention(true));
    let attention = stage.desktop.screenshot();
    assert_eq!(stage.note(), None);
    stage.says(&vm, 2, "More mail", "");
    assert_eq!(differences(&attention, &stage.desktop.screenshot(), |_, _| true), 0);
    stage.desktop.ask(Request::Attention(false));
    stage.asks(1, &vm);
    let asked = stage.desktop.screenshot();
    assert_eq!(stage.note(), None);
    stage.says(&vm, 3, "Even more mail", "");
    assert_eq!(differences(&asked, &stage.desktop.screenshot(), |_, _| true), 0);
    stage.tap(KEY_ESC);
    stage.answered(1, Answer::NotNow);
    let note = stage.note().expect("now it is seen");
    assert_eq!((note.title.as_str(), note.waiting), ("New mail", 2));
}

#[test]
fn notes_go_at_once_with_what_let_them_through() {
    let stage = Stage::new();
    let (mail, web) = (stage.desktop.vm("mail", Identity::Green), stage.desktop.vm("web", Identity::Sky));
    stage.desktop.pointer(5, 700);
    let clean = stage.desktop.screenshot();
    let gone = |stage: &Stage| {
        stage.settle();
        stage.note().is_none() && differences(&clean, &stage.desktop.screenshot(), |_, _| true) == 0
    };
    stage.says(&mail, 1, "New mail", "");
    stage.say(&ToScreen::NotesGone { vm: web.id.clone(), tag: None });
    stage.settle();
    assert!(stage.note().is_some(), "another app's");
    stage.say(&ToScreen::NotesGone { vm: mail.id.clone(), tag: None });
    assert!(gone(&stage), "the permission");
    stage.says(&mail, 1, "New mail", "");
    stage.say(&ToScreen::NotesGone { vm: mail.id.clone(), tag: Some(1) });
    assert!(gone(&stage), "the app");
    stage.says(&mail, 1, "New mail", "");
    stage.desktop.ask(Request::RetireVm { vm: mail.id.clone() });
    assert!(gone(&stage), "the VM");
    stage.says(&mail, 1, "New mail", "");
    assert!(gone(&stage), "whom nobody knows any more");
    stage.says(&web, 1, "Hello", "");
    let stage = Stage { monitor: Stage::connect(&stage.desktop), ..stage };
    assert!(gone(&stage), "the monitor");
}

#[test]
fn a_flood_of_notes_is_dropped_and_a_quiet_desktop_sleeps() {
    let stage = Stage::new();
    let vm = stage.desktop.vm("mail", Identity::Green);
    for n in 0..500 {
        let title = Label::new(&n.to_string());
        stage.say(&ToScreen::Note { vm: vm.id.clone(), tag: n, title, body: Passage::default() });
    }
    stage.settle();
    let note = stage.note().expect("one of them");
    assert_eq!((note.title.as_str(), note.waiting), ("0", 3));
    for left in [2, 1, 0] {
        stage.wait(8000);
        assert_eq!(stage.note().map(|note| note.waiting), Some(left));
    }
    stage.wait(8000);
    assert_eq!(stage.note(), None);
    let (wakeups, frames) = stage.desktop.while_quiet(&vm);
    assert!(wakeups <= 5, "{wakeups} wake-ups");
    assert_eq!(frames, 0);
}
