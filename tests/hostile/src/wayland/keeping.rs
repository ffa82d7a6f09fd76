// SPDX-License-Identifier: GPL-3.0-or-later
//! What the desktop is made to keep. In: a way to it. Out: connections that stay, with all that they left
//! behind, so that the compositor's memory can be looked at from outside.

use super::fatal;
use super::geometry::subsurface;
use crate::attack::{Attack, Deed, Seen, Way, connect};
use crate::client::{Client, Window};
use cofferdam_wayland_wire::protocol::{
    wl_compositor, wl_data_device_manager, wl_region, wl_seat, wl_surface, xdg_popup, xdg_positioner,
    xdg_surface, xdg_toplevel, xdg_wm_base, zwp_primary_selection_device_manager_v1,
    zxdg_decoration_manager_v1, zxdg_toplevel_decoration_v1,
};
use cofferdam_wayland_wire::{Arg, ObjectId};
use std::io;

const BLUE: u32 = 0xff20_3060;
/// Requests between two looks at what the desktop says.
const BATCH: u32 = 500;

pub(super) fn attacks() -> Vec<Attack> {
    let holds = |name, deed| {
        [Way::App, Way::Raw].map(|way| Attack {
            name,
            way,
            end: Seen::Survived,
            fault: false,
            deed: Deed::Hold(deed),
        })
    };
    let mut all: Vec<Attack> = [
        holds("configures-never-acknowledged", configures),
        holds("commits-that-wait-with-large-regions", |way| commits(way, 100, [250, 250])),
        holds("commits-that-wait-with-small-regions", |way| commits(way, 200, [16, 64])),
        holds("data-devices-of-connections-that-end", ended_devices),
    ]
    .into_iter()
    .flatten()
    .collect();
    all.extend(fatal("a-dozen-data-devices", |c| data_devices(c, 12)));
    all.extend(fatal("a-dozen-primary-devices", |c| primary_devices(c, 12)));
    all
}

/// Everything that is answered with a configure, again and again, and no answer to those.
fn configures(way: Way) -> io::Result<Client> {
    let mut client = connect(way)?;
    let c = &mut client;
    let window = c.window("configures", [120, 80], BLUE)?;
    let (popup, positioner) = popup(c, &window)?;
    let manager = c.bind(&zxdg_decoration_manager_v1::INTERFACE)?;
    let decoration = c.id();
    let get = zxdg_decoration_manager_v1::request::GET_TOPLEVEL_DECORATION;
    let args = [Arg::NewId(decoration), Arg::Object(Some(window.toplevel))];
    c.send(manager, &zxdg_decoration_manager_v1::INTERFACE, get, &args)?;
    for n in 0..30_000 {
        let mode = [Arg::Uint(1 + n % 2)];
        let set = zxdg_toplevel_decoration_v1::request::SET_MODE;
        c.send(decoration, &zxdg_toplevel_decoration_v1::INTERFACE, set, &mode)?;
        let opcode = if n % 2 == 0 {
            xdg_toplevel::request::SET_MAXIMIZED
        } else {
            xdg_toplevel::request::UNSET_MAXIMIZED
        };
        c.send(window.toplevel, &xdg_toplevel::INTERFACE, opcode, &[])?;
        let args = [Arg::Object(Some(positioner)), Arg::Uint(n)];
        c.send(popup, &xdg_popup::INTERFACE, xdg_popup::request::REPOSITION, &args)?;
        if n % BATCH == 0 && c.roundtrip()? != Seen::Survived {
            break;
        }
    }
    Ok(client)
}

