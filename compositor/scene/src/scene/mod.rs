// SPDX-License-Identifier: GPL-3.0-or-later
//! [`Scene`]: the state, the dispatch of ops, and the queue of effects.
//!
//! In: [`Op`]s. Out: [`Effect`]s. What each op does stands in the module of its family: `outputs`,
//! `windows`, `layout`, `popups`, `pointer`, `focus`.

mod focus;
mod layers;
mod layout;
mod outputs;
mod pointer;
mod popups;
mod windows;

use crate::geometry::Rect;
use crate::id::{LayerId, Node, OutputId, Owner, PopupId, WindowId};
use crate::layer::Layer;
use crate::metrics::Metrics;
use crate::op::{Effect, Op, Refused};
use crate::output::Output;
use crate::popup::Popup;
use crate::window::{Frame, Window};
use cofferdam_ids::Mono;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

pub(crate) use focus::Cycle;
pub use layers::LayerView;
pub(crate) use pointer::{Grab, Pointer};

/// Most toplevels that one owner may have.
pub const MAX_WINDOWS_PER_OWNER: usize = 64;
/// Most popups that one owner may have.
pub const MAX_POPUPS_PER_OWNER: usize = 64;
/// How deep popups of popups go.
pub const MAX_POPUP_DEPTH: u32 = 16;

/// The desktop.
#[derive(Debug, Clone)]
pub struct Scene {
    pub(crate) metrics: Metrics,
    pub(crate) outputs: Vec<Output>,
    pub(crate) windows: BTreeMap<WindowId, Window>,
    pub(crate) popups: BTreeMap<PopupId, Popup>,
    pub(crate) layers: BTreeMap<LayerId, Layer>,
    /// The panel or dialog that the person is at.
    pub(crate) layer_focus: Option<LayerId>,
    /// Mapped windows, lowest first; dialogs above their parents.
    pub(crate) stack: Vec<WindowId>,
    /// Mapped windows, last used first.
    pub(crate) history: Vec<WindowId>,
    /// The window whose family has the keyboard.
    pub(crate) active: Option<WindowId>,
    pub(crate) focus: Option<Node>,
    /// Popups with an explicit grab, outermost first. All of the active window.
    pub(crate) popup_grab: Vec<PopupId>,
    pub(crate) pointer: Pointer,
    pub(crate) cycle: Option<Cycle>,
    /// Owners who have once had a window on the screen: only a first one may take the keyboard.
    pub(crate) introduced: BTreeSet<Owner>,
    next_ids: NextIds,
    effects: VecDeque<Effect>,
}

/// The lowest handles that were never used.
#[derive(Debug, Clone, Copy, Default)]
struct NextIds {
    window: u64,
    popup: u64,
    layer: u64,
    output: u32,
}

impl Default for Scene {
    fn default() -> Self {
        Self::new(Metrics::default())
    }
}

impl Scene {
    /// An empty desktop without outputs.
    #[must_use]
    pub fn new(metrics: Metrics) -> Self {
        Self {
            metrics,
            outputs: Vec::new(),
            windows: BTreeMap::new(),
            popups: BTreeMap::new(),
            layers: BTreeMap::new(),
            layer_focus: None,
            stack: Vec::new(),
            history: Vec::new(),
            active: None,
            focus: None,
            popup_grab: Vec::new(),
            pointer: Pointer::default(),
            cycle: None,
            introduced: BTreeSet::new(),
            next_ids: NextIds::default(),
            effects: VecDeque::new(),
        }
    }

