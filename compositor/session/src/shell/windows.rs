// SPDX-License-Identifier: GPL-3.0-or-later
//! The life of toplevels: made, committed, renamed, gone.
//!
//! In: calls of the xdg-shell handler and every surface commit. Out: `Op`s, first configures, events.

use super::surfaces::{content_offset, content_size, has_buffer, has_geometry, root_of};
use super::{State, WindowEntry};
use crate::client::{self, ClientIdentity};
use crate::render::Ground;
use crate::shell::Desk;
use cofferdam_admission::Fault;
use cofferdam_control::desktop::{Event, WindowId as ControlId};
use cofferdam_ids::Label;
use cofferdam_scene::{Node, Op, Owner, Size, WindowId};
use smithay::reexports::wayland_protocols::xdg::shell::server::xdg_surface;
use smithay::reexports::wayland_server::protocol::wl_surface::WlSurface;
use smithay::utils::Point;
use smithay::wayland::compositor::with_states;
use smithay::wayland::shell::xdg::{SurfaceCachedState, ToplevelSurface, XdgToplevelSurfaceData};
use wayland_server::Resource;

impl State {
    pub(crate) fn toplevel_created(&mut self, toplevel: ToplevelSurface) {
        let surface = toplevel.wl_surface().clone();
        // smithay would let one surface have two role objects.
        if self.desk.node_of(&surface).is_some() {
            let code = u32::from(xdg_surface::Error::AlreadyConstructed);
            toplevel.xdg_toplevel().post_error(code, "the surface has its role object already");
            return;
        }
        let Some(identity) = client::identity_of(&surface) else { return };
        let window = WindowId(self.desk.next_window);
        self.desk.next_window = window.0.saturating_add(1);
        let owner = match &identity {
            ClientIdentity::Vm(vm) => Owner::Vm(vm.clone()),
            ClientIdentity::Trusted => Owner::Trusted,
        };
        if let Err(refused) = self.apply(Op::AddWindow { window, owner }) {
            // There is no polite way to refuse a toplevel, but it may be closed at any time.
            self.client_fault(&identity, Fault::Scene.kind(), &refused.to_string());
            toplevel.send_close();
            return;
        }
        let entry = WindowEntry {
            toplevel,
            vm: identity.vm().cloned(),
            title: Label::default(),
            app_id: Label::default(),
            commits: 0,
            offset: Point::default(),
            owed: false,
            ground: Ground::default(),
        };
        self.desk.windows.insert(window, entry);
        self.desk.nodes.insert(surface.id(), Node::Window(window));
    }

    pub(crate) fn toplevel_destroyed(&mut self, toplevel: &ToplevelSurface) {
        let Some(window) = self.desk.window_of(toplevel) else { return };
        self.apply_or_ignore(Op::RemoveWindow(window));
        self.desk.nodes.retain(|_, node| *node != Node::Window(window));
        self.desk.to_announce.retain(|w| *w != window);
        if let Some(entry) = self.desk.windows.remove(&window) {
            self.control.announce(Event::WindowClosed { id: ControlId(window.0), vm: entry.vm });
        }
        // The client's order of destruction is its own: popups without a window are only shells.
        self.desk.sweep_popups();
        // Now, while the surface can still be told that the pointer left it.
        self.refresh_pointer();
    }

    pub(crate) fn toplevel_renamed(&mut self, toplevel: &ToplevelSurface) {
        let Some(window) = self.desk.window_of(toplevel) else { return };
        let (title, app_id) = with_states(toplevel.wl_surface(), |states| {
            let data = states.data_map.get::<XdgToplevelSurfaceData>().and_then(|data| data.lock().ok());
            let clean = |text: Option<&String>| Label::new(text.map_or("", String::as_str));
            data.map_or_else(Default::default, |data| {
                (clean(data.title.as_ref()), clean(data.app_id.as_ref()))
            })
        });
        if let Some(entry) = self.desk.windows.get_mut(&window) {
            entry.title = title;
            entry.app_id = app_id;
        }
        if let Some(frame) = self.desk.scene.frame(window) {
            self.screens.redraw(frame.outer, &self.desk.scene);
        }
    }

