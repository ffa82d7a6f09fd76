// SPDX-License-Identifier: GPL-3.0-or-later
//! Messages that are none, and ids that are not one's own. In: a connection. Out: bytes on it.

use super::fatal;
use crate::attack::Attack;
use crate::client::Client;
use cofferdam_wayland_wire::protocol::{wl_display, wl_seat, wl_shm, wl_surface, xdg_toplevel};
use cofferdam_wayland_wire::{Arg, ObjectId};
use std::io;

pub(super) fn attacks() -> Vec<Attack> {
    [
        fatal("size-zero", |c| c.raw(&message(1, 0, 0, &[]), &[])),
        fatal("size-below-header", |c| c.raw(&message(1, 0, 4, &[]), &[])),
        fatal("size-not-of-words", |c| c.raw(&message(1, 0, 13, &[7, 7]), &[])),
        fatal("oversized-message", |c| c.raw(&message(1, 0, 65_532, &[0; 64]), &[])),
        fatal("just-oversized-message", |c| c.raw(&message(1, 0, 4100, &[0; 1023]), &[])),
        fatal("truncated-arguments", |c| c.raw(&message(c.registry().get(), 0, 16, &[1, 0]), &[])),
        fatal("surplus-arguments", |c| c.raw(&message(1, 0, 24, &[c.next_number(), 0, 0, 0]), &[])),
        fatal("string-beyond-message", |c| bind_text(c, u32::MAX)),
        fatal("string-without-end", |c| bind_text(c, 4)),
        fatal("unknown-opcode", |c| c.raw(&message(1, 99, 8, &[]), &[])),
        fatal("opcode-of-nobody", |c| c.raw(&message(1, u16::MAX, 8, &[]), &[])),
        fatal("null-sender", |c| c.raw(&message(0, 0, 12, &[c.next_number()]), &[])),
        fatal("unknown-sender", |c| c.raw(&message(12_345, 0, 8, &[]), &[])),
        fatal("sender-of-the-server", |c| c.raw(&message(0xff00_0000, 0, 8, &[]), &[])),
        fatal("new-id-null", |c| c.raw(&message(1, 0, 12, &[0]), &[])),
        fatal("new-id-in-use", |c| sync_as(c, 2)),
        fatal("new-id-far-away", |c| sync_as(c, 0x00ff_ffff)),
        fatal("new-id-of-the-server", |c| sync_as(c, 0xff00_0000)),
        fatal("stale-id", stale),
        fatal("id-of-another-kind", other_kind),
        fatal("null-where-none-may-be", null_region),
        fatal("missing-descriptor", no_descriptor),
        fatal("bind-what-is-not-offered", |c| bind(c, 9999, "wl_seat", 1)),
        fatal("bind-screen-capture", |c| bind(c, 1, "zwlr_screencopy_manager_v1", 1)),
        fatal("bind-the-places-of-the-desktop", |c| bind(c, 1, "cofferdam_shell_v1", 1)),
        fatal("bind-under-a-wrong-name", |c| bind(c, c.global("wl_shm"), "wl_seat", 1)),
        fatal("bind-too-new", |c| bind(c, c.global("wl_compositor"), "wl_compositor", 99)),
        fatal("bind-version-zero", |c| bind(c, c.global("wl_compositor"), "wl_compositor", 0)),
        fatal("value-of-no-enum", bad_enum),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A message whose size field says what it likes.
fn message(sender: u32, opcode: u16, size: u16, words: &[u32]) -> Vec<u8> {
    let mut bytes = sender.to_ne_bytes().to_vec();
    bytes.extend(opcode.to_ne_bytes());
    bytes.extend(size.to_ne_bytes());
    bytes.extend(words.iter().flat_map(|word| word.to_ne_bytes()));
    bytes
}

/// `wl_registry.bind` with an interface name whose length field is a lie.
fn bind_text(c: &mut Client, len: u32) -> io::Result<()> {
    let name = u32::from_ne_bytes(*b"seat");
    let words = [c.global("wl_seat"), len, name, 1, c.next_number()];
    c.raw(&message(c.registry().get(), 0, 28, &words), &[])
}

fn sync_as(c: &mut Client, id: u32) -> io::Result<()> {
    c.raw(&message(ObjectId::DISPLAY.get(), wl_display::request::SYNC, 12, &[id]), &[])
}

fn stale(c: &mut Client) -> io::Result<()> {
    let surface = c.surface()?;
    c.send(surface, &wl_surface::INTERFACE, wl_surface::request::DESTROY, &[])?;
    c.commit(surface)
}

fn other_kind(c: &mut Client) -> io::Result<()> {
    let surface = c.surface()?;
    let registry = c.registry();
    let attach = [Arg::Object(Some(registry)), Arg::Int(0), Arg::Int(0)];
    c.send(surface, &wl_surface::INTERFACE, wl_surface::request::ATTACH, &attach)
}

fn null_region(c: &mut Client) -> io::Result<()> {
    let surface = c.surface()?;
    c.raw(&message(surface.get(), wl_surface::request::FRAME, 12, &[0]), &[])
}

fn no_descriptor(c: &mut Client) -> io::Result<()> {
    let shm = c.bind(&wl_shm::INTERFACE)?;
    let words = [c.next_number(), 4096];
    c.raw(&message(shm.get(), wl_shm::request::CREATE_POOL, 16, &words), &[])
}

fn bind(c: &mut Client, name: u32, interface: &str, version: u32) -> io::Result<()> {
    let id = c.id();
    c.bind_as(name, interface, version, id)
}

fn bad_enum(c: &mut Client) -> io::Result<()> {
    let window = c.toplevel("enum", "hostile")?;
    let seat = c.bind(&wl_seat::INTERFACE)?;
    let args = [Arg::Object(Some(seat)), Arg::Uint(0), Arg::Uint(77)];
    c.send(window.toplevel, &xdg_toplevel::INTERFACE, xdg_toplevel::request::RESIZE, &args)
}
