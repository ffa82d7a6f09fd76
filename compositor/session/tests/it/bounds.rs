// SPDX-License-Identifier: GPL-3.0-or-later
//! What clients can make the compositor keep: little while they are there, and nothing when they are gone.

use crate::common::{App, Client, Desktop, Told, Window};
use cofferdam_admission::Holding;
use cofferdam_admission::rules::MAX_UNACKED;
use cofferdam_ids::Identity;
use std::os::fd::AsFd;
use wayland_client::QueueHandle;
use wayland_client::protocol::wl_compositor::WlCompositor;
use wayland_client::protocol::wl_data_device_manager::WlDataDeviceManager;
use wayland_client::protocol::wl_region::WlRegion;
use wayland_client::protocol::wl_seat::WlSeat;
use wayland_client::protocol::wl_shm::WlShm;
use wayland_client::protocol::wl_surface::WlSurface;
use wayland_protocols::wp::fractional_scale::v1::client::wp_fractional_scale_manager_v1::WpFractionalScaleManagerV1;
use wayland_protocols::wp::pointer_constraints::zv1::client::zwp_pointer_constraints_v1::{
    Lifetime, ZwpPointerConstraintsV1,
};
use wayland_protocols::wp::primary_selection::zv1::client::zwp_primary_selection_device_manager_v1::ZwpPrimarySelectionDeviceManagerV1;
use wayland_protocols::wp::relative_pointer::zv1::client::zwp_relative_pointer_manager_v1::ZwpRelativePointerManagerV1;
use wayland_protocols::wp::text_input::zv3::client::zwp_text_input_manager_v3::ZwpTextInputManagerV3;
use wayland_protocols::wp::viewporter::client::wp_viewporter::WpViewporter;
use wayland_protocols::xdg::decoration::zv1::client::zxdg_decoration_manager_v1::ZxdgDecorationManagerV1;
use wayland_protocols::xdg::decoration::zv1::client::zxdg_toplevel_decoration_v1::Mode;
use wayland_protocols::xdg::shell::client::xdg_wm_base::XdgWmBase;

const RED: [u8; 3] = [255, 0, 0];
const GREEN: [u8; 3] = [0, 255, 0];
const KIB: isize = 1024;

