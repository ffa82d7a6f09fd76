// SPDX-License-Identifier: GPL-3.0-or-later
//! Menus: which popups make a choice in them a paste, and which don't.

use super::{GROUND, Side, TEXT, Table};
use crate::common::Told;
use cofferdam_control::desktop::Input;
use cofferdam_monitor_wire::screen::FromScreen;
use cofferdam_policy::Content;
use wayland_client::protocol::wl_seat::WlSeat;
use wayland_client::protocol::wl_surface::WlSurface;
use wayland_protocols::xdg::shell::client::xdg_popup::XdgPopup;
use wayland_protocols::xdg::shell::client::xdg_surface::XdgSurface;
use wayland_protocols::xdg::shell::client::xdg_wm_base::XdgWmBase;

const KEY_SPACE: u32 = 57;
const KEY_ENTER: u32 = 28;
const BTN_RIGHT: u32 = 0x111;
const SIZE: (i32, i32) = (120, 90);

/// A popup over the middle of the second VM's window.
struct Popup {
    surface: WlSurface,
    _xdg: XdgSurface,
    popup: XdgPopup,
}

impl Side {
    /// Makes one, without a buffer.
    fn popup(&mut self) -> Popup {
        let queue = self.client.queue.handle();
        let base = self.client.app.bind::<XdgWmBase>(&queue);
        let positioner = base.create_positioner(&queue, ());
        positioner.set_size(SIZE.0, SIZE.1);
        positioner.set_anchor_rect(0, 0, 200, 150);
        let surface = self.client.app.surface(&queue);
        let xdg = base.get_xdg_surface(&surface, &queue, ());
        let popup = xdg.get_popup(Some(&self.window.xdg), &positioner, &queue, ());
        Popup { surface, _xdg: xdg, popup }
    }

    fn map(&mut self, popup: &Popup) {
        self.client.app.told.clear();
        popup.surface.commit();
        self.client
            .wait("the popup's configure", |app| app.told.iter().any(|t| matches!(t, Told::Popup(..))));
        self.client.draw(&popup.surface, SIZE, GROUND);
        self.client.sync();
    }

    /// Grabs for the last press that it was sent, and maps.
    fn opens_menu(&mut self) -> Popup {
        let popup = self.popup();
        let queue = self.client.queue.handle();
        let seat = self.client.app.bind::<WlSeat>(&queue);
        popup.popup.grab(&seat, self.client.app.serial);
        self.map(&popup);
        assert!(!self.client.app.told.contains(&Told::PopupDone));
        popup
    }
}

impl Table {
    fn over_web_s_middle(&self) {
        let content = self.desktop.window_of(&self.web.vm).content;
        self.desktop.pointer(content.x + 100, content.y + 75);
    }

    fn clicks(&mut self, code: u32) {
        for pressed in [true, false] {
            self.desktop.input(Input::PointerButton { code, pressed });
        }
        self.web.client.sync();
    }

    /// Everything that chooses in a menu, and whether the second VM then has something to read.
    fn chooses(&mut self) -> bool {
        self.chord(&[KEY_SPACE]);
        self.chord(&[KEY_ENTER]);
        self.clicks(0x110);
        self.web.client.app.clipboard.is_some()
    }
}

#[test]
fn a_paste_is_chosen_in_a_menu() {
    for by_key in [false, true] {
        let mut t = Table::new();
        t.mail_copies(&[TEXT]);
        t.over_web_s_middle();
        t.clicks(BTN_RIGHT);
        assert!(t.web.client.app.clipboard.is_some(), "its menu can show that there is something");
        t.web.opens_menu();
        t.later(20);
        if by_key {
            t.chord(&[KEY_ENTER]);
        } else {
            t.clicks(0x110);
        }
        t.web.client.sync();
        t.web.reads(TEXT);
        t.monitor.asked("web", "mail", Content::Text);
    }
}

#[test]
fn a_popup_that_nobody_sees_or_pressed_for_is_no_menu() {
    // Without a buffer, with one, and gone again.
    for mapped in [false, true] {
        let mut t = Table::new();
        t.mail_copies(&[TEXT]);
        t.over_web_s_middle();
        let popup = t.web.popup();
        if mapped {
            t.web.map(&popup);
        }
        t.web.client.sync();
        assert!(!t.chooses(), "mapped: {mapped}");
        // Called for, but what opened is not what the press was for: seen for three seconds, not read.
        t.desktop.pointer(t.desktop.window_of(&t.web.vm).content.x + 2, 150);
        t.clicks(BTN_RIGHT);
        t.chord(&[KEY_SPACE]);
        t.web.client.sync();
        let reader = t.web.reads(TEXT);
        assert_eq!(super::read_all(&reader), b"");
        t.later(3);
        t.web.client.sync();
        assert!(t.web.client.app.clipboard.is_none(), "mapped: {mapped}");
        t.monitor.is_left_alone();
    }
}

#[test]
fn a_menu_that_a_click_opened_is_not_a_menu_to_paste_from() {
    // Whoever opens one for every click would make every next click a paste.
    let mut t = Table::new();
    t.mail_copies(&[TEXT]);
    t.over_web_s_middle();
    t.clicks(0x110);
    t.web.opens_menu();
    assert!(!t.chooses());
    t.monitor.is_left_alone();
}

#[test]
fn a_menu_that_closes_takes_what_it_saw_with_it() {
    let mut t = Table::new();
    t.mail_copies(&[TEXT]);
    t.over_web_s_middle();
    t.clicks(BTN_RIGHT);
    let menu = t.web.opens_menu();
    menu.popup.destroy();
    menu._xdg.destroy();
    menu.surface.destroy();
    t.web.client.sync();
    t.monitor.settle();
    t.web.client.sync();
    assert!(t.web.client.app.clipboard.is_none());
    assert!(!matches!(t.monitor.heard.borrow().front(), Some(FromScreen::Ask { .. })));
}
