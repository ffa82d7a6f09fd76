// SPDX-License-Identifier: GPL-3.0-or-later
//! Ops on popups: placed, grabbed, dismissed.
//!
//! In: positioners and commits. Out: popups inside their window's output that touch their parent
//! (see [`crate::positioner::attach`]).

use super::{MAX_POPUP_DEPTH, MAX_POPUPS_PER_OWNER, Scene};
use crate::geometry::{Insets, Point, Rect, Size};
use crate::id::{Node, PopupId, WindowId};
use crate::op::{Effect, Refused};
use crate::popup::Popup;
use crate::positioner::{Positioner, attach};
use crate::window::Layout;

/// A popup's rectangles in the global space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PopupFrame {
    pub(crate) outer: Rect,
    pub(crate) content: Rect,
}

impl Scene {
    pub(super) fn add_popup(&mut self, id: PopupId, parent: Node, wish: Positioner) -> Result<(), Refused> {
        let (root, depth) = match parent {
            Node::Layer(_) => return Err(Refused::Unknown),
            Node::Window(w) => (self.known(w)?.id, 1),
            Node::Popup(p) => {
                let p = self.popups.get(&p).ok_or(Refused::Unknown)?;
                (p.root, p.depth.saturating_add(1))
            }
        };
        if depth > MAX_POPUP_DEPTH {
            return Err(Refused::Nesting);
        }
        let owner = &self.known(root)?.owner;
        let same = |p: &&Popup| self.windows.get(&p.root).is_some_and(|w| w.owner == *owner);
        if self.popups.values().filter(same).count() >= MAX_POPUPS_PER_OWNER {
            return Err(Refused::Quota);
        }
        Self::take_id(&mut self.next_ids.popup, id.0, id.0.checked_add(1))?;
        let popup = Popup {
            id,
            parent,
            root,
            depth,
            positioner: wish,
            rect: Rect::default(),
            committed: None,
            told: false,
            dismissed: false,
        };
        self.popups.insert(id, popup);
        self.solve_popup(id);
        Ok(())
    }

    pub(super) fn reposition_popup(
        &mut self,
        id: PopupId,
        wish: Positioner,
        token: u32,
    ) -> Result<(), Refused> {
        let root = self.popups.get(&id).ok_or(Refused::Unknown)?.root;
        self.damage_window(root);
        if let Some(p) = self.popups.get_mut(&id) {
            p.positioner = wish;
        }
        self.solve_popup(id);
        self.tell_popup(id, Some(token));
        self.damage_window(root);
        Ok(())
    }

    pub(super) fn commit_popup(&mut self, id: PopupId, size: Option<Size>) -> Result<(), Refused> {
        let p = self.popups.get_mut(&id).ok_or(Refused::Unknown)?;
        let (root, first) = (p.root, !p.told && p.committed.is_none() && size.is_none());
        if first {
            p.told = true;
            self.solve_popup(id);
            self.tell_popup(id, None);
            return Ok(());
        }
        self.damage_window(root);
        if let Some(p) = self.popups.get_mut(&id) {
            p.committed = size.map(Size::content);
        }
        if size.is_none() {
            let gone = self.with_children(id);
            self.popup_grab.retain(|g| !gone.contains(g));
            if let Some(p) = self.popups.get_mut(&id) {
                p.told = false;
            }
        }
        self.update_focus();
        self.damage_window(root);
        Ok(())
    }

    pub(super) fn grab_popup(&mut self, id: PopupId) -> Result<(), Refused> {
        let p = self.popups.get(&id).ok_or(Refused::Unknown)?;
        if p.committed.is_some() || p.dismissed || self.active != Some(p.root) {
            return Err(Refused::State);
        }
        let fits = match p.parent {
            Node::Window(_) => self.popup_grab.is_empty(),
            Node::Popup(parent) => self.popup_grab.last() == Some(&parent),
            Node::Layer(_) => false,
        };
        if !fits || self.popup_grab.contains(&id) {
            return Err(Refused::NotTopmost);
        }
        self.popup_grab.push(id);
        Ok(())
    }

    pub(super) fn remove_popup(&mut self, id: PopupId) -> Result<(), Refused> {
        let root = self.popups.get(&id).ok_or(Refused::Unknown)?.root;
        self.damage_window(root);
        for p in self.with_children(id) {
            self.popups.remove(&p);
            self.popup_grab.retain(|g| *g != p);
        }
        self.update_focus();
        Ok(())
    }

    /// A popup and all popups on it. Handles grow, so a child always comes after its parent.
    fn with_children(&self, id: PopupId) -> Vec<PopupId> {
        let mut all = vec![id];
        for p in self.popups.values() {
            if matches!(p.parent, Node::Popup(q) if all.contains(&q)) {
                all.push(p.id);
            }
        }
        all
    }

    pub(super) fn dismiss_grab(&mut self) -> Result<(), Refused> {
        self.end_popup_grab();
        self.update_focus();
        Ok(())
    }

    /// Ends the grab and tells its popups to go, innermost first.
    pub(super) fn end_popup_grab(&mut self) {
        let Some(first) = self.popup_grab.first().copied() else { return };
        self.popup_grab.clear();
        self.dismiss(self.with_children(first));
    }

