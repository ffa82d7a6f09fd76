// SPDX-License-Identifier: GPL-3.0-or-later
//! Clients that mean harm: each ends alone, or its numbers have no effect; nobody else notices.

use crate::common::{App, Client, Desktop, Vm, Window};
use cofferdam_control::desktop::WindowOp;
use cofferdam_ids::Identity;
use std::os::fd::AsFd;
use wayland_client::QueueHandle;
use wayland_client::protocol::wl_compositor::WlCompositor;
use wayland_client::protocol::wl_seat::WlSeat;
use wayland_client::protocol::wl_shm::{Format, WlShm};
use wayland_client::protocol::wl_surface::WlSurface;
use wayland_protocols::wp::text_input::zv3::client::zwp_text_input_manager_v3::ZwpTextInputManagerV3;
use wayland_protocols::wp::viewporter::client::wp_viewporter::WpViewporter;
use wayland_protocols::xdg::shell::client::xdg_positioner::{Anchor, ConstraintAdjustment, Gravity};
use wayland_protocols::xdg::shell::client::xdg_wm_base::XdgWmBase;

const RED: [u8; 3] = [255, 0, 0];
const GREEN: [u8; 3] = [0, 255, 0];
const MIN: i32 = i32::MIN;
const MAX: i32 = i32::MAX;

/// Puts the bystander where no other window is placed, and on top: there it has to stay.
fn apart(desktop: &Desktop, good: &Vm) {
    desktop.window_op(&desktop.window_of(good), WindowOp::Move { x: 1000, y: 600 });
    desktop.window_op(&desktop.window_of(good), WindowOp::Activate);
}

type Attack = fn(&mut App, &QueueHandle<App>, &Window);

/// Runs an attack beside a bystander. Says whether the attacker was ended.
fn attack(name: &str, attack: Attack) -> bool {
    let desktop = Desktop::start();
    let (good, evil) = (desktop.vm("good", Identity::Green), desktop.vm("evil", Identity::Vermilion));
    let mut bystander = desktop.client(&good);
    bystander.window(200, 150, GREEN);
    let mut attacker = desktop.client(&evil);
    let window = attacker.window(200, 150, RED);
    apart(&desktop, &good);
    let calm = desktop.screenshot().count((0, 0, 1280, 800), GREEN);
    assert!(calm > 29_000, "{name}: both windows are seen");

    let queue = attacker.queue.handle();
    attack(&mut attacker.app, &queue, &window);
    let ended = attacker.ended().is_some();

    bystander.sync();
    assert_eq!(
        desktop.screenshot().count((0, 0, 1280, 800), GREEN),
        calm,
        "{name}: the other window is unharmed"
    );
    assert_eq!(desktop.counters().vm_faults, u64::from(ended), "{name}: counted");
    let left = desktop.windows().len();
    assert_eq!(left, if ended { 1 } else { 2 }, "{name}");
    // And the desktop still takes new clients of the same VM.
    desktop.client(&evil).window(50, 50, RED);
    ended
}

