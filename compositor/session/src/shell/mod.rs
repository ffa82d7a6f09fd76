// SPDX-License-Identifier: GPL-3.0-or-later
//! The shell: surfaces on one side, the scene on the other.
//!
//! In: what clients commit and ask for. Out: `Op`s for the scene, and the scene's `Effect`s turned
//! into configures, focus and redraws. Decides nothing: where a window goes, who has the keyboard and
//! what is on top is the scene's to say.

mod configures;
mod effects;
mod harness;
mod infos;
mod layers;
mod popups;
mod requests;
mod surfaces;
mod windows;

use configures::PopupNews;
pub(crate) use layers::{LayerEntry, Shells};
pub(crate) use surfaces::{content_offset, has_buffer, has_buffer_attached, root_of};

use crate::render::Ground;
use crate::state::State;
use cofferdam_ids::{Label, VmId};
use cofferdam_scene::{LayerId, Node, Op, Owner, PopupId, Refused, Scene, WindowId};
use smithay::reexports::wayland_server::protocol::wl_surface::WlSurface;
use smithay::wayland::shell::xdg::{PopupSurface, ToplevelSurface};
use std::collections::{BTreeMap, HashMap};
use wayland_server::Resource;
use wayland_server::backend::ObjectId;

/// A toplevel's Wayland side.
#[derive(Debug)]
pub(crate) struct WindowEntry {
    pub(crate) toplevel: ToplevelSurface,
    pub(crate) vm: Option<VmId>,
    pub(crate) title: Label,
    pub(crate) app_id: Label,
    /// Commits with a buffer, those of popups and subsurfaces included.
    pub(crate) commits: u64,
    /// Where content begins in a surface whose geometry the client left open.
    pub(crate) offset: smithay::utils::Point<i32, smithay::utils::Logical>,
    /// It has to be configured once it has acknowledged one of the configures before.
    owed: bool,
    pub(crate) ground: Ground,
}

/// A popup's Wayland side.
#[derive(Debug)]
pub(crate) struct PopupEntry {
    pub(crate) popup: PopupSurface,
    /// What it has to be told once it has acknowledged one of the configures before.
    owed: Option<PopupNews>,
    pub(crate) ground: Ground,
}

/// The scene and what belongs to its nodes.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) scene: Scene,
    pub(crate) windows: BTreeMap<WindowId, WindowEntry>,
    pub(crate) popups: BTreeMap<PopupId, PopupEntry>,
    pub(crate) layers: BTreeMap<LayerId, LayerEntry>,
    /// Programs that have a place for surfaces of their own.
    pub(crate) shells: Shells,
    /// Nodes by the surface that has the role.
    nodes: HashMap<ObjectId, Node>,
    next_window: u64,
    next_popup: u64,
    next_layer: u64,
    /// The surface with the keyboard.
    pub(crate) keyboard: Option<WlSurface>,
    /// Windows whose first frame is not on the screen yet.
    pub(crate) to_announce: Vec<WindowId>,
    /// What is under the pointer has to be looked up again.
    pub(crate) pointer_stale: bool,
}

impl Default for Desk {
    fn default() -> Self {
        Self {
            scene: Scene::new(crate::render::scene_metrics()),
            windows: BTreeMap::new(),
            popups: BTreeMap::new(),
            layers: BTreeMap::new(),
            shells: Shells::default(),
            nodes: HashMap::new(),
            next_window: 1,
            next_popup: 1,
            next_layer: 1,
            keyboard: None,
            to_announce: Vec::new(),
            pointer_stale: false,
        }
    }
}

impl Desk {
    /// The node whose role this surface has.
    pub(crate) fn node_of(&self, surface: &WlSurface) -> Option<Node> {
        self.nodes.get(&surface.id()).copied()
    }

    /// The root surface of a node.
    pub(crate) fn surface_of(&self, node: Node) -> Option<WlSurface> {
        match node {
            Node::Window(id) => self.windows.get(&id).map(|w| w.toplevel.wl_surface().clone()),
            Node::Popup(id) => self.popups.get(&id).map(|p| p.popup.wl_surface().clone()),
            Node::Layer(id) => self.layers.get(&id).map(|l| l.surface.clone()),
        }
    }

    /// The toplevel at the end of a node's chain of parents; layers have none.
    pub(crate) fn root_window(&self, node: Node) -> Option<WindowId> {
        match node {
            Node::Window(id) => Some(id),
            Node::Popup(id) => self.scene.popup(id).map(cofferdam_scene::Popup::root),
            Node::Layer(_) => None,
        }
    }
}

impl State {
    /// Changes the desktop, and does at once what follows from it.
    pub(crate) fn apply(&mut self, op: Op) -> Result<(), Refused> {
        let now = self.clock.now();
        let result = self.desk.scene.apply(op, now);
        self.run_effects();
        result
    }

    /// For ops that a client's timing can make pointless: what is refused has no effect, and that is
    /// all there is to say about it.
    pub(crate) fn apply_or_ignore(&mut self, op: Op) {
        if let Err(refused) = self.apply(op) {
            tracing::debug!(%refused, "op");
        }
    }

    pub(crate) fn forget_owner(&mut self, vm: &VmId) {
        self.apply_or_ignore(Op::ForgetOwner(Owner::Vm(vm.clone())));
    }

    /// Raises the window of a surface.
    pub(crate) fn activate_surface(&mut self, surface: &WlSurface) {
        let root = root_of(surface);
        if let Some(window) = self.desk.node_of(&root).and_then(|node| self.desk.root_window(node)) {
            self.apply_or_ignore(Op::Activate(window));
        }
    }
}

impl Desk {
    /// Whether this surface, or the window it belongs to, has the keyboard.
    pub(crate) fn has_keyboard(&self, surface: &WlSurface) -> bool {
        let root = root_of(surface);
        self.keyboard.as_ref() == Some(&root)
    }
}
