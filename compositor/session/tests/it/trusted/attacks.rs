// SPDX-License-Identifier: GPL-3.0-or-later
//! Published failures of other desktops, tried again here.

use super::*;
use cofferdam_control::desktop::{Input, WindowOp};
use cofferdam_ids::Identity;
use wayland_client::protocol::wl_data_device_manager::WlDataDeviceManager;

#[test]
fn held_enter_across_a_prompt_reaches_nobody() {
    let stage = Stage::new();
    let vm = stage.desktop.vm("mail", Identity::Green);
    let mut client = stage.desktop.client(&vm);
    devices(&mut client);
    let window = client.window(300, 200, RED);
    heard(&mut client);
    stage.desktop.key(KEY_ENTER, true);
    stage.desktop.key(KEY_CTRL, true);
    assert_eq!(heard(&mut client), [Told::Key(KEY_ENTER, true), Told::Key(KEY_CTRL, true)]);
    stage.asks(1, &vm);
    let mut told = heard(&mut client);
    assert_eq!(told.pop(), Some(Told::KeyboardLeave(window.surface.clone())));
    told.sort_by_key(|t| matches!(t, Told::Key(KEY_CTRL, _)));
    assert_eq!(
        told,
        [Told::Key(KEY_ENTER, false), Told::Key(KEY_CTRL, false)],
        "released before it is shown"
    );
    // Long after: what was held neither answers nor arrives.
    stage.wait(5000);
    stage.desktop.key(KEY_ENTER, false);
    stage.desktop.key(KEY_CTRL, false);
    assert!(stage.prompt().is_some());
    // And what is held when it goes is nobody's either.
    stage.desktop.key(KEY_A, true);
    stage.desktop.key(KEY_ESC, true);
    stage.answered(1, Answer::NotNow);
    stage.desktop.key(KEY_ESC, false);
    stage.desktop.key(KEY_A, false);
    assert_eq!(heard(&mut client), [Told::KeyboardEnter(window.surface)]);
    stage.tap(KEY_A);
    assert_eq!(heard(&mut client), [Told::Key(KEY_A, true), Told::Key(KEY_A, false)]);
}

#[test]
fn nothing_reaches_a_client_while_a_prompt_is_up() {
    let stage = Stage::new();
    let vm = stage.desktop.vm("mail", Identity::Green);
    let mut client = stage.desktop.client(&vm);
    devices(&mut client);
    let window = client.window(300, 200, RED);
    let c = stage.desktop.window_of(&vm).content;
    stage.desktop.pointer(c.x + 10, c.y + 10);
    stage.desktop.button(true);
    heard(&mut client);
    stage.asks(1, &vm);
    assert_eq!(
        heard(&mut client),
        [
            Told::Button(BTN_LEFT, false),
            Told::PointerLeave(window.surface.clone()),
            Told::KeyboardLeave(window.surface.clone()),
        ]
    );
    stage.desktop.button(false);
    stage.desktop.click(c.x + 20, c.y + 20);
    stage.desktop.input(Input::PointerAxis { dx_120: 0, dy_120: 120 });
    stage.desktop.input(Input::TouchDown { slot: 0, x: f64::from(c.x + 5), y: f64::from(c.y + 5) });
    stage.desktop.input(Input::TouchMove { slot: 0, x: f64::from(c.x + 9), y: f64::from(c.y + 9) });
    stage.desktop.input(Input::Text("secret\t".into()));
    // Another window of its own, and asking for the keyboard, change nothing.
    stage.desktop.window_op(&stage.desktop.window_of(&vm), WindowOp::Activate);
    assert_eq!(heard(&mut client), []);
    stage.tap(KEY_ESC);
    stage.answered(1, Answer::NotNow);
    stage.desktop.input(Input::TouchUp { slot: 0 });
    stage.desktop.ask(Request::Sync);
    assert_eq!(
        heard(&mut client),
        [Told::KeyboardEnter(window.surface.clone()), Told::PointerEnter(window.surface, 20.0, 20.0),]
    );
}

