// SPDX-License-Identifier: GPL-3.0-or-later
//! What is damaged, opaque, scaled and cut. In: a connection. Out: rectangles whose products and sums do not
//! fit 32 bits.

use super::geometry::shown;
use super::{fatal, lawful};
use crate::attack::Attack;
use crate::client::Client;
use cofferdam_wayland_wire::protocol::{wl_compositor, wl_region, wl_surface, wp_viewport, wp_viewporter};
use cofferdam_wayland_wire::{Arg, Fixed, ObjectId};
use std::io;

/// The largest coordinate that the desktop lets pass.
const FAR: i32 = 1 << 22;

pub(super) fn attacks() -> Vec<Attack> {
    [
        lawful("damage-at-the-ends", damage),
        lawful("damage-that-a-viewport-makes-larger", magnified),
        lawful("damage-that-waits-for-a-viewport", waiting),
        lawful("region-at-the-ends", region),
        fatal("viewport-negative", |c| destination(c, -7, -7)),
        fatal("viewport-endless", |c| destination(c, i32::MAX, i32::MAX)),
        fatal("viewport-source-outside", source),
        fatal("viewport-of-half-a-pixel", half_a_pixel),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// 1024 pixels on one, turned round: what lies before the surface lies beyond 32 bits in the buffer.
fn magnified(c: &mut Client) -> io::Result<()> {
    let window = shown(c)?;
    let viewport = viewport(c, window.surface)?;
    set_destination(c, viewport, 1, 1)?;
    let buffer = c.buffer(1024, 1, 0xff20_3060)?;
    for transform in 0..8 {
        let set = wl_surface::request::SET_BUFFER_TRANSFORM;
        c.send(window.surface, &wl_surface::INTERFACE, set, &[Arg::Int(transform)])?;
        for rect in [[-FAR, 0, 1, 1], [0, -FAR, FAR, FAR], [FAR; 4]] {
            damage_surface(c, window.surface, rect)?;
        }
        c.show(window.surface, buffer)?;
    }
    Ok(())
}

/// Damage that was small when it was committed.
fn waiting(c: &mut Client) -> io::Result<()> {
    let window = shown(c)?;
    let viewport = viewport(c, window.surface)?;
    set_destination(c, viewport, 65_536, 65_536)?;
    damage_surface(c, window.surface, [65_000, 65_000, FAR, FAR])?;
    c.commit(window.surface)?;
    set_destination(c, viewport, 1, 1)?;
    let set = wl_surface::request::SET_BUFFER_TRANSFORM;
    c.send(window.surface, &wl_surface::INTERFACE, set, &[Arg::Int(2)])?;
    let buffer = c.buffer(4096, 1, 0xff20_3060)?;
    c.show(window.surface, buffer)
}

/// A viewport without a size of its own has to have one in whole pixels.
fn half_a_pixel(c: &mut Client) -> io::Result<()> {
    let window = shown(c)?;
    let viewport = viewport(c, window.surface)?;
    let args = [0, 0, 128, 128].map(|v| Arg::Fixed(Fixed(v)));
    c.send(viewport, &wp_viewport::INTERFACE, wp_viewport::request::SET_SOURCE, &args)?;
    damage_surface(c, window.surface, [0, 0, 10, 10])?;
    let buffer = c.buffer(16, 16, 0xff20_3060)?;
    c.show(window.surface, buffer)
}

fn damage_surface(c: &mut Client, surface: ObjectId, rect: [i32; 4]) -> io::Result<()> {
    c.send(surface, &wl_surface::INTERFACE, wl_surface::request::DAMAGE, &rect.map(Arg::Int))
}

fn set_destination(c: &mut Client, viewport: ObjectId, w: i32, h: i32) -> io::Result<()> {
    let set = wp_viewport::request::SET_DESTINATION;
    c.send(viewport, &wp_viewport::INTERFACE, set, &[Arg::Int(w), Arg::Int(h)])
}

fn damage(c: &mut Client) -> io::Result<()> {
    let window = shown(c)?;
    for rect in [[i32::MIN, i32::MIN, i32::MAX, i32::MAX], [i32::MAX; 4], [-1, -1, 2, i32::MAX]] {
        for opcode in [wl_surface::request::DAMAGE, wl_surface::request::DAMAGE_BUFFER] {
            c.send(window.surface, &wl_surface::INTERFACE, opcode, &rect.map(Arg::Int))?;
        }
    }
    c.commit(window.surface)
}

fn region(c: &mut Client) -> io::Result<()> {
    let window = shown(c)?;
    let compositor = c.bind(&wl_compositor::INTERFACE)?;
    let region = c.id();
    let create = wl_compositor::request::CREATE_REGION;
    c.send(compositor, &wl_compositor::INTERFACE, create, &[Arg::NewId(region)])?;
    let rects = [[i32::MIN, i32::MIN, i32::MAX, i32::MAX], [i32::MAX; 4], [0, 0, i32::MAX, i32::MAX]];
    for (rect, opcode) in
        rects.into_iter().zip([0, 1, 0].map(|subtract| {
            if subtract == 1 { wl_region::request::SUBTRACT } else { wl_region::request::ADD }
        }))
    {
        c.send(region, &wl_region::INTERFACE, opcode, &rect.map(Arg::Int))?;
    }
    for opcode in [wl_surface::request::SET_OPAQUE_REGION, wl_surface::request::SET_INPUT_REGION] {
        c.send(window.surface, &wl_surface::INTERFACE, opcode, &[Arg::Object(Some(region))])?;
    }
    c.commit(window.surface)
}

fn viewport(c: &mut Client, surface: ObjectId) -> io::Result<ObjectId> {
    let viewporter = c.bind(&wp_viewporter::INTERFACE)?;
    let viewport = c.id();
    let args = [Arg::NewId(viewport), Arg::Object(Some(surface))];
    c.send(viewporter, &wp_viewporter::INTERFACE, wp_viewporter::request::GET_VIEWPORT, &args)?;
    Ok(viewport)
}

fn destination(c: &mut Client, w: i32, h: i32) -> io::Result<()> {
    let window = shown(c)?;
    let viewport = viewport(c, window.surface)?;
    set_destination(c, viewport, w, h)?;
    c.commit(window.surface)
}

fn source(c: &mut Client) -> io::Result<()> {
    let window = shown(c)?;
    let viewport = viewport(c, window.surface)?;
    let args = [0, 0, i32::MAX, i32::MAX].map(|v| Arg::Fixed(Fixed(v)));
    c.send(viewport, &wp_viewport::INTERFACE, wp_viewport::request::SET_SOURCE, &args)?;
    set_destination(c, viewport, 50, 50)?;
    c.commit(window.surface)
}
