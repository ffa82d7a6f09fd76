// SPDX-License-Identifier: GPL-3.0-or-later
//! The bar, by mouse.

use crate::data;
use crate::stage::Stage;
use cofferdam_bus::permissions::AppEntry;
use cofferdam_panel::ui::{Bar, fill_bar};
use slint::platform::PointerEventButton;
use std::cell::RefCell;
use std::rc::Rc;

pub(crate) fn bar(theme: &str, size: (f32, f32, f32), apps: &[AppEntry], active: &str) -> Stage<Bar> {
    let stage = Stage::new("bar", theme, size, Bar::new);
    stage.look.dress(&stage.component);
    stage.component.set_clock("Sat 21 Nov 14:07".into());
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fill_bar(&stage.component, &stage.look, apps, active, size.0 as usize);
    stage
}

#[test]
fn clicks() {
    let stage = bar("default-dark", (1280.0, 36.0, 1.0), &data::apps(5), "vm-1");
    let said: Rc<RefCell<Vec<String>>> = Rc::default();
    let note = said.clone();
    stage.component.on_activate(move |vm| note.borrow_mut().push(format!("activate {vm}")));
    let note = said.clone();
    stage.component.on_open(move |vm| note.borrow_mut().push(format!("open {vm}")));
    let note = said.clone();
    stage.component.on_toggle(move || note.borrow_mut().push("toggle".into()));
    for (label, expected) in [
        ("Firefox", "activate vm-0"),
        ("Mail", "open vm-1"),
        ("Cofferdam", "toggle"),
        ("2 apps online", "toggle"),
        ("1 question waits", "toggle"),
        ("Sat 21 Nov 14:07", "toggle"),
    ] {
        stage.click(label);
        assert_eq!(said.take(), [expected], "{label}");
    }
    let terminal = stage.find("Terminal");
    stage.click_at(terminal.x + 8.0, terminal.y + 8.0, PointerEventButton::Right);
    assert_eq!(said.take(), ["open vm-2"], "the other button opens the panel");
}

#[test]
fn only_running_apps_are_there_and_all_say_whose_they_are() {
    let stage = bar("default-dark", (1280.0, 36.0, 1.0), &data::apps(5), "vm-1");
    assert!(!stage.has("Calculator"), "it does not run");
    assert_eq!(stage.find("Mail").value, "green · dots");
    let all = bar("default-dark", (1280.0, 36.0, 1.0), &data::apps(40), "vm-1");
    for e in all.elements() {
        assert!(e.x >= 0.0 && e.x + e.w <= 1280.5, "{e:?}");
    }
    assert!(all.has("More apps"));
}
