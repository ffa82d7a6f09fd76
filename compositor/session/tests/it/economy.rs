// SPDX-License-Identifier: GPL-3.0-or-later
//! What things cost: nothing while idle, damage while drawing.

use crate::common::Desktop;
use cofferdam_ids::Identity;

const RED: [u8; 3] = [255, 0, 0];

#[test]
fn nothing_wakes_an_idle_desktop() {
    let desktop = Desktop::start();
    let vm = desktop.vm("a", Identity::Orange);
    let mut client = desktop.client(&vm);
    client.window(300, 200, RED);
    desktop.screenshot();
    let (wakeups, frames) = desktop.while_quiet(&vm);
    // The wish, its answer, and the two questions.
    assert!(wakeups <= 5, "{wakeups} wake-ups");
    assert_eq!(frames, 0);
}

#[test]
fn a_frame_costs_its_damage() {
    let desktop = Desktop::start();
    let vm = desktop.vm("a", Identity::Orange);
    let mut client = desktop.client(&vm);
    let window = client.window(600, 400, RED);
    desktop.screenshot();
    let before = desktop.counters();
    let buffer = client.app.buffer(&client.queue.handle(), 600, 400, RED);
    window.surface.attach(Some(&buffer), 0, 0);
    window.surface.damage_buffer(10, 10, 64, 64);
    window.surface.commit();
    client.sync();
    desktop.screenshot();
    let after = desktop.counters();
    assert_eq!(after.damaged_pixels - before.damaged_pixels, 64 * 64);
    assert_eq!(after.client_bytes_copied, 0);
}

#[test]
fn frame_callbacks_come_and_are_counted_off() {
    let desktop = Desktop::start();
    let vm = desktop.vm("a", Identity::Orange);
    let mut client = desktop.client(&vm);
    let window = client.window(100, 100, RED);
    let queue = client.queue.handle();
    // More than may wait at a time, in batches that are answered.
    for round in 1..=5 {
        for _ in 0..4000 {
            window.surface.frame(&queue, ());
        }
        window.surface.commit();
        client.wait("callbacks", |app| app.frames >= round * 4000);
    }
}
