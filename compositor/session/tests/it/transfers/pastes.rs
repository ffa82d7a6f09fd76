// SPDX-License-Identifier: GPL-3.0-or-later
//! Pastes that go as they should.

use super::{KEY_CTRL, KEY_INSERT, KEY_SHIFT, KEY_V, TEXT, Table, read_all};
use crate::common::Told;
use cofferdam_control::desktop::{Reply, Request, WindowOp};
use cofferdam_monitor_wire::screen::FromScreen;
use cofferdam_policy::Content;

fn offered(mimes: &[&str]) -> Vec<Told> {
    let names = mimes.iter().map(|mime| Told::Offered((*mime).to_owned()));
    names.chain([Told::Selection(true)]).collect()
}

#[test]
fn a_paste_is_asked_for_and_crosses_both_ways() {
    let mut t = Table::new();
    t.mail_copies(&["text/html", TEXT]);
    assert_eq!(t.web.told(), [Told::Selection(false), Told::Selection(false)]);
    t.chord(&[KEY_CTRL, KEY_V]);
    let all = offered(&[TEXT, "UTF8_STRING", "text/plain"]);
    assert_eq!(t.web.told(), all);
    let reader = t.web.reads("text/plain");
    let serial = t.monitor.asked("web", "mail", Content::Text);
    t.monitor.allows(serial);
    t.mail.writes(TEXT, "grüße\n".as_bytes());
    assert_eq!(read_all(&reader), "grüße\n".as_bytes());
    assert_eq!(t.monitor.used(), (1, 8));

    // And back, with the other keys.
    t.web.copies(&["UTF8_STRING"]);
    t.activate(&t.mail.vm);
    t.mail.client.sync();
    t.chord(&[KEY_CTRL, KEY_SHIFT, KEY_V]);
    t.mail.client.sync();
    let reader = t.mail.reads(TEXT);
    let serial = t.monitor.asked("mail", "web", Content::Text);
    t.monitor.allows(serial);
    t.web.writes("UTF8_STRING", b"back");
    assert_eq!(read_all(&reader), b"back");
    t.monitor.used();

    // And there again: whoever copied last gives.
    assert_eq!(t.pastes(b"again"), b"again");
}

#[test]
fn a_no_is_an_empty_paste() {
    let mut t = Table::new();
    t.mail_copies(&[TEXT]);
    t.paste_keys();
    let reader = t.web.reads(TEXT);
    let serial = t.monitor.asked("web", "mail", Content::Text);
    t.monitor.denies(serial);
    assert_eq!(read_all(&reader), b"");
    // The same gesture does not ask twice; the next one does.
    let reader = t.web.reads(TEXT);
    assert_eq!(read_all(&reader), b"");
    t.monitor.is_left_alone();
    t.paste_keys();
    t.web.reads(TEXT);
    t.monitor.asked("web", "mail", Content::Text);
}

#[test]
fn without_a_monitor_the_answer_is_no() {
    let mut t = Table::new();
    t.mail_copies(&[TEXT]);
    t.paste_keys();
    let reader = t.web.reads(TEXT);
    t.monitor.asked("web", "mail", Content::Text);
    let Table { monitor, mut web, desktop, .. } = t;
    drop(monitor);
    assert_eq!(read_all(&reader), b"");
    desktop.key(KEY_CTRL, true);
    desktop.key(KEY_V, true);
    web.client.sync();
    let reader = web.reads(TEXT);
    assert_eq!(read_all(&reader), b"");
}

#[test]
fn a_clipboard_inside_a_vm_asks_nobody() {
    let mut t = Table::new();
    t.activate(&t.mail.vm);
    t.mail.client.sync();
    t.mail.told();
    t.mail.copies(&["text/odd", TEXT]);
    assert_eq!(t.mail.told(), offered(&["text/odd", TEXT]));
    let reader = t.mail.reads("text/odd");
    t.mail.writes("text/odd", b"\xff own \0 bytes");
    assert_eq!(read_all(&reader), b"\xff own \0 bytes");
    t.monitor.is_left_alone();
}

#[test]
fn the_middle_button_is_for_the_primary_selection() {
    let mut t = Table::new();
    t.activate(&t.mail.vm);
    t.mail.client.sync();
    t.mail.selects(&["STRING"]);
    let content = t.desktop.window_of(&t.web.vm).content;
    t.desktop.pointer(content.x + 20, content.y + 20);
    t.web.client.sync();
    assert!(t.web.client.app.primary.is_none());
    t.middle_button();
    t.web.client.sync();
    assert!(t.web.client.app.clipboard.is_none());
    let reader = t.web.reads_primary("text/plain");
    let serial = t.monitor.asked("web", "mail", Content::Text);
    t.monitor.allows(serial);
    t.mail.writes("STRING", b"selected");
    assert_eq!(read_all(&reader), b"selected");
    // Shift+Insert means the one in some programs and the other in others.
    t.web.client.app.primary = None;
    t.chord(&[KEY_SHIFT, KEY_INSERT]);
    t.web.client.sync();
    assert!(t.web.client.app.primary.is_some());
}