    pub(crate) fn toplevel_parented(&mut self, toplevel: &ToplevelSurface) {
        let Some(window) = self.desk.window_of(toplevel) else { return };
        let parent = toplevel.parent().and_then(|surface| self.desk.node_of(&surface));
        let parent = parent.and_then(|node| self.desk.root_window(node));
        self.apply_or_ignore(Op::SetParent { window, parent });
    }

    /// A surface's new state became current.
    pub(crate) fn surface_committed(&mut self, surface: &WlSurface) {
        let root = root_of(surface);
        let node = self.desk.node_of(&root);
        if let Some(window) = node.and_then(|node| self.desk.root_window(node))
            && has_buffer(surface)
            && let Some(entry) = self.desk.windows.get_mut(&window)
        {
            entry.commits = entry.commits.saturating_add(1);
        }
        match node {
            Some(Node::Window(window)) => self.window_committed(window, &root),
            Some(Node::Popup(popup)) => self.popup_committed(popup, &root),
            Some(Node::Layer(layer)) => self.layer_committed(layer, &root),
            None => {
                self.cursor_committed(&root);
                self.drag_icon_committed(&root);
            }
        }
        self.desk.tell_scale(surface);
        let shown = node.is_some_and(|node| self.desk.is_shown(node));
        if !shown && node.is_some() {
            // No frame will come that could answer its frame callbacks.
            self.screens.feed_later();
        }
    }

    fn window_committed(&mut self, window: WindowId, root: &WlSurface) {
        let Some(entry) = self.desk.windows.get(&window) else { return };
        let toplevel = entry.toplevel.clone();
        let size = content_size(root);
        if size.is_some() && self.config.insist_on_configure && !toplevel.ensure_configured() {
            return;
        }
        let (min, max) = with_states(root, |states| {
            let mut cached = states.cached_state.get::<SurfaceCachedState>();
            let state = cached.current();
            (state.min_size, state.max_size)
        });
        let settled = with_states(root, |states| {
            let data = states.data_map.get::<XdgToplevelSurfaceData>().and_then(|data| data.lock().ok());
            data.is_some_and(|data| data.pending_configures().is_empty())
        });
        self.apply_or_ignore(Op::SetLimits {
            window,
            min: Size::new(min.w, min.h),
            max: Size::new(max.w, max.h),
        });
        self.apply_or_ignore(Op::Commit { window, size, settled });
        self.follow_subsurfaces(window, root);
        if !toplevel.is_initial_configure_sent() {
            self.desk.configure_window(window, true);
        }
    }

    /// A window that did not say its geometry is as large as its surfaces. When one of them comes to
    /// reach further to the left or up, the window grows there, and the main surface stays in place.
    fn follow_subsurfaces(&mut self, window: WindowId, root: &WlSurface) {
        let offset = if has_geometry(root) { Point::default() } else { content_offset(root) };
        let Some(entry) = self.desk.windows.get_mut(&window) else { return };
        let moved = offset - std::mem::replace(&mut entry.offset, offset);
        if moved != Point::default()
            && let Some(frame) = self.desk.scene.frame(window)
        {
            let frame = frame.outer.origin().shifted(moved.x, moved.y);
            self.apply_or_ignore(Op::MoveTo { window, frame });
        }
    }

    /// A surface object is gone, perhaps before the role object that needs it.
    pub(crate) fn surface_destroyed(&mut self, surface: &WlSurface) {
        self.fingers_leave(surface);
        self.selections.drag_lost_surface(surface);
        match self.desk.nodes.remove(&surface.id()) {
            Some(Node::Window(window)) => {
                self.apply_or_ignore(Op::Commit { window, size: None, settled: false });
            }
            Some(Node::Popup(popup)) => {
                self.apply_or_ignore(Op::CommitPopup { popup, size: None });
            }
            Some(Node::Layer(layer)) => self.layer_gone(layer),
            None => self.cursor_gone(surface),
        }
        if self.desk.keyboard.as_ref() == Some(surface) {
            self.desk.keyboard = None;
        }
        self.desk.pointer_stale = true;
    }
}

impl Desk {
    /// The window that belongs to exactly this role object.
    pub(super) fn window_of(&self, toplevel: &ToplevelSurface) -> Option<WindowId> {
        self.windows.iter().find(|(_, entry)| entry.toplevel == *toplevel).map(|(id, _)| *id)
    }
}
