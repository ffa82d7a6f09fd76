// SPDX-License-Identifier: GPL-3.0-or-later
//! `xdg_wm_base`: toplevels and popups.
//!
//! In: windows' requests, with numbers of any size and serials of anybody's. Out: calls of the shell
//! with clean numbers. A request that needs a serial gets through only if that serial belongs to a
//! press inside the same client.

use crate::protocols::guard::rules::{self, coord, length};
use crate::protocols::guard::{filtered, global, hold, pass, refuse};
use crate::state::State;
use cofferdam_admission::{Fault, Holding};
use smithay::reexports::wayland_protocols::xdg::shell::server::xdg_popup::XdgPopup;
use smithay::reexports::wayland_protocols::xdg::shell::server::xdg_positioner::{self, XdgPositioner};
use smithay::reexports::wayland_protocols::xdg::shell::server::xdg_surface::{self, XdgSurface};
use smithay::reexports::wayland_protocols::xdg::shell::server::xdg_toplevel::{
    self, ResizeEdge, WmCapabilities, XdgToplevel,
};
use smithay::reexports::wayland_protocols::xdg::shell::server::xdg_wm_base::{self, XdgWmBase};
use smithay::reexports::wayland_server::protocol::wl_output::WlOutput;
use smithay::reexports::wayland_server::protocol::wl_seat::WlSeat;
use smithay::reexports::wayland_server::protocol::wl_surface::WlSurface;
use smithay::utils::Serial;
use smithay::wayland::compositor::get_role;
use smithay::wayland::shell::xdg::{
    Configure, PopupSurface, PositionerState, ShellClient, ToplevelSurface, XdgPositionerUserData,
    XdgShellHandler, XdgShellState, XdgShellSurfaceUserData, XdgSurfaceUserData, XdgWmBaseUserData,
};
use wayland_server::{Client, Resource, WEnum};

/// What the compositor does for a window.
pub(super) const CAPABILITIES: [WmCapabilities; 3] =
    [WmCapabilities::Maximize, WmCapabilities::Fullscreen, WmCapabilities::Minimize];

impl XdgShellHandler for State {
    fn xdg_shell_state(&mut self) -> &mut XdgShellState {
        &mut self.globals.xdg_shell
    }

    fn client_pong(&mut self, client: ShellClient) {
        self.control.ponged(&client);
    }

    fn new_toplevel(&mut self, surface: ToplevelSurface) {
        self.toplevel_created(surface);
    }

    fn toplevel_destroyed(&mut self, surface: ToplevelSurface) {
        self.toplevel_destroyed(&surface);
    }

    fn new_popup(&mut self, surface: PopupSurface, positioner: PositionerState) {
        self.popup_created(surface, positioner);
    }

    fn popup_destroyed(&mut self, surface: PopupSurface) {
        self.popup_destroyed(&surface);
    }

    fn ack_configure(&mut self, surface: WlSurface, _: Configure) {
        self.desk.configure_acked(&surface);
    }

    fn reposition_request(&mut self, surface: PopupSurface, positioner: PositionerState, token: u32) {
        self.popup_repositioned(&surface, positioner, token);
    }

    fn grab(&mut self, surface: PopupSurface, _seat: WlSeat, serial: Serial) {
        self.popup_grabbed(&surface, serial);
    }

    fn move_request(&mut self, surface: ToplevelSurface, _seat: WlSeat, serial: Serial) {
        self.client_begins_move(&surface, serial);
    }

    fn resize_request(&mut self, surface: ToplevelSurface, _seat: WlSeat, serial: Serial, edges: ResizeEdge) {
        self.client_begins_resize(&surface, serial, edges);
    }

    fn maximize_request(&mut self, surface: ToplevelSurface) {
        self.client_wants_maximized(&surface, true);
    }

    fn unmaximize_request(&mut self, surface: ToplevelSurface) {
        self.client_wants_maximized(&surface, false);
    }

    fn fullscreen_request(&mut self, surface: ToplevelSurface, output: Option<WlOutput>) {
        self.client_wants_fullscreen(&surface, true, output.as_ref());
    }

    fn unfullscreen_request(&mut self, surface: ToplevelSurface) {
        self.client_wants_fullscreen(&surface, false, None);
    }

    fn minimize_request(&mut self, surface: ToplevelSurface) {
        self.client_wants_minimized(&surface);
    }

    fn title_changed(&mut self, surface: ToplevelSurface) {
        self.toplevel_renamed(&surface);
    }

    fn app_id_changed(&mut self, surface: ToplevelSurface) {
        self.toplevel_renamed(&surface);
    }

    fn parent_changed(&mut self, surface: ToplevelSurface) {
        self.toplevel_parented(&surface);
    }
}

