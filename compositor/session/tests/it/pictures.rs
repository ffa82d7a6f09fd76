// SPDX-License-Identifier: GPL-3.0-or-later
//! What is on the screen: trust borders, clipping, layouts.

use crate::common::{Client, Desktop, Image, Told};
use cofferdam_compositor::Config;
use cofferdam_control::desktop::{OutputSpec, Request, WindowInfo, WindowOp};
use cofferdam_ids::Identity;
use cofferdam_themes::{Library, Rgb};

const RED: [u8; 3] = [255, 0, 0];
const BLUE: [u8; 3] = [0, 0, 255];

/// Whether every pixel of the border's middle line belongs to the identity.
fn border_is(image: &Image, window: &WindowInfo, identity: Identity) -> bool {
    let library = Library::built_in().unwrap();
    let style = library.identities.get(identity);
    let f = window.frame;
    let middle = window.border / 2;
    let corner = 12;
    let top = (f.x + corner..f.x + f.w - corner).map(|x| (x, f.y + middle));
    let bottom = (f.x + corner..f.x + f.w - corner).map(|x| (x, f.y + f.h - 1 - middle));
    let left = (f.y + corner..f.y + f.h - corner).map(|y| (f.x + middle, y));
    let right = (f.y + corner..f.y + f.h - corner).map(|y| (f.x + f.w - 1 - middle, y));
    top.chain(bottom).chain(left).chain(right).all(|(x, y)| {
        let [r, g, b] = image.at(x, y);
        style.owns_border_pixel(Rgb::new(r, g, b), 2)
    })
}

#[test]
fn a_window_is_inside_its_identity() {
    for identity in Identity::ALL {
        let desktop = Desktop::start();
        let vm = desktop.vm("a", identity);
        let mut client = desktop.client(&vm);
        client.window(300, 200, RED);
        let window = desktop.window_of(&vm);
        let image = desktop.screenshot();
        assert!(border_is(&image, &window, identity), "{identity}");
        let c = window.content;
        assert_eq!((c.w, c.h), (300, 200));
        // The corners are rounded off by the frame.
        let inside = image.count((c.x, c.y, c.w, c.h), RED);
        assert!(inside > 300 * 200 - 64, "{identity}: {inside}");
        let f = window.frame;
        assert_eq!(image.count((f.x - 20, f.y - 20, f.w + 40, f.h + 40), RED), inside, "{identity}");
    }
}

#[test]
fn subsurfaces_and_geometry_stay_inside_the_frame() {
    let desktop = Desktop::start();
    let vm = desktop.vm("a", Identity::Sky);
    let mut client = desktop.client(&vm);
    let window = client.window(300, 200, RED);
    let before = desktop.window_of(&vm);
    // As large as the screen, over all of the frame and beyond.
    let queue = client.queue.handle();
    let (surface, sub) = client.app.subsurface(&queue, &window.surface);
    sub.set_position(-500, -400);
    sub.set_desync();
    client.draw(&surface, (1280, 800), BLUE);
    window.xdg.set_window_geometry(0, 0, 300, 200);
    window.surface.commit();
    client.sync();
    let after = desktop.window_of(&vm);
    assert_eq!((before.frame, before.content), (after.frame, after.content));
    let image = desktop.screenshot();
    assert!(border_is(&image, &after, Identity::Sky));
    let c = after.content;
    assert_eq!(image.count((0, 0, 1280, 800), BLUE), image.count((c.x, c.y, c.w, c.h), BLUE));
    assert!(image.count((c.x, c.y, c.w, c.h), BLUE) > 300 * 200 - 64);
}

#[test]
fn shadows_of_the_client_are_cropped() {
    let desktop = Desktop::start();
    let vm = desktop.vm("a", Identity::Green);
    let mut client = desktop.client(&vm);
    let window = client.window(300, 200, BLUE);
    // The outer 50 pixels are "shadow" now.
    window.xdg.set_window_geometry(50, 50, 200, 100);
    window.surface.commit();
    client.sync();
    let info = desktop.window_of(&vm);
    assert_eq!((info.content.w, info.content.h), (200, 100));
    let image = desktop.screenshot();
    assert!(image.count((0, 0, 1280, 800), BLUE) <= 200 * 100);
}

#[test]
fn fullscreen_keeps_its_strip() {
    let desktop = Desktop::start();
    let vm = desktop.vm("a", Identity::Vermilion);
    let mut client = desktop.client(&vm);
    let window = client.window(300, 200, RED);
    desktop.window_op(&desktop.window_of(&vm), WindowOp::Fullscreen);
    client.wait("full-screen", |app| app.toplevel().is_some_and(|(_, h, s)| s.contains(&2) && h == 776));
    client.draw(&window.surface, (1280, 776), RED);
    client.sync();
    let image = desktop.screenshot();
    let library = Library::built_in().unwrap();
    let style = library.identities.get(Identity::Vermilion);
    for x in 0..1280 {
        let [r, g, b] = image.at(x, 2);
        assert!(style.owns_border_pixel(Rgb::new(r, g, b), 2), "strip at {x}");
    }
    assert_eq!(image.count((0, 0, 1280, 24), RED), 0);
    assert_eq!(image.count((0, 24, 1280, 776), RED), 1280 * 776);
}

