// SPDX-License-Identifier: GPL-3.0-or-later
//! Pools and buffers that are not what they say. In: a connection. Out: requests about memory.

use super::fatal;
use crate::attack::{Attack, Deed, Seen, Way};
use crate::client::Client;
use crate::transport::Memory;
use cofferdam_wayland_wire::protocol::{wl_buffer, wl_shm_pool};
use cofferdam_wayland_wire::{Arg, ObjectId};
use std::io;

const BYTES: usize = 4096;
const SIZE: i32 = 4096;

pub(super) fn attacks() -> Vec<Attack> {
    let mut all: Vec<Attack> = [
        fatal("pool-of-nothing", |c| pool_of(c, 0)),
        fatal("pool-of-negative-size", |c| pool_of(c, -1)),
        fatal("pool-resized-to-negative", |c| resize(c, i32::MIN)),
        fatal("buffer-longer-than-pool", |c| buffer(c, [0, 64, 64, 256])),
        fatal("buffer-behind-pool", |c| buffer(c, [SIZE, 1, 1, 4])),
        fatal("buffer-at-the-end-of-numbers", |c| buffer(c, [i32::MAX - 3, 1, 1, 4])),
        fatal("buffer-before-pool", |c| buffer(c, [-4096, 16, 16, 64])),
        fatal("buffer-of-nothing", |c| buffer(c, [0, 0, 0, 0])),
        fatal("buffer-of-negative-size", |c| buffer(c, [0, -16, -16, 64])),
        fatal("buffer-of-negative-stride", |c| buffer(c, [0, 16, 16, -64])),
        fatal("buffer-stride-below-width", |c| buffer(c, [0, 64, 16, 4])),
        fatal("buffer-that-overflows", |c| buffer(c, [0, i32::MAX, i32::MAX, i32::MAX])),
        // 65536 × 65536 × 4 is 0 in 32 bits.
        fatal("buffer-that-wraps-to-zero", |c| buffer(c, [0, 65_536, 65_536, 262_144])),
        fatal("buffer-wraps-stride", |c| buffer(c, [0, 1, 2, 0x4000_0000])),
        fatal("buffer-destroyed-then-used", destroyed_buffer),
        fatal("pool-destroyed-then-used", destroyed_pool),
    ]
    .into_iter()
    .flatten()
    .collect();
    let raw = |name, deed| Attack { name, way: Way::Raw, end: Seen::Closed, fault: true, deed };
    all.extend([
        raw("pool-longer-than-memory", Deed::Wayland(|c| pool_of(c, i32::MAX))),
        raw("pool-of-a-resource-of-nobody", Deed::Wayland(|c| pool_in(c, 0x7fff_ffff))),
        raw("pool-of-the-null-resource", Deed::Wayland(|c| pool_in(c, 0))),
        // Resource ids are counted up by the guest's kernel: the app in this VM has low ones.
        raw("pool-of-another-contexts-resource", Deed::Wayland(|c| pool_in(c, 1))),
    ]);
    let shrinks = Deed::Wayland(|c| resize(c, 64));
    all.push(Attack { name: "pool-shrinks", way: Way::App, end: Seen::Closed, fault: true, deed: shrinks });
    // To the compositor a pool is its whole blob from the start, so the device has nothing to pass on.
    let shrinks = Deed::Wayland(|c| resize(c, 64));
    all.push(Attack {
        name: "pool-shrinks",
        way: Way::Raw,
        end: Seen::Survived,
        fault: false,
        deed: shrinks,
    });
    // An app's file may lie about its length: it is read as far as it goes, and only the app's own window
    // shows what is missing.
    all.push(Attack {
        name: "file-shorter-than-pool",
        way: Way::App,
        end: Seen::Survived,
        fault: false,
        deed: Deed::Wayland(short_file),
    });
    all.push(Attack {
        name: "pool-of-a-pipe",
        way: Way::App,
        end: Seen::Closed,
        fault: true,
        deed: Deed::Wayland(pipe),
    });
    all
}

fn pool_of(c: &mut Client, size: i32) -> io::Result<()> {
    let memory = c.memory(BYTES)?;
    c.pool(&memory, size).map(drop)
}

fn pool_in(c: &mut Client, resource: u32) -> io::Result<()> {
    c.pool(&Memory::Resource(resource), SIZE).map(drop)
}

fn with_pool(c: &mut Client, then: impl FnOnce(&mut Client, ObjectId) -> io::Result<()>) -> io::Result<()> {
    let memory = c.memory(BYTES)?;
    let pool = c.pool(&memory, SIZE)?;
    then(c, pool)?;
    // The memory must live until the other side has looked.
    c.roundtrip().map(drop)
}

fn resize(c: &mut Client, size: i32) -> io::Result<()> {
    with_pool(c, |c, pool| {
        c.send(pool, &wl_shm_pool::INTERFACE, wl_shm_pool::request::RESIZE, &[Arg::Int(size)])
    })
}

fn buffer(c: &mut Client, geometry: [i32; 4]) -> io::Result<()> {
    with_pool(c, |c, pool| c.buffer_in(pool, geometry).map(drop))
}

fn destroyed_buffer(c: &mut Client) -> io::Result<()> {
    let surface = c.surface()?;
    let buffer = c.buffer(16, 16, 0)?;
    c.send(buffer, &wl_buffer::INTERFACE, wl_buffer::request::DESTROY, &[])?;
    c.show(surface, buffer)
}

fn destroyed_pool(c: &mut Client) -> io::Result<()> {
    with_pool(c, |c, pool| {
        c.send(pool, &wl_shm_pool::INTERFACE, wl_shm_pool::request::DESTROY, &[])?;
        c.buffer_in(pool, [0, 16, 16, 64]).map(drop)
    })
}

fn short_file(c: &mut Client) -> io::Result<()> {
    let window = c.toplevel("short", "hostile")?;
    c.configured(window.xdg)?;
    let memory = c.memory(BYTES)?;
    let pool = c.pool(&memory, 256 * 256 * 4)?;
    let buffer = c.buffer_in(pool, [0, 256, 256, 1024])?;
    c.show(window.surface, buffer)?;
    c.roundtrip().map(drop)
}

fn pipe(c: &mut Client) -> io::Result<()> {
    let (read, _write) = io::pipe()?;
    let file = std::fs::File::from(std::os::fd::OwnedFd::from(read));
    c.pool(&Memory::File(file), SIZE).map(drop)
}
