// SPDX-License-Identifier: GPL-3.0-or-later
//! Ops on outputs: they stand in a row, and windows move with theirs.
//!
//! In: outputs that come, go and change. Out: windows that are where they were, relative to their
//! output, or on the nearest one left.

use super::Scene;
use crate::geometry::{Insets, Point, Rect, Size};
use crate::id::{OutputId, WindowId};
use crate::op::Refused;
use crate::output::{MAX_OUTPUTS, Output};

impl Scene {
    pub(super) fn add_output(&mut self, id: OutputId, size: Size, scale_120: u32) -> Result<(), Refused> {
        if self.outputs.len() >= MAX_OUTPUTS {
            return Err(Refused::Quota);
        }
        Self::take_id(&mut self.next_ids.output, id.0, id.0.checked_add(1))?;
        self.outputs.push(Output::new(id, size, scale_120));
        self.reflow(None);
        Ok(())
    }

    pub(super) fn update_output(&mut self, id: OutputId, size: Size, scale_120: u32) -> Result<(), Refused> {
        let before = self.output_by_id(id).ok_or(Refused::Unknown)?.rect();
        if let Some(o) = self.outputs.iter_mut().find(|o| o.id == id) {
            o.set_mode(size, scale_120);
        }
        self.damage(before);
        self.reflow(None);
        Ok(())
    }

    pub(super) fn set_insets(&mut self, id: OutputId, insets: Insets) -> Result<(), Refused> {
        let output = self.outputs.iter_mut().find(|o| o.id == id).ok_or(Refused::Unknown)?;
        output.insets = insets.clamped();
        self.reflow(None);
        Ok(())
    }

    pub(super) fn remove_output(&mut self, id: OutputId) -> Result<(), Refused> {
        let at = self.outputs.iter().position(|o| o.id == id).ok_or(Refused::Unknown)?;
        let gone = self.outputs.remove(at);
        self.reflow(Some(&gone));
        Ok(())
    }

    /// Puts the outputs in their row again and takes the windows along.
    pub(super) fn reflow(&mut self, gone: Option<&Output>) {
        let old: Vec<(OutputId, Rect)> =
            self.outputs.iter().map(|o| (o.id, o.rect)).chain(gone.map(|o| (o.id, o.rect))).collect();
        let mut x = 0i32;
        for o in &mut self.outputs {
            o.rect = o.rect.moved_to(Point::new(x, 0));
            x = o.rect.right();
        }
        let ids: Vec<WindowId> = self.windows.keys().copied().collect();
        for id in ids {
            let from = self
                .windows
                .get(&id)
                .and_then(|w| w.home)
                .and_then(|h| old.iter().find(|(o, _)| *o == h).map(|(_, r)| *r));
            self.follow_output(id, from);
        }
        if self.outputs.is_empty() {
            // Popups are nowhere then, and what is nowhere can't keep the keyboard.
            self.end_popup_grab();
        }
        self.layers_follow_outputs();
        self.update_focus();
        self.damage_all();
    }

    /// Takes a window along with its output, or to the nearest one if that is gone.
    fn follow_output(&mut self, id: WindowId, from: Option<Rect>) {
        let Some(w) = self.windows.get(&id) else { return };
        let still = w.home.filter(|h| self.output_by_id(*h).is_some());
        let middle = from.map_or(w.origin, Rect::center);
        let target = still.or_else(|| self.nearest_output(middle).map(Output::id));
        let to = target.and_then(|t| self.output_by_id(t)).map(Output::rect);
        if let Ok(w) = self.window_mut(id) {
            w.home = target;
            w.pin = None;
            if let (Some(from), Some(to)) = (from, to) {
                let (dx, dy) = to.origin().minus(from.origin());
                w.origin = w.origin.shifted(dx, dy);
            }
        }
        self.keep_reachable(id);
        self.tell(id);
        self.solve_popups_of(id, true);
    }

    pub(crate) fn nearest_output(&self, p: Point) -> Option<&Output> {
        self.outputs.iter().min_by_key(|o| o.rect.distance_squared(p))
    }

    /// The output on whose work area most of a rectangle lies, or the nearest one.
    pub(crate) fn output_under(&self, rect: Rect) -> Option<&Output> {
        let share = |o: &&Output| o.work_area().overlap(rect);
        // `max_by_key` takes the last of equals; the first in the row is the better home.
        let most = self.outputs.iter().rev().max_by_key(share);
        most.filter(|o| share(o) > 0).or_else(|| self.nearest_output(rect.center()))
    }
}
