// SPDX-License-Identifier: GPL-3.0-or-later
//! Who hears what the user does.

use crate::common::{Client, Desktop, Told};
use cofferdam_control::desktop::{Input, Request};
use cofferdam_ids::Identity;
use wayland_client::protocol::wl_seat::WlSeat;

const RED: [u8; 3] = [255, 0, 0];
const KEY_A: u32 = 30;
const KEY_TAB: u32 = 15;
const KEY_LEFTALT: u32 = 56;
const BTN_LEFT: u32 = 0x110;

/// Pointer, keyboard and touch for a client.
fn devices(client: &mut Client) {
    let queue = client.queue.handle();
    let seat = client.app.bind::<WlSeat>(&queue);
    seat.get_keyboard(&queue, ());
    seat.get_pointer(&queue, ());
    seat.get_touch(&queue, ());
    client.sync();
}

fn heard(client: &mut Client) -> Vec<Told> {
    client.sync();
    std::mem::take(&mut client.app.told)
        .into_iter()
        .filter(|told| !matches!(told, Told::Toplevel(..) | Told::Enter))
        .collect()
}

#[test]
fn no_keyboard_before_the_first_buffer() {
    let desktop = Desktop::start();
    let vm = desktop.vm("a", Identity::Orange);
    let mut client = desktop.client(&vm);
    devices(&mut client);
    let window = client.app.window(&client.queue.handle());
    window.surface.commit();
    client.wait("the first configure", |app| app.configures > 0);
    desktop.key(KEY_A, true);
    desktop.key(KEY_A, false);
    assert_eq!(heard(&mut client), []);
    client.draw(&window.surface, (100, 100), RED);
    assert_eq!(heard(&mut client), [Told::KeyboardEnter(window.surface)]);
}

#[test]
fn keys_go_to_one_client_and_alt_tab_to_nobody() {
    let desktop = Desktop::start();
    let (one, two) = (desktop.vm("one", Identity::Orange), desktop.vm("two", Identity::Sky));
    let (mut a, mut b) = (desktop.client(&one), desktop.client(&two));
    devices(&mut a);
    devices(&mut b);
    let (wa, wb) = (a.window(100, 100, RED), b.window(100, 100, RED));
    heard(&mut a);
    heard(&mut b);
    desktop.key(KEY_A, true);
    desktop.key(KEY_A, false);
    assert_eq!(heard(&mut a), []);
    assert_eq!(heard(&mut b), [Told::Key(KEY_A, true), Told::Key(KEY_A, false)]);
    desktop.key(KEY_LEFTALT, true);
    desktop.key(KEY_TAB, true);
    desktop.key(KEY_TAB, false);
    desktop.key(KEY_LEFTALT, false);
    assert_eq!(heard(&mut a), [Told::KeyboardEnter(wa.surface)]);
    assert_eq!(
        heard(&mut b),
        [Told::Key(KEY_LEFTALT, true), Told::Key(KEY_LEFTALT, false), Told::KeyboardLeave(wb.surface)]
    );
    assert!(desktop.window_of(&one).focused);
}

#[test]
fn chrome_keeps_its_presses() {
    let desktop = Desktop::start();
    let vm = desktop.vm("a", Identity::Orange);
    let mut client = desktop.client(&vm);
    devices(&mut client);
    client.window(300, 200, RED);
    let before = desktop.window_of(&vm);
    heard(&mut client);
    desktop.pointer(before.frame.x + 100, before.frame.y + 15);
    desktop.button(true);
    desktop.pointer(before.frame.x + 150, before.frame.y + 55);
    desktop.button(false);
    let after = desktop.window_of(&vm);
    assert_eq!((after.frame.x, after.frame.y), (before.frame.x + 50, before.frame.y + 40));
    assert_eq!(heard(&mut client), [], "the title bar is not the client's");
    let close = (after.frame.x + after.frame.w - 4 - 16, after.frame.y + 15);
    desktop.click(close.0, close.1);
    assert_eq!(heard(&mut client), [Told::Close]);
}

#[test]
fn edges_resize_and_double_clicks_maximise() {
    let desktop = Desktop::start();
    let vm = desktop.vm("a", Identity::Orange);
    let mut client = desktop.client(&vm);
    let window = client.window(300, 200, RED);
    let f = desktop.window_of(&vm).frame;
    desktop.pointer(f.x + f.w - 1, f.y + f.h / 2);
    desktop.button(true);
    desktop.pointer(f.x + f.w + 59, f.y + f.h / 2);
    client.wait("a wider size", |app| app.toplevel().is_some_and(|(w, h, _)| (w, h) == (360, 200)));
    desktop.button(false);
    client.draw(&window.surface, (360, 200), RED);
    client.sync();
    assert_eq!(desktop.window_of(&vm).content.w, 360);
    desktop.click(f.x + 100, f.y + 15);
    desktop.click(f.x + 100, f.y + 15);
    client.wait("maximised", |app| app.toplevel().is_some_and(|(_, _, states)| states.contains(&1)));
}

