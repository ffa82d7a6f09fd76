// SPDX-License-Identifier: GPL-3.0-or-later
//! Ops on the life of windows: made, mapped, unmapped, removed, parents and limits.
//!
//! In: what clients commit. Out: mapped windows in the stack, placed, and told their states.

use super::{MAX_WINDOWS_PER_OWNER, Scene};
use crate::geometry::{Point, Size};
use crate::id::{Owner, WindowId};
use crate::op::{Configure, Effect, Refused, States};
use crate::placement;
use crate::window::{Layout, Window};

impl Scene {
    pub(super) fn add_window(&mut self, id: WindowId, owner: Owner) -> Result<(), Refused> {
        if self.windows.values().filter(|w| w.owner == owner).count() >= MAX_WINDOWS_PER_OWNER {
            return Err(Refused::Quota);
        }
        Self::take_id(&mut self.next_ids.window, id.0, id.0.checked_add(1))?;
        let mut window = Window::new(id, owner);
        window.home = self.home_for_new().map(|o| o.id);
        self.windows.insert(id, window);
        Ok(())
    }

    pub(super) fn set_parent(&mut self, id: WindowId, parent: Option<WindowId>) -> Result<(), Refused> {
        let window = self.known(id)?;
        if let Some(p) = parent {
            if self.known(p)?.owner != window.owner {
                return Err(Refused::ForeignParent);
            }
            if self.ancestors(p).any(|a| a == id) {
                return Err(Refused::Nesting);
            }
        }
        self.window_mut(id)?.parent = parent;
        self.settle_stack();
        Ok(())
    }