fn filter_positioner(
    _: &mut State,
    _: &Client,
    _: &XdgPositioner,
    request: xdg_positioner::Request,
    _: &XdgPositionerUserData,
) -> Option<xdg_positioner::Request> {
    use xdg_positioner::Request;
    Some(match request {
        Request::SetSize { width, height } => {
            Request::SetSize { width: length(width), height: length(height) }
        }
        // An empty rectangle is a point, which smithay would refuse; a negative one it shall refuse.
        Request::SetAnchorRect { x, y, width, height } if width >= 0 && height >= 0 => {
            let (width, height) = (length(width).max(1), length(height).max(1));
            Request::SetAnchorRect { x: coord(x), y: coord(y), width, height }
        }
        Request::SetOffset { x, y } => Request::SetOffset { x: coord(x), y: coord(y) },
        Request::SetParentSize { parent_width, parent_height } => Request::SetParentSize {
            parent_width: length(parent_width),
            parent_height: length(parent_height),
        },
        other => other,
    })
}

fn filter_xdg_surface(
    state: &mut State,
    client: &Client,
    resource: &XdgSurface,
    request: xdg_surface::Request,
    _: &XdgSurfaceUserData,
) -> Option<xdg_surface::Request> {
    use xdg_surface::Request;
    match request {
        Request::SetWindowGeometry { x, y, width, height } => {
            let checked = rules::area(width, height);
            let (width, height) = checked
                .inspect_err(|fault| refuse(resource, xdg_surface::Error::InvalidSize, *fault))
                .ok()?;
            Some(Request::SetWindowGeometry { x: coord(x), y: coord(y), width, height })
        }
        Request::GetToplevel { .. } | Request::GetPopup { .. } => {
            hold(state, client, Holding::Object).ok()?;
            Some(request)
        }
        other => Some(other),
    }
}

fn filter_toplevel(
    _: &mut State,
    _: &Client,
    toplevel: &XdgToplevel,
    request: xdg_toplevel::Request,
    _: &XdgShellSurfaceUserData,
) -> Option<xdg_toplevel::Request> {
    use xdg_toplevel::Request;
    let size = |width: i32, height: i32| {
        rules::limit(width, height)
            .inspect_err(|fault| refuse(toplevel, xdg_toplevel::Error::InvalidSize, *fault))
            .ok()
    };
    Some(match request {
        Request::SetMaxSize { width, height } => {
            let (width, height) = size(width, height)?;
            Request::SetMaxSize { width, height }
        }
        Request::SetMinSize { width, height } => {
            let (width, height) = size(width, height)?;
            Request::SetMinSize { width, height }
        }
        Request::Resize { edges: WEnum::Unknown(_), .. } => {
            refuse(toplevel, xdg_toplevel::Error::InvalidResizeEdge, Fault::Value);
            return None;
        }
        other => other,
    })
}

fn filter_wm_base(
    state: &mut State,
    client: &Client,
    wm_base: &XdgWmBase,
    request: xdg_wm_base::Request,
    _: &XdgWmBaseUserData,
) -> Option<xdg_wm_base::Request> {
    if let xdg_wm_base::Request::GetXdgSurface { surface, .. } = &request
        && let Some((code, why)) = refuse_xdg_surface(surface)
    {
        wm_base.post_error(code, why);
        return None;
    }
    match request {
        xdg_wm_base::Request::CreatePositioner { .. } => hold(state, client, Holding::Positioner).ok()?,
        xdg_wm_base::Request::GetXdgSurface { .. } => hold(state, client, Holding::Object).ok()?,
        _ => {}
    }
    Some(request)
}

/// What a surface can't become an `xdg_surface` for, if for anything.
fn refuse_xdg_surface(surface: &WlSurface) -> Option<(xdg_wm_base::Error, &'static str)> {
    if crate::shell::has_buffer(surface) || crate::shell::has_buffer_attached(surface) {
        return Some((xdg_wm_base::Error::InvalidSurfaceState, "the surface has a buffer already"));
    }
    // A surface whose window is gone may have another one.
    let other = get_role(surface).is_some_and(|role| !role.starts_with("xdg_"));
    other.then_some((xdg_wm_base::Error::Role, "the surface has another role already"))
}

global!(XdgWmBase, () => XdgShellState);
filtered!(XdgWmBase, XdgWmBaseUserData => XdgShellState, filter_wm_base);
filtered!(XdgPositioner, XdgPositionerUserData => XdgShellState, filter_positioner, Some(Holding::Positioner));
filtered!(XdgSurface, XdgSurfaceUserData => XdgShellState, filter_xdg_surface, Some(Holding::Object));
filtered!(XdgToplevel, XdgShellSurfaceUserData => XdgShellState, filter_toplevel, Some(Holding::Object));
filtered!(XdgPopup, XdgShellSurfaceUserData => XdgShellState, pass, Some(Holding::Object));
