// SPDX-License-Identifier: GPL-3.0-or-later
//! Clipboard and drags stay inside their VM.

use crate::common::{Client, Desktop, Told, Vm};
use cofferdam_control::desktop::WindowOp;
use cofferdam_ids::Identity;
use wayland_client::protocol::wl_data_device::WlDataDevice;
use wayland_client::protocol::wl_data_device_manager::WlDataDeviceManager;
use wayland_client::protocol::wl_data_source::WlDataSource;
use wayland_client::protocol::wl_seat::WlSeat;

const RED: [u8; 3] = [255, 0, 0];

fn device(client: &mut Client) -> (WlDataDevice, WlDataDeviceManager) {
    let queue = client.queue.handle();
    let seat = client.app.bind::<WlSeat>(&queue);
    seat.get_keyboard(&queue, ());
    seat.get_pointer(&queue, ());
    let manager = client.app.bind::<WlDataDeviceManager>(&queue);
    (manager.get_data_device(&seat, &queue, ()), manager)
}

fn source(client: &mut Client, manager: &WlDataDeviceManager, mime: &str) -> WlDataSource {
    let source = manager.create_data_source(&client.queue.handle(), ());
    source.offer(mime.to_owned());
    source
}

/// What a client was told about selections and drags.
fn offers(client: &mut Client) -> Vec<Told> {
    client.sync();
    std::mem::take(&mut client.app.told)
        .into_iter()
        .filter(|t| matches!(t, Told::Offered(_) | Told::Selection(true) | Told::DragEnter | Told::Cancelled))
        .collect()
}

fn activate(desktop: &Desktop, vm: &Vm) {
    desktop.window_op(&desktop.window_of(vm), WindowOp::Activate);
}

#[test]
fn a_clipboard_is_offered_to_its_own_vm_only() {
    let desktop = Desktop::start();
    let (one, two) = (desktop.vm("one", Identity::Orange), desktop.vm("two", Identity::Sky));
    let (mut a, mut b) = (desktop.client(&one), desktop.client(&two));
    let (a_device, a_manager) = device(&mut a);
    let (b_device, b_manager) = device(&mut b);
    a.window(100, 100, RED);
    b.window(100, 100, RED);
    activate(&desktop, &one);
    a.sync();
    let secret = source(&mut a, &a_manager, "text/secret");
    a_device.set_selection(Some(&secret), 0);
    let own = [Told::Offered("text/secret".into()), Told::Selection(true)];
    assert_eq!(offers(&mut a), own);

    activate(&desktop, &two);
    assert_eq!(offers(&mut b), []);
    // A second client of the first VM gets it with the keyboard, and the first one again.
    activate(&desktop, &one);
    assert_eq!(offers(&mut a), own);
    assert_eq!(offers(&mut b), []);

    // The second VM copies something: now the first one has lost its own and sees nothing.
    activate(&desktop, &two);
    b.sync();
    let other = source(&mut b, &b_manager, "text/other");
    b_device.set_selection(Some(&other), 0);
    assert_eq!(offers(&mut b), [Told::Offered("text/other".into()), Told::Selection(true)]);
    assert_eq!(offers(&mut a), [Told::Cancelled]);
    activate(&desktop, &one);
    assert_eq!(offers(&mut a), []);
}

#[test]
fn a_drag_enters_its_own_vm_only() {
    let desktop = Desktop::start();
    let (one, two) = (desktop.vm("one", Identity::Orange), desktop.vm("two", Identity::Sky));
    let (mut a, mut b) = (desktop.client(&one), desktop.client(&two));
    let (a_device, a_manager) = device(&mut a);
    let (b_device, b_manager) = device(&mut b);
    let window = a.window(100, 100, RED);
    let target = b.window(100, 100, RED);
    desktop.window_op(&desktop.window_of(&one), WindowOp::Move { x: 50, y: 50 });
    desktop.window_op(&desktop.window_of(&two), WindowOp::Move { x: 500, y: 50 });
    let (ca, cb) = (desktop.window_of(&one).content, desktop.window_of(&two).content);
    desktop.pointer(ca.x + 10, ca.y + 10);
    desktop.button(true);
    a.sync();
    offers(&mut a);
    // Somebody else's press starts nobody's drag.
    let stolen = source(&mut b, &b_manager, "text/stolen");
    b_device.start_drag(Some(&stolen), &target.surface, None, a.app.serial);
    b.sync();
    let secret = source(&mut a, &a_manager, "text/secret");
    a_device.start_drag(Some(&secret), &window.surface, None, a.app.serial);
    assert_eq!(offers(&mut a), [Told::Offered("text/secret".into()), Told::DragEnter]);
    desktop.pointer(cb.x + 10, cb.y + 10);
    assert_eq!(offers(&mut b), []);
    desktop.pointer(ca.x + 20, ca.y + 20);
    assert_eq!(offers(&mut a), [Told::Offered("text/secret".into()), Told::DragEnter]);
    desktop.button(false);
    offers(&mut a);
    // Afterwards the pointer is everybody's again.
    desktop.pointer(cb.x + 10, cb.y + 10);
    b.sync();
    assert!(b.app.told.iter().any(|t| matches!(t, Told::PointerEnter(..))));
}
