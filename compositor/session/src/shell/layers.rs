// SPDX-License-Identifier: GPL-3.0-or-later
//! Layers: surfaces of the desktop's own programs, and what those programs are told.
//!
//! In: calls of the placement protocol, and every commit of such a surface. Out: `Op`s, sizes, and news
//! that the bar and the panel show: the theme, whose window is active, the panel's key.

use super::surfaces::content_size;
use crate::protocols::ShellSurface;
use crate::protocols::placement::Shell;
use crate::shell::Desk;
use crate::state::State;
use cofferdam_ids::VmId;
use cofferdam_scene::{LayerId, LayerRole, Node, Op, OutputId, Refused, Size};
use smithay::reexports::wayland_server::protocol::wl_output::WlOutput;
use smithay::reexports::wayland_server::protocol::wl_surface::WlSurface;
use wayland_server::Resource;

/// A layer's Wayland side.
#[derive(Debug)]
pub(crate) struct LayerEntry {
    pub(crate) surface: WlSurface,
    object: ShellSurface,
}

/// The programs that have bound the placement protocol.
#[derive(Debug, Default)]
pub(crate) struct Shells {
    bound: Vec<Shell>,
    /// Whose window is active, as they were told.
    active: Option<VmId>,
}

impl State {
    pub(crate) fn layer_created(
        &mut self,
        layer: LayerId,
        object: ShellSurface,
        surface: WlSurface,
        role: LayerRole,
        output: Option<&WlOutput>,
        vm: Option<VmId>,
    ) -> Result<(), Refused> {
        let output: Option<OutputId> = output.and_then(|output| self.screens.id_of(output));
        self.apply(Op::AddLayer { layer, role, output, vm })?;
        self.desk.nodes.insert(surface.id(), Node::Layer(layer));
        self.desk.layers.insert(layer, LayerEntry { surface, object });
        Ok(())
    }

    pub(crate) fn layer_wants_size(&mut self, layer: LayerId, size: Size) {
        self.apply_or_ignore(Op::ResizeLayer { layer, size });
    }

    pub(super) fn layer_committed(&mut self, layer: LayerId, root: &WlSurface) {
        self.apply_or_ignore(Op::CommitLayer { layer, size: content_size(root) });
    }

    /// The surface is gone before its place.
    pub(super) fn layer_gone(&mut self, layer: LayerId) {
        self.apply_or_ignore(Op::RemoveLayer(layer));
        self.desk.layers.remove(&layer);
    }

    /// The place is gone, perhaps before its surface.
    pub(crate) fn layer_destroyed(&mut self, layer: LayerId) {
        self.layer_gone(layer);
        self.desk.nodes.retain(|_, node| *node != Node::Layer(layer));
        // Now, while the surface can still be told that the pointer left it.
        self.refresh_pointer();
    }

    /// Raises the windows of a VM; the last used one gets the keyboard.
    pub(crate) fn activate_vm(&mut self, vm: &str) {
        let scene = &self.desk.scene;
        let of_vm =
            |id| scene.window(id).and_then(|w| w.owner().vm()).is_some_and(|owner| owner.as_str() == vm);
        let last = scene.history().iter().copied().find(|id| of_vm(*id));
        if let Some(window) = last {
            self.apply_or_ignore(Op::Activate(window));
        }
    }

    /// The panel's key: a dialog that waits without the keyboard comes first.
    pub(crate) fn toggle_panel(&mut self) {
        let dialog = self.desk.scene.layer_views().rev().find(|v| v.role == LayerRole::Dialog);
        if let Some(dialog) = dialog.filter(|dialog| !dialog.active) {
            self.apply_or_ignore(Op::FocusLayer(dialog.layer));
            return;
        }
        for shell in &self.desk.shells.bound {
            shell.toggle_panel();
        }
    }
}

impl Desk {
    pub(crate) fn shell_bound(&mut self, shell: Shell, theme: &str) {
        shell.theme(theme.to_owned());
        shell.active_vm(name_of(self.shells.active.as_ref()));
        self.shells.bound.push(shell);
    }

    pub(crate) fn shell_gone(&mut self, shell: &Shell) {
        self.shells.bound.retain(|bound| bound != shell);
    }

    pub(crate) fn next_layer(&mut self) -> LayerId {
        let layer = LayerId(self.next_layer);
        self.next_layer = layer.0.saturating_add(1);
        layer
    }

    /// Whether the surface has a place at the moment.
    pub(crate) fn has_layer(&self, surface: &WlSurface) -> bool {
        self.node_of(surface).is_some()
    }

    pub(super) fn configure_layer(&mut self, layer: LayerId, size: Size) {
        if let Some(entry) = self.layers.get(&layer) {
            entry.object.configure(size.w, size.h);
        }
    }

    pub(super) fn close_layer(&mut self, layer: LayerId) {
        if let Some(entry) = self.layers.get(&layer) {
            entry.object.closed();
        }
    }

    pub(crate) fn tell_theme(&self, theme: &str) {
        for shell in &self.shells.bound {
            shell.theme(theme.to_owned());
        }
    }

    /// Tells whose window is active, if that has changed.
    pub(super) fn tell_active_vm(&mut self) {
        let scene = &self.scene;
        let active = scene.active().and_then(|id| scene.window(id)).and_then(|w| w.owner().vm());
        if active == self.shells.active.as_ref() {
            return;
        }
        let active = active.cloned();
        for shell in &self.shells.bound {
            shell.active_vm(name_of(active.as_ref()));
        }
        self.shells.active = active;
    }

    /// Whether something of this node can be seen.
    pub(super) fn is_shown(&self, node: Node) -> bool {
        match node {
            Node::Layer(layer) => self.scene.layer_views().any(|view| view.layer == layer),
            Node::Window(_) | Node::Popup(_) => self
                .root_window(node)
                .and_then(|window| self.scene.window(window))
                .is_some_and(cofferdam_scene::Window::is_visible),
        }
    }
}

fn name_of(vm: Option<&VmId>) -> String {
    vm.map_or_else(String::new, ToString::to_string)
}
