// SPDX-License-Identifier: GPL-3.0-or-later
//! Numbers that overflow, and surfaces that are each other's parents. In: a connection. Out: requests with
//! geometry at the ends of 32 bits.

use super::{fatal, lawful};
use crate::attack::Attack;
use crate::client::{Client, Window};
use cofferdam_wayland_wire::protocol::{
    wl_subcompositor, wl_subsurface, wl_surface, xdg_positioner, xdg_surface, xdg_toplevel, xdg_wm_base,
};
use cofferdam_wayland_wire::{Arg, ObjectId};
use std::io;

const BLUE: u32 = 0xff20_3060;

pub(super) fn attacks() -> Vec<Attack> {
    [
        lawful("window-geometry-at-the-ends", |c| {
            window_geometry(c, [i32::MIN, i32::MIN, i32::MAX, i32::MAX])
        }),
        fatal("window-geometry-of-negative-size", |c| window_geometry(c, [0, 0, -1, -1])),
        fatal("smallest-size-negative", |c| size_limit(c, xdg_toplevel::request::SET_MIN_SIZE, -5)),
        fatal("largest-size-negative", |c| size_limit(c, xdg_toplevel::request::SET_MAX_SIZE, i32::MIN)),
        lawful("largest-size-endless", |c| size_limit(c, xdg_toplevel::request::SET_MAX_SIZE, i32::MAX)),
        fatal("scale-endless", |c| scale(c, i32::MAX)),
        fatal("scale-negative", |c| scale(c, -1)),
        lawful("subsurface-at-the-ends", |c| subsurface_at(c, i32::MIN, i32::MAX)),
        fatal("subsurface-of-itself", |c| {
            let surface = c.surface()?;
            subsurface(c, surface, surface).map(drop)
        }),
        fatal("subsurfaces-in-a-circle", circle),
        fatal("subsurface-above-itself", |c| {
            restack(c, wl_subsurface::request::PLACE_ABOVE, |_, _, child| Ok(child))
        }),
        fatal("subsurface-below-itself", |c| {
            restack(c, wl_subsurface::request::PLACE_BELOW, |_, _, child| Ok(child))
        }),
        fatal("subsurface-beside-a-stranger", |c| {
            restack(c, wl_subsurface::request::PLACE_ABOVE, |c, _, _| c.surface())
        }),
        fatal("subsurface-beside-its-own-child", |c| {
            restack(c, wl_subsurface::request::PLACE_BELOW, |c, _, child| {
                let grandchild = c.surface()?;
                subsurface(c, grandchild, child).map(|_| grandchild)
            })
        }),
        lawful("subsurface-after-its-parent", orphan),
        fatal("subsurfaces-too-deep", deep),
        fatal("positioner-of-negative-size", positioner),
        fatal("role-twice", role_twice),
        fatal("buffer-before-configure", unconfigured),
        fatal("acknowledges-what-never-was", |c| {
            let window = c.toplevel("ack", "hostile")?;
            let ack = xdg_surface::request::ACK_CONFIGURE;
            c.send(window.xdg, &xdg_surface::INTERFACE, ack, &[Arg::Uint(0xdead_beef)])
        }),
    ]
    .into_iter()
    .flatten()
    .collect()
}

pub(super) fn shown(c: &mut Client) -> io::Result<Window> {
    c.window("geometry", [120, 80], BLUE)
}

fn window_geometry(c: &mut Client, [x, y, w, h]: [i32; 4]) -> io::Result<()> {
    let window = shown(c)?;
    let args = [x, y, w, h].map(Arg::Int);
    c.send(window.xdg, &xdg_surface::INTERFACE, xdg_surface::request::SET_WINDOW_GEOMETRY, &args)?;
    c.commit(window.surface)
}

fn size_limit(c: &mut Client, opcode: u16, size: i32) -> io::Result<()> {
    let window = shown(c)?;
    c.send(window.toplevel, &xdg_toplevel::INTERFACE, opcode, &[Arg::Int(size), Arg::Int(size)])?;
    c.commit(window.surface)
}

