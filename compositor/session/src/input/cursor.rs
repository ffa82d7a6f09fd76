// SPDX-License-Identifier: GPL-3.0-or-later
//! What the pointer looks like.
//!
//! In: the wish of the client under the pointer, and the scene's view of what is there. Out: what the
//! renderer shows. A client decides over content of its own only: on chrome the cursor is ours, and a
//! client's picture is never larger than [`MAX_EDGE`] and never leaves its content.

use crate::input::SeatRoom;
use crate::protocols::Selections;
use crate::protocols::{Drag, Over};
use crate::shell::Desk;
use crate::state::State;
use crate::trusted::Trusted;
use cofferdam_scene::{Edges, Hit, Rect};
use smithay::backend::renderer::utils::with_renderer_surface_state;
use smithay::input::pointer::{CursorIcon, CursorImageStatus, CursorImageSurfaceData};
use smithay::reexports::wayland_server::protocol::wl_surface::WlSurface;
use smithay::utils::{Logical, Point};
use smithay::wayland::compositor::with_states;

/// Largest edge of a client's cursor in logical pixels; larger ones are not shown.
const MAX_EDGE: i32 = 128;

/// What is shown.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shown {
    /// Nothing.
    Nothing,
    /// A cursor of our theme, its hot spot at the pointer.
    Named(CursorIcon),
    /// A client's picture.
    Surface {
        /// The picture.
        surface: WlSurface,
        /// Its hot spot.
        hotspot: Point<i32, Logical>,
        /// Where it may be seen.
        clip: Rect,
    },
}

impl State {
    pub(crate) fn client_cursor(&mut self, image: CursorImageStatus) {
        self.seat.cursor = image;
        self.screens.redraw_cursor();
    }

    pub(crate) fn cursor_committed(&mut self, root: &WlSurface) {
        if matches!(&self.seat.cursor, CursorImageStatus::Surface(surface) if surface == root) {
            self.screens.redraw_cursor();
        }
    }

    pub(crate) fn cursor_gone(&mut self, surface: &WlSurface) {
        if matches!(&self.seat.cursor, CursorImageStatus::Surface(cursor) if cursor == surface) {
            self.client_cursor(CursorImageStatus::default_named());
        }
    }
}

impl SeatRoom {
    /// The surface that is the cursor, if a client's is.
    pub(crate) fn cursor_surface(
        &self,
        desk: &Desk,
        trusted: &Trusted,
        selections: &Selections,
    ) -> Option<WlSurface> {
        match self.shown_cursor(desk, trusted, selections) {
            Shown::Surface { surface, .. } => Some(surface),
            Shown::Nothing | Shown::Named(_) => None,
        }
    }

    /// What to show at the moment.
    pub(crate) fn shown_cursor(&self, desk: &Desk, trusted: &Trusted, selections: &Selections) -> Shown {
        if trusted.has_pointer() {
            return self.at.map_or(Shown::Nothing, |_| Shown::Named(CursorIcon::Default));
        }
        let Some(at) = desk.scene.pointer().filter(|_| self.at.is_some()) else {
            return Shown::Nothing;
        };
        if let Some(edges) = desk.scene.pointer_edges() {
            return Shown::Named(resize_icon(edges));
        }
        if selections.pointer_drags() {
            return Shown::Named(drag_icon(selections.drag().and_then(Drag::over)));
        }
        if desk.scene.pointer_is_grabbed() {
            return Shown::Named(CursorIcon::Default);
        }
        let scene = &desk.scene;
        let clip = match scene.hit(at) {
            Hit::Content { window, .. } => scene.frame(window).map(|frame| frame.content),
            Hit::Popup { popup, window, local: Some(_) } => {
                scene.popups_of(window).iter().find(|p| p.popup == popup).map(|p| p.content)
            }
            Hit::Layer { layer, .. } => scene.layer_views().find(|v| v.layer == layer).map(|v| v.rect),
            _ => None,
        };
        let Some(clip) = clip else { return Shown::Named(CursorIcon::Default) };
        match &self.cursor {
            CursorImageStatus::Hidden => Shown::Nothing,
            CursorImageStatus::Named(icon) => Shown::Named(*icon),
            CursorImageStatus::Surface(surface) => client_picture(surface, clip),
        }
    }
}

fn client_picture(surface: &WlSurface, clip: Rect) -> Shown {
    let size = with_renderer_surface_state(surface, |state| state.surface_size()).flatten();
    let fits = size.is_some_and(|size| size.w <= MAX_EDGE && size.h <= MAX_EDGE);
    if !fits {
        // A cursor without a buffer is hidden; one that is too large is none at all.
        return if size.is_none() { Shown::Nothing } else { Shown::Named(CursorIcon::Default) };
    }
    let hotspot = with_states(surface, |states| {
        let data = states.data_map.get::<CursorImageSurfaceData>().and_then(|data| data.lock().ok());
        data.map(|data| data.hotspot).unwrap_or_default()
    });
    Shown::Surface { surface: surface.clone(), hotspot, clip }
}

/// Over another VM's window the pointer says whether the drag could be dropped there.
fn drag_icon(over: Option<&Over>) -> CursorIcon {
    match over {
        Some(over) if over.possible => CursorIcon::Copy,
        Some(_) => CursorIcon::NoDrop,
        None => CursorIcon::Grabbing,
    }
}

fn resize_icon(edges: Edges) -> CursorIcon {
    match (edges.left(), edges.right(), edges.top(), edges.bottom()) {
        (true, _, true, _) => CursorIcon::NwResize,
        (_, true, true, _) => CursorIcon::NeResize,
        (true, _, _, true) => CursorIcon::SwResize,
        (_, true, _, true) => CursorIcon::SeResize,
        (true, ..) => CursorIcon::WResize,
        (_, true, ..) => CursorIcon::EResize,
        (_, _, true, _) => CursorIcon::NResize,
        (_, _, _, true) => CursorIcon::SResize,
        _ => CursorIcon::Default,
    }
}