fn shm(
    app: &App,
    queue: &QueueHandle<App>,
    bytes: usize,
    size: i32,
) -> wayland_client::protocol::wl_shm_pool::WlShmPool {
    let fd = rustix::fs::memfd_create("evil", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
    rustix::fs::ftruncate(&fd, bytes as u64).unwrap();
    app.bind::<WlShm>(queue).create_pool(fd.as_fd(), size, queue, ())
}

#[test]
fn ended_for_it() {
    let attacks: &[(&str, Attack)] = &[
        ("a pool of no size", |app, q, _| drop(shm(app, q, 4096, 0))),
        ("a pool shrunk to nothing", |app, q, _| shm(app, q, 4096, 4096).resize(0)),
        ("a pool of negative size", |app, q, _| shm(app, q, 4096, 4096).resize(-1)),
        ("a buffer beyond its pool", |app, q, _| {
            shm(app, q, 4096, 4096).create_buffer(0, 64, 64, 256, Format::Argb8888, q, ());
        }),
        ("a buffer before its pool", |app, q, _| {
            shm(app, q, 4096, 4096).create_buffer(-4, 8, 8, 32, Format::Argb8888, q, ());
        }),
        ("a buffer whose size overflows", |app, q, _| {
            shm(app, q, 4096, 4096).create_buffer(0, MAX, MAX, MAX, Format::Argb8888, q, ());
        }),
        ("unaligned pixels", |app, q, _| {
            shm(app, q, 4096, 4096).create_buffer(1, 8, 8, 32, Format::Argb8888, q, ());
        }),
        ("a format that nobody draws", |app, q, _| {
            shm(app, q, 4096, 4096).create_buffer(0, 8, 8, 32, Format::Yuyv, q, ());
        }),
        ("an empty window geometry", |_, _, w| w.xdg.set_window_geometry(0, 0, 0, 10)),
        ("a negative window geometry", |_, _, w| w.xdg.set_window_geometry(0, 0, MIN, MIN)),
        ("a negative smallest size", |_, _, w| w.toplevel.set_min_size(-1, 5)),
        ("a scale of no use", |_, _, w| w.surface.set_buffer_scale(MAX)),
        ("a scale of zero", |_, _, w| w.surface.set_buffer_scale(0)),
        ("a second role", |_, q, w| drop(w.xdg.get_toplevel(q, ()))),
        ("its own parent", |app, q, w| {
            let (child, _) = app.subsurface(q, &w.surface);
            let sub = app.bind::<wayland_client::protocol::wl_subcompositor::WlSubcompositor>(q);
            sub.get_subsurface(&w.surface, &child, q, ());
        }),
        ("a viewport beyond everything", |app, q, _| {
            let surface = app.surface(q);
            app.bind::<WpViewporter>(q).get_viewport(&surface, q, ()).set_destination(MAX, MAX);
        }),
    ];
    for (name, run) in attacks {
        assert!(attack(name, *run), "{name}: not ended");
    }
}

/// One more of something that a client may not have without end.
type Step = fn(&mut App, &QueueHandle<App>, &mut WlSurface);

#[test]
fn floods() {
    let floods: &[(&str, Step)] = &[
        ("a tower of subsurfaces", |app, q, top| *top = app.subsurface(q, top).0),
        ("a meadow of subsurfaces", |app, q, root| drop(app.subsurface(q, root))),
        ("surfaces", |app, q, _| drop(app.surface(q))),
        ("pools", |app, q, _| drop(shm(app, q, 4096, 4096))),
        ("frame callbacks", |_, q, surface| drop(surface.frame(q, ()))),
        ("positioners", |app, q, _| drop(app.bind::<XdgWmBase>(q).create_positioner(q, ()))),
        ("surfaces of xdg-shell", |app, q, _| {
            let bare = app.surface(q);
            drop(app.bind::<XdgWmBase>(q).get_xdg_surface(&bare, q, ()));
            bare.destroy();
        }),
        ("globals", |app, q, _| drop(app.bind::<WlCompositor>(q))),
        ("devices", |app, q, _| drop(app.bind::<WlSeat>(q).get_keyboard(q, ()))),
        ("regions", |app, q, _| drop(app.bind::<WlCompositor>(q).create_region(q, ()))),
    ];
    for (name, step) in floods {
        let desktop = Desktop::start();
        let evil = desktop.vm("evil", Identity::Vermilion);
        let mut attacker = desktop.client(&evil);
        let mut surface = attacker.window(200, 150, RED).surface;
        let queue = attacker.queue.handle();
        let mut ended = false;
        // Ten thousand batches are more than any limit; in between the client reads, as a guest would.
        for _ in 0..10_000 {
            for _ in 0..20 {
                step(&mut attacker.app, &queue, &mut surface);
            }
            ended = attacker.queue.roundtrip(&mut attacker.app).is_err();
            if ended {
                break;
            }
        }
        assert!(ended, "{name}: never ended");
        assert_eq!(desktop.counters().vm_faults, 1, "{name}");
        assert_eq!(desktop.windows(), [], "{name}");
        desktop.client(&evil).window(50, 50, RED);
    }
}

#[test]
fn numbers_without_effect() {
    let attacks: &[(&str, Attack)] = &[
        ("damage at the ends of the world", |_, _, w| {
            for (x, y, width, height) in
                [(MIN, MIN, MAX, MAX), (MAX, MAX, MAX, MAX), (0, 0, MIN, MIN), (1, 1, -1, -1)]
            {
                w.surface.damage(x, y, width, height);
                w.surface.damage_buffer(x, y, width, height);
            }
            w.surface.commit();
        }),
        ("damage under the largest scale", |app, q, w| {
            w.surface.set_buffer_scale(64);
            w.surface.damage(MIN, MIN, MAX, MAX);
            app.draw(q, &w.surface, 640, 640, RED);
        }),
        ("a geometry beyond everything", |_, _, w| {
            w.xdg.set_window_geometry(MIN, MAX, MAX, MAX);
            w.surface.commit();
            w.xdg.set_window_geometry(MAX, MAX, MAX, MAX);
            w.surface.commit();
        }),
        ("limits that contradict each other", |_, _, w| {
            w.toplevel.set_min_size(MAX, MAX);
            w.toplevel.set_max_size(1, 1);
            w.surface.commit();
        }),
        ("an offset beyond everything", |_, _, w| {
            for (x, y) in [(MIN, MIN), (MAX, MAX), (MAX, MIN)] {
                w.surface.offset(x, y);
                w.surface.commit();
            }
        }),
        ("subsurfaces at the ends of the world", |app, q, w| {
            let mut parent = w.surface.clone();
            for _ in 0..10 {
                let (surface, sub) = app.subsurface(q, &parent);
                sub.set_position(MAX, MIN);
                app.draw(q, &surface, 10, 10, RED);
                parent = surface;
            }
            w.surface.commit();
        }),
        ("positioners at the ends of the world", |app, q, w| {
            let base = app.bind::<XdgWmBase>(q);
            for (size, at, offset) in [((MAX, MAX), (MIN, MIN), (MAX, MAX)), ((1, 1), (MAX, MAX), (MIN, MIN))]
            {
                let positioner = base.create_positioner(q, ());
                positioner.set_size(size.0, size.1);
                positioner.set_anchor_rect(at.0, at.1, MAX, MAX);
                positioner.set_anchor(Anchor::BottomRight);
                positioner.set_gravity(Gravity::BottomRight);
                positioner.set_constraint_adjustment(ConstraintAdjustment::all());
                positioner.set_offset(offset.0, offset.1);
                positioner.set_parent_size(MIN, MAX);
                positioner.set_reactive();
                let surface = app.surface(q);
                let xdg = base.get_xdg_surface(&surface, q, ());
                let popup = xdg.get_popup(Some(&w.xdg), &positioner, q, ());
                popup.reposition(&positioner, 7);
                surface.commit();
            }
        }),
    ];
    for (name, run) in attacks {
        assert!(!attack(name, *run), "{name}: ended for it");
    }
}

#[test]
fn masses_without_effect() {
    let attacks: &[(&str, Attack)] = &[
        ("a region with thousands of rectangles", |app, q, w| {
            let region = app.bind::<WlCompositor>(q).create_region(q, ());
            for n in 0..2000 {
                region.add(n * 3, n * 7, MAX, MAX);
                region.subtract(MIN, MIN, n, n);
            }
            w.surface.set_opaque_region(Some(&region));
            w.surface.set_input_region(Some(&region));
            w.surface.commit();
        }),
        ("a title without end, and one that turns round", |_, _, w| {
            w.toplevel.set_title("x\u{202e}".repeat(600));
            w.toplevel.set_app_id("\n".repeat(900));
        }),
        ("more damage than there are pixels", |_, _, w| {
            for n in 0..5000 {
                w.surface.damage_buffer(n, n, 1, 1);
            }
            w.surface.commit();
        }),
        ("commits that wait for their parent", |app, q, w| {
            let (surface, _) = app.subsurface(q, &w.surface);
            for _ in 0..5000 {
                surface.damage_buffer(0, 0, 1, 1);
                surface.commit();
            }
            w.surface.commit();
        }),
        ("a text field", |app, q, _| {
            let seat = app.bind::<WlSeat>(q);
            let field = app.bind::<ZwpTextInputManagerV3>(q).get_text_input(&seat, q, ());
            field.enable();
            field.set_cursor_rectangle(MIN, MIN, MAX, MAX);
            field.set_surrounding_text("x".repeat(3000), MAX, MIN);
            field.commit();
        }),
    ];
    for (name, run) in attacks {
        assert!(!attack(name, *run), "{name}: ended for it");
    }
}

/// Opening more connections gains a VM nothing, and what ends is given back.
#[test]
fn all_connections_of_a_vm_share_one_quota() {
    let desktop = Desktop::start();
    let (vm, other) = (desktop.vm("evil", Identity::Vermilion), desktop.vm("good", Identity::Green));
    let fill = |client: &mut Client, n: usize| {
        let queue = client.queue.handle();
        let compositor = client.app.bind::<WlCompositor>(&queue);
        for batch in 0..n {
            compositor.create_surface(&queue, ());
            if batch % 500 == 0 && client.queue.roundtrip(&mut client.app).is_err() {
                return false;
            }
        }
        client.queue.roundtrip(&mut client.app).is_ok()
    };
    let (mut first, mut second) = (desktop.client(&vm), desktop.client(&vm));
    assert!(fill(&mut first, 3000));
    assert!(!fill(&mut second, 3000), "the second connection had a share of its own");
    assert!(fill(&mut desktop.client(&other), 3000), "another VM has");
    // The first one ends: its share is free again.
    drop(first);
    desktop.client(&vm).window(50, 50, RED);
    assert!(fill(&mut desktop.client(&vm), 3000), "the share was not given back");
}

/// A memfd that is cut while its buffer is on the screen: the next read of it is a SIGBUS.
#[test]
fn memory_that_goes_away() {
    let desktop = Desktop::start();
    let (good, evil) = (desktop.vm("good", Identity::Green), desktop.vm("evil", Identity::Vermilion));
    let mut bystander = desktop.client(&good);
    bystander.window(200, 150, GREEN);
    let mut attacker: Client = desktop.client(&evil);
    let window = attacker.window(200, 150, RED);
    apart(&desktop, &good);
    let queue = attacker.queue.handle();
    let fd = rustix::fs::memfd_create("evil", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
    rustix::fs::ftruncate(&fd, 120_000).unwrap();
    let pool = attacker.app.bind::<WlShm>(&queue).create_pool(fd.as_fd(), 120_000, &queue, ());
    let buffer = pool.create_buffer(0, 200, 150, 800, Format::Argb8888, &queue, ());
    window.surface.attach(Some(&buffer), 0, 0);
    window.surface.damage(0, 0, 200, 150);
    rustix::fs::ftruncate(&fd, 0).unwrap();
    window.surface.commit();
    // The attacker may be ended for it or not; the picture of the others is what counts.
    attacker.ended();
    assert!(desktop.screenshot().count((0, 0, 1280, 800), GREEN) > 29_000);
    bystander.sync();
}
