// SPDX-License-Identifier: GPL-3.0-or-later
//! What is true after every op, stated so that a test can ask.
//!
//! In: a scene. Out: nothing, or the name of the sentence that does not hold.

use crate::geometry::{CONTENT_MAX, COORD_MAX, Rect};
use crate::id::Node;
use crate::layer::{LayerRole, MAX_LAYERS};
use crate::output::MAX_OUTPUTS;
use crate::placement;
use crate::scene::{MAX_POPUP_DEPTH, MAX_POPUPS_PER_OWNER, MAX_WINDOWS_PER_OWNER, Scene};
use crate::window::Layout;
use std::collections::BTreeSet;

/// Fails with the sentence that does not hold.
fn holds(truth: bool, sentence: &'static str) -> Result<(), &'static str> {
    if truth { Ok(()) } else { Err(sentence) }
}

impl Scene {
    /// Checks everything that always holds.
    ///
    /// # Errors
    /// The sentence that does not hold.
    pub fn verify_invariants(&self) -> Result<(), &'static str> {
        self.verify_stack()?;
        self.verify_focus()?;
        self.verify_frames()?;
        self.verify_popups()?;
        self.verify_pointer()?;
        self.verify_bounds()
    }

    fn verify_stack(&self) -> Result<(), &'static str> {
        let mapped: BTreeSet<_> = self.windows.values().filter(|w| w.mapped).map(|w| w.id).collect();
        for order in [&self.stack, &self.history] {
            let unique: BTreeSet<_> = order.iter().copied().collect();
            holds(unique.len() == order.len(), "no window stands twice in stack or history")?;
            holds(unique == mapped, "stack and history hold exactly the mapped windows")?;
        }
        for (at, id) in self.stack.iter().enumerate() {
            let parent = self.windows.get(id).and_then(|w| w.parent);
            let above = self.stack.iter().skip(at).any(|w| Some(*w) == parent);
            holds(!above, "a dialog lies above its parent")?;
        }
        for w in self.windows.values() {
            if let Some(parent) = w.parent {
                let parent = self.windows.get(&parent).ok_or("a parent exists")?;
                holds(parent.owner == w.owner, "parent and dialog have one owner")?;
            }
            holds(
                self.ancestors(w.id).take(self.windows.len().saturating_add(1)).count() <= self.windows.len(),
                "parents never form a circle",
            )?;
        }
        Ok(())
    }

    fn verify_focus(&self) -> Result<(), &'static str> {
        let visible = |id| self.windows.get(&id).is_some_and(crate::window::Window::is_visible);
        match self.active {
            Some(id) => holds(visible(id), "the active window is visible")?,
            None => holds(
                !self.windows.values().any(crate::window::Window::is_visible),
                "if a window is visible, one is active",
            )?,
        }
        match self.focus {
            Some(Node::Window(id)) => holds(self.active == Some(id), "the keyboard is the active window's")?,
            Some(Node::Popup(id)) => {
                holds(self.popup_frame(id).is_some(), "a popup with the keyboard is visible")?;
                holds(self.popup_grab.contains(&id), "a popup with the keyboard has the grab")?;
                let root = self.popups.get(&id).map(|p| p.root);
                holds(root.is_some() && root == self.active, "a grab belongs to the active window")?;
            }
            Some(Node::Layer(id)) => {
                holds(self.layer_rect(id).is_some(), "a layer with the keyboard is shown")?;
                let bar = self.layers.get(&id).is_some_and(|l| l.role == LayerRole::Bar);
                holds(!bar, "a bar never has the keyboard")?;
            }
            None => holds(self.active.is_none(), "the active window has the keyboard")?,
        }
        for w in self.windows.values() {
            if let Some(told) = w.told {
                let right = told.states.activated == (self.active == Some(w.id));
                holds(right, "each client knows whether it is active")?;
                holds(told.states.maximized == w.maximized, "each client knows whether it is maximised")?;
                holds(told.states.fullscreen == w.fullscreen, "each client knows whether it is full-screen")?;
            }
        }
        if let Some(cycle) = &self.cycle {
            holds(cycle.chosen < cycle.windows.len(), "the switcher's choice exists")?;
            holds(
                cycle.windows.iter().all(|w| self.history.contains(w)),
                "the switcher shows mapped windows",
            )?;
        }
        Ok(())
    }

    fn verify_frames(&self) -> Result<(), &'static str> {
        for w in self.windows.values().filter(|w| w.mapped) {
            let f = self.frame_of(w);
            holds(f.inner.contains_rect(f.content), "client pixels stay inside their frame")?;
            holds(f.outer.contains_rect(f.inner), "the inside lies in the frame")?;
            holds(f.outer.contains_rect(f.bar), "the bar lies in the frame")?;
            holds(f.bar.intersection(f.content).is_none(), "client pixels never cover the bar")?;
            if w.layout() != Layout::Fullscreen {
                let all_round = f.inner.outset(self.metrics.frame_insets());
                holds(all_round == f.outer || f.inner.is_empty(), "a border runs all round")?;
            }
            let Some(home) = self.home_of(w) else {
                holds(self.outputs.is_empty(), "every window has a home while there is an output")?;
                continue;
            };
            match w.layout() {
                Layout::Fullscreen => {
                    holds(f.outer == home.rect(), "full-screen fills the output")?;
                    holds(!f.bar.is_empty(), "full-screen keeps its strip")?;
                }
                Layout::Maximized => holds(f.outer == home.work_area(), "maximised fills the work area")?,
                Layout::Floating => {
                    let at = placement::reachable(f.outer, &self.outputs, &self.metrics);
                    holds(at == f.outer.origin(), "a title bar can be reached")?;
                }
            }
        }
        Ok(())
    }

    fn verify_popups(&self) -> Result<(), &'static str> {
        for p in self.popups.values() {
            holds(self.windows.contains_key(&p.root), "a popup's window exists")?;
            holds(p.depth <= MAX_POPUP_DEPTH, "popups nest only so deep")?;
            let parent_outer = match p.parent {
                Node::Window(id) => {
                    holds(id == p.root, "a popup's root is its parent's root")?;
                    self.windows.get(&id).map(|w| self.frame_of(w).outer)
                }
                Node::Layer(_) => return Err("no popup belongs to a layer"),
                Node::Popup(id) => {
                    let parent = self.popups.get(&id).ok_or("a popup's parent exists")?;
                    holds(parent.root == p.root, "a popup's root is its parent's root")?;
                    self.popup_frame(id).map(|f| f.outer)
                }
            };
            let (Some(f), Some(area), Some(parent)) =
                (self.popup_frame(p.id), self.popup_area(p.root), parent_outer)
            else {
                continue;
            };
            holds(area.contains_rect(f.outer), "a popup stays inside its window's output")?;
            holds(f.outer.contains_rect(f.content), "a popup's pixels stay inside its border")?;
            holds(touches(f.outer, parent), "a popup touches what it belongs to")?;
        }
        for id in &self.popup_grab {
            let p = self.popups.get(id).ok_or("grabbing popups exist")?;
            holds(Some(p.root) == self.active, "a grab belongs to the active window")?;
        }
        Ok(())
    }

    fn verify_pointer(&self) -> Result<(), &'static str> {
        if let Some(grab) = self.pointer.grab {
            let w = self.windows.get(&grab.window()).ok_or("what follows the pointer exists")?;
            holds(w.is_visible(), "what follows the pointer is visible")?;
            holds(self.pointer.at.is_some(), "what follows the pointer has one to follow")?;
        }
        let resizing = self.windows.values().filter(|w| w.resizing).count();
        holds(resizing <= 1, "one window is resized at a time")
    }

    fn verify_bounds(&self) -> Result<(), &'static str> {
        holds(self.outputs.len() <= MAX_OUTPUTS, "outputs are counted")?;
        holds(self.layers.len() <= MAX_LAYERS, "layers are counted")?;
        for layer in self.layer_views() {
            let home = self.layers.get(&layer.layer).and_then(|l| self.output_by_id(l.home?));
            let inside = home.is_some_and(|home| home.rect().contains_rect(layer.rect));
            holds(inside, "a layer stays inside its output")?;
        }
        for w in self.windows.values() {
            let theirs = self.windows.values().filter(|o| o.owner == w.owner).count();
            holds(theirs <= MAX_WINDOWS_PER_OWNER, "windows are counted per owner")?;
            holds(w.origin.x.abs() <= COORD_MAX && w.origin.y.abs() <= COORD_MAX, "windows stay in space")?;
            holds(w.committed.w <= CONTENT_MAX && w.committed.h <= CONTENT_MAX, "sizes are bounded")?;
        }
        holds(
            self.popups.len() <= MAX_POPUPS_PER_OWNER.saturating_mul(self.windows.len().max(1)),
            "popups are counted per owner",
        )?;
        let rects: Vec<Rect> = self.outputs.iter().map(|o| o.rect).collect();
        for (n, r) in rects.iter().enumerate() {
            holds(
                !rects.iter().skip(n.saturating_add(1)).any(|o| o.overlap(*r) > 0),
                "outputs do not overlap",
            )?;
            holds(!r.is_empty(), "outputs have an area")?;
        }
        Ok(())
    }
}

/// Overlapping, or side by side without a gap.
fn touches(a: Rect, b: Rect) -> bool {
    a.x <= b.right() && b.x <= a.right() && a.y <= b.bottom() && b.y <= a.bottom()
}
