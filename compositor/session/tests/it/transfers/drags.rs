// SPDX-License-Identifier: GPL-3.0-or-later
//! Drags from one VM's window to another's: what is seen, what is asked, what arrives.

use super::{ORANGE, SKY, TEXT, Table, read_all};
use crate::common::Told;
use cofferdam_control::desktop::Request;
use cofferdam_monitor_wire::screen::{FromScreen, ToScreen};
use cofferdam_policy::{Content, Refusal};
use rustix::pipe::PipeFlags;
use std::os::fd::{AsFd, OwnedFd};
use wayland_client::protocol::wl_data_device_manager::DndAction;
use wayland_client::protocol::wl_surface::WlSurface;

impl Table {
    /// The first VM begins a drag of these types inside its window.
    fn mail_drags(&mut self, mimes: &[&str], icon: Option<&WlSurface>) {
        let content = self.desktop.window_of(&self.mail.vm).content;
        self.desktop.pointer(content.x + 10, content.y + 10);
        self.desktop.button(true);
        self.mail.client.sync();
        let source = self.mail.source(mimes);
        source.set_actions(DndAction::Copy);
        let serial = self.mail.client.app.serial;
        self.mail.device.start_drag(Some(&source), &self.mail.window.surface, icon, serial);
        self.mail.told();
        self.web.told();
    }

    fn over_web(&self) -> (i32, i32) {
        let content = self.desktop.window_of(&self.web.vm).content;
        let at = (content.x + 30, content.y + 40);
        self.desktop.pointer(at.0, at.1);
        at
    }

    /// The second VM takes what was dropped.
    fn web_takes(&mut self) -> OwnedFd {
        let app = &mut self.web.client.app;
        let offer = app.dragged.clone().expect("a drag");
        offer.accept(app.drag_serial, Some(TEXT.to_owned()));
        offer.set_actions(DndAction::Copy, DndAction::Copy);
        self.web.client.wait("the drop", |app| app.told.contains(&Told::Dropped));
        let (reader, writer) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC).unwrap();
        offer.receive(TEXT.to_owned(), writer.as_fd());
        self.web.client.sync();
        offer.finish();
        self.web.client.sync();
        reader
    }
}

#[test]
fn a_drop_is_asked_for_and_arrives() {
    let mut t = Table::new();
    t.mail_drags(&[TEXT], None);
    t.over_web();
    assert_eq!(t.mail.told(), [Told::DragLeave]);
    assert_eq!(t.web.told(), [], "what hovers is nobody's business");
    t.monitor.is_left_alone();
    t.desktop.button(false);
    let serial = t.monitor.asked("web", "mail", Content::Text);
    assert_eq!(t.web.told(), []);
    t.monitor.allows(serial);
    t.mail.writes(TEXT, b"dragged");
    t.web.client.wait("the drag", |app| app.dragged.is_some());
    let reader = t.web_takes();
    assert_eq!(read_all(&reader), b"dragged");
    assert_eq!(t.monitor.used(), (1, 7));
    t.monitor.settle();
    assert_eq!(t.mail.told(), [Told::Source("drop performed"), Told::Source("finished")]);
    // The pointer belongs to clients again.
    let content = t.desktop.window_of(&t.mail.vm).content;
    t.desktop.pointer(content.x + 5, content.y + 5);
    t.mail.client.sync();
    assert!(t.mail.client.app.told.iter().any(|told| matches!(told, Told::PointerEnter(..))));
}

#[test]
fn a_drop_that_is_refused_is_not_seen() {
    let mut t = Table::new();
    t.mail_drags(&[TEXT], None);
    t.over_web();
    t.desktop.button(false);
    let serial = t.monitor.asked("web", "mail", Content::Text);
    t.monitor.denies(serial);
    t.monitor.settle();
    assert_eq!(t.mail.told(), [Told::DragLeave, Told::Source("drop performed"), Told::Cancelled]);
    assert_eq!(t.web.told(), []);
}

#[test]
fn files_stay_where_they_are() {
    let mut t = Table::new();
    t.mail_drags(&["text/uri-list", "text/plain"], None);
    t.over_web();
    t.desktop.button(false);
    let refused = t.monitor.hear();
    assert!(matches!(refused, FromScreen::Refused { why: Refusal::Off, .. }), "{refused:?}");
    t.monitor.settle();
    assert_eq!(t.mail.told(), [Told::DragLeave, Told::Cancelled]);
    assert!(t.mail.client.app.wanted.is_empty(), "not even the names were asked for");
    assert_eq!(t.web.told(), []);
}

