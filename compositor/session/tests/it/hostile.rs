// SPDX-License-Identifier: GPL-3.0-or-later
//! Clients that mean harm: each ends alone, or its numbers have no effect; nobody else notices.

use crate::common::{App, Client, Desktop, Vm, Window};
use cofferdam_control::desktop::WindowOp;
use cofferdam_ids::Identity;
use std::os::fd::AsFd;
use wayland_client::QueueHandle;
use wayland_client::protocol::wl_compositor::WlCompositor;
use wayland_client::protocol::wl_output::Transform;
use wayland_client::protocol::wl_seat::WlSeat;
use wayland_client::protocol::wl_shm::{Format, WlShm};
use wayland_client::protocol::wl_subcompositor::WlSubcompositor;
use wayland_protocols::wp::text_input::zv3::client::zwp_text_input_manager_v3::ZwpTextInputManagerV3;
use wayland_protocols::wp::viewporter::client::wp_viewporter::WpViewporter;
use wayland_protocols::xdg::shell::client::xdg_positioner::{Anchor, ConstraintAdjustment, Gravity};
use wayland_protocols::xdg::shell::client::xdg_wm_base::XdgWmBase;

const RED: [u8; 3] = [255, 0, 0];
const GREEN: [u8; 3] = [0, 255, 0];
const MIN: i32 = i32::MIN;
const MAX: i32 = i32::MAX;
const TRANSFORMS: [Transform; 8] = [
    Transform::Normal,
    Transform::_90,
    Transform::_180,
    Transform::_270,
    Transform::Flipped,
    Transform::Flipped90,
    Transform::Flipped180,
    Transform::Flipped270,
];

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
            let sub = app.bind::<WlSubcompositor>(q);
            sub.get_subsurface(&w.surface, &child, q, ());
        }),
        ("a place above itself", |app, q, w| {
            let (surface, sub) = app.subsurface(q, &w.surface);
            sub.place_above(&surface);
        }),
        ("a place below itself", |app, q, w| {
            let (surface, sub) = app.subsurface(q, &w.surface);
            sub.place_below(&surface);
        }),
        ("a place beside a stranger", |app, q, w| {
            let (_, sub) = app.subsurface(q, &w.surface);
            sub.place_above(&app.surface(q));
        }),
        ("a place beside its own child", |app, q, w| {
            let (surface, sub) = app.subsurface(q, &w.surface);
            sub.place_below(&app.subsurface(q, &surface).0);
        }),
        ("a place beside another one's child", |app, q, w| {
            let (first, sub) = app.subsurface(q, &w.surface);
            let (niece, _) = app.subsurface(q, &app.subsurface(q, &first).0);
            sub.place_above(&niece);
        }),
        ("a viewport that has no size of its own", |app, q, w| {
            let viewport = app.bind::<WpViewporter>(q).get_viewport(&w.surface, q, ());
            viewport.set_source(0.0, 0.0, 0.5, 0.5);
            w.surface.damage(0, 0, 10, 10);
            app.draw(q, &w.surface, 10, 10, RED);
        }),
        ("a viewport outside of its buffer", |app, q, w| {
            let viewport = app.bind::<WpViewporter>(q).get_viewport(&w.surface, q, ());
            viewport.set_source(8_388_606.0, 8_388_606.0, 1.0, 8_388_607.0);
            viewport.set_destination(1, 65_536);
            w.surface.set_buffer_transform(Transform::_180);
            w.surface.damage(MIN, MIN, MAX, MAX);
            app.draw(q, &w.surface, 10, 10, RED);
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
fn damage_and_places_without_effect() {
    let attacks: &[(&str, Attack)] = &[
        ("damage that a viewport makes larger", |app, q, w| {
            let viewport = app.bind::<WpViewporter>(q).get_viewport(&w.surface, q, ());
            viewport.set_destination(1, 1);
            for transform in TRANSFORMS {
                for (x, y) in [(-(1 << 22), 0), (0, -(1 << 22)), (1 << 22, 1 << 22)] {
                    w.surface.set_buffer_transform(transform);
                    w.surface.damage(x, y, 1 << 22, 1 << 22);
                    w.surface.damage(x, y, 1, 1);
                    app.draw(q, &w.surface, 1024, 1, RED);
                }
            }
        }),
        ("damage that waits for another viewport", |app, q, w| {
            let viewport = app.bind::<WpViewporter>(q).get_viewport(&w.surface, q, ());
            viewport.set_destination(65_536, 65_536);
            w.surface.set_buffer_transform(Transform::_180);
            w.surface.damage(65_000, 65_000, MAX, MAX);
            w.surface.commit();
            viewport.set_destination(1, 1);
            app.draw(q, &w.surface, 4096, 1, RED);
        }),
        ("a viewport that makes one part of a pixel fill everything", |app, q, w| {
            let viewport = app.bind::<WpViewporter>(q).get_viewport(&w.surface, q, ());
            viewport.set_source(9.0, 9.0, 1.0 / 256.0, 1.0 / 256.0);
            viewport.set_destination(65_536, 65_536);
            for transform in TRANSFORMS {
                w.surface.set_buffer_transform(transform);
                w.surface.damage(MIN, MIN, MAX, MAX);
                app.draw(q, &w.surface, 10, 10, RED);
            }
        }),
        ("a buffer smaller than its scale", |app, q, w| {
            w.surface.set_buffer_scale(64);
            w.surface.damage(MIN, MIN, MAX, MAX);
            app.draw(q, &w.surface, 1, 1, RED);
            app.draw(q, &w.surface, 200, 150, RED);
        }),
        ("a place after its parent's end", |app, q, w| {
            let parent = app.subsurface(q, &w.surface).0;
            let (surface, sub) = app.subsurface(q, &parent);
            parent.destroy();
            sub.place_above(&surface);
            sub.place_below(&w.surface);
            sub.set_position(MIN, MAX);
            surface.commit();
            // A new parent, with the old object still there.
            app.bind::<WlSubcompositor>(q).get_subsurface(&surface, &w.surface, q, ());
            sub.place_above(&w.surface);
            w.surface.commit();
        }),
        ("a subsurface object after its surface's end", |app, q, w| {
            let (surface, sub) = app.subsurface(q, &w.surface);
            surface.destroy();
            sub.place_above(&w.surface);
            sub.set_desync();
            sub.destroy();
            w.surface.commit();
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
