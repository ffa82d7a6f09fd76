// SPDX-License-Identifier: GPL-3.0-or-later
//! Ops on a window's layout: maximise, full-screen, minimise, move, resize.
//!
//! In: what the user or the client asked for. Out: frames that change at once, also when a client
//! hangs: its old pixels are cropped or the rest is filled until it draws anew.

use super::Scene;
use crate::geometry::{Point, Size};
use crate::id::{OutputId, WindowId};
use crate::op::Refused;
use crate::placement;
use crate::window::Layout;

impl Scene {
    /// Runs a layout change and tells everybody what came of it.
    fn relayout(&mut self, id: WindowId, change: impl FnOnce(&mut crate::window::Window)) {
        self.damage_window(id);
        if let Some(w) = self.windows.get_mut(&id) {
            let before = w.layout();
            change(w);
            w.pin = None;
            w.asked = None;
            if w.layout() != before {
                w.in_transition = true;
                if before == Layout::Floating && w.size.is_none() && w.mapped {
                    w.size = Some(w.committed);
                }
            }
        }
        self.give_floating_size(id);
        self.keep_reachable(id);
        self.tell(id);
        self.solve_popups_of(id, true);
        self.damage_window(id);
    }

    /// A window that was maximised from the start has no size to go back to: half its work area.
    fn give_floating_size(&mut self, id: WindowId) {
        let Some(w) = self.windows.get(&id) else { return };
        if w.layout() != Layout::Floating || w.size.is_some() || !w.mapped {
            return;
        }
        let Some(area) = self.home_of(w).map(crate::output::Output::work_area) else { return };
        let size = w.limited(Size::new(area.w / 2, area.h / 2));
        let outer = self.metrics.frame_insets();
        if let Some(w) = self.windows.get_mut(&id) {
            w.size = Some(size);
            let frame = crate::geometry::Rect::at(area.origin(), size).outset(outer);
            let at = placement::center(frame.size(), area);
            w.origin = at.shifted(outer.left, outer.top);
        }
    }

    pub(super) fn set_maximized(&mut self, id: WindowId, on: bool) -> Result<(), Refused> {
        if self.known(id)?.maximized != on {
            self.drop_pointer_grab_of(id);
            self.relayout(id, |w| w.maximized = on);
        }
        Ok(())
    }

    pub(super) fn set_fullscreen(
        &mut self,
        id: WindowId,
        on: bool,
        output: Option<OutputId>,
    ) -> Result<(), Refused> {
        let window = self.known(id)?;
        let target = output.filter(|o| on && self.output_by_id(*o).is_some()).or(window.home);
        if window.fullscreen == on && window.home == target {
            return Ok(());
        }
        self.drop_pointer_grab_of(id);
        self.damage_window(id);
        self.rehome(id, target);
        self.relayout(id, |w| w.fullscreen = on);
        Ok(())
    }

    /// Moves a window to the same place on another output.
    fn rehome(&mut self, id: WindowId, target: Option<OutputId>) {
        let Some(w) = self.windows.get(&id).filter(|w| w.home != target) else { return };
        let from = self.home_of(w).map(|o| o.rect().origin());
        let to = target.and_then(|t| self.output_by_id(t)).map(|o| o.rect().origin());
        if let Some(w) = self.windows.get_mut(&id) {
            w.home = target;
            if let (Some(from), Some(to)) = (from, to) {
                let (dx, dy) = to.minus(from);
                w.origin = w.origin.shifted(dx, dy);
            }
        }
    }

    pub(super) fn minimize(&mut self, id: WindowId) -> Result<(), Refused> {
        if !self.known(id)?.mapped {
            return Err(Refused::State);
        }
        self.drop_pointer_grab_of(id);
        self.dismiss_popups_of(id);
        // Dialogs go with their window: without it nobody knows what they ask about.
        let family: Vec<_> = self.stack.iter().copied().filter(|w| self.is_in_family(*w, id)).collect();
        for member in family {
            self.damage_window(member);
            if let Some(w) = self.windows.get_mut(&member) {
                w.minimized = true;
            }
            self.drop_pointer_grab_of(member);
            self.dismiss_popups_of(member);
            self.tell(member);
        }
        self.refocus();
        Ok(())
    }

    /// Whether `w` is `root` or a dialog of it, however far down.
    pub(crate) fn is_in_family(&self, w: WindowId, root: WindowId) -> bool {
        self.ancestors(w).any(|a| a == root)
    }

    pub(super) fn move_to(&mut self, id: WindowId, frame: Point) -> Result<(), Refused> {
        let w = self.known(id)?;
        if !w.mapped || w.layout() != Layout::Floating {
            return Err(Refused::State);
        }
        self.put_frame(id, frame);
        Ok(())
    }

    /// Puts a floating frame's upper left corner somewhere within reach.
    pub(super) fn put_frame(&mut self, id: WindowId, frame: Point) {
        self.damage_window(id);
        let insets = self.metrics.frame_insets();
        if let Some(w) = self.windows.get_mut(&id) {
            w.origin = frame.shifted(insets.left, insets.top);
            w.pin = None;
        }
        self.keep_reachable(id);
        self.solve_popups_of(id, false);
        self.damage_window(id);
    }

    /// A floating window belongs to the output on which most of it lies.
    fn find_home(&mut self, id: WindowId) {
        let Some(w) = self.windows.get(&id).filter(|w| w.layout() == Layout::Floating) else { return };
        let home = self.output_under(self.frame_of(w).outer).map(|o| o.id);
        if home != w.home {
            if let Some(w) = self.windows.get_mut(&id) {
                w.home = home;
            }
            self.tell(id);
        }
    }

    pub(super) fn resize_to(&mut self, id: WindowId, size: Size) -> Result<(), Refused> {
        let w = self.window_mut(id)?;
        if !w.mapped || w.layout() != Layout::Floating {
            return Err(Refused::State);
        }
        w.asked = Some(w.limited(size));
        self.tell(id);
        Ok(())
    }

    /// A floating title bar never leaves the reach of the pointer.
    pub(crate) fn keep_reachable(&mut self, id: WindowId) {
        let Some(w) = self.windows.get(&id).filter(|w| w.mapped) else { return };
        let frame = w.floating_frame(&self.metrics).outer;
        let at = placement::reachable(frame, &self.outputs, &self.metrics);
        let insets = self.metrics.frame_insets();
        if let Some(w) = self.windows.get_mut(&id) {
            w.origin = at.shifted(insets.left, insets.top);
        }
        self.find_home(id);
    }
}
