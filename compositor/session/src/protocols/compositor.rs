// SPDX-License-Identifier: GPL-3.0-or-later
//! `wl_compositor` and `wl_subcompositor`: surfaces, regions, trees of subsurfaces.
//!
//! In: surface state of any client. Out: damage, offsets and scales whose sums fit 32 bits, trees that
//! are neither deep nor wide enough to hurt, and one call of the shell for each commit.

use crate::client::ClientState;
use crate::protocols::guard::{coord, filtered, global, hold, length, release};
use crate::state::State;
use smithay::backend::renderer::utils::on_commit_buffer_handler;
use smithay::reexports::wayland_server::protocol::wl_callback::{self, WlCallback};
use smithay::reexports::wayland_server::protocol::wl_compositor::{self, WlCompositor};
use smithay::reexports::wayland_server::protocol::wl_region::{self, WlRegion};
use smithay::reexports::wayland_server::protocol::wl_subcompositor::{self, WlSubcompositor};
use smithay::reexports::wayland_server::protocol::wl_subsurface::{self, WlSubsurface};
use smithay::reexports::wayland_server::protocol::wl_surface::{self, WlSurface};
use smithay::wayland::compositor::{
    CompositorClientState, CompositorHandler, CompositorState, RegionUserData, SubsurfaceUserData,
    SurfaceUserData, TraversalAction, get_parent, get_region_attributes, with_surface_tree_downward,
};
use std::sync::LazyLock;
use wayland_server::{Client, Resource};

/// Surfaces that one client may hold: browsers reach some hundreds.
const MAX_SURFACES: u32 = 4096;
/// Regions that one client may hold.
const MAX_REGIONS: u32 = 4096;
/// Frame callbacks that one client may have waiting.
const MAX_CALLBACKS: u32 = 16_384;
/// Rectangles of a region that still mean something; what is more complex counts as absent.
const MAX_RECTS: usize = 256;
/// Subsurfaces below subsurfaces; smithay walks the tree by recursion.
const MAX_DEPTH: usize = 16;
/// Surfaces of one tree; smithay walks the whole tree at each commit.
const MAX_TREE: usize = 512;
/// Largest buffer scale.
const MAX_SCALE: i32 = 64;

impl CompositorHandler for State {
    fn compositor_state(&mut self) -> &mut CompositorState {
        &mut self.globals.compositor
    }

    fn client_compositor_state<'a>(&self, client: &'a Client) -> &'a CompositorClientState {
        // Every client is made with a `ClientState`; the spare one keeps this function total.
        static SPARE: LazyLock<CompositorClientState> = LazyLock::new(CompositorClientState::default);
        client.get_data::<ClientState>().map_or_else(|| &*SPARE, |data| &data.compositor)
    }

    fn commit(&mut self, surface: &WlSurface) {
        on_commit_buffer_handler::<Self>(surface);
        self.surface_committed(surface);
    }

    fn destroyed(&mut self, surface: &WlSurface) {
        release(surface, |h| &h.surfaces);
        self.surface_destroyed(surface);
    }
}

fn filter_compositor(
    state: &mut State,
    client: &Client,
    _: &WlCompositor,
    request: wl_compositor::Request,
    (): &(),
) -> Option<wl_compositor::Request> {
    let room = match &request {
        wl_compositor::Request::CreateSurface { .. } => hold(client, |h| &h.surfaces, MAX_SURFACES),
        wl_compositor::Request::CreateRegion { .. } => hold(client, |h| &h.regions, MAX_REGIONS),
        _ => true,
    };
    if !room {
        state.over_quota(client, "too many surfaces or regions");
        return None;
    }
    Some(request)
}

fn filter_surface(
    state: &mut State,
    client: &Client,
    surface: &WlSurface,
    request: wl_surface::Request,
    _: &SurfaceUserData,
) -> Option<wl_surface::Request> {
    use wl_surface::Request;
    Some(match request {
        Request::Attach { buffer, x, y } => Request::Attach { buffer, x: coord(x), y: coord(y) },
        Request::Offset { x, y } => Request::Offset { x: coord(x), y: coord(y) },
        Request::Damage { x, y, width, height } => {
            Request::Damage { x: coord(x), y: coord(y), width: length(width), height: length(height) }
        }
        Request::DamageBuffer { x, y, width, height } => {
            Request::DamageBuffer { x: coord(x), y: coord(y), width: length(width), height: length(height) }
        }
        Request::SetBufferScale { scale } if scale > MAX_SCALE => {
            surface.post_error(wl_surface::Error::InvalidScale, format!("scale {scale} is too large"));
            return None;
        }
        Request::SetBufferTransform { transform } if transform.into_result().is_err() => {
            surface.post_error(wl_surface::Error::InvalidTransform, "no such transform");
            return None;
        }
        // Both are hints whose absence is always allowed.
        Request::SetOpaqueRegion { region } => Request::SetOpaqueRegion { region: region.filter(is_simple) },
        Request::SetInputRegion { region } => Request::SetInputRegion { region: region.filter(is_simple) },
        Request::Frame { callback } => {
            if !hold(client, |h| &h.callbacks, MAX_CALLBACKS) {
                state.over_quota(client, "too many frame callbacks");
                return None;
            }
            Request::Frame { callback }
        }
        other => other,
    })
}