/// A popup, and the positioner that it was made with.
fn popup(c: &mut Client, window: &Window) -> io::Result<(ObjectId, ObjectId)> {
    let base = c.bind(&xdg_wm_base::INTERFACE)?;
    let positioner = c.id();
    let create = xdg_wm_base::request::CREATE_POSITIONER;
    c.send(base, &xdg_wm_base::INTERFACE, create, &[Arg::NewId(positioner)])?;
    for (opcode, values) in [
        (xdg_positioner::request::SET_SIZE, &[50, 50][..]),
        (xdg_positioner::request::SET_ANCHOR_RECT, &[0, 0, 10, 10]),
    ] {
        let args: Vec<Arg<'_>> = values.iter().map(|v| Arg::Int(*v)).collect();
        c.send(positioner, &xdg_positioner::INTERFACE, opcode, &args)?;
    }
    let (surface, xdg, popup) = (c.surface()?, c.id(), c.id());
    let args = [Arg::NewId(xdg), Arg::Object(Some(surface))];
    c.send(base, &xdg_wm_base::INTERFACE, xdg_wm_base::request::GET_XDG_SURFACE, &args)?;
    let args = [Arg::NewId(popup), Arg::Object(Some(window.xdg)), Arg::Object(Some(positioner))];
    c.send(xdg, &xdg_surface::INTERFACE, xdg_surface::request::GET_POPUP, &args)?;
    c.commit(surface)?;
    c.configured(xdg)?;
    Ok((popup, positioner))
}

/// Many subsurfaces that commit often, each time with a region of so many rectangles for what is opaque
/// and one for what takes input, while their parent does not.
fn commits(way: Way, subsurfaces: u32, rects: [i32; 2]) -> io::Result<Client> {
    let mut client = connect(way)?;
    let c = &mut client;
    let window = c.window("commits", [120, 80], BLUE)?;
    let compositor = c.bind(&wl_compositor::INTERFACE)?;
    let mut regions = Vec::new();
    for rects in rects {
        let region = c.id();
        let create = wl_compositor::request::CREATE_REGION;
        c.send(compositor, &wl_compositor::INTERFACE, create, &[Arg::NewId(region)])?;
        for n in 0..rects {
            let rect = [n, n, 1, 1].map(Arg::Int);
            c.send(region, &wl_region::INTERFACE, wl_region::request::ADD, &rect)?;
        }
        regions.push(region);
    }
    let set = [wl_surface::request::SET_OPAQUE_REGION, wl_surface::request::SET_INPUT_REGION];
    for _ in 0..subsurfaces {
        let child = c.surface()?;
        subsurface(c, child, window.surface)?;
        for _ in 0..64 {
            for (opcode, region) in set.iter().zip(&regions) {
                c.send(child, &wl_surface::INTERFACE, *opcode, &[Arg::Object(Some(*region))])?;
            }
            c.commit(child)?;
        }
        if c.roundtrip()? != Seen::Survived {
            break;
        }
    }
    Ok(client)
}

fn data_devices(c: &mut Client, count: u32) -> io::Result<()> {
    let seat = c.bind(&wl_seat::INTERFACE)?;
    let manager = c.bind(&wl_data_device_manager::INTERFACE)?;
    let get = wl_data_device_manager::request::GET_DATA_DEVICE;
    for _ in 0..count {
        let args = [Arg::NewId(c.id()), Arg::Object(Some(seat))];
        c.send(manager, &wl_data_device_manager::INTERFACE, get, &args)?;
    }
    Ok(())
}

fn primary_devices(c: &mut Client, count: u32) -> io::Result<()> {
    let seat = c.bind(&wl_seat::INTERFACE)?;
    let manager = c.bind(&zwp_primary_selection_device_manager_v1::INTERFACE)?;
    let get = zwp_primary_selection_device_manager_v1::request::GET_DEVICE;
    for _ in 0..count {
        let args = [Arg::NewId(c.id()), Arg::Object(Some(seat))];
        c.send(manager, &zwp_primary_selection_device_manager_v1::INTERFACE, get, &args)?;
    }
    Ok(())
}

/// As many devices as may be had, on one connection after the other.
fn ended_devices(way: Way) -> io::Result<Client> {
    for count in [8, 4000].into_iter().cycle().take(20) {
        let mut client = connect(way)?;
        data_devices(&mut client, count)?;
        client.roundtrip()?;
    }
    connect(way)
}
