// SPDX-License-Identifier: GPL-3.0-or-later
//! The panel, by mouse and by keyboard.

use crate::data::{self, NOW};
use crate::stage::Stage;
use cofferdam_bus::permissions::{AppEntry, FileEntry};
use cofferdam_panel::ui::{Panel, fill_apps, fill_lines, fill_permissions};
use cofferdam_panel::view::{Around, lines, permissions};
use i_slint_backend_testing::ElementHandle;
use jiff::tz::TimeZone;
use slint::platform::Key;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::OnceLock;

/// Whom words may name.
static UTC: TimeZone = TimeZone::UTC;
static APPS: OnceLock<Vec<AppEntry>> = OnceLock::new();

pub(crate) fn panel(theme: &str, size: (f32, f32, f32)) -> Stage<Panel> {
    let stage = Stage::new("panel", theme, size, Panel::new);
    stage.look.dress(&stage.component);
    stage
}

pub(crate) fn around(now: u64) -> Around<'static> {
    Around { apps: APPS.get_or_init(|| data::apps(5)), now, zone: &UTC }
}

pub(crate) fn fill(stage: &Stage<Panel>, apps: &[AppEntry], selected: Option<usize>) {
    fill_with(stage, apps, selected, &[]);
}

pub(crate) fn fill_with(
    stage: &Stage<Panel>,
    apps: &[AppEntry],
    selected: Option<usize>,
    files: &[FileEntry],
) {
    let entries = data::permissions();
    fill_apps(&stage.component, &stage.look, apps, selected, NOW, &TimeZone::UTC);
    if selected.is_some() {
        let rows = permissions::rows(&entries, files, &around(NOW));
        fill_permissions(&stage.component, &rows, &permissions::closed(&entries));
        fill_lines(&stage.component, &lines::rows(&data::log(), &entries, &around(NOW)), true, false);
    }
}

type Said = Rc<RefCell<Vec<String>>>;

/// A panel with five apps that notes what is done.
fn used() -> (Stage<Panel>, Said) {
    let stage = panel("default-dark", (1060.0, 690.0, 1.0));
    fill_with(&stage, &data::apps(5), Some(1), &data::files());
    stage.component.set_undo_text("Revoked: imap.example.org".into());
    let said = Said::default();
    let note = |said: &Said| {
        let said = said.clone();
        move |what: String| said.borrow_mut().push(what)
    };
    let c = &stage.component;
    let n = note(&said);
    c.on_select(move |i| n(format!("select {i}")));
    let n = note(&said);
    c.on_set_level(move |kind, level| n(format!("{kind} {level}")));
    let n = note(&said);
    c.on_revoke(move |id| n(format!("revoke {id}")));
    let n = note(&said);
    c.on_act(move |i| n(format!("act {i}")));
    let n = note(&said);
    c.on_everything_off(move || n("off".into()));
    let n = note(&said);
    c.on_everything_off_for_all(move || n("off for all".into()));
    let n = note(&said);
    c.on_undo(move || n("undo".into()));
    let n = note(&said);
    c.on_search(move |text| n(format!("search {text}")));
    let n = note(&said);
    c.on_dismiss(move || n("dismiss".into()));
    c.invoke_begin();
    stage.settle();
    (stage, said)
}

#[test]
fn by_mouse() {
    let (stage, said) = used();
    for (label, expected) in [
        ("Firefox", "select 0"),
        ("Revoke imap.example.org", "revoke 1"),
        ("Take back letter.txt", "revoke file 11"),
        ("Network: off", "network off"),
        ("Network: internet", "network internet"),
        ("Everything off for Mail", "off"),
        ("Everything off for all", "off for all"),
        ("Undo: Revoked: imap.example.org", "undo"),
    ] {
        stage.click(label);
        assert_eq!(said.take(), [expected], "{label}");
    }
}

#[test]
fn every_control_is_reached_with_tab_and_works_with_space() {
    let (stage, said) = used();
    let order = stage.tab_order();
    for (label, expected) in [
        ("Revoke imap.example.org", "revoke 1"),
        ("Revoke text from Firefox", "revoke 4"),
        ("Take back letter.txt", "revoke file 11"),
        ("Take back Holiday pictures 2026, the best ones", "revoke file 12"),
        ("Everything off for Mail", "off"),
        ("Everything off for all", "off for all"),
        ("Stop from now: imap.example.org:993", "act 0"),
        ("Never: ads.example.net", "act 2"),
        ("Undo: Revoked: imap.example.org", "undo"),
    ] {
        assert!(order.iter().any(|l| l == label), "{label} in {order:?}");
        while stage.focused() != label {
            stage.key(Key::Tab);
        }
        said.take();
        stage.key(" ");
        assert_eq!(said.take(), [expected], "{label}");
    }
}