fn is_simple(region: &WlRegion) -> bool {
    get_region_attributes(region).rects.len() <= MAX_RECTS
}

fn filter_region(
    _: &mut State,
    _: &Client,
    region: &WlRegion,
    request: wl_region::Request,
    _: &RegionUserData,
) -> Option<wl_region::Request> {
    use wl_region::Request;
    match request {
        // One more than what counts is kept, so that `is_simple` sees that there was more.
        Request::Add { .. } | Request::Subtract { .. }
            if get_region_attributes(region).rects.len() > MAX_RECTS =>
        {
            None
        }
        Request::Add { x, y, width, height } => {
            Some(Request::Add { x: coord(x), y: coord(y), width: length(width), height: length(height) })
        }
        Request::Subtract { x, y, width, height } => {
            Some(Request::Subtract { x: coord(x), y: coord(y), width: length(width), height: length(height) })
        }
        other => Some(other),
    }
}

fn filter_subcompositor(
    _: &mut State,
    _: &Client,
    subcompositor: &WlSubcompositor,
    request: wl_subcompositor::Request,
    (): &(),
) -> Option<wl_subcompositor::Request> {
    if let wl_subcompositor::Request::GetSubsurface { surface, parent, .. } = &request {
        let why = refuse_subsurface(surface, parent);
        if let Some((code, why)) = why {
            subcompositor.post_error(code, why);
            return None;
        }
    }
    Some(request)
}

fn refuse_subsurface(
    surface: &WlSurface,
    parent: &WlSurface,
) -> Option<(wl_subcompositor::Error, &'static str)> {
    let mut ancestors = 0_usize;
    let mut root = parent.clone();
    loop {
        if root == *surface {
            return Some((wl_subcompositor::Error::BadParent, "a surface can't be its own ancestor"));
        }
        let Some(next) = get_parent(&root) else { break };
        ancestors = ancestors.saturating_add(1);
        root = next;
    }
    let (below, own) = tree_extent(surface);
    let (_, others) = tree_extent(&root);
    let too_deep = ancestors.saturating_add(below).saturating_add(1) > MAX_DEPTH;
    let too_many = own.saturating_add(others) > MAX_TREE;
    (too_deep || too_many)
        .then_some((wl_subcompositor::Error::BadSurface, "the tree of subsurfaces is too large"))
}

/// How deep and how large a tree is. Bounded, because no tree gets beyond the limits above.
fn tree_extent(root: &WlSurface) -> (usize, usize) {
    let (mut depth, mut count) = (0_usize, 0_usize);
    with_surface_tree_downward(
        root,
        0_usize,
        |_, _, level| TraversalAction::DoChildren(level.saturating_add(1)),
        |_, _, level| {
            depth = depth.max(*level);
            count = count.saturating_add(1);
        },
        |_, _, _| true,
    );
    (depth, count)
}

fn filter_subsurface(
    _: &mut State,
    _: &Client,
    _: &WlSubsurface,
    request: wl_subsurface::Request,
    _: &SubsurfaceUserData,
) -> Option<wl_subsurface::Request> {
    Some(match request {
        wl_subsurface::Request::SetPosition { x, y } => {
            wl_subsurface::Request::SetPosition { x: coord(x), y: coord(y) }
        }
        other => other,
    })
}

global!(WlCompositor, () => CompositorState);
global!(WlSubcompositor, () => CompositorState);
filtered!(WlCompositor, () => CompositorState, filter_compositor);
filtered!(WlSurface, SurfaceUserData => CompositorState, filter_surface);
filtered!(WlRegion, RegionUserData => CompositorState, filter_region, |_, region| release(region, |h| &h.regions));
filtered!(WlSubcompositor, () => CompositorState, filter_subcompositor);
filtered!(WlSubsurface, SubsurfaceUserData => CompositorState, filter_subsurface);

/// `wl_callback` has no requests; it is only counted.
fn filter_callback(
    _: &mut State,
    _: &Client,
    _: &WlCallback,
    request: wl_callback::Request,
    (): &(),
) -> Option<wl_callback::Request> {
    Some(request)
}

filtered!(WlCallback, () => CompositorState, filter_callback, |_, callback| release(callback, |h| &h.callbacks));