#[test]
fn an_invisible_or_moving_prompt_takes_no_answer() {
    let stage = Stage::new();
    let vm = stage.desktop.vm("mail", Identity::Green);
    stage.desktop.pointer(640, 400);
    stage.asks(1, &vm);
    let place = stage.place("this-time");
    stage.wait(1500);
    // Behind the lock it can't be seen; the place where it was is pressed all the same.
    stage.desktop.ask(Request::SetLocked(true));
    stage.desktop.click(place.0, place.1);
    stage.tap(KEY_1);
    assert_eq!(stage.prompt(), None);
    stage.desktop.ask(Request::SetLocked(false));
    // Just uncovered: pressed at once, in the same place.
    stage.desktop.click(place.0, place.1);
    assert!(stage.prompt().is_some_and(|prompt| !prompt.armed));
    // Its output goes; the card moves to another one.
    let second = cofferdam_control::desktop::OutputSpec {
        name: "second".into(),
        width: 1000,
        height: 700,
        scale_120: 120,
    };
    stage.desktop.ask(Request::AddOutput(second));
    stage.desktop.ask(Request::Sync);
    stage.wait(1500);
    assert!(stage.prompt().is_some_and(|prompt| prompt.armed));
    let (x, y) = stage.place("this-time");
    stage.desktop.pointer(x, y);
    stage.desktop.button(true);
    stage.desktop.ask(Request::RemoveOutput("HEADLESS-1".into()));
    stage.desktop.ask(Request::Sync);
    stage.desktop.button(false);
    stage.tap(KEY_1);
    let prompt = stage.prompt().expect("it is still asked");
    assert!(!prompt.armed);
    stage.wait(1000);
    stage.tap(KEY_1);
    assert_eq!((stage.hear(), stage.hear()), (FromScreen::Locked(true), FromScreen::Locked(false)));
    stage.answered(1, Answer::ThisTime);
}

#[test]
fn no_prompt_over_the_lock_screen() {
    let stage = Stage::new();
    let vm = stage.desktop.vm("mail", Identity::Green);
    let mut client = stage.desktop.client(&vm);
    devices(&mut client);
    client.window(1100, 700, RED);
    heard(&mut client);
    stage.desktop.ask(Request::SetLocked(true));
    assert_eq!(stage.hear(), FromScreen::Locked(true));
    heard(&mut client);
    let locked = stage.desktop.screenshot();
    stage.asks(1, &vm);
    stage.wait(2000);
    assert_eq!(stage.prompt(), None);
    stage.tap(KEY_1);
    stage.tap(KEY_SPACE);
    stage.desktop.click(640, 400);
    for key in [KEY_CTRL, KEY_ALT, KEY_ESC] {
        stage.desktop.key(key, true);
    }
    for key in [KEY_CTRL, KEY_ALT, KEY_ESC] {
        stage.desktop.key(key, false);
    }
    assert_eq!(heard(&mut client), []);
    // The picture has nothing of any client or of the question.
    stage.desktop.pointer(1279, 799);
    let now = stage.desktop.screenshot();
    let whole = (0, 0, now.width, now.height);
    assert_eq!((locked.count(whole, RED), now.count(whole, RED)), (0, 0));
    let card = (300, 200, 680, 400);
    for y in card.1..card.1 + card.3 {
        for x in card.0..card.0 + card.2 {
            assert_eq!(locked.at(x, y), now.at(x, y), "{x},{y}");
        }
    }
    stage.desktop.ask(Request::SetLocked(false));
    assert_eq!(stage.hear(), FromScreen::Locked(false));
    let prompt = stage.prompt().expect("now it is asked");
    assert_eq!((prompt.id, prompt.armed), (1, false));
}

