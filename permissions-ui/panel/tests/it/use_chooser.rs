// SPDX-License-Identifier: GPL-3.0-or-later
//! The file chooser, by mouse and by keyboard.

use crate::stage::Stage;
use cofferdam_panel::files::Folder;
use cofferdam_panel::ui::{Chooser, fill_folder};
use cofferdam_panel::view::chooser::{Wanted, is_text};
use jiff::tz::TimeZone;
use slint::platform::Key;
use slint::{ModelRc, SharedString, VecModel};
use std::cell::RefCell;
use std::os::unix::fs::symlink;
use std::rc::Rc;
use std::time::{Duration, UNIX_EPOCH};

/// A folder on disk.
pub(crate) struct Room(tempfile::TempDir);

impl Room {
    pub(crate) fn new() -> Self {
        let room = tempfile::Builder::new().prefix("room").tempdir().unwrap();
        let at = UNIX_EPOCH + Duration::from_millis(crate::data::NOW - 3 * 3_600_000);
        for name in ["Rechnungen", "Fotos"] {
            std::fs::create_dir(room.path().join(name)).unwrap();
        }
        for (name, size) in [
            ("brief.odt", 48_213),
            ("Grundstücksverkehrsgenehmigungszuständigkeitsübertragungsverordnung.pdf", 1_204_113),
            ("notizen.txt", 812),
            ("صورة.png", 3_400_000),
            ("urlaub 2.jpg", 2_900_000),
            ("urlaub 10.jpg", 3_100_000),
        ] {
            let file = std::fs::File::create(room.path().join(name)).unwrap();
            file.set_len(size).unwrap();
            file.set_modified(at).unwrap();
        }
        symlink("brief.odt", room.path().join("verweis.odt")).unwrap();
        for name in ["Rechnungen", "Fotos"] {
            std::fs::File::open(room.path().join(name)).unwrap().set_modified(at).unwrap();
        }
        Self(room)
    }

    pub(crate) fn empty() -> Self {
        Self(tempfile::Builder::new().prefix("room").tempdir().unwrap())
    }

    pub(crate) fn folder(&self) -> Folder {
        let mut folder = Folder::open(self.0.path(), Wanted::File, false).unwrap();
        // The link's own time can't be set, and is not what a picture is about.
        for entry in &mut folder.entries {
            entry.modified = crate::data::NOW - 3 * 3_600_000;
        }
        folder
    }
}

pub(crate) fn chooser(theme: &str, scale: f32, folder: &Folder) -> Stage<Chooser> {
    let stage = Stage::new("dialog", theme, (780.0, 560.0, scale), Chooser::new);
    stage.look.dress(&stage.component);
    let c = &stage.component;
    c.set_mark(stage.look.mark("green"));
    c.set_heading("Mail wants a file".into());
    c.set_about("green · dots — “Attach a file”".into());
    c.set_path("/home/anna/Documents".into());
    c.set_write_text("Let Mail change it".into());
    c.set_may_write(true);
    c.set_empty("Nothing here.".into());
    let places = ["Home", "Desktop", "Documents", "Downloads", "Pictures", "Computer"];
    let places: Vec<SharedString> = places.iter().map(|p| (*p).into()).collect();
    c.set_places(ModelRc::new(VecModel::from(places)));
    c.set_place(2);
    fill_folder(c, folder, Wanted::File, 0, crate::data::NOW, &TimeZone::UTC);
    c.invoke_begin();
    stage
}

type Said = Rc<RefCell<Vec<String>>>;

fn used() -> (Stage<Chooser>, Said, Room) {
    let room = Room::new();
    let stage = chooser("default-dark", 1.0, &room.folder());
    let said = Said::default();
    let note = |said: &Said| {
        let said = said.clone();
        move |what: String| said.borrow_mut().push(what)
    };
    let c = &stage.component;
    let n = note(&said);
    c.on_select(move |i| n(format!("select {i}")));
    let n = note(&said);
    c.on_open(move |i| n(format!("open {i}")));
    let n = note(&said);
    c.on_go(move |i| n(format!("go {i}")));
    let n = note(&said);
    c.on_up(move || n("up".into()));
    let n = note(&said);
    c.on_typed(move |text| {
        let is_text = is_text(&text);
        if is_text {
            n(format!("typed {text}"));
        }
        is_text
    });
    let n = note(&said);
    c.on_hand_over(move || n("hand over".into()));
    let n = note(&said);
    c.on_cancel(move || n("cancel".into()));
    stage.settle();
    (stage, said, room)
}

