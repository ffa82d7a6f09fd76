// SPDX-License-Identifier: GPL-3.0-or-later
//! Sources and targets that lie, stall, flood and wait for their moment. Where a test replays what went
//! wrong elsewhere, its name says so.

use super::{KEY_CTRL, KEY_V, TEXT, Table, read_all, write_all};
use crate::common::Told;
use cofferdam_control::desktop::Request;
use cofferdam_monitor_wire::screen::{FromScreen, ToScreen};
use cofferdam_policy::{Content, Refusal};
use rustix::fs::{MemfdFlags, OFlags};
use rustix::pipe::PipeFlags;
use std::os::fd::{AsFd, OwnedFd};

#[test]
fn short_copy_after_long_copy_leaks_nothing() {
    let mut t = Table::new();
    let long = "a long secret ".repeat(5000);
    assert_eq!(t.pastes(long.as_bytes()), long.as_bytes());
    assert_eq!(t.pastes(b"short"), b"short");
}

#[test]
fn late_clipboard_reply_does_not_replace_a_newer_one() {
    let mut t = Table::new();
    t.mail_copies(&[TEXT]);
    t.paste_keys();
    let old = t.web.reads(TEXT);
    let first = t.monitor.asked("web", "mail", Content::Text);
    t.monitor.allows(first);
    let slow = t.mail.is_asked_for(TEXT);
    // Something newer is copied and pasted while the first source still thinks.
    assert_eq!(t.pastes(b"newer"), b"newer");
    write_all(&slow, b"older");
    drop(slow);
    assert_eq!(read_all(&old), b"older", "who asked for the older one gets that");
    assert_eq!(t.monitor.used(), (1, 5));
    let reader = t.web.reads(TEXT);
    assert_eq!(read_all(&reader), b"newer");
}