fn pool(app: &App, queue: &QueueHandle<App>) -> wayland_client::protocol::wl_shm_pool::WlShmPool {
    let fd = rustix::fs::memfd_create("flood", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
    rustix::fs::ftruncate(&fd, 4096).unwrap();
    app.once::<WlShm>(queue).create_pool(fd.as_fd(), 4096, queue, ())
}

/// One more of something that a client may not have without end.
type Step = fn(&mut App, &QueueHandle<App>, &mut WlSurface);

const FLOODS: &[(&str, u32, Step)] = &[
    ("a tower of subsurfaces", 16, |app, q, top| *top = app.subsurface(q, top).0),
    ("a meadow of subsurfaces", 512, |app, q, root| drop(app.subsurface(q, root))),
    ("surfaces", Holding::Surface.limit(), |app, q, _| drop(app.surface(q))),
    ("pools", Holding::Pool.limit(), |app, q, _| drop(pool(app, q))),
    ("frame callbacks", Holding::Callback.limit(), |_, q, surface| drop(surface.frame(q, ()))),
    ("positioners", Holding::Positioner.limit(), |app, q, _| {
        drop(app.once::<XdgWmBase>(q).create_positioner(q, ()))
    }),
    ("surfaces of xdg-shell", Holding::Object.limit(), |app, q, _| {
        let bare = app.surface(q);
        drop(app.once::<XdgWmBase>(q).get_xdg_surface(&bare, q, ()));
        bare.destroy();
    }),
    ("globals", Holding::Binding.limit(), |app, q, _| drop(app.bind::<WlCompositor>(q))),
    ("devices", Holding::InputDevice.limit(), |app, q, _| drop(app.once::<WlSeat>(q).get_keyboard(q, ()))),
    ("data devices", Holding::DataDevice.limit(), |app, q, _| {
        drop(app.once::<WlDataDeviceManager>(q).get_data_device(&app.once::<WlSeat>(q), q, ()));
    }),
    ("devices for the primary selection", Holding::DataDevice.limit(), |app, q, _| {
        let manager = app.once::<ZwpPrimarySelectionDeviceManagerV1>(q);
        drop(manager.get_device(&app.once::<WlSeat>(q), q, ()));
    }),
    ("text fields", Holding::InputDevice.limit(), |app, q, _| {
        drop(app.once::<ZwpTextInputManagerV3>(q).get_text_input(&app.once::<WlSeat>(q), q, ()));
    }),
    ("relative pointers", Holding::InputDevice.limit(), |app, q, _| {
        let pointer = app.once::<WlSeat>(q).get_pointer(q, ());
        drop(app.once::<ZwpRelativePointerManagerV1>(q).get_relative_pointer(&pointer, q, ()));
        pointer.release();
    }),
    ("registries", 4096, |app, q, _| app.another_registry(q)),
    ("offers", 1024, |app, q, _| {
        let manager = app.once::<WlDataDeviceManager>(q);
        if app.device.is_none() {
            app.device = Some(manager.get_data_device(&app.once::<WlSeat>(q), q, ()));
        }
        let source = manager.create_data_source(q, ());
        source.offer("text/plain".into());
        app.device.as_ref().unwrap().set_selection(Some(&source), 0);
        source.destroy();
    }),
    ("what is left of subsurfaces", Holding::Object.limit(), |app, q, root| {
        app.subsurface(q, root).0.destroy()
    }),
    ("what is left of viewports", Holding::Object.limit(), |app, q, _| {
        let surface = app.surface(q);
        drop(app.once::<WpViewporter>(q).get_viewport(&surface, q, ()));
        surface.destroy();
    }),
    ("what is left of scales", Holding::Object.limit(), |app, q, _| {
        let surface = app.surface(q);
        drop(app.once::<WpFractionalScaleManagerV1>(q).get_fractional_scale(&surface, q, ()));
        surface.destroy();
    }),
    ("what is left of locked pointers", Holding::Object.limit(), |app, q, _| {
        let (surface, pointer) = (app.surface(q), app.once::<WlSeat>(q).get_pointer(q, ()));
        let manager = app.once::<ZwpPointerConstraintsV1>(q);
        drop(manager.lock_pointer(&surface, &pointer, None, Lifetime::Persistent, q, ()));
        surface.destroy();
        pointer.release();
    }),
    ("what is left of windows", Holding::Object.limit(), |app, q, _| {
        let window = app.window(q);
        window.surface.destroy();
        window.xdg.destroy();
    }),
    ("regions", Holding::Region.limit(), |app, q, _| drop(app.once::<WlCompositor>(q).create_region(q, ()))),
];

#[test]
fn floods() {
    for (name, limit, step) in FLOODS {
        let desktop = Desktop::start();
        let evil = desktop.vm("evil", Identity::Vermilion);
        let mut attacker = desktop.client(&evil);
        let mut surface = attacker.window(200, 150, RED).surface;
        let queue = attacker.queue.handle();
        let mut steps = 0;
        // In between the client reads, as a guest would. Objects that nobody counts are looked at seldom.
        while attacker.queue.roundtrip(&mut attacker.app).is_ok() {
            for _ in 0..20 {
                step(&mut attacker.app, &queue, &mut surface);
            }
            steps += 20;
            assert!(steps <= limit + 1400, "{name}: never ended");
        }
        assert!(steps > limit / 2, "{name}: ended after {steps}");
        assert!(desktop.counters().vm_faults > 0, "{name}");
        assert_eq!(desktop.windows(), [], "{name}");
        desktop.client(&evil).window(50, 50, RED);
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

/// A client with a window, and how much the compositor had taken before it did anything with it.
struct Measured {
    desktop: Desktop,
    client: Client,
    window: Window,
    before: isize,
}

impl Measured {
    fn new() -> Self {
        let desktop = Desktop::start();
        let vm = desktop.vm("evil", Identity::Vermilion);
        let mut client = desktop.client(&vm);
        let window = client.window(200, 150, RED);
        // Its frame is drawn once, and kept.
        desktop.screenshot();
        let before = desktop.taken();
        Self { desktop, client, window, before }
    }

    /// Fails if the compositor has taken more than this since the beginning.
    fn at_most(&mut self, name: &str, bytes: isize) {
        self.client.sync();
        let grown = self.desktop.taken() - self.before;
        assert!(grown <= bytes, "{name}: {} KiB", grown / KIB);
    }
}

type Asks = fn(&App, &QueueHandle<App>, &Window, u32);

#[test]
fn configures_that_nobody_acknowledges() {
    let requests: &[(&str, Asks)] = &[
        (
            "maximised",
            |_, _, w, n| {
                if n % 2 == 0 { w.toplevel.set_maximized() } else { w.toplevel.unset_maximized() }
            },
        ),
        ("full-screen", |_, _, w, n| {
            if n % 2 == 0 { w.toplevel.set_fullscreen(None) } else { w.toplevel.unset_fullscreen() }
        }),
    ];
    for (name, ask) in requests {
        let mut m = Measured::new();
        let queue = m.client.queue.handle();
        m.client.app.acknowledges = false;
        let told = m.client.app.configures;
        // The last one asks for it.
        for n in 0..2001 {
            ask(&m.client.app, &queue, &m.window, n);
            if n % 100 == 0 {
                m.client.sync();
            }
        }
        m.at_most(name, 256 * KIB);
        let told = m.client.app.configures - told;
        assert!(told as usize <= MAX_UNACKED, "{name}: told {told} times");
        // Whoever acknowledges is told where it ended up.
        m.client.app.acknowledges = true;
        m.window.xdg.ack_configure(m.client.app.unacknowledged.unwrap());
        let before = m.client.app.configures;
        m.client.wait("the configure that was owed", |app| app.configures > before);
        m.client.sync();
        let (width, ..) = m.client.app.toplevel().unwrap();
        assert!(width > 1000, "{name}: {width} wide");
        assert_eq!(m.client.app.configures, before + 1, "{name}");
    }
}

#[test]
fn decorations_asked_for_without_end() {
    let mut m = Measured::new();
    let queue = m.client.queue.handle();
    let manager = m.client.app.once::<ZxdgDecorationManagerV1>(&queue);
    let decoration = manager.get_toplevel_decoration(&m.window.toplevel, &queue, ());
    m.client.sync();
    m.client.app.acknowledges = false;
    let told = m.client.app.configures;
    for n in 0..2000 {
        decoration.set_mode(if n % 2 == 0 { Mode::ClientSide } else { Mode::ServerSide });
        if n % 100 == 0 {
            m.client.sync();
        }
    }
    m.at_most("set_mode", 32 * KIB);
    assert!((m.client.app.configures - told) as usize <= MAX_UNACKED);
}

#[test]
fn popups_moved_without_end() {
    let mut m = Measured::new();
    let queue = m.client.queue.handle();
    let base = m.client.app.once::<XdgWmBase>(&queue);
    let positioner = base.create_positioner(&queue, ());
    positioner.set_size(50, 50);
    positioner.set_anchor_rect(0, 0, 10, 10);
    let surface = m.client.app.surface(&queue);
    let xdg = base.get_xdg_surface(&surface, &queue, ());
    let popup = xdg.get_popup(Some(&m.window.xdg), &positioner, &queue, ());
    surface.commit();
    m.client.wait("the popup's place", |app| app.told.iter().any(|t| matches!(t, Told::Popup(..))));
    m.client.app.acknowledges = false;
    m.client.app.told.clear();
    for n in 0..2000 {
        popup.reposition(&positioner, n);
        if n % 100 == 0 {
            m.client.sync();
        }
    }
    m.at_most("reposition", 32 * KIB);
    let told = m.client.app.told.iter().filter(|t| matches!(t, Told::Popup(..))).count();
    assert!(told <= MAX_UNACKED, "told {told} times");
    // Of those that had to wait only the last is answered.
    xdg.ack_configure(m.client.app.unacknowledged.unwrap());
    m.client.wait("the last token", |app| app.told.contains(&Told::Repositioned(1999)));
    let tokens = m.client.app.told.iter().filter(|t| matches!(t, Told::Repositioned(_))).count();
    assert_eq!(tokens, told + 1);
}

/// A region of so many rectangles.
fn region(app: &App, queue: &QueueHandle<App>, rects: i32) -> WlRegion {
    let region = app.once::<WlCompositor>(queue).create_region(queue, ());
    for n in 0..rects {
        region.add(n * 3, n * 7, 2, 2);
    }
    region
}

/// Subsurfaces with long histories that wait for a commit of their parent: a VM's share of that is bounded,
/// and is free again once the parent commits.
#[test]
fn commits_that_wait_for_their_parent() {
    for (name, opaque, input) in [("simple", 16, 64), ("complex", 250, 250)] {
        let mut m = Measured::new();
        let queue = m.client.queue.handle();
        let regions = [opaque, input].map(|rects| region(&m.client.app, &queue, rects));
        let children: Vec<_> =
            (0..400).map(|_| m.client.app.subsurface(&queue, &m.window.surface).0).collect();
        m.client.sync();
        for round in 0..2 {
            m.before = m.desktop.taken();
            for child in &children {
                for _ in 0..64 {
                    child.set_opaque_region(Some(&regions[0]));
                    child.set_input_region(Some(&regions[1]));
                    child.commit();
                }
                m.client.sync();
            }
            m.client.draw(&children[150], (50, 50), GREEN);
            m.at_most(&format!("{name} {round}"), 7000 * KIB);
            assert_eq!(m.desktop.screenshot().count((0, 0, 1280, 800), GREEN), 50 * 50 * round);
            // Nothing is lost: what did not fit went with the commit after.
            m.window.surface.commit();
            m.client.sync();
            assert_eq!(m.desktop.screenshot().count((0, 0, 1280, 800), GREEN), 50 * 50);
            m.at_most(&format!("{name} {round}, applied"), 4500 * KIB);
        }
    }
}

#[test]
fn damage_that_waits_for_a_buffer() {
    let mut m = Measured::new();
    let bare = m.client.app.surface(&m.client.queue.handle());
    for surface in [&bare, &m.window.surface] {
        for _ in 0..500 {
            for n in 0..100 {
                surface.damage_buffer(n, n, 1, 1);
                surface.damage(n, n, 1, 1);
            }
            surface.commit();
            m.client.sync();
        }
    }
    m.at_most("damage", 64 * KIB);
}

/// What smithay keeps of data devices goes with their clients.
#[test]
fn data_devices_of_clients_that_are_gone() {
    let desktop = Desktop::start();
    let vm = desktop.vm("evil", Identity::Vermilion);
    let cycle = || {
        let mut client = desktop.client(&vm);
        let queue = client.queue.handle();
        let seat = client.app.once::<WlSeat>(&queue);
        let (data, primary) = (
            client.app.once::<WlDataDeviceManager>(&queue),
            client.app.once::<ZwpPrimarySelectionDeviceManagerV1>(&queue),
        );
        for _ in 0..4 {
            data.get_data_device(&seat, &queue, ());
            primary.get_device(&seat, &queue, ());
        }
        client.sync();
    };
    (0..8).for_each(|_| cycle());
    let before = desktop.taken();
    (0..200).for_each(|_| cycle());
    let grown = desktop.taken() - before;
    assert!(grown < 64 * KIB, "{} KiB", grown / KIB);
}
