// SPDX-License-Identifier: GPL-3.0-or-later
//! What everything looks like: three themes, two scales, 0, 1 and 40 items, long words, right to left.

use crate::data::{self, NOW};
use crate::stage::Stage;
use crate::use_bar::bar;
use crate::use_chooser::{Room, chooser};
use crate::use_panel::{around, fill, fill_with, panel};
use cofferdam_panel::ui::{fill_apps, fill_lines};
use cofferdam_panel::view::lines;
use jiff::tz::TimeZone;

const THEMES: [&str; 3] = ["default-dark", "default-light", "high-contrast"];
/// 1280×800 at scale 1, and 2560×1440 at scale 2.
const PANEL: [(f32, f32, f32); 2] = [(1060.0, 690.0, 1.0), (1060.0, 660.0, 2.0)];

#[test]
fn panel_in_every_theme_and_scale() {
    for theme in THEMES {
        for size in PANEL {
            let stage = panel(theme, size);
            fill(&stage, &data::apps(5), Some(1));
            stage.picture(&format!("panel-{theme}-{}x", size.2));
        }
    }
}

#[test]
fn panel_with_files_that_were_handed_over() {
    let stage = panel("default-light", PANEL[0]);
    fill_with(&stage, &data::apps(5), Some(1), &data::files());
    stage.picture("panel-files");
}

#[test]
fn panel_with_nothing() {
    let stage = panel("default-dark", PANEL[0]);
    fill(&stage, &[], None);
    stage.picture("panel-empty");
}

#[test]
fn panel_with_one_and_nothing_done() {
    let stage = panel("default-light", PANEL[0]);
    fill_apps(&stage.component, &stage.look, &data::apps(1), Some(0), NOW, &TimeZone::UTC);
    stage.component.set_error("The permission monitor does not answer.".into());
    stage.picture("panel-one");
}

#[test]
fn panel_with_forty_long_words_and_right_to_left() {
    let stage = panel("default-dark", PANEL[0]);
    fill(&stage, &data::apps(40), Some(5));
    let rows = lines::rows(&data::long_log(), &[], &around(NOW));
    fill_lines(&stage.component, &rows, true, false);
    stage.component.set_undo_text("Revoked: imap.example.org".into());
    stage.picture("panel-forty");
    fill(&stage, &data::apps(40), Some(6));
    stage.picture("panel-right-to-left");
}

#[test]
fn bars() {
    for theme in THEMES {
        for (width, scale) in [(1280.0, 1.0), (1280.0, 2.0)] {
            let stage = bar(theme, (width, 36.0, scale), &data::apps(5), "vm-1");
            stage.picture(&format!("bar-{theme}-{scale}x"));
        }
    }
    for count in [0, 1, 40] {
        let stage = bar("default-dark", (1280.0, 36.0, 1.0), &data::apps(count), "vm-0");
        stage.picture(&format!("bar-{count}"));
    }
    let mut apps = data::apps(9);
    apps[1].silenced = true;
    bar("default-light", (1280.0, 36.0, 1.0), &apps, "vm-5").picture("bar-silenced");
}

#[test]
fn choosers() {
    let room = Room::new();
    for theme in THEMES {
        for scale in [1.0, 2.0] {
            let stage = chooser(theme, scale, &room.folder());
            stage.component.set_selected(3);
            stage.component.set_ready(true);
            stage.picture(&format!("chooser-{theme}-{scale}x"));
        }
    }
    let stage = chooser("default-dark", 1.0, &Room::empty().folder());
    stage
        .component
        .set_heading("Donaudampfschifffahrtsgesellschaftskapitänskajütenverwaltung wants a file".into());
    stage.component.set_about("blue · checks — “اختر ملفًا”".into());
    stage.component.set_error("It has changed since it was shown. Look again.".into());
    stage.picture("chooser-empty");
    let stage = chooser("default-light", 1.0, &room.folder());
    stage.component.set_new_file(true);
    stage.component.set_name("Reisekostenabrechnung.pdf".into());
    stage.component.set_hand_over_text("Save here".into());
    stage.picture("chooser-new-file");
}

#[test]
fn focus_can_be_seen() {
    let stage: Stage<_> = panel("default-dark", PANEL[0]);
    fill(&stage, &data::apps(5), Some(1));
    stage.component.invoke_begin();
    stage.key(slint::platform::Key::Tab);
    stage.key(slint::platform::Key::Tab);
    stage.key(slint::platform::Key::Tab);
    stage.key(slint::platform::Key::RightArrow);
    stage.picture("panel-focus");
}