#[test]
fn a_copy_made_while_the_question_is_open_is_not_what_was_allowed() {
    let mut t = Table::new();
    t.mail_copies(&[TEXT]);
    t.paste_keys();
    let reader = t.web.reads(TEXT);
    let serial = t.monitor.asked("web", "mail", Content::Text);
    t.activate(&t.mail.vm);
    t.mail.client.sync();
    t.mail.copies(&[TEXT]);
    t.monitor.allows(serial);
    assert_eq!(read_all(&reader), b"");
    t.mail.client.sync();
    assert!(t.mail.client.app.wanted.is_empty(), "neither the one that is gone nor the one that came");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a reader of its own")]
fn types_that_lie() {
    for (mime, what, bytes) in [
        (TEXT, Content::Text, b"\xff\xfe\x00\x01".to_vec()),
        (TEXT, Content::Text, b"cut\0here".to_vec()),
        (TEXT, Content::Text, vec![b'x'; (1 << 20) + 1]),
        ("image/png", Content::Image, b"#!/bin/sh".to_vec()),
        (
            "image/png",
            Content::Image,
            b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\x7f\xff\xff\xff\x7f\xff\xff\xff".to_vec(),
        ),
    ] {
        let mut t = Table::new();
        t.mail_copies(&[mime]);
        t.paste_keys();
        let reader = t.web.reads(mime);
        let serial = t.monitor.asked("web", "mail", what);
        t.monitor.allows(serial);
        let source = t.mail.is_asked_for(mime);
        let writer = std::thread::spawn(move || write_all(&source, &bytes));
        let refused = t.monitor.hear();
        assert!(matches!(refused, FromScreen::Refused { why: Refusal::Mismatch, .. }), "{refused:?}");
        assert_eq!(read_all(&reader), b"", "{mime}");
        writer.join().unwrap();
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a reader of its own")]
fn a_source_without_end_is_cut_off() {
    let mut t = Table::new();
    t.mail_copies(&[TEXT]);
    t.paste_keys();
    let reader = t.web.reads(TEXT);
    let serial = t.monitor.asked("web", "mail", Content::Text);
    t.monitor.allows(serial);
    let source = t.mail.is_asked_for(TEXT);
    let writer = std::thread::spawn(move || {
        let piece = vec![b'x'; 1 << 16];
        let mut written = 0_u64;
        while written < 1 << 30 {
            match rustix::io::write(&source, &piece) {
                Ok(n) => written += n as u64,
                Err(_) => break,
            }
        }
        written
    });
    assert_eq!(read_all(&reader), b"");
    let written = writer.join().unwrap();
    assert!(written < 4 << 20, "{written} bytes were taken");
}

#[test]
fn a_source_that_stalls_delays_nobody() {
    let mut t = Table::new();
    t.mail_copies(&[TEXT]);
    t.paste_keys();
    let reader = t.web.reads(TEXT);
    // The question is there at once, whatever the source does.
    let serial = t.monitor.asked("web", "mail", Content::Text);
    t.monitor.allows(serial);
    let source = t.mail.is_asked_for(TEXT);
    write_all(&source, b"half of it");
    t.monitor.settle();
    t.desktop.ask(Request::Windows);
    t.later(10);
    assert_eq!(read_all(&reader), b"");
    write_all(&source, b"the rest");
    // And others are served meanwhile and afterwards.
    assert_eq!(t.pastes(b"next"), b"next");
}

#[test]
fn a_target_that_does_not_read_holds_up_nobody() {
    let mut t = Table::new();
    let text = "x".repeat(1 << 20);
    t.mail_copies(&[TEXT]);
    t.paste_keys();
    // A pipe that blocks, and of which nothing is read.
    let reader = t.web.reads(TEXT);
    let serial = t.monitor.asked("web", "mail", Content::Text);
    t.monitor.allows(serial);
    t.mail.writes(TEXT, text.as_bytes());
    t.monitor.settle();
    t.desktop.ask(Request::Windows);
    t.later(60);
    // What it had is in the ledger, and that yes is used up.
    let (times, bytes) = t.monitor.used();
    assert!(times == 1 && bytes > 0, "{times}×{bytes}");
    let got = read_all(&reader).len();
    assert!(got < text.len() && u64::try_from(got).unwrap() == bytes, "{got} of {bytes}");
    t.paste_keys();
    t.web.reads(TEXT);
    t.monitor.asked("web", "mail", Content::Text);
}

#[test]
fn revoked_grant_ends_a_paste_that_is_under_way() {
    let mut t = Table::new();
    let text = "x".repeat(1 << 20);
    t.mail_copies(&[TEXT]);
    t.paste_keys();
    let reader = t.web.reads(TEXT);
    let serial = t.monitor.asked("web", "mail", Content::Text);
    t.monitor.allows(serial);
    t.mail.writes(TEXT, text.as_bytes());
    let mut some = [0; 1000];
    assert!(rustix::io::read(&reader, &mut some).unwrap() > 0);
    let ticket = u64::from(serial) + 100;
    t.monitor.says(&ToScreen::Cut { ticket });
    // What is in the pipe is in the target's hands, and was reported; nothing is added to it.
    let (_, bytes) = t.monitor.used();
    assert_eq!(t.monitor.hear(), FromScreen::CutDone { ticket });
    let rest = u64::try_from(read_all(&reader).len()).unwrap();
    assert!(rest <= 1 << 16 && (rest..=rest + 1000).contains(&bytes), "{bytes}, {rest}");
    let reader = t.web.reads(TEXT);
    assert_eq!(read_all(&reader), b"");
}

#[test]
fn offers_are_worth_nothing_without_their_gesture() {
    let mut t = Table::new();
    t.mail_copies(&[TEXT]);
    t.web.told();
    // No gesture: other keys, and clicks on the window.
    t.chord(&[KEY_V]);
    t.chord(&[KEY_CTRL]);
    let content = t.desktop.window_of(&t.web.vm).content;
    t.desktop.click(content.x + 10, content.y + 10);
    assert_eq!(t.web.told(), []);
    t.paste_keys();
    let old = t.web.client.app.clipboard.clone().expect("an offer");
    t.later(4);
    t.web.client.sync();
    // An offer that was kept is dead, also under the next gesture.
    for _ in 0..2 {
        let (reader, writer) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC).unwrap();
        old.receive(TEXT.to_owned(), writer.as_fd());
        drop(writer);
        t.web.client.sync();
        assert_eq!(read_all(&reader), b"");
        t.monitor.is_left_alone();
        t.paste_keys();
    }
}

#[test]
fn a_gesture_in_one_vm_is_none_in_another() {
    let mut t = Table::new();
    let mut other = super::Side::new(&t.desktop, "other", cofferdam_ids::Identity::Green);
    t.mail_copies(&[TEXT]);
    other.told();
    t.paste_keys();
    assert_eq!(other.told(), []);
    // The keyboard goes there within the time: still nothing.
    t.activate(&other.vm);
    assert_eq!(other.told(), [Told::Selection(false)]);
    // And the one that had the gesture has lost it with the keyboard.
    let reader = t.web.reads(TEXT);
    assert_eq!(read_all(&reader), b"");
    t.monitor.is_left_alone();
}

#[test]
fn what_is_no_pipe_is_not_written_to() {
    let mut t = Table::new();
    t.mail_copies(&[TEXT]);
    t.paste_keys();
    let file = rustix::fs::memfd_create("file", MemfdFlags::CLOEXEC).unwrap();
    let (socket, _end) = std::os::unix::net::UnixStream::pair().unwrap();
    for fd in [file.as_fd(), socket.as_fd()] {
        t.web.client.app.clipboard.as_ref().unwrap().receive(TEXT.to_owned(), fd);
    }
    t.web.client.sync();
    t.monitor.is_left_alone();
    assert_eq!(rustix::fs::fstat(&file).unwrap().st_size, 0);
}

#[test]
fn a_target_that_makes_its_pipe_block_again() {
    let mut t = Table::new();
    let text = "y".repeat(1 << 20);
    t.mail_copies(&[TEXT]);
    t.paste_keys();
    let (reader, writer) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).unwrap();
    t.web.client.app.clipboard.as_ref().unwrap().receive(TEXT.to_owned(), writer.as_fd());
    t.web.client.sync();
    let serial = t.monitor.asked("web", "mail", Content::Text);
    rustix::fs::fcntl_setfl(&writer, OFlags::empty()).unwrap();
    t.monitor.allows(serial);
    t.mail.writes(TEXT, text.as_bytes());
    t.monitor.settle();
    // Full, blocking, and the desktop goes on. Then it is read after all.
    t.desktop.ask(Request::Windows);
    drop(writer);
    rustix::fs::fcntl_setfl(&reader, OFlags::empty()).unwrap();
    assert_eq!(read_all(&reader), text.as_bytes());
}

#[test]
fn no_more_than_a_few_at_a_time() {
    let mut t = Table::new();
    t.mail_copies(&[TEXT]);
    t.paste_keys();
    let readers: Vec<OwnedFd> = (0..200).map(|_| t.web.reads(TEXT)).collect();
    let serial = t.monitor.asked("web", "mail", Content::Text);
    t.monitor.allows(serial);
    t.mail.writes(TEXT, b"once");
    let got = readers.iter().filter(|reader| !read_all(reader).is_empty()).count();
    assert!((1..=8).contains(&got), "{got}");
}

#[test]
fn a_copy_without_the_keyboard_is_no_copy() {
    let mut t = Table::new();
    t.mail_copies(&[TEXT]);
    // The first VM has lost the keyboard, and would like to replace what the other is about to paste.
    t.mail.copies(&["text/plain"]);
    t.paste_keys();
    let reader = t.web.reads(TEXT);
    let serial = t.monitor.asked("web", "mail", Content::Text);
    t.monitor.allows(serial);
    t.mail.writes(TEXT, b"the first");
    assert_eq!(read_all(&reader), b"the first");
}

#[test]
fn a_vm_that_is_gone_gives_nothing() {
    let mut t = Table::new();
    t.mail_copies(&[TEXT]);
    t.paste_keys();
    let reader = t.web.reads(TEXT);
    let serial = t.monitor.asked("web", "mail", Content::Text);
    t.monitor.settle();
    t.desktop.ask(Request::RetireVm { vm: t.mail.vm.id.clone() });
    assert_eq!(t.monitor.hear(), FromScreen::Forget { serial });
    assert_eq!(read_all(&reader), b"");
    t.desktop.key(KEY_CTRL, true);
    t.desktop.key(KEY_V, true);
    t.web.client.sync();
    assert!(t.web.client.app.clipboard.is_none());
}

#[test]
fn a_source_hears_of_no_paste_that_was_not_allowed() {
    let mut t = Table::new();
    t.mail_copies(&[TEXT]);
    t.paste_keys();
    let reader = t.web.reads(TEXT);
    let serial = t.monitor.asked("web", "mail", Content::Text);
    t.mail.client.sync();
    assert!(t.mail.client.app.wanted.is_empty(), "asked while nobody has said anything");
    t.monitor.denies(serial);
    assert_eq!(read_all(&reader), b"");
    t.mail.client.sync();
    assert!(t.mail.client.app.wanted.is_empty(), "asked after a no");
}

#[test]
fn names_of_types_are_few_and_short() {
    let mut t = Table::new();
    t.activate(&t.mail.vm);
    t.mail.client.sync();
    let long = "x/".repeat(1500);
    // What is too long is not kept; what programs use is.
    let office = format!("application/x-object;name=\"{}\"", "y".repeat(240));
    t.mail.copies(&[&long, &office, TEXT]);
    let told = |t: &mut Table| -> Vec<String> {
        let names = t.mail.told().into_iter();
        names.filter_map(|told| if let Told::Offered(name) = told { Some(name) } else { None }).collect()
    };
    assert_eq!(told(&mut t), [office, TEXT.to_owned()]);
    // And all sources of a VM together have an end, whose ever they are.
    let names: Vec<String> = (0..256).map(|n| format!("{n:0500}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let first = t.mail.source(&names);
    t.mail.client.sync();
    let second = t.mail.source(&names);
    t.mail.client.sync();
    t.mail.device.set_selection(Some(&second), 0);
    let got: usize = told(&mut t).iter().map(String::len).sum();
    assert!(got < 10_000, "{got} bytes beyond what the first has");
    // What is gone makes room again.
    first.destroy();
    t.mail.copies(&names);
    assert!(told(&mut t).len() > 200);
}
