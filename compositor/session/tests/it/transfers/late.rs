// SPDX-License-Identifier: GPL-3.0-or-later
//! A slow app copies after the keyboard has gone elsewhere. What the person meant counts, and no more.

use super::{KEY_CTRL, TEXT, Table, read_all};
use cofferdam_policy::Content;

const KEY_C: u32 = 46;

/// Ctrl+C in the first VM's window, then the keyboard goes to the second's: the serial of the press.
fn pressed_and_gone(t: &mut Table) -> u32 {
    t.activate(&t.mail.vm);
    t.mail.client.sync();
    t.desktop.key(KEY_CTRL, true);
    t.desktop.key(KEY_C, true);
    t.mail.client.sync();
    let serial = t.mail.client.app.serial;
    t.desktop.key(KEY_C, false);
    t.desktop.key(KEY_CTRL, false);
    t.mail.client.sync();
    t.activate(&t.web.vm);
    t.web.client.sync();
    serial
}

/// Whether a paste in the second VM finds something of another's.
fn is_offered(t: &mut Table) -> bool {
    t.web.client.app.clipboard = None;
    t.paste_keys();
    t.web.client.app.clipboard.is_some()
}

#[test]
fn a_copy_that_was_meant_counts_though_it_is_late() {
    let mut t = Table::new();
    let serial = pressed_and_gone(&mut t);
    t.later(4);
    t.mail.copies_late(&[TEXT], serial);
    assert!(is_offered(&mut t));
    let reader = t.web.reads(TEXT);
    let question = t.monitor.asked("web", "mail", Content::Text);
    t.monitor.allows(question);
    t.mail.writes(TEXT, b"late");
    assert_eq!(read_all(&reader), b"late");
    // Programs that name the last release instead are meant too.
    pressed_and_gone(&mut t);
    let released = t.mail.client.app.serial;
    t.mail.copies_late(&["text/odd"], released);
    assert!(!is_offered(&mut t), "nothing that crosses has taken the place of the text");
}

#[test]
fn what_is_selected_late_counts_too() {
    let mut t = Table::new();
    let content = t.desktop.window_of(&t.mail.vm).content;
    t.desktop.pointer(content.x + 20, content.y + 20);
    for pressed in [true, false] {
        let button = cofferdam_control::desktop::Input::PointerButton { code: 0x110, pressed };
        t.desktop.input(button);
    }
    t.mail.client.sync();
    let serial = t.mail.client.app.serial;
    let content = t.desktop.window_of(&t.web.vm).content;
    t.desktop.pointer(content.x + 20, content.y + 20);
    t.activate(&t.web.vm);
    t.web.client.sync();
    t.mail.selects_late(&[TEXT], serial);
    t.middle_button();
    t.web.client.sync();
    assert!(t.web.client.app.primary.is_some());
}

#[test]
fn a_background_app_copies_nothing_of_its_own_accord() {
    let mut t = Table::new();
    let serial = pressed_and_gone(&mut t);
    // Neither without a key, nor with another app's, nor for ever.
    t.mail.copies(&[TEXT]);
    assert!(!is_offered(&mut t));
    let webs = t.web.client.app.serial;
    t.mail.copies_late(&[TEXT], webs);
    assert!(!is_offered(&mut t));
    t.later(6);
    t.mail.copies_late(&[TEXT], serial);
    assert!(!is_offered(&mut t));
}

#[test]
fn who_copied_later_is_not_replaced() {
    let mut t = Table::new();
    let serial = pressed_and_gone(&mut t);
    t.web.copies(&[TEXT]);
    t.web.told();
    t.mail.copies_late(&[TEXT], serial);
    assert_eq!(t.web.told(), [], "what it copied is still its own");
    // Nor is it wiped.
    t.mail.device.set_selection(None, serial);
    t.mail.client.sync();
    assert_eq!(t.web.told(), []);
    // Nor once it is gone: the place is not free for what is older.
    let source = t.web.source(&[TEXT]);
    t.web.device.set_selection(Some(&source), 0);
    t.web.client.sync();
    source.destroy();
    t.web.client.sync();
    t.mail.copies_late(&[TEXT], serial);
    assert!(!is_offered(&mut t));
}

#[test]
fn nothing_is_wiped_from_the_background() {
    let mut t = Table::new();
    t.activate(&t.web.vm);
    t.web.client.sync();
    t.web.copies(&[TEXT]);
    let serial = pressed_and_gone(&mut t);
    t.web.told();
    t.mail.device.set_selection(None, serial);
    t.mail.client.sync();
    assert_eq!(t.web.told(), []);
}
