// SPDX-License-Identifier: GPL-3.0-or-later
//! Pictures that lie. In: a connection. Out: windows which try to look like, or to cover, what is not
//! theirs. All of it is lawful Wayland, so what the desktop makes of it is for the screenshot to show.

use super::geometry::subsurface;
use super::picture;
use crate::attack::Attack;
use crate::client::Client;
use cofferdam_wayland_wire::protocol::{
    wl_subsurface, xdg_positioner, xdg_surface, xdg_toplevel, xdg_wm_base,
};
use cofferdam_wayland_wire::{Arg, ObjectId};
use std::io;

/// A colour that nothing of the desktop's has.
const MAGENTA: u32 = 0xffff_00ff;
const GREEN: u32 = 0xff00_c040;

pub(super) fn attacks() -> Vec<Attack> {
    vec![
        picture("paints-its-border", |c| border(c, true)),
        picture("grows-by-subsurfaces", |c| border(c, false)),
        picture("popup-outside-the-screen", popup),
        picture("claims-to-be-the-witness", claim),
        picture("fullscreen-without-border", fullscreen),
        picture("shows-more-than-it-says", large),
    ]
}

/// Subsurfaces over all four edges of its frame, and one far larger than the desktop below it. If it says
/// where its window ends, they lie outside; otherwise they are part of it.
fn border(c: &mut Client, says: bool) -> io::Result<()> {
    let window = c.window("border", [300, 200], GREEN)?;
    if says {
        let geometry = [0, 0, 300, 200].map(Arg::Int);
        let set = xdg_surface::request::SET_WINDOW_GEOMETRY;
        c.send(window.xdg, &xdg_surface::INTERFACE, set, &geometry)?;
    }
    for (x, y, w, h) in [
        (-40, -60, 380, 60),
        (-40, 200, 380, 60),
        (-60, -40, 60, 300),
        (300, -40, 60, 300),
        (-900, -900, 2000, 2000),
    ] {
        let child = c.surface()?;
        let sub = subsurface(c, child, window.surface)?;
        let place = wl_subsurface::request::SET_POSITION;
        c.send(sub, &wl_subsurface::INTERFACE, place, &[Arg::Int(x), Arg::Int(y)])?;
        if w == 2000 {
            let below = wl_subsurface::request::PLACE_BELOW;
            c.send(sub, &wl_subsurface::INTERFACE, below, &[Arg::Object(Some(window.surface))])?;
        }
        let buffer = c.buffer(w, h, MAGENTA)?;
        c.show(child, buffer)?;
    }
    c.commit(window.surface)
}

/// A popup far larger than its window, anchored far outside of the screen.
fn popup(c: &mut Client) -> io::Result<()> {
    let window = c.window("popup", [300, 200], GREEN)?;
    let base = c.bind(&xdg_wm_base::INTERFACE)?;
    let positioner = c.id();
    let create = xdg_wm_base::request::CREATE_POSITIONER;
    c.send(base, &xdg_wm_base::INTERFACE, create, &[Arg::NewId(positioner)])?;
    let set = |c: &mut Client, opcode: u16, values: &[i32]| {
        let args: Vec<Arg<'_>> = values.iter().map(|v| Arg::Int(*v)).collect();
        c.send(positioner, &xdg_positioner::INTERFACE, opcode, &args)
    };
    set(c, xdg_positioner::request::SET_SIZE, &[1500, 1000])?;
    set(c, xdg_positioner::request::SET_ANCHOR_RECT, &[0, 0, 1, 1])?;
    set(c, xdg_positioner::request::SET_OFFSET, &[-5000, -5000])?;
    let (surface, xdg, popup) = (c.surface()?, c.id(), c.id());
    let args = [Arg::NewId(xdg), Arg::Object(Some(surface))];
    c.send(base, &xdg_wm_base::INTERFACE, xdg_wm_base::request::GET_XDG_SURFACE, &args)?;
    let args = [Arg::NewId(popup), Arg::Object(Some(window.xdg)), Arg::Object(Some(positioner))];
    c.send(xdg, &xdg_surface::INTERFACE, xdg_surface::request::GET_POPUP, &args)?;
    c.commit(surface)?;
    c.configured(xdg)?;
    let buffer = c.buffer(1500, 1000, MAGENTA)?;
    c.show(surface, buffer)
}

/// The name and app id of the other window of the test.
fn claim(c: &mut Client) -> io::Result<()> {
    let window = c.window("foot", [300, 200], GREEN)?;
    let set = |c: &mut Client, opcode: u16, text: &str| {
        c.send(window.toplevel, &xdg_toplevel::INTERFACE, opcode, &[Arg::Str(Some(text))])
    };
    set(c, xdg_toplevel::request::SET_APP_ID, "foot")?;
    // With the marks that turn writing around, and a line of its own.
    set(c, xdg_toplevel::request::SET_TITLE, "foot\n\u{202e}Terminal \u{2066}— the witness")?;
    c.commit(window.surface)
}

fn fullscreen(c: &mut Client) -> io::Result<()> {
    let window = c.window("fullscreen", [300, 200], GREEN)?;
    let no_output: Option<ObjectId> = None;
    let set = xdg_toplevel::request::SET_FULLSCREEN;
    c.send(window.toplevel, &xdg_toplevel::INTERFACE, set, &[Arg::Object(no_output)])?;
    c.configured(window.xdg)?;
    let buffer = c.buffer(1600, 1000, MAGENTA)?;
    c.show(window.surface, buffer)
}

/// Says that it is small and shows something large.
fn large(c: &mut Client) -> io::Result<()> {
    let window = c.window("large", [300, 200], GREEN)?;
    let geometry = [0, 0, 40, 30].map(Arg::Int);
    let set = xdg_surface::request::SET_WINDOW_GEOMETRY;
    c.send(window.xdg, &xdg_surface::INTERFACE, set, &geometry)?;
    let buffer = c.buffer(1400, 900, MAGENTA)?;
    c.show(window.surface, buffer)
}