#[test]
fn by_keyboard() {
    let (stage, said, _room) = used();
    assert_eq!(stage.focused(), "Files", "the list is where one begins");
    stage.component.set_selected(1);
    for (key, expected) in [
        (SharedString::from(Key::DownArrow), "select 2"),
        (Key::UpArrow.into(), "select 0"),
        (Key::End.into(), "select 8"),
        (Key::Return.into(), "open 1"),
        (Key::Backspace.into(), "up"),
        ("u".into(), "typed u"),
        (Key::Escape.into(), "cancel"),
    ] {
        stage.key(key.clone());
        assert_eq!(said.take(), [expected], "{key:?}");
    }
}

#[test]
fn enter_never_hands_over() {
    let (stage, said, _room) = used();
    stage.component.set_selected(3);
    stage.component.set_ready(true);
    let order = stage.tab_order();
    assert!(
        order.contains(&"Hand over".to_owned()) && order.contains(&"Let Mail change it".to_owned()),
        "{order:?}"
    );
    for _ in 0..order.len() {
        stage.key(Key::Return);
        stage.key(Key::Tab);
    }
    assert!(!said.take().iter().any(|what| what == "hand over"));
    while stage.focused() != "Hand over" {
        stage.key(Key::Tab);
    }
    stage.key(" ");
    assert_eq!(said.take(), ["hand over"]);
}

#[test]
fn nothing_is_handed_over_before_it_is_ready() {
    let (stage, said, _room) = used();
    stage.component.set_selected(3);
    stage.click("Hand over");
    assert!(said.take().is_empty());
    stage.component.set_ready(true);
    stage.click("Hand over");
    assert_eq!(said.take(), ["hand over"]);
    stage.click("Cancel");
    stage.click("Home");
    assert_eq!(said.take(), ["cancel", "go 0"]);
}

#[test]
fn a_button_that_goes_dead_under_the_focus_is_no_trap() {
    let (stage, said, _room) = used();
    stage.component.set_selected(3);
    stage.component.set_ready(true);
    while stage.focused() != "Hand over" {
        stage.key(Key::Tab);
    }
    stage.component.set_ready(false);
    stage.key(" ");
    stage.key(Key::Tab);
    assert_ne!(stage.focused(), "Hand over");
    assert!(said.take().is_empty());
}

#[test]
fn a_name_that_is_taken_can_be_changed() {
    let (stage, _, _room) = used();
    let c = &stage.component;
    c.set_new_file(true);
    c.set_name("brief.odt".into());
    c.set_error("There is a “brief.odt” already. Replaced, it stays as “brief.odt~”.".into());
    c.set_hand_over_text("Replace".into());
    c.set_ready(true);
    stage.settle();
    assert_eq!(stage.find("Name").value, "brief.odt");
    assert!(stage.has("There is a “brief.odt” already. Replaced, it stays as “brief.odt~”."));
    assert!(stage.find("Replace").enabled);
    let order = stage.tab_order();
    assert!(order.contains(&"Name".to_owned()) && order.contains(&"Replace".to_owned()), "{order:?}");
    // The button goes dead for a moment, and the focus goes on from there.
    while stage.focused() != "Replace" {
        stage.key(Key::Tab);
    }
    stage.component.set_ready(false);
    stage.settle();
    stage.key(Key::Tab);
    assert_ne!(stage.focused(), "Replace");
    stage.component.set_ready(true);
    stage.settle();
    stage.key(Key::Tab);
}

#[test]
fn reading_only_unless_the_switch_is_on() {
    let (stage, _, _room) = used();
    assert!(!stage.component.get_write());
    assert_eq!(stage.find("Let Mail change it").value, "false");
    stage.click("Let Mail change it");
    assert!(stage.component.get_write());
    assert_eq!(stage.find("Let Mail change it").value, "true");
}

#[test]
fn many_files_cost_what_can_be_seen() {
    let room = tempfile::Builder::new().prefix("room").tempdir().unwrap();
    for n in 0..3_000 {
        std::fs::write(room.path().join(format!("file {n}")), "").unwrap();
    }
    let folder = Folder::open(room.path(), Wanted::File, false).unwrap();
    let stage = chooser("default-dark", 1.0, &folder);
    let rows = stage.elements().iter().filter(|e| e.label.starts_with("file ")).count();
    assert!((8..40).contains(&rows), "{rows}");
    assert_eq!(stage.component.get_count(), 3_000);
}