fn scale(c: &mut Client, scale: i32) -> io::Result<()> {
    let window = shown(c)?;
    let set = wl_surface::request::SET_BUFFER_SCALE;
    c.send(window.surface, &wl_surface::INTERFACE, set, &[Arg::Int(scale)])?;
    c.commit(window.surface)
}

/// Makes `surface` a subsurface of `parent`.
pub(super) fn subsurface(c: &mut Client, surface: ObjectId, parent: ObjectId) -> io::Result<ObjectId> {
    let subcompositor = c.bind(&wl_subcompositor::INTERFACE)?;
    let sub = c.id();
    let args = [Arg::NewId(sub), Arg::Object(Some(surface)), Arg::Object(Some(parent))];
    let get = wl_subcompositor::request::GET_SUBSURFACE;
    c.send(subcompositor, &wl_subcompositor::INTERFACE, get, &args)?;
    Ok(sub)
}

fn subsurface_at(c: &mut Client, x: i32, y: i32) -> io::Result<()> {
    let window = shown(c)?;
    let child = c.surface()?;
    let sub = subsurface(c, child, window.surface)?;
    let set = wl_subsurface::request::SET_POSITION;
    c.send(sub, &wl_subsurface::INTERFACE, set, &[Arg::Int(x), Arg::Int(y)])?;
    let buffer = c.buffer(64, 64, BLUE)?;
    c.show(child, buffer)?;
    c.commit(window.surface)
}

/// Places its window's only subsurface beside what `beside` makes of the window and the subsurface.
fn restack(
    c: &mut Client,
    opcode: u16,
    beside: fn(&mut Client, ObjectId, ObjectId) -> io::Result<ObjectId>,
) -> io::Result<()> {
    let window = shown(c)?;
    let child = c.surface()?;
    let sub = subsurface(c, child, window.surface)?;
    let beside = beside(c, window.surface, child)?;
    c.send(sub, &wl_subsurface::INTERFACE, opcode, &[Arg::Object(Some(beside))])?;
    c.commit(window.surface)
}

/// Places a subsurface whose parent is gone.
fn orphan(c: &mut Client) -> io::Result<()> {
    let window = shown(c)?;
    let (parent, child) = (c.surface()?, c.surface()?);
    let sub = subsurface(c, child, parent)?;
    c.send(parent, &wl_surface::INTERFACE, wl_surface::request::DESTROY, &[])?;
    for opcode in [wl_subsurface::request::PLACE_ABOVE, wl_subsurface::request::PLACE_BELOW] {
        c.send(sub, &wl_subsurface::INTERFACE, opcode, &[Arg::Object(Some(window.surface))])?;
    }
    c.commit(child)
}

fn circle(c: &mut Client) -> io::Result<()> {
    let (first, second) = (c.surface()?, c.surface()?);
    subsurface(c, first, second)?;
    subsurface(c, second, first).map(drop)
}

fn deep(c: &mut Client) -> io::Result<()> {
    let mut parent = shown(c)?.surface;
    for _ in 0..2000 {
        let child = c.surface()?;
        subsurface(c, child, parent)?;
        parent = child;
    }
    Ok(())
}

fn positioner(c: &mut Client) -> io::Result<()> {
    let base = c.bind(&xdg_wm_base::INTERFACE)?;
    let positioner = c.id();
    let create = xdg_wm_base::request::CREATE_POSITIONER;
    c.send(base, &xdg_wm_base::INTERFACE, create, &[Arg::NewId(positioner)])?;
    let set = xdg_positioner::request::SET_SIZE;
    c.send(positioner, &xdg_positioner::INTERFACE, set, &[Arg::Int(-1), Arg::Int(i32::MIN)])
}

fn role_twice(c: &mut Client) -> io::Result<()> {
    let window = c.toplevel("role", "hostile")?;
    let again = c.id();
    c.send(window.xdg, &xdg_surface::INTERFACE, xdg_surface::request::GET_TOPLEVEL, &[Arg::NewId(again)])
}

fn unconfigured(c: &mut Client) -> io::Result<()> {
    let window = c.toplevel("early", "hostile")?;
    let buffer = c.buffer(16, 16, BLUE)?;
    c.show(window.surface, buffer)
}
