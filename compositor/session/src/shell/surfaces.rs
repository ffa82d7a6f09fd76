// SPDX-License-Identifier: GPL-3.0-or-later
//! What a surface says about itself.
//!
//! In: a surface. Out: its tree's root, its window geometry, whether it has a buffer. Reads smithay's
//! state and changes nothing.

use cofferdam_scene::Size;
use smithay::backend::renderer::utils::with_renderer_surface_state;
use smithay::desktop::utils::bbox_from_surface_tree;
use smithay::reexports::wayland_server::protocol::wl_surface::WlSurface;
use smithay::utils::{Logical, Point, Rectangle};
use smithay::wayland::compositor::{BufferAssignment, SurfaceAttributes, get_parent, with_states};
use smithay::wayland::shell::xdg::SurfaceCachedState;

/// The surface at the end of the chain of subsurfaces. The chain is short: see the limits of
/// `wl_subcompositor`.
pub(crate) fn root_of(surface: &WlSurface) -> WlSurface {
    let mut root = surface.clone();
    while let Some(parent) = get_parent(&root) {
        root = parent;
    }
    root
}

/// Whether the surface shows something.
pub(crate) fn has_buffer(surface: &WlSurface) -> bool {
    with_renderer_surface_state(surface, |state| state.buffer().is_some()).unwrap_or(false)
}

/// Whether the client has attached something that it has not committed yet.
pub(crate) fn has_buffer_attached(surface: &WlSurface) -> bool {
    with_states(surface, |states| {
        let mut cached = states.cached_state.get::<SurfaceAttributes>();
        matches!(cached.pending().buffer, Some(BufferAssignment::NewBuffer(_)))
    })
}

/// Whether the client said what its window geometry is.
pub(crate) fn has_geometry(surface: &WlSurface) -> bool {
    with_states(surface, |states| {
        states.cached_state.get::<SurfaceCachedState>().current().geometry.is_some()
    })
}

/// The window geometry in surface coordinates: what the client said, cut to what it draws.
pub(crate) fn window_geometry(surface: &WlSurface) -> Rectangle<i32, Logical> {
    let drawn = bbox_from_surface_tree(surface, (0, 0));
    let said =
        with_states(surface, |states| states.cached_state.get::<SurfaceCachedState>().current().geometry);
    said.and_then(|said| said.intersection(drawn)).unwrap_or(drawn)
}

/// Size of the window geometry for the scene, if the surface shows something.
pub(crate) fn content_size(surface: &WlSurface) -> Option<Size> {
    has_buffer(surface).then(|| {
        let geometry = window_geometry(surface);
        Size::new(geometry.size.w, geometry.size.h)
    })
}

/// Where in the surface its content begins.
pub(crate) fn content_offset(surface: &WlSurface) -> Point<i32, Logical> {
    window_geometry(surface).loc
}