    /// A window and the windows it is a dialog of. Ends because `set_parent` refuses circles.
    pub(crate) fn ancestors(&self, id: WindowId) -> impl Iterator<Item = WindowId> + '_ {
        std::iter::successors(Some(id), |w| self.windows.get(w).and_then(|w| w.parent))
    }

    pub(super) fn set_limits(&mut self, id: WindowId, min: Size, max: Size) -> Result<(), Refused> {
        let w = self.window_mut(id)?;
        w.min = Size::new(min.w, min.h);
        w.max = Size::new(max.w, max.h);
        Ok(())
    }

    pub(super) fn commit(&mut self, id: WindowId, size: Option<Size>, settled: bool) -> Result<(), Refused> {
        let window = self.window_mut(id)?;
        match (size, window.mapped) {
            (None, true) => self.unmap(id),
            (None, false) => {
                // xdg-shell: the commit before the first buffer asks for the first configure.
                if window.told.is_none() {
                    self.tell_first(id);
                }
            }
            (Some(size), mapped) => {
                let size = size.content();
                self.damage_window(id);
                self.take_size(id, size, settled);
                if !mapped {
                    self.map(id);
                }
                self.keep_reachable(id);
                self.solve_popups_of(id, false);
                self.damage_window(id);
            }
        }
        Ok(())
    }

    /// Lets a floating window follow what its client drew; the pinned edges stay where they are.
    fn take_size(&mut self, id: WindowId, size: Size, settled: bool) {
        let Some(w) = self.windows.get_mut(&id) else { return };
        w.committed = size;
        if settled {
            w.in_transition = false;
            if !w.resizing {
                w.asked = None;
            }
        }
        if w.layout() != Layout::Floating || w.in_transition {
            return;
        }
        w.size = Some(size);
        if let Some(pin) = w.pin {
            if pin.edges.left() {
                w.origin = Point::new(pin.right.saturating_sub(size.w), w.origin.y);
            }
            if pin.edges.top() {
                w.origin = Point::new(w.origin.x, pin.bottom.saturating_sub(size.h));
            }
            if settled && !w.resizing {
                w.pin = None;
            }
        }
    }

    fn map(&mut self, id: WindowId) {
        let Some(w) = self.windows.get(&id) else { return };
        let owner = w.owner.clone();
        let family_active = self.active.and_then(|a| self.windows.get(&a)).map(|a| a.owner == owner);
        let first = !self.introduced.contains(&owner);
        // A window may take the keyboard if nobody has it, if its owner has it already, or once per
        // VM: otherwise a background VM could catch what is being typed elsewhere.
        let may_focus = first || family_active.unwrap_or(true);
        self.introduced.insert(owner);
        let mut placed = true;
        if let Some(w) = self.windows.get_mut(&id) {
            w.mapped = true;
            // A window that was hidden by its client comes back where the user knows it.
            placed = std::mem::replace(&mut w.placed, true) && w.home.is_some();
        }
        if !placed {
            self.place(id);
        }
        self.enter_stack(id, may_focus);
        self.emit(Effect::Mapped(id));
        if may_focus {
            self.activate_visible(id);
        } else {
            self.tell_first(id);
        }
    }

    /// Chooses the floating place of a window that has just been mapped.
    fn place(&mut self, id: WindowId) {
        let home = self.place_home(id);
        let Some(w) = self.windows.get(&id) else { return };
        let Some(output) = home.and_then(|h| self.output_by_id(h)) else { return };
        let frame = w.floating_frame(&self.metrics);
        let others: Vec<_> = self
            .stack
            .iter()
            .rev()
            .filter(|o| **o != id)
            .filter_map(|o| self.windows.get(o))
            .filter(|o| o.is_visible() && o.home == home)
            .map(|o| self.frame_of(o).outer)
            .collect();
        let above = w.parent.and_then(|p| self.windows.get(&p)).filter(|p| p.is_visible());
        let at = match above {
            Some(p) => placement::over(self.frame_of(p).outer, frame.outer.size(), output.work_area()),
            None => placement::free(frame.outer.size(), output.work_area(), &others),
        };
        let insets = self.metrics.frame_insets();
        if let Some(w) = self.windows.get_mut(&id) {
            w.home = home;
            w.origin = at.shifted(insets.left, insets.top);
        }
    }

    /// A dialog goes to its parent's output; a window that chose one for full-screen keeps it.
    fn place_home(&self, id: WindowId) -> Option<crate::id::OutputId> {
        let w = self.windows.get(&id)?;
        let parent = w.parent.and_then(|p| self.windows.get(&p)).filter(|p| p.mapped).and_then(|p| p.home);
        if w.fullscreen && self.home_of(w).is_some() {
            return w.home;
        }
        parent.or_else(|| self.home_for_new().map(|o| o.id))
    }

    /// New windows go where the user is: to the active window's output, else the pointer's.
    pub(super) fn output_for_new(&self) -> Option<&crate::output::Output> {
        self.home_for_new()
    }

    fn home_for_new(&self) -> Option<&crate::output::Output> {
        let active = self.active.and_then(|a| self.windows.get(&a)).and_then(|a| self.home_of(a));
        active
            .or_else(|| self.pointer.at.and_then(|p| self.nearest_output(p)))
            .or_else(|| self.outputs.first())
    }

    /// Back to the state before the first commit, as xdg-shell has it for a null buffer.
    fn unmap(&mut self, id: WindowId) {
        self.damage_window(id);
        self.stack.retain(|w| *w != id);
        self.history.retain(|w| *w != id);
        self.drop_from_cycle(id);
        self.drop_pointer_grab_of(id);
        if let Some(w) = self.windows.get_mut(&id) {
            let fresh = Window::new(id, w.owner.clone());
            *w = Window { home: w.home, origin: w.origin, placed: w.placed, ..fresh };
        }
        self.dismiss_popups_of(id);
        self.refocus();
    }

    pub(super) fn remove_window(&mut self, id: WindowId) -> Result<(), Refused> {
        let parent = self.known(id)?.parent;
        self.unmap(id);
        // Dialogs of a closed dialog belong to its parent now.
        for w in self.windows.values_mut().filter(|w| w.parent == Some(id)) {
            w.parent = parent;
        }
        self.windows.remove(&id);
        let orphans: Vec<_> = self.popups.values().filter(|p| p.root == id).map(|p| p.id).collect();
        for p in orphans {
            self.popups.remove(&p);
        }
        self.settle_stack();
        Ok(())
    }

    pub(super) fn forget_owner(&mut self, owner: &Owner) -> Result<(), Refused> {
        let theirs: Vec<_> = self.windows.values().filter(|w| w.owner == *owner).map(|w| w.id).collect();
        for id in theirs {
            self.remove_window(id)?;
        }
        self.introduced.remove(owner);
        Ok(())
    }

    pub(super) fn close(&mut self, id: WindowId) -> Result<(), Refused> {
        self.known(id)?;
        self.emit(Effect::Close(id));
        Ok(())
    }

    /// Sends a toplevel its configure if it has asked for the first one and this one differs from
    /// the last.
    pub(crate) fn tell(&mut self, id: WindowId) {
        if self.windows.get(&id).is_some_and(|w| w.told.is_some()) {
            self.tell_first(id);
        }
    }

    pub(super) fn tell_first(&mut self, id: WindowId) {
        let Some(w) = self.windows.get(&id) else { return };
        let home = self.home_of(w);
        let configure = Configure {
            size: w.wanted_size(home, &self.metrics),
            bounds: home.map(|o| o.work_area().inset(self.metrics.frame_insets()).size()),
            states: States {
                activated: self.active == Some(id),
                maximized: w.maximized,
                fullscreen: w.fullscreen,
                resizing: w.resizing,
                suspended: w.mapped && w.minimized,
            },
        };
        if w.told == Some(configure) {
            return;
        }
        if let Some(w) = self.windows.get_mut(&id) {
            w.told = Some(configure);
        }
        self.emit(Effect::Configure { window: id, configure });
    }
}