    pub(super) fn dismiss_popups_of(&mut self, root: WindowId) {
        let all: Vec<_> = self.popups.values().filter(|p| p.root == root).map(|p| p.id).collect();
        self.popup_grab.retain(|g| !all.contains(g));
        self.dismiss(all);
        self.update_focus();
    }

    fn dismiss(&mut self, popups: Vec<PopupId>) {
        if let Some(root) = popups.first().and_then(|p| self.popups.get(p)).map(|p| p.root) {
            self.damage_window(root);
        }
        for id in popups.into_iter().rev() {
            if let Some(p) = self.popups.get_mut(&id).filter(|p| !p.dismissed) {
                p.dismissed = true;
                self.emit(Effect::DismissPopup(id));
            }
        }
    }

    /// Solves a window's popups again: all of them after a layout change, else those that asked.
    pub(crate) fn solve_popups_of(&mut self, root: WindowId, all: bool) {
        let ids: Vec<_> = self
            .popups
            .values()
            .filter(|p| p.root == root && (all || p.positioner.reactive))
            .map(|p| p.id)
            .collect();
        for id in ids {
            let before = self.popups.get(&id).map(|p| p.rect);
            self.solve_popup(id);
            let after = self.popups.get(&id).filter(|p| p.told && p.positioner.reactive).map(|p| p.rect);
            if after.is_some() && after != before {
                self.tell_popup(id, None);
            }
        }
    }

    /// Solves the positioner and keeps the answer relative to the parent.
    fn solve_popup(&mut self, id: PopupId) {
        let Some(p) = self.popups.get(&id) else { return };
        let wish = p.positioner;
        let rect = match (self.node_content(p.parent), self.popup_area(p.root)) {
            (Some(parent), Some(area)) => {
                let inside = area.inset(Insets::all(self.metrics.popup_border));
                let (dx, dy) = Point::default().minus(parent.origin());
                let solved = wish.solve(inside.shifted(dx, dy));
                let (dx, dy) = parent.origin().minus(Point::default());
                let placed = self.attached(solved.shifted(dx, dy), p.parent, area);
                let (x, y) = placed.content.origin().minus(parent.origin());
                Rect::new(x, y, placed.content.w, placed.content.h)
            }
            _ => wish.solve(Rect::new(0, 0, crate::geometry::SIZE_MAX, crate::geometry::SIZE_MAX)),
        };
        if let Some(p) = self.popups.get_mut(&id) {
            p.rect = rect;
        }
    }

    fn tell_popup(&mut self, id: PopupId, token: Option<u32>) {
        if let Some(p) = self.popups.get_mut(&id) {
            p.told = true;
            let rect = Rect::at(p.rect.origin(), p.rect.size().content());
            self.emit(Effect::ConfigurePopup { popup: id, rect, token });
        }
    }

    /// What popups of a window may use: its work area; the output below the strip if full-screen.
    pub(crate) fn popup_area(&self, root: WindowId) -> Option<Rect> {
        let w = self.windows.get(&root)?;
        let home = self.home_of(w)?;
        Some(match w.layout() {
            Layout::Fullscreen => self.frame_of(w).inner,
            Layout::Maximized | Layout::Floating => home.work_area(),
        })
    }

    fn node_content(&self, node: Node) -> Option<Rect> {
        match node {
            Node::Window(w) => self.windows.get(&w).map(|w| self.frame_of(w).content),
            Node::Popup(p) => self.popup_place(p).map(|f| f.content),
            Node::Layer(_) => None,
        }
    }

    fn node_outer(&self, node: Node) -> Option<Rect> {
        match node {
            Node::Window(w) => self.windows.get(&w).map(|w| self.frame_of(w).outer),
            Node::Popup(p) => self.popup_place(p).map(|f| f.outer),
            Node::Layer(_) => None,
        }
    }

    /// The trust rule applied to a content rectangle of the global space.
    fn attached(&self, content: Rect, parent: Node, area: Rect) -> PopupFrame {
        let border = Insets::all(self.metrics.popup_border);
        let parent = self.node_outer(parent).unwrap_or(area);
        let outer = attach(content.outset(border), parent, area);
        PopupFrame { outer, content: outer.inset(border) }
    }

    /// Where a popup is, or would be once it has a buffer. Depth is bounded by [`MAX_POPUP_DEPTH`].
    fn popup_place(&self, id: PopupId) -> Option<PopupFrame> {
        let p = self.popups.get(&id)?;
        let area = self.popup_area(p.root)?;
        let parent = self.node_content(p.parent)?;
        let size = p.committed.unwrap_or(p.rect.size());
        let at = parent.origin().shifted(p.rect.x, p.rect.y);
        Some(self.attached(Rect::at(at, size), p.parent, area))
    }

    /// Where a popup is on the screen; none while it is invisible.
    pub(crate) fn popup_frame(&self, id: PopupId) -> Option<PopupFrame> {
        let p = self.popups.get(&id)?;
        let root = self.windows.get(&p.root)?;
        let parent_shown = match p.parent {
            Node::Window(_) => root.is_visible(),
            Node::Popup(q) => self.popup_frame(q).is_some(),
            Node::Layer(_) => false,
        };
        if p.is_mapped() && parent_shown { self.popup_place(id) } else { None }
    }
}