#[test]
fn arrows_move_and_space_chooses() {
    let (stage, said) = used();
    // Each counts from where the one before has led, also if nobody has filled the panel anew since.
    for key in [Key::Home, Key::DownArrow, Key::DownArrow, Key::UpArrow, Key::End, Key::UpArrow] {
        stage.key(key);
    }
    let expected = ["select 0", "select 1", "select 2", "select 1", "select 4", "select 3"];
    assert_eq!(said.take(), expected);
    while stage.focused() != "Network" {
        stage.key(Key::Tab);
    }
    said.take();
    stage.key(Key::RightArrow);
    stage.key(Key::RightArrow);
    assert!(said.take().is_empty(), "passing over a level gives nothing");
    stage.key(Key::Return);
    assert!(said.take().is_empty(), "Enter gives nothing");
    stage.key(" ");
    assert_eq!(said.take(), ["network internet"]);
}

#[test]
fn enter_takes_away_but_never_gives_back() {
    let (stage, said) = used();
    for (label, expected) in [
        ("Revoke imap.example.org", vec!["revoke 1"]),
        ("Take back letter.txt", vec!["revoke file 11"]),
        ("Undo: Revoked: imap.example.org", Vec::new()),
    ] {
        while stage.focused() != label {
            stage.key(Key::Tab);
        }
        said.take();
        stage.key(Key::Return);
        assert_eq!(said.take(), expected, "{label}");
    }
}

#[test]
fn keys_for_all() {
    let (stage, said) = used();
    stage.key(Key::Escape);
    assert_eq!(said.take(), ["dismiss"]);
    stage.with_control("z");
    assert_eq!(said.take(), ["undo"]);
    stage.with_control("f");
    assert_eq!(stage.focused(), "Search what it did");
    stage.key("i");
    stage.key("m");
    assert_eq!(said.take(), ["search i", "search im"]);
    stage.key(Key::Escape);
    assert_eq!(said.take(), ["dismiss"], "Escape leaves from everywhere");
}

#[test]
fn what_an_administrator_set_stays() {
    let (stage, said) = used();
    let mut entries = data::permissions();
    entries[0].author = "admin".into();
    fill_permissions(&stage.component, &permissions::rows(&entries, &data::files(), &around(NOW)), "");
    stage.click("Network: all");
    assert!(said.take().is_empty());
    assert!(!stage.tab_order().contains(&"Network".to_owned()));
}

#[test]
fn what_is_out_of_sight_comes_into_sight_with_the_focus() {
    let (stage, _) = used();
    stage.canvas.resize(1060.0, 520.0, 1.0);
    assert!(!stage.has("Stop from now: imap.example.org:993"), "this test needs a line below the edge");
    while stage.focused() != "Stop from now: imap.example.org:993" {
        stage.key(Key::Tab);
    }
    let stop = stage.find("Stop from now: imap.example.org:993");
    assert!(stop.y + stop.h <= 520.0, "{stop:?}");
}

#[test]
fn a_countdown_moves_nothing() {
    let (stage, _) = used();
    while stage.focused() != "Revoke imap.example.org" {
        stage.key(Key::Tab);
    }
    let rows = permissions::rows(&data::permissions(), &[], &around(NOW + 1000));
    fill_permissions(&stage.component, &rows, "");
    assert_eq!(stage.focused(), "Revoke imap.example.org", "the focus stays while the seconds pass");
    assert!(stage.elements().iter().any(|e| e.label.contains("42:09 left")));
}

#[test]
fn the_keyboard_outlives_the_line_that_had_it() {
    let (stage, _) = used();
    while stage.focused() != "Revoke imap.example.org" {
        stage.key(Key::Tab);
    }
    assert!(cofferdam_panel::access::has_focus(&stage.canvas));
    let mut entries = data::permissions();
    entries[0].grants.clear();
    fill_permissions(&stage.component, &permissions::rows(&entries, &data::files(), &around(NOW)), "");
    stage.settle();
    assert!(!cofferdam_panel::access::has_focus(&stage.canvas), "the focus goes with its line");
    stage.component.invoke_regain();
    assert_eq!(stage.focused(), "Apps");
    stage.key(Key::Tab);
    assert_ne!(stage.focused(), "Apps");
}

#[test]
fn everything_that_can_be_pressed_has_a_name() {
    let (stage, _) = used();
    for e in stage.elements() {
        let pressed =
            matches!(e.role.as_str(), "button" | "radio-button" | "switch" | "text-input" | "list-item");
        assert!(!pressed || !e.label.is_empty(), "{e:?}");
        let small = e.role == "button" && (e.w < 32.0 || e.h < 30.0);
        assert!(!small, "too small to hit: {e:?}");
    }
}

#[test]
fn the_testing_backend_sees_the_same() {
    let (stage, said) = used();
    let found: Vec<_> =
        ElementHandle::find_by_accessible_label(&stage.component, "Revoke imap.example.org").collect();
    assert_eq!(found.len(), 1);
    found[0].invoke_accessible_default_action();
    assert_eq!(said.take(), ["revoke 1"], "what a screen reader presses");
    let off: Vec<_> =
        ElementHandle::find_by_accessible_label(&stage.component, "Network: ask per site").collect();
    assert_eq!(off[0].accessible_checked(), Some(true));
}