#[test]
fn maximised_windows_fill_the_work_area() {
    let desktop = Desktop::start();
    let vm = desktop.vm("a", Identity::Purple);
    let mut client = desktop.client(&vm);
    let window = client.window(300, 200, RED);
    window.toplevel.set_maximized();
    client.wait("maximised", |app| app.toplevel().is_some_and(|(w, h, _)| (w, h) == (1272, 762)));
    client.draw(&window.surface, (1272, 762), RED);
    client.sync();
    let info = desktop.window_of(&vm);
    assert!(info.maximized);
    assert_eq!((info.frame.w, info.frame.h), (1280, 800));
    window.toplevel.unset_maximized();
    client.wait("restored", |app| app.toplevel().is_some_and(|(w, h, _)| (w, h) == (300, 200)));
}

#[test]
fn outputs_of_any_scale() {
    for (width, height, scale_120) in
        [(1280, 800, 120), (2560, 1440, 240), (1920, 1080, 180), (1333, 777, 150)]
    {
        let outputs = vec![OutputSpec { name: "A".into(), width, height, scale_120 }];
        let desktop = Desktop::with(Config { outputs, ..Config::default() });
        let vm = desktop.vm("a", Identity::Orange);
        let mut client = desktop.client(&vm);
        client.window(300, 200, RED);
        let image = desktop.screenshot();
        let area = 300 * 200 * usize::try_from(scale_120 * scale_120).unwrap() / (120 * 120);
        let red = image.count((0, 0, image.width, image.height), RED);
        assert!(red.abs_diff(area) < area / 50, "{scale_120}: {red} for {area}");
    }
}

#[test]
fn outputs_come_and_go() {
    let desktop = Desktop::start();
    let spec = OutputSpec { name: "B".into(), width: 640, height: 480, scale_120: 120 };
    desktop.ask(Request::AddOutput(spec.clone()));
    assert!(desktop.refused(Request::AddOutput(spec)).contains("already"));
    assert_eq!(desktop.screenshot_of(Some("B")).width, 640);
    let vm = desktop.vm("a", Identity::Orange);
    let mut client = desktop.client(&vm);
    client.window(100, 100, RED);
    desktop.window_op(&desktop.window_of(&vm), WindowOp::Move { x: 1400, y: 100 });
    assert!(desktop.screenshot_of(Some("B")).count((0, 0, 640, 480), RED) > 9_900);
    desktop.ask(Request::RemoveOutput("B".into()));
    assert!(desktop.screenshot().count((0, 0, 1280, 800), RED) > 9_900, "the window came back");
    assert!(desktop.refused(Request::RemoveOutput("HEADLESS-1".into())).contains("last"));
}

fn popup(client: &mut Client, parent: &crate::common::Window, size: (i32, i32), offset: (i32, i32)) {
    use wayland_protocols::xdg::shell::client::xdg_wm_base::XdgWmBase;
    let queue = client.queue.handle();
    let base = client.app.bind::<XdgWmBase>(&queue);
    let positioner = base.create_positioner(&queue, ());
    positioner.set_size(size.0, size.1);
    positioner.set_anchor_rect(0, 0, 1, 1);
    positioner.set_offset(offset.0, offset.1);
    let surface = client.app.surface(&queue);
    let xdg = base.get_xdg_surface(&surface, &queue, ());
    let _popup = xdg.get_popup(Some(&parent.xdg), &positioner, &queue, ());
    surface.commit();
    client.wait("the popup's configure", |app| app.told.iter().any(|t| matches!(t, Told::Popup(..))));
    let told = client.app.told.iter().rev().find_map(|t| match t {
        Told::Popup(_, _, w, h) => Some((*w, *h)),
        _ => None,
    });
    client.draw(&surface, told.unwrap(), BLUE);
    client.sync();
}

#[test]
fn popups_wear_the_border_and_touch_their_window() {
    // Inside, far outside, larger than the screen.
    for (size, offset) in [((80, 60), (20, 20)), ((80, 60), (9000, -9000)), ((5000, 5000), (0, 0))] {
        let desktop = Desktop::start();
        let vm = desktop.vm("a", Identity::Yellow);
        let mut client = desktop.client(&vm);
        let window = client.window(300, 200, RED);
        popup(&mut client, &window, size, offset);
        let info = desktop.window_of(&vm);
        let p = &info.popups[0];
        assert!(p.frame.x >= 0 && p.frame.y >= 0, "{p:?}");
        assert!(p.frame.x + p.frame.w <= 1280 && p.frame.y + p.frame.h <= 800, "{p:?}");
        let f = info.frame;
        let apart = p.frame.x > f.x + f.w
            || p.frame.x + p.frame.w < f.x
            || p.frame.y > f.y + f.h
            || p.frame.y + p.frame.h < f.y;
        assert!(!apart, "{p:?} does not touch {f:?}");
        let image = desktop.screenshot();
        let library = Library::built_in().unwrap();
        let [r, g, b] = image.at(p.frame.x + p.frame.w / 2, p.frame.y + 1);
        assert!(library.identities.get(Identity::Yellow).owns_border_pixel(Rgb::new(r, g, b), 2));
        let c = &p.content;
        assert_eq!(image.count((0, 0, 1280, 800), BLUE), image.count((c.x, c.y, c.w, c.h), BLUE));
    }
}