#[test]
fn a_guest_can_not_put_the_pointer_where_an_answer_will_be() {
    use wayland_protocols::wp::pointer_constraints::zv1::client::zwp_pointer_constraints_v1::{
        Lifetime, ZwpPointerConstraintsV1,
    };
    let stage = Stage::new();
    let vm = stage.desktop.vm("game", Identity::Green);
    let mut client = stage.desktop.client(&vm);
    let queue = client.queue.handle();
    let pointer = client.app.bind::<WlSeat>(&queue).get_pointer(&queue, ());
    let window = client.window(1000, 700, RED);
    let c = stage.desktop.window_of(&vm).content;
    stage.desktop.pointer(c.x + 10, c.y + 10);
    let constraints = client.app.bind::<ZwpPointerConstraintsV1>(&queue);
    let lock = constraints.lock_pointer(&window.surface, &pointer, None, Lifetime::Persistent, &queue, ());
    client.sync();
    lock.set_cursor_position_hint(500.0, 350.0);
    window.surface.commit();
    client.sync();
    stage.asks(1, &vm);
    lock.destroy();
    heard(&mut client);
    stage.tap(KEY_ESC);
    stage.answered(1, Answer::NotNow);
    assert!(heard(&mut client).contains(&Told::PointerEnter(window.surface, 10.0, 10.0)));
}

#[test]
fn two_prompts_are_never_up_at_once_and_can_be_told_apart() {
    let stage = Stage::new();
    let (one, two) = (stage.desktop.vm("one", Identity::Green), stage.desktop.vm("two", Identity::Purple));
    stage.asks(1, &one);
    stage.asks(2, &two);
    let first = stage.prompt().expect("the first");
    assert_eq!((first.id, first.waiting), (1, 1));
    stage.wait(1000);
    let (x, y) = stage.place("this-time");
    // One press, and then as fast as one can at the same place: the second question is not answered.
    stage.desktop.click(x, y);
    stage.desktop.click(x, y);
    stage.tap(KEY_1);
    stage.answered(1, Answer::ThisTime);
    let second = stage.prompt().expect("the second");
    assert_eq!((second.id, second.vm.as_str(), second.armed), (2, "two", false));
    assert_eq!(second.title, "two wants to go online");
    let library = cofferdam_themes::Library::built_in().unwrap();
    let [r, g, b] = stage.desktop.screenshot().at(second.card.x + 2, second.card.y + second.card.h / 2);
    let pixel = cofferdam_themes::Rgb::new(r, g, b);
    assert!(library.identities.get(Identity::Purple).owns_border_pixel(pixel, 2));
    assert!(!library.identities.get(Identity::Green).owns_border_pixel(pixel, 2));
}

#[test]
fn a_guest_can_neither_cover_nor_light_up_what_is_around_a_prompt() {
    let stage = Stage::new();
    let vm = stage.desktop.vm("mail", Identity::Green);
    let mut client = stage.desktop.client(&vm);
    devices(&mut client);
    let window = client.window(400, 300, RED);
    stage.desktop.window_op(&stage.desktop.window_of(&vm), WindowOp::Fullscreen);
    client.draw(&window.surface, (1280, 776), RED);
    let queue = client.queue.handle();
    let (surface, sub) = client.app.subsurface(&queue, &window.surface);
    sub.set_position(-200, -200);
    client.draw(&surface, (1600, 1200), RED);
    window.surface.commit();
    client.sync();
    stage.desktop.pointer(640, 300);
    stage.asks(1, &vm);
    let before = stage.desktop.screenshot();
    let card = stage.prompt().expect("shown").card;
    // A cursor of its own, a popup-sized surface more, new frames: nothing of it shows.
    let cursor = client.app.surface(&queue);
    let seat = client.app.bind::<WlSeat>(&queue);
    let pointer = seat.get_pointer(&queue, ());
    pointer.set_cursor(client.app.serial, Some(&cursor), 0, 0);
    client.draw(&cursor, (100, 100), RED);
    client.draw(&window.surface, (1280, 776), RED);
    client.draw(&surface, (1600, 1200), RED);
    window.surface.commit();
    client.sync();
    let after = stage.desktop.screenshot();
    let whole = (0, 0, after.width, after.height);
    assert_eq!(after.count(whole, RED), 0, "everything of it is dimmed");
    for y in card.y..card.y + card.h {
        for x in card.x..card.x + card.w {
            assert_eq!(before.at(x, y), after.at(x, y), "{x},{y}");
        }
    }
}

