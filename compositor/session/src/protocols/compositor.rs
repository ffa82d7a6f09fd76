// SPDX-License-Identifier: GPL-3.0-or-later
//! `wl_compositor` and `wl_subcompositor`: surfaces, regions, trees of subsurfaces.
//!
//! In: surface state of any client. Out: damage, offsets and scales whose sums fit 32 bits, trees that
//! are neither deep nor wide enough to hurt, and one call of the shell for each commit.

use crate::client::ClientState;
use crate::protocols::guard::{filtered, global, hold, pass, refuse, rules};
use crate::protocols::{pending, places};
use crate::state::State;
use cofferdam_admission::{Fault, Holding};
use rules::{coord, length};
use smithay::backend::renderer::utils::on_commit_buffer_handler;
use smithay::reexports::wayland_server::protocol::wl_callback::WlCallback;
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
use wayland_server::{Client, WEnum};

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
        pending::applied(surface);
        pending::bound_damage(surface);
        places::settle(surface);
        on_commit_buffer_handler::<Self>(surface);
        self.surface_committed(surface);
    }

    fn destroyed(&mut self, surface: &WlSurface) {
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
    let held = match &request {
        wl_compositor::Request::CreateSurface { .. } => hold(state, client, Holding::Surface),
        wl_compositor::Request::CreateRegion { .. } => hold(state, client, Holding::Region),
        _ => Ok(()),
    };
    held.ok().map(|()| request)
}

fn filter_surface(
    state: &mut State,
    client: &Client,
    surface: &WlSurface,
    request: wl_surface::Request,
    _: &SurfaceUserData,
) -> Option<wl_surface::Request> {
    use wl_surface::Request;
    match request {
        Request::Commit if !pending::has_whole_size(surface) => {
            refuse(surface, wl_surface::Error::InvalidSize, Fault::Size);
            return None;
        }
        Request::Commit if !pending::takes_commit(client, surface) => return None,
        Request::Commit => places::commit(surface),
        Request::Damage { .. } | Request::DamageBuffer { .. } if !pending::takes_damage(surface) => {
            return None;
        }
        _ => {}
    }
    Some(match request {
        Request::Attach { buffer, x, y } => Request::Attach { buffer, x: coord(x), y: coord(y) },
        Request::Offset { x, y } => Request::Offset { x: coord(x), y: coord(y) },
        Request::Damage { x, y, width, height } => {
            Request::Damage { x: coord(x), y: coord(y), width: length(width), height: length(height) }
        }
        Request::DamageBuffer { x, y, width, height } => {
            Request::DamageBuffer { x: coord(x), y: coord(y), width: length(width), height: length(height) }
        }
        Request::SetBufferScale { scale } => {
            let checked = rules::scale(scale);
            checked.inspect_err(|fault| refuse(surface, wl_surface::Error::InvalidScale, *fault)).ok()?;
            Request::SetBufferScale { scale }
        }
        Request::SetBufferTransform { transform: WEnum::Unknown(_) } => {
            refuse(surface, wl_surface::Error::InvalidTransform, Fault::Value);
            return None;
        }
        // Both are hints whose absence is always allowed.
        Request::SetOpaqueRegion { region } => {
            Request::SetOpaqueRegion { region: region.filter(|region| rules::opaque(rects(region)).is_ok()) }
        }
        Request::SetInputRegion { region } => Request::SetInputRegion { region: region.filter(is_simple) },
        Request::Frame { callback } => {
            hold(state, client, Holding::Callback).ok()?;
            Request::Frame { callback }
        }
        other => other,
    })
}

fn rects(region: &WlRegion) -> usize {
    get_region_attributes(region).rects.len()
}

pub(super) fn is_simple(region: &WlRegion) -> bool {
    rules::region(rects(region)).is_ok()
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
        Request::Add { .. } | Request::Subtract { .. } if !is_simple(region) => None,
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
    state: &mut State,
    client: &Client,
    subcompositor: &WlSubcompositor,
    request: wl_subcompositor::Request,
    (): &(),
) -> Option<wl_subcompositor::Request> {
    if let wl_subcompositor::Request::GetSubsurface { surface, parent, .. } = &request {
        let checked = check_subsurface(surface, parent);
        checked
            .inspect_err(|fault| refuse(subcompositor, wl_subcompositor::Error::BadSurface, *fault))
            .ok()?;
        hold(state, client, Holding::Object).ok()?;
    }
    Some(request)
}

fn check_subsurface(surface: &WlSurface, parent: &WlSurface) -> Result<(), Fault> {
    let mut ancestors = 0_usize;
    let mut root = parent.clone();
    while root != *surface {
        let Some(next) = get_parent(&root) else {
            let (below, own) = tree_extent(surface);
            let (_, others) = tree_extent(&root);
            return rules::subsurface(ancestors, below, own, others);
        };
        ancestors = ancestors.saturating_add(1);
        root = next;
    }
    // A surface can't be its own ancestor.
    Err(Fault::Tree)
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
    subsurface: &WlSubsurface,
    request: wl_subsurface::Request,
    data: &SubsurfaceUserData,
) -> Option<wl_subsurface::Request> {
    use wl_subsurface::Request;
    match &request {
        Request::SetPosition { x, y } => {
            places::wish(data.surface(), (coord(*x), coord(*y)).into());
            return None;
        }
        Request::PlaceAbove { sibling } | Request::PlaceBelow { sibling } => {
            // Without a parent the subsurface is dead, and so is its place.
            let parent = get_parent(data.surface())?;
            // smithay takes a surface out of its parent's list before it looks for the sibling's place in it:
            // one that is placed beside itself goes behind the end.
            let beside = *sibling == parent || get_parent(sibling).as_ref() == Some(&parent);
            if sibling == data.surface() || !beside {
                refuse(subsurface, wl_subsurface::Error::BadSurface, Fault::Tree);
                return None;
            }
        }
        _ => {}
    }
    Some(request)
}

global!(WlCompositor, () => CompositorState);
global!(WlSubcompositor, () => CompositorState);
filtered!(WlCompositor, () => CompositorState, filter_compositor);
filtered!(WlSurface, SurfaceUserData => CompositorState, filter_surface, Some(Holding::Surface));
filtered!(WlRegion, RegionUserData => CompositorState, filter_region, Some(Holding::Region));
filtered!(WlSubcompositor, () => CompositorState, filter_subcompositor);
filtered!(WlSubsurface, SubsurfaceUserData => CompositorState, filter_subsurface, Some(Holding::Object));
filtered!(WlCallback, () => CompositorState, pass, Some(Holding::Callback));
