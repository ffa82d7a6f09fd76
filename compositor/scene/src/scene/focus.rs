// SPDX-License-Identifier: GPL-3.0-or-later
//! Stacking, activation and Alt-Tab.
//!
//! In: windows that come, go and are activated. Out: a stack in which dialogs lie above their
//! parents, and a keyboard focus that is only ever on a visible window or its grabbing popup.

use super::Scene;
use crate::id::{Node, WindowId};
use crate::op::{Effect, Refused};

/// The switcher: a frozen order of windows, and the choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cycle {
    pub(crate) windows: Vec<WindowId>,
    pub(crate) chosen: usize,
}

impl Scene {
    /// Adds a window that has just been mapped: on top, or right below the active family.
    pub(super) fn enter_stack(&mut self, id: WindowId, on_top: bool) {
        self.stack.push(id);
        if on_top {
            self.history.insert(0, id);
        } else {
            self.history.insert(1.min(self.history.len()), id);
            if let Some(active) = self.active {
                self.raise_family(active);
            }
        }
        self.settle_stack();
    }

    pub(super) fn activate(&mut self, id: WindowId) -> Result<(), Refused> {
        let w = self.known(id)?;
        if !w.mapped {
            return Err(Refused::State);
        }
        self.leave_layers();
        // A dialog is shown with the windows it belongs to, a window with its dialogs.
        let root = self.ancestors(id).filter(|a| self.is_mapped(*a)).last().unwrap_or(id);
        let family: Vec<_> = self.stack.iter().copied().filter(|m| self.is_in_family(*m, root)).collect();
        for member in family {
            if let Some(w) = self.windows.get_mut(&member).filter(|w| w.minimized) {
                w.minimized = false;
                self.tell(member);
            }
        }
        self.activate_visible(id);
        Ok(())
    }

    fn is_mapped(&self, id: WindowId) -> bool {
        self.windows.get(&id).is_some_and(|w| w.mapped)
    }

    /// Raises a visible window and gives it the keyboard.
    pub(super) fn activate_visible(&mut self, id: WindowId) {
        self.history.retain(|w| *w != id);
        self.history.insert(0, id);
        self.raise_family(id);
        self.set_active(Some(id));
        self.damage_window(id);
    }

    /// Puts a window's whole family on top, the window itself above its siblings.
    fn raise_family(&mut self, id: WindowId) {
        let root = self.ancestors(id).last().unwrap_or(id);
        let (mut family, mut rest): (Vec<_>, Vec<_>) =
            self.stack.iter().copied().partition(|w| self.is_in_family(*w, root));
        family.retain(|w| *w != id);
        family.push(id);
        rest.append(&mut family);
        self.stack = rest;
        self.settle_stack();
        let family: Vec<_> = self.stack.iter().copied().filter(|w| self.is_in_family(*w, root)).collect();
        for member in family {
            self.damage_window(member);
        }
    }

    /// Moves every dialog that lies below its parent to right above it. Keeps the order otherwise.
    pub(super) fn settle_stack(&mut self) {
        let order = self.stack.clone();
        let mut settled: Vec<WindowId> = Vec::with_capacity(order.len());
        for id in &order {
            self.settle_one(*id, &order, &mut settled);
        }
        let moved = order.iter().zip(&settled).filter(|(old, new)| old != new).map(|(old, _)| *old);
        let moved: Vec<_> = moved.collect();
        self.stack = settled;
        for id in moved {
            self.damage_window(id);
        }
    }

    fn settle_one(&self, id: WindowId, order: &[WindowId], settled: &mut Vec<WindowId>) {
        // Outermost parent first; circles can't exist, so the chain is at most the window count.
        let chain: Vec<_> = self.ancestors(id).filter(|a| order.contains(a)).collect();
        for member in chain.into_iter().rev() {
            if !settled.contains(&member) {
                settled.push(member);
            }
        }
    }

    /// Gives the keyboard to whoever should have it after a window went away.
    pub(super) fn refocus(&mut self) {
        let visible = |id: &WindowId| self.windows.get(id).is_some_and(super::Window::is_visible);
        let keep = self.active.filter(visible);
        let next = keep.or_else(|| self.history.iter().copied().find(visible));
        self.set_active(next);
    }

    fn set_active(&mut self, next: Option<WindowId>) {
        let before = self.active;
        if before != next {
            self.end_popup_grab();
            self.active = next;
            for id in [before, next].into_iter().flatten() {
                self.damage_window(id);
            }
        }
        for id in before.into_iter().chain(next) {
            self.tell(id);
        }
        if let Some(id) = next.filter(|id| self.windows.get(id).is_some_and(|w| w.told.is_none())) {
            self.tell_first(id);
        }
        self.update_focus();
    }

    /// The keyboard goes to the panel or dialog that the person is at, else to the topmost grabbing popup,
    /// else to the active window.
    pub(super) fn update_focus(&mut self) {
        let popup = self.popup_grab.iter().rev().copied().find(|p| self.popup_frame(*p).is_some());
        let layer = self.layer_focus.filter(|layer| self.layer_rect(*layer).is_some());
        let window = popup.map(Node::Popup).or_else(|| self.active.map(Node::Window));
        let focus = layer.map(Node::Layer).or(window);
        if focus != self.focus {
            self.focus = focus;
            self.emit(Effect::Focus(focus));
        }
    }

    pub(super) fn cycle_step(&mut self, backwards: bool) -> Result<(), Refused> {
        let count = self.cycle.as_ref().map_or(self.history.len(), |c| c.windows.len());
        if count == 0 {
            return Err(Refused::State);
        }
        let step = if backwards { count.saturating_sub(1) } else { 1 };
        let chosen = match &self.cycle {
            Some(cycle) => cycle.chosen.saturating_add(step),
            // From the active window to the one before it; if all are hidden, to the one hidden last.
            None if self.active.is_some() || backwards => step,
            None => 0,
        };
        let windows = self.cycle.take().map_or_else(|| self.history.clone(), |c| c.windows);
        self.cycle = Some(Cycle { windows, chosen: chosen.checked_rem(count).unwrap_or(0) });
        self.damage_all();
        Ok(())
    }

    pub(super) fn end_cycle(&mut self, accept: bool) -> Result<(), Refused> {
        let cycle = self.cycle.take().ok_or(Refused::State)?;
        self.damage_all();
        match cycle.windows.get(cycle.chosen) {
            Some(id) if accept => self.activate(*id),
            _ => Ok(()),
        }
    }

    /// A window that is gone can't be chosen.
    pub(super) fn drop_from_cycle(&mut self, id: WindowId) {
        let Some(cycle) = self.cycle.as_mut() else { return };
        let Some(at) = cycle.windows.iter().position(|w| *w == id) else { return };
        cycle.windows.remove(at);
        if cycle.chosen > at || cycle.chosen >= cycle.windows.len() {
            cycle.chosen = cycle.chosen.saturating_sub(1);
        }
        if cycle.windows.is_empty() {
            self.cycle = None;
        }
    }

    pub(crate) fn damage_all(&mut self) {
        let rects: Vec<_> = self.outputs.iter().map(|o| o.rect).collect();
        for r in rects {
            self.damage(r);
        }
    }
}
