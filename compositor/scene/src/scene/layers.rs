// SPDX-License-Identifier: GPL-3.0-or-later
//! Ops on layers: the bar, the panel and dialogs of the desktop itself.
//!
//! In: what trusted programs commit. Out: layers above all windows, work areas that leave room for bars,
//! and the keyboard for panels and dialogs while the person is at them.

use super::Scene;
use crate::geometry::{Insets, Rect, Size};
use crate::id::{LayerId, Node, OutputId, Owner};
use crate::layer::{Layer, LayerRole, MAX_LAYERS};
use crate::op::{Effect, Refused};
use cofferdam_ids::VmId;

/// A visible layer as it is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerView {
    /// The layer.
    pub layer: LayerId,
    /// What it is for.
    pub role: LayerRole,
    /// Where it is.
    pub rect: Rect,
    /// It has the keyboard.
    pub active: bool,
}

impl Scene {
    pub(super) fn add_layer(
        &mut self,
        id: LayerId,
        role: LayerRole,
        output: Option<OutputId>,
        vm: Option<VmId>,
    ) -> Result<(), Refused> {
        if self.layers.len() >= MAX_LAYERS {
            return Err(Refused::Quota);
        }
        Self::take_id(&mut self.next_ids.layer, id.0, id.0.checked_add(1))?;
        self.layers.insert(id, Layer::new(id, role, output, vm));
        Ok(())
    }

    pub(super) fn resize_layer(&mut self, id: LayerId, size: Size) -> Result<(), Refused> {
        let layer = self.layers.get_mut(&id).ok_or(Refused::Unknown)?;
        layer.wish = size;
        if layer.told.is_some() {
            self.tell_layer(id);
        }
        Ok(())
    }

    pub(super) fn commit_layer(&mut self, id: LayerId, size: Option<Size>) -> Result<(), Refused> {
        let layer = self.layers.get(&id).ok_or(Refused::Unknown)?;
        let (shown, told) = (layer.committed.is_some(), layer.told.is_some());
        match size {
            // As with windows: the commit before the first buffer asks for the size.
            None if !shown && !told => self.tell_layer(id),
            None if !shown => {}
            None => self.hide_layer(id),
            Some(_) if !told => return Err(Refused::State),
            Some(size) => {
                self.damage_layer(id);
                let changed = layer_size(self.layers.get_mut(&id), size);
                if !shown {
                    self.layer_shown(id);
                }
                if changed {
                    self.make_room(id);
                }
                self.damage_layer(id);
            }
        }
        Ok(())
    }

    pub(super) fn remove_layer(&mut self, id: LayerId) -> Result<(), Refused> {
        self.layers.get(&id).ok_or(Refused::Unknown)?;
        self.hide_layer(id);
        self.layers.remove(&id);
        Ok(())
    }

    /// Gives a shown panel or dialog the keyboard.
    pub(super) fn focus_layer(&mut self, id: LayerId) -> Result<(), Refused> {
        let layer = self.layers.get(&id).ok_or(Refused::Unknown)?;
        if layer.role == LayerRole::Bar || self.layer_rect(id).is_none() {
            return Err(Refused::State);
        }
        let before = self.layer_focus.replace(id);
        self.update_focus();
        for layer in before.into_iter().chain([id]) {
            self.damage_layer(layer);
        }
        Ok(())
    }

    fn hide_layer(&mut self, id: LayerId) {
        self.damage_layer(id);
        let Some(layer) = self.layers.get_mut(&id) else { return };
        let shown = layer.committed.take().is_some();
        layer.told = None;
        if shown {
            self.make_room(id);
        }
        if self.layer_focus == Some(id) {
            // Back to the panel, if the dialog lay above it.
            let panel = self.layer_views().rev().find(|v| v.role == LayerRole::Panel).map(|v| v.layer);
            self.layer_focus = panel;
            self.update_focus();
        }
    }

    fn layer_shown(&mut self, id: LayerId) {
        let Some(layer) = self.layers.get(&id) else { return };
        let takes = match layer.role {
            LayerRole::Bar => false,
            LayerRole::Panel => true,
            // A background VM must not be able to take the keyboard away by asking for a file.
            LayerRole::Dialog => self.active_owner().is_none_or(|owner| owner.vm() == layer.vm.as_ref()),
        };
        if takes {
            self.layer_focus = Some(id);
            self.update_focus();
        }
    }

    fn active_owner(&self) -> Option<&Owner> {
        self.active.and_then(|id| self.windows.get(&id)).map(|w| &w.owner)
    }