#[test]
fn an_image_is_drawn_anew() {
    let mut t = Table::new();
    let mut image = picture();
    image.extend(b"smuggled");
    t.mail_copies(&["image/png", "image/bmp"]);
    t.paste_keys();
    assert_eq!(t.web.told().last(), Some(&Told::Selection(true)));
    let reader = t.web.reads("image/png");
    let serial = t.monitor.asked("web", "mail", Content::Image);
    t.monitor.allows(serial);
    t.mail.writes("image/png", &image);
    let got = read_all(&reader);
    assert_eq!(pixels(&got), pixels(&picture()));
    assert!(!got.windows(8).any(|w| w == b"smuggled"));
}

#[test]
fn a_yes_that_came_too_late_is_good_for_the_next_paste() {
    let mut t = Table::new();
    t.mail_copies(&[TEXT]);
    t.paste_keys();
    drop(t.web.reads(TEXT));
    let serial = t.monitor.asked("web", "mail", Content::Text);
    t.later(8);
    t.monitor.allows(serial);
    t.monitor.settle();
    t.paste_keys();
    let reader = t.web.reads(TEXT);
    t.mail.writes(TEXT, b"patience");
    assert_eq!(read_all(&reader), b"patience");
    assert!(matches!(t.monitor.hear(), FromScreen::Used { .. }), "nothing was asked");
}

/// The first line of the note at the edge of the screen.
fn note(t: &Table) -> Option<String> {
    match t.desktop.ask(Request::Notice) {
        Reply::Notice(note) => note.map(|note| note.heading),
        other => panic!("{other:?}"),
    }
}

/// A paste that nobody waits for any more when its yes comes.
fn too_late(t: &mut Table) {
    t.mail_copies(&[TEXT]);
    t.paste_keys();
    drop(t.web.reads(TEXT));
    let serial = t.monitor.asked("web", "mail", Content::Text);
    t.monitor.settle();
    assert_eq!(note(t), None);
    t.monitor.allows(serial);
    t.monitor.settle();
    assert_eq!(note(t).as_deref(), Some("Paste again in web"));
}

#[test]
fn a_yes_that_came_too_late_says_what_to_do() {
    let mut t = Table::new();
    too_late(&mut t);
    t.later(7);
    assert!(note(&t).is_some());
    t.later(1);
    assert_eq!(note(&t), None, "it goes by itself");
    // And with whatever the person does next.
    too_late(&mut t);
    t.paste_keys();
    assert_eq!(note(&t), None);
    let reader = t.web.reads(TEXT);
    t.mail.writes(TEXT, b"patience");
    assert_eq!(read_all(&reader), b"patience");
    t.monitor.used();
    too_late(&mut t);
    t.middle_button();
    assert_eq!(note(&t), None);
}

#[test]
fn an_answer_in_time_needs_no_note() {
    let mut t = Table::new();
    assert_eq!(t.pastes(b"quick"), b"quick");
    assert_eq!(note(&t), None);
    // Nor does a no.
    t.mail_copies(&[TEXT]);
    t.paste_keys();
    drop(t.web.reads(TEXT));
    let serial = t.monitor.asked("web", "mail", Content::Text);
    t.monitor.denies(serial);
    t.monitor.settle();
    assert_eq!(note(&t), None);
}

#[test]
fn the_offer_goes_when_the_time_is_up() {
    let mut t = Table::new();
    t.mail_copies(&[TEXT]);
    t.paste_keys();
    t.web.told();
    t.later(3);
    assert_eq!(t.web.told(), [Told::Selection(false)]);
}

fn picture() -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, 3, 2);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    let raw: Vec<u8> = (0..24).collect();
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&raw).unwrap();
    writer.finish().unwrap();
    out
}

fn pixels(image: &[u8]) -> Vec<u8> {
    let mut reader = png::Decoder::new(std::io::Cursor::new(image)).read_info().unwrap();
    let mut raw = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut raw).unwrap();
    raw
}

#[test]
fn who_lost_the_keyboard_behind_the_attention_view_is_offered_nothing() {
    let mut t = Table::new();
    t.mail_copies(&[TEXT]);
    t.desktop.window_op(&t.desktop.window_of(&t.mail.vm), WindowOp::Minimize);
    t.desktop.ask(Request::Attention(true));
    // The window that had the keyboard goes while nobody has it; its client stays.
    t.web.window.toplevel.destroy();
    t.web.window.xdg.destroy();
    t.web.client.sync();
    t.desktop.ask(Request::Attention(false));
    t.web.told();
    t.paste_keys();
    assert_eq!(t.web.told(), [], "no window of it has the keyboard");
}