#[test]
fn content_hears_the_pointer_in_its_own_coordinates() {
    let desktop = Desktop::start();
    let vm = desktop.vm("a", Identity::Orange);
    let mut client = desktop.client(&vm);
    devices(&mut client);
    let window = client.window(300, 200, RED);
    heard(&mut client);
    let c = desktop.window_of(&vm).content;
    desktop.click(c.x + 10, c.y + 20);
    desktop.pointer(c.x + 11, c.y + 22);
    desktop.pointer(c.x - 2, c.y + 22);
    assert_eq!(
        heard(&mut client),
        [
            Told::PointerEnter(window.surface.clone(), 10.0, 20.0),
            Told::Button(BTN_LEFT, true),
            Told::Button(BTN_LEFT, false),
            Told::Motion(11.0, 22.0),
            Told::PointerLeave(window.surface),
        ]
    );
}

#[test]
fn a_client_moves_its_window_only_while_it_is_pressed() {
    let desktop = Desktop::start();
    let vm = desktop.vm("a", Identity::Orange);
    let mut client = desktop.client(&vm);
    let queue = client.queue.handle();
    let seat = client.app.bind::<WlSeat>(&queue);
    seat.get_pointer(&queue, ());
    let window = client.window(300, 200, RED);
    let before = desktop.window_of(&vm);
    let c = before.content;
    desktop.pointer(c.x + 10, c.y + 10);
    // A serial out of thin air.
    window.toplevel._move(&seat, 4711);
    client.sync();
    desktop.pointer(c.x + 30, c.y + 10);
    assert_eq!(desktop.window_of(&vm).frame, before.frame);
    desktop.button(true);
    client.sync();
    window.toplevel._move(&seat, client.app.serial);
    client.sync();
    desktop.pointer(c.x + 80, c.y + 60);
    desktop.button(false);
    desktop.pointer(c.x + 180, c.y + 160);
    let after = desktop.window_of(&vm);
    assert_eq!((after.frame.x, after.frame.y), (before.frame.x + 50, before.frame.y + 50));
}

#[test]
fn fingers() {
    let desktop = Desktop::start();
    let vm = desktop.vm("a", Identity::Orange);
    let mut client = desktop.client(&vm);
    devices(&mut client);
    client.window(300, 200, RED);
    heard(&mut client);
    let info = desktop.window_of(&vm);
    let (c, f) = (info.content, info.frame);
    let touch = |x: i32, y: i32| Input::TouchDown { slot: 0, x: f64::from(x), y: f64::from(y) };
    desktop.input(touch(c.x + 5, c.y + 6));
    desktop.input(Input::TouchUp { slot: 0 });
    assert_eq!(heard(&mut client), [Told::TouchDown(5.0, 6.0), Told::TouchUp]);
    // On the title bar a finger moves the window.
    desktop.input(touch(f.x + 50, f.y + 15));
    desktop.input(Input::TouchMove { slot: 0, x: f64::from(f.x + 90), y: f64::from(f.y + 35) });
    desktop.input(Input::TouchUp { slot: 0 });
    assert_eq!(heard(&mut client), []);
    let after = desktop.window_of(&vm).frame;
    assert_eq!((after.x, after.y), (f.x + 40, f.y + 20));
    assert!(desktop.refused(Request::Input(Input::TouchUp { slot: 3 })).contains("not down"));
}

#[test]
fn text_is_typed_with_the_layout_or_not_at_all() {
    let desktop = Desktop::start();
    let vm = desktop.vm("a", Identity::Orange);
    let mut client = desktop.client(&vm);
    devices(&mut client);
    client.window(100, 100, RED);
    heard(&mut client);
    desktop.input(Input::Text("aA".into()));
    let shift = 42;
    let expected =
        [(KEY_A, true), (KEY_A, false), (shift, true), (KEY_A, true), (KEY_A, false), (shift, false)];
    assert_eq!(heard(&mut client), expected.map(|(key, down)| Told::Key(key, down)));
    assert!(desktop.refused(Request::Input(Input::Text("aж".into()))).contains('ж'));
    assert_eq!(heard(&mut client), []);
}
