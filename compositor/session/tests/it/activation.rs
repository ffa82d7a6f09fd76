// SPDX-License-Identifier: GPL-3.0-or-later
//! `xdg_activation_v1`: who may raise a window, and when.

use crate::common::{Client, Desktop, Vm, Window};
use cofferdam_compositor::Config;
use cofferdam_control::desktop::{Request, WindowOp};
use cofferdam_ids::Identity;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use wayland_client::protocol::wl_seat::WlSeat;
use wayland_protocols::xdg::activation::v1::client::xdg_activation_v1::XdgActivationV1;

const RED: [u8; 3] = [255, 0, 0];

/// A VM with two windows; the second has the keyboard.
struct Guest {
    vm: Vm,
    client: Client,
    seat: WlSeat,
    activation: XdgActivationV1,
    windows: [Window; 2],
}

impl Guest {
    fn new(desktop: &Desktop, name: &str) -> Self {
        let vm = desktop.vm(name, Identity::Green);
        let mut client = desktop.client(&vm);
        let queue = client.queue.handle();
        let seat = client.app.bind::<WlSeat>(&queue);
        seat.get_keyboard(&queue, ());
        seat.get_pointer(&queue, ());
        let activation = client.app.bind::<XdgActivationV1>(&queue);
        let windows = [client.window(300, 200, RED), client.window(200, 100, RED)];
        client.sync();
        Self { vm, client, seat, activation, windows }
    }

    /// A token of the second window, with the serial of the last press that it heard of.
    fn token(&mut self, with_serial: bool) -> String {
        let token = self.activation.get_activation_token(&self.client.queue.handle(), ());
        self.client.sync();
        token.set_surface(&self.windows[1].surface);
        if with_serial {
            token.set_serial(self.client.app.serial, &self.seat);
        }
        token.commit();
        self.client.wait("a token", |app| app.token.is_some());
        self.client.app.token.take().unwrap()
    }

    fn activate(&mut self, token: String) {
        self.activation.activate(token, &self.windows[0].surface);
        self.client.sync();
    }

    /// Whether the first window, the wider one, has the keyboard.
    fn first_is_active(&self, desktop: &Desktop) -> bool {
        desktop
            .windows()
            .iter()
            .any(|w| w.vm.as_ref() == Some(&self.vm.id) && w.content.w == 300 && w.focused)
    }
}

/// A click into the window that has the keyboard.
fn press(desktop: &Desktop) {
    let c = desktop.windows().into_iter().find(|w| w.focused).unwrap().content;
    desktop.click(c.x + c.w / 2, c.y + c.h / 2);
}

#[test]
fn an_app_may_raise_its_other_window_after_a_press() {
    let desktop = Desktop::start();
    let mut guest = Guest::new(&desktop, "mail");
    let unasked = guest.token(false);
    guest.activate(unasked);
    assert!(!guest.first_is_active(&desktop), "without a press nothing is raised");
    press(&desktop);
    let token = guest.token(true);
    guest.activate(token);
    assert!(guest.first_is_active(&desktop));
}

#[test]
fn a_token_does_not_fetch_the_keyboard_back() {
    let desktop = Desktop::start();
    let mut guest = Guest::new(&desktop, "mail");
    press(&desktop);
    let tokens = [guest.token(true), guest.token(true)];
    let other = Guest::new(&desktop, "bank");
    let [_, second] = desktop
        .windows()
        .into_iter()
        .filter(|w| w.vm.as_ref() == Some(&other.vm.id))
        .collect::<Vec<_>>()
        .try_into()
        .unwrap();
    desktop.window_op(&second, WindowOp::Activate);
    for token in tokens {
        guest.activate(token);
        let focused: Vec<_> = desktop.windows().into_iter().filter(|w| w.focused).map(|w| w.vm).collect();
        assert_eq!(focused, [Some(other.vm.id.clone())]);
    }
    // Nor after the person came back by themselves.
    let mine =
        desktop.windows().into_iter().find(|w| w.vm.as_ref() == Some(&guest.vm.id) && w.content.w == 200);
    press(&desktop);
    desktop.window_op(&mine.unwrap(), WindowOp::Activate);
    press(&desktop);
    guest.client.sync();
    let old = guest.token(true);
    desktop.window_op(&second, WindowOp::Activate);
    let mine =
        desktop.windows().into_iter().find(|w| w.vm.as_ref() == Some(&guest.vm.id) && w.content.w == 200);
    desktop.window_op(&mine.unwrap(), WindowOp::Activate);
    guest.activate(old);
    assert!(!guest.first_is_active(&desktop));
}

#[test]
fn a_token_does_nothing_behind_the_lock() {
    let desktop = Desktop::start();
    let mut guest = Guest::new(&desktop, "mail");
    press(&desktop);
    let token = guest.token(true);
    desktop.ask(Request::SetLocked(true));
    guest.activate(token);
    desktop.ask(Request::SetLocked(false));
    assert!(!guest.first_is_active(&desktop));
}

#[test]
fn a_token_is_good_for_ten_seconds() {
    let hand = Arc::new(AtomicU64::new(0));
    let desktop = Desktop::with_clock(Config::default(), Some(hand.clone()));
    let mut guest = Guest::new(&desktop, "mail");
    press(&desktop);
    for (seconds, good) in [(10, false), (9, true)] {
        let token = guest.token(true);
        hand.fetch_add(seconds * 1_000_000_000, Ordering::Relaxed);
        guest.activate(token);
        assert_eq!(guest.first_is_active(&desktop), good, "after {seconds} seconds");
    }
}
