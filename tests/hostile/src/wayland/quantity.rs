// SPDX-License-Identifier: GPL-3.0-or-later
//! Too much of everything. In: a connection. Out: floods on it.

use super::{fatal, lawful};
use crate::attack::{Attack, Deed, Seen, Way};
use crate::client::{Client, Event, Window};
use crate::transport::Memory;
use cofferdam_wayland_wire::protocol::{
    wl_compositor, wl_display, wl_seat, wl_surface, xdg_activation_v1, xdg_surface, xdg_toplevel,
};
use cofferdam_wayland_wire::{Arg, ObjectId, encode};
use std::io;

pub(super) fn attacks() -> Vec<Attack> {
    let mut all: Vec<Attack> = [
        fatal("ten-thousand-surfaces", surfaces),
        fatal("ten-thousand-regions", regions),
        fatal("a-hundred-thousand-frame-callbacks", callbacks),
    ]
    .into_iter()
    .chain([lawful("steals-the-keyboard", activate)])
    .flatten()
    .collect();
    let attack = |name, way, end, deed| Attack { name, way, end, fault: true, deed };
    all.extend([
        // An app that does these waits for itself or is ended, as the queues happen to stand.
        Attack {
            fault: false,
            ..attack("registries-without-end", Way::App, Seen::Blocked, Deed::Wayland(registries))
        },
        Attack { fault: false, ..attack("never-reads", Way::App, Seen::Blocked, Deed::Wayland(never_reads)) },
        attack("registries-without-end", Way::Raw, Seen::Closed, Deed::Wayland(registries)),
        // What is above the limit is closed politely, as the protocol allows; the rest of them stay.
        attack("two-hundred-windows", Way::App, Seen::Survived, Deed::Wayland(windows)),
        attack("two-hundred-windows", Way::Raw, Seen::Survived, Deed::Wayland(windows)),
        attack("descriptor-flood", Way::App, Seen::Closed, Deed::Wayland(descriptors)),
        attack("descriptor-flood", Way::Raw, Seen::Closed, Deed::Wayland(identifiers)),
        attack("never-reads", Way::Raw, Seen::Closed, Deed::Wayland(never_reads)),
    ]);
    all
}

fn surfaces(c: &mut Client) -> io::Result<()> {
    for _ in 0..10_000 {
        c.surface()?;
    }
    Ok(())
}

fn regions(c: &mut Client) -> io::Result<()> {
    let compositor = c.bind(&wl_compositor::INTERFACE)?;
    for _ in 0..10_000 {
        let new = Arg::NewId(c.id());
        c.send(compositor, &wl_compositor::INTERFACE, wl_compositor::request::CREATE_REGION, &[new])?;
    }
    Ok(())
}

fn callbacks(c: &mut Client) -> io::Result<()> {
    let surface = c.surface()?;
    for _ in 0..100_000 {
        let new = Arg::NewId(c.id());
        c.send(surface, &wl_surface::INTERFACE, wl_surface::request::FRAME, &[new])?;
        if c.is_over() {
            break;
        }
    }
    Ok(())
}

fn registries(c: &mut Client) -> io::Result<()> {
    for _ in 0..40_000 {
        let new = Arg::NewId(c.id());
        c.send(ObjectId::DISPLAY, &wl_display::INTERFACE, wl_display::request::GET_REGISTRY, &[new])?;
        if c.is_over() {
            break;
        }
    }
    Ok(())
}

/// Windows all over the desktop.
fn windows(c: &mut Client) -> io::Result<()> {
    let buffer = c.buffer(64, 48, 0xff90_2020)?;
    for _ in 0..200 {
        let Window { surface, xdg, toplevel } = c.toplevel("one of many", "hostile")?;
        let answers =
            |e: &Event| e.sender == xdg || e.sender == toplevel && e.opcode == xdg_toplevel::event::CLOSE;
        match c.wait(answers)?.1 {
            // The compositor has had enough of them.
            Some(event) if event.sender == toplevel => break,
            Some(event) => {
                let ack = xdg_surface::request::ACK_CONFIGURE;
                c.send(xdg, &xdg_surface::INTERFACE, ack, &[Arg::Uint(event.word(0))])?;
                c.show(surface, buffer)?;
            }
            None => break,
        }
    }
    Ok(())
}

/// Activation with a token that it made up, and moves with serials that it made up.
fn activate(c: &mut Client) -> io::Result<()> {
    let window = c.window("thief", [200, 100], 0xff90_2020)?;
    let activation = c.bind(&xdg_activation_v1::INTERFACE)?;
    let args = [Arg::Str(Some("0123456789abcdef")), Arg::Object(Some(window.surface))];
    c.send(activation, &xdg_activation_v1::INTERFACE, xdg_activation_v1::request::ACTIVATE, &args)?;
    let seat = c.bind(&wl_seat::INTERFACE)?;
    for serial in [0, 1, u32::MAX] {
        let args = [Arg::Object(Some(seat)), Arg::Uint(serial)];
        c.send(window.toplevel, &xdg_toplevel::INTERFACE, xdg_toplevel::request::MOVE, &args)?;
    }
    Ok(())
}

/// Descriptors that belong to no message.
fn descriptors(c: &mut Client) -> io::Result<()> {
    let memory = c.memory(4096)?;
    flood(c, &[&memory; 28])
}

fn identifiers(c: &mut Client) -> io::Result<()> {
    flood(c, &[&Memory::Resource(1); 28])
}

fn flood(c: &mut Client, memory: &[&Memory]) -> io::Result<()> {
    // More than the other side keeps, fewer than the guest's kernel lets a user have under way.
    for _ in 0..30 {
        let mut bytes = Vec::new();
        let message =
            wl_display::INTERFACE.request(wl_display::request::SYNC).ok_or(io::ErrorKind::InvalidInput)?;
        encode(&mut bytes, ObjectId::DISPLAY, message, &[Arg::NewId(c.id())]).map_err(io::Error::other)?;
        c.raw(&bytes, memory)?;
        if c.is_over() {
            break;
        }
    }
    Ok(())
}

/// Asks for answers and takes none.
fn never_reads(c: &mut Client) -> io::Result<()> {
    let mut batch = Vec::new();
    let message =
        wl_display::INTERFACE.request(wl_display::request::SYNC).ok_or(io::ErrorKind::InvalidInput)?;
    for _ in 0..4000 {
        batch.clear();
        for _ in 0..100 {
            encode(&mut batch, ObjectId::DISPLAY, message, &[Arg::NewId(c.id())])
                .map_err(io::Error::other)?;
        }
        c.raw(&batch, &[])?;
        if c.is_over() {
            break;
        }
    }
    Ok(())
}