#[test]
fn a_target_that_does_not_want_it() {
    let mut t = Table::new();
    t.mail_drags(&[TEXT], None);
    t.over_web();
    t.desktop.button(false);
    let serial = t.monitor.asked("web", "mail", Content::Text);
    t.monitor.allows(serial);
    t.mail.writes(TEXT, b"dragged");
    t.web.client.wait("the drag", |app| app.dragged.is_some());
    let offer = t.web.client.app.dragged.clone().expect("a drag");
    // It can't read before it was dropped on.
    let (reader, writer) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC).unwrap();
    offer.accept(t.web.client.app.drag_serial, None);
    t.web.client.sync();
    drop(writer);
    assert_eq!(read_all(&reader), b"");
    t.later(60);
    assert_eq!(t.web.told().last(), Some(&Told::DragLeave));
    assert_eq!(t.mail.told().last(), Some(&Told::Cancelled));
}

#[test]
fn the_picture_wears_its_vm_and_the_target_its_own() {
    let mut t = Table::new();
    let icon = t.mail.client.app.surface(&t.mail.client.queue.handle());
    t.mail_drags(&[TEXT], Some(&icon));
    // Far larger than a picture may be.
    t.mail.client.draw(&icon, (400, 400), [0, 255, 0]);
    t.mail.client.sync();
    let (x, y) = t.over_web();
    let image = t.desktop.screenshot();
    assert_eq!(image.at(x + 100, y + 100), [0, 255, 0]);
    assert_eq!(image.at(x - 1, y + 100), ORANGE, "a border in the colour of where it comes from");
    assert_eq!(image.at(x + 257, y + 100), ORANGE, "and cut");
    assert_ne!(image.at(x + 300, y + 100), [0, 255, 0]);
    let frame = t.desktop.window_of(&t.web.vm).frame;
    assert_eq!(image.at(frame.x - 2, frame.y + 10), SKY, "the target is framed in its colour");
    let other = t.desktop.window_of(&t.mail.vm).frame;
    assert_ne!(image.at(other.x - 2, other.y + 10), ORANGE);
    t.desktop.button(false);
    t.monitor.settle();
    let image = t.desktop.screenshot();
    assert_ne!(image.at(x + 100, y + 100), [0, 255, 0]);
    assert_ne!(image.at(frame.x - 2, frame.y + 10), SKY);
}

#[test]
fn where_the_level_is_off_nothing_is_offered_or_framed() {
    let mut t = Table::new();
    let vm = t.web.vm.id.clone();
    t.monitor.says(&ToScreen::Crossings { vm: vm.clone(), paste: false, drop: false });
    t.monitor.settle();
    t.mail_copies(&[TEXT]);
    t.web.told();
    t.paste_keys();
    assert_eq!(t.web.told(), []);
    t.mail_drags(&[TEXT], None);
    t.over_web();
    let frame = t.desktop.window_of(&t.web.vm).frame;
    let ring = |t: &Table| t.desktop.screenshot().at(frame.x - 2, frame.y + 10) == SKY;
    assert!(!ring(&t));
    // It changes while something is held there.
    t.monitor.says(&ToScreen::Crossings { vm: vm.clone(), paste: true, drop: true });
    t.monitor.settle();
    assert!(ring(&t));
    t.monitor.says(&ToScreen::Crossings { vm, paste: true, drop: false });
    t.monitor.settle();
    assert!(!ring(&t));
    t.desktop.button(false);
    t.monitor.is_left_alone();
    assert_eq!(t.mail.told().last(), Some(&Told::Cancelled));
    t.activate(&t.web.vm);
    t.paste_keys();
    assert_eq!(t.web.told().last(), Some(&Told::Selection(true)));
}

#[test]
fn files_are_not_framed() {
    let mut t = Table::new();
    t.mail_drags(&["text/uri-list"], None);
    t.over_web();
    let frame = t.desktop.window_of(&t.web.vm).frame;
    assert_ne!(t.desktop.screenshot().at(frame.x - 2, frame.y + 10), SKY);
}

#[test]
fn a_drag_ends_with_its_vm_and_with_its_source() {
    for retired in [true, false] {
        let mut t = Table::new();
        t.mail_drags(&[TEXT], None);
        t.over_web();
        if retired {
            t.desktop.ask(Request::RetireVm { vm: t.mail.vm.id.clone() });
        } else {
            t.mail.last_source.take().expect("a source").destroy();
            t.mail.client.sync();
        }
        t.desktop.button(false);
        t.monitor.is_left_alone();
        let (x, y) = t.over_web();
        t.desktop.pointer(x + 3, y);
        t.web.client.sync();
        assert!(t.web.client.app.told.iter().any(|told| matches!(told, Told::PointerEnter(..))));
    }
}