#[test]
fn menus_and_drags_end_before_a_prompt_is_shown() {
    let stage = Stage::new();
    let vm = stage.desktop.vm("mail", Identity::Green);
    let mut client = stage.desktop.client(&vm);
    devices(&mut client);
    let window = client.window(300, 200, RED);
    let queue = client.queue.handle();
    let seat = client.app.bind::<WlSeat>(&queue);
    let manager = client.app.bind::<WlDataDeviceManager>(&queue);
    let device = manager.get_data_device(&seat, &queue, ());
    let c = stage.desktop.window_of(&vm).content;
    stage.desktop.pointer(c.x + 10, c.y + 10);
    stage.desktop.button(true);
    client.sync();
    let source = manager.create_data_source(&queue, ());
    source.offer("text/plain".into());
    device.start_drag(Some(&source), &window.surface, None, client.app.serial);
    client.sync();
    heard(&mut client);
    stage.asks(1, &vm);
    let told = heard(&mut client);
    assert!(told.contains(&Told::Cancelled), "{told:?}");
    assert!(!told.contains(&Told::Dropped), "{told:?}");
    stage.desktop.button(false);
    assert!(!heard(&mut client).contains(&Told::Dropped));
    // A press of before the question starts nothing behind it.
    let late = manager.create_data_source(&queue, ());
    late.offer("text/plain".into());
    device.start_drag(Some(&late), &window.surface, None, client.app.serial);
    client.sync();
    stage.desktop.pointer(c.x + 30, c.y + 30);
    assert_eq!(heard(&mut client), []);
}

#[test]
fn an_open_menu_goes_before_a_prompt_is_shown() {
    use wayland_protocols::xdg::shell::client::xdg_wm_base::XdgWmBase;
    let stage = Stage::new();
    let vm = stage.desktop.vm("mail", Identity::Green);
    let mut client = stage.desktop.client(&vm);
    devices(&mut client);
    let window = client.window(300, 200, RED);
    let queue = client.queue.handle();
    let seat = client.app.bind::<WlSeat>(&queue);
    let c = stage.desktop.window_of(&vm).content;
    stage.desktop.pointer(c.x + 10, c.y + 10);
    stage.desktop.button(true);
    client.sync();
    let base = client.app.bind::<XdgWmBase>(&queue);
    let menu = |client: &mut Client| {
        let positioner = base.create_positioner(&queue, ());
        positioner.set_size(80, 60);
        positioner.set_anchor_rect(0, 0, 1, 1);
        let surface = client.app.surface(&queue);
        let xdg = base.get_xdg_surface(&surface, &queue, ());
        let popup = xdg.get_popup(Some(&window.xdg), &positioner, &queue, ());
        popup.grab(&seat, client.app.serial);
        surface.commit();
        (surface, popup)
    };
    let (surface, _popup) = menu(&mut client);
    client.wait("the menu's place", |app| app.told.iter().any(|t| matches!(t, Told::Popup(..))));
    client.draw(&surface, (80, 60), RED);
    client.sync();
    assert!(!heard(&mut client).contains(&Told::PopupDone));
    stage.asks(1, &vm);
    let told = heard(&mut client);
    assert!(told.contains(&Told::PopupDone), "{told:?}");
    // The press that opened it opens no other one behind the question.
    menu(&mut client);
    assert!(heard(&mut client).contains(&Told::PopupDone));
}