    /// Tells a layer its size, if it has an output and the size is news.
    fn tell_layer(&mut self, id: LayerId) {
        let Some(layer) = self.layers.get(&id) else { return };
        let home = match (layer.bound, layer.told) {
            (Some(bound), _) => Some(bound),
            (None, Some(_)) => layer.home,
            (None, None) => self.output_for_new().map(crate::output::Output::id),
        };
        let Some(output) = home.and_then(|home| self.output_by_id(home)) else { return };
        let size = layer.size_for(output.rect(), output.work_area());
        if layer.told == Some(size) {
            return;
        }
        if let Some(layer) = self.layers.get_mut(&id) {
            layer.home = home;
            layer.told = Some(size);
        }
        self.emit(Effect::ConfigureLayer { layer: id, size });
    }

    /// Windows get the room that the bars of this layer's output leave.
    fn make_room(&mut self, id: LayerId) {
        let Some(layer) = self.layers.get(&id).filter(|l| l.role == LayerRole::Bar) else { return };
        let Some(home) = layer.home else { return };
        let bars = self.layers.values().filter(|l| l.role == LayerRole::Bar && l.home == Some(home));
        let top = bars.filter_map(|l| self.layer_rect(l.id)).map(|r| r.h).max().unwrap_or(0);
        let Some(output) = self.outputs.iter_mut().find(|o| o.id == home) else { return };
        if std::mem::replace(&mut output.bar, top) != top {
            self.reflow(None);
        }
    }

    /// After outputs changed: sizes are told again, and layers without an output are told to go.
    pub(super) fn layers_follow_outputs(&mut self) {
        let ids: Vec<LayerId> = self.layers.values().filter(|l| l.told.is_some()).map(|l| l.id).collect();
        for id in ids {
            let home = self.layers.get(&id).and_then(|l| l.home);
            if home.is_some_and(|home| self.output_by_id(home).is_some()) {
                self.tell_layer(id);
            } else {
                self.emit(Effect::CloseLayer(id));
            }
        }
    }

    /// The person turned to a window or the background: the panel goes, a dialog waits.
    pub(super) fn leave_layers(&mut self) {
        let panels: Vec<LayerId> =
            self.layer_views().filter(|v| v.role == LayerRole::Panel).map(|v| v.layer).collect();
        for panel in panels {
            self.emit(Effect::CloseLayer(panel));
        }
        if let Some(before) = self.layer_focus.take() {
            self.update_focus();
            self.damage_layer(before);
        }
    }

    pub(super) fn damage_layer(&mut self, id: LayerId) {
        if let Some(rect) = self.layer_rect(id) {
            self.damage(rect);
        }
    }

    /// Where a layer is; none while it is not shown.
    pub(crate) fn layer_rect(&self, id: LayerId) -> Option<Rect> {
        let layer = self.layers.get(&id)?;
        let output = self.output_by_id(layer.home?)?;
        Some(layer.place(layer.committed?, output.rect(), output.work_area()))
    }

    /// A full-screen window in front hides the bar: its own strip says whose it is.
    fn is_covered(&self, layer: &Layer) -> bool {
        let on_it = self.stack.iter().rev().filter_map(|id| self.windows.get(id));
        let top = on_it.filter(|w| w.is_visible()).find(|w| w.home == layer.home);
        layer.role == LayerRole::Bar && top.is_some_and(|w| w.layout() == crate::window::Layout::Fullscreen)
    }

    /// Layers that can be seen, lowest first; all lie above all windows.
    pub fn layer_views(&self) -> impl DoubleEndedIterator<Item = LayerView> {
        let mut views: Vec<LayerView> = self
            .layers
            .values()
            .filter(|layer| !self.is_covered(layer))
            .filter_map(|layer| {
                let rect = self.layer_rect(layer.id)?;
                let active = self.focus == Some(Node::Layer(layer.id));
                Some(LayerView { layer: layer.id, role: layer.role, rect, active })
            })
            .collect();
        views.sort_by_key(|view| (view.role, view.layer));
        views.into_iter()
    }

    /// A layer, also one that is not shown.
    #[must_use]
    pub fn layer(&self, id: LayerId) -> Option<&Layer> {
        self.layers.get(&id)
    }
}

/// Notes what was drawn; says whether its size is another.
fn layer_size(layer: Option<&mut Layer>, size: Size) -> bool {
    layer.is_some_and(|layer| layer.committed.replace(size.content()) != Some(size.content()))
}

impl Insets {
    /// Room taken at the top only.
    pub(crate) fn top(top: i32) -> Self {
        Self { top, ..Self::default() }
    }
}