    /// Changes the desktop. An op that makes no sense changes nothing and is refused.
    ///
    /// # Errors
    /// Says why nothing was changed. Whether that is a client's fault is the caller's to know.
    pub fn apply(&mut self, op: Op, now: Mono) -> Result<(), Refused> {
        match op {
            Op::AddOutput { output, size, scale_120 } => self.add_output(output, size, scale_120),
            Op::UpdateOutput { output, size, scale_120 } => self.update_output(output, size, scale_120),
            Op::SetWorkAreaInsets { output, insets } => self.set_insets(output, insets),
            Op::RemoveOutput(output) => self.remove_output(output),
            Op::AddWindow { window, owner } => self.add_window(window, owner),
            Op::SetParent { window, parent } => self.set_parent(window, parent),
            Op::SetLimits { window, min, max } => self.set_limits(window, min, max),
            Op::Commit { window, size, settled } => self.commit(window, size, settled),
            Op::RemoveWindow(window) => self.remove_window(window),
            Op::ForgetOwner(owner) => self.forget_owner(&owner),
            Op::Activate(window) => self.activate(window),
            Op::Close(window) => self.close(window),
            Op::SetMaximized { window, on } => self.set_maximized(window, on),
            Op::SetFullscreen { window, on, output } => self.set_fullscreen(window, on, output),
            Op::Minimize(window) => self.minimize(window),
            Op::MoveTo { window, frame } => self.move_to(window, frame),
            Op::ResizeTo { window, size } => self.resize_to(window, size),
            Op::BeginMove(window) => self.begin_move(window),
            Op::BeginResize { window, edges } => self.begin_resize(window, edges),
            Op::EndGrab => self.end_grab(),
            Op::AddPopup { popup, parent, positioner } => self.add_popup(popup, parent, positioner),
            Op::RepositionPopup { popup, positioner, token } => {
                self.reposition_popup(popup, positioner, token)
            }
            Op::GrabPopup(popup) => self.grab_popup(popup),
            Op::CommitPopup { popup, size } => self.commit_popup(popup, size),
            Op::RemovePopup(popup) => self.remove_popup(popup),
            Op::DismissPopups => self.dismiss_grab(),
            Op::AddLayer { layer, role, output, vm } => self.add_layer(layer, role, output, vm),
            Op::ResizeLayer { layer, size } => self.resize_layer(layer, size),
            Op::CommitLayer { layer, size } => self.commit_layer(layer, size),
            Op::FocusLayer(layer) => self.focus_layer(layer),
            Op::RemoveLayer(layer) => self.remove_layer(layer),
            Op::PointerMotion(at) => self.pointer_motion(at),
            Op::PointerLeave => self.pointer_leave(),
            Op::Press => self.press(now),
            Op::Release => self.release(),
            Op::Cycle { backwards } => self.cycle_step(backwards),
            Op::EndCycle { accept } => self.end_cycle(accept),
        }
    }

    /// The next thing for the session to do, in order.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    pub(crate) fn emit(&mut self, effect: Effect) {
        self.effects.push_back(effect);
    }

    /// Asks for a redraw, and for a new look at what is under the pointer.
    pub(crate) fn damage(&mut self, rect: Rect) {
        if rect.is_empty() {
            return;
        }
        self.emit(Effect::Damage(rect));
        if !self.effects.contains(&Effect::PointerFocus) {
            self.emit(Effect::PointerFocus);
        }
    }

    /// Damages a window's frame and its popups as they are now.
    pub(crate) fn damage_window(&mut self, id: WindowId) {
        let Some(w) = self.windows.get(&id).filter(|w| w.is_visible()) else { return };
        let frame = self.frame_of(w).outer;
        let all = self
            .popups
            .values()
            .filter(|p| p.root == id && p.is_mapped())
            .filter_map(|p| self.popup_frame(p.id))
            .fold(frame, |sum, f| sum.union(f.outer));
        self.damage(all);
    }

    /// Handles are counted up: an old one can't come back and stand for something else.
    fn take_id<T: Copy + Ord>(next: &mut T, id: T, after: Option<T>) -> Result<(), Refused> {
        if id < *next {
            return Err(Refused::Reused);
        }
        *next = after.ok_or(Refused::Reused)?;
        Ok(())
    }

    pub(crate) fn output_by_id(&self, id: OutputId) -> Option<&Output> {
        self.outputs.iter().find(|o| o.id == id)
    }

    pub(crate) fn home_of(&self, w: &Window) -> Option<&Output> {
        w.home.and_then(|id| self.output_by_id(id))
    }

    pub(crate) fn frame_of(&self, w: &Window) -> Frame {
        w.frame(self.home_of(w), &self.metrics)
    }

    pub(crate) fn window_mut(&mut self, id: WindowId) -> Result<&mut Window, Refused> {
        self.windows.get_mut(&id).ok_or(Refused::Unknown)
    }

    pub(crate) fn known(&self, id: WindowId) -> Result<&Window, Refused> {
        self.windows.get(&id).ok_or(Refused::Unknown)
    }
}
