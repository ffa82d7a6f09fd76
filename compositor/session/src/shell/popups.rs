// SPDX-License-Identifier: GPL-3.0-or-later
//! The life of popups: made, placed, grabbed, gone.
//!
//! In: calls of the xdg-shell handler. Out: `Op`s and first configures.

use super::surfaces::content_size;
use super::{PopupEntry, PopupNews, State};
use crate::render::Ground;
use crate::shell::Desk;
use cofferdam_scene::{Adjust, Anchor, Node, Op, Point, PopupId, Positioner, Rect, Size};
use smithay::reexports::wayland_protocols::xdg::shell::server::xdg_positioner::ConstraintAdjustment;
use smithay::reexports::wayland_protocols::xdg::shell::server::xdg_surface;
use smithay::reexports::wayland_server::protocol::wl_surface::WlSurface;
use smithay::utils::Serial;
use smithay::wayland::shell::xdg::{PopupSurface, PositionerState};
use wayland_server::Resource;

impl State {
    pub(crate) fn popup_created(&mut self, popup: PopupSurface, positioner: PositionerState) {
        let surface = popup.wl_surface().clone();
        if self.desk.node_of(&surface).is_some() {
            let code = u32::from(xdg_surface::Error::AlreadyConstructed);
            popup.xdg_popup().post_error(code, "the surface has its role object already");
            return;
        }
        let id = PopupId(self.desk.next_popup);
        self.desk.next_popup = id.0.saturating_add(1);
        let parent = popup.get_parent_surface().and_then(|parent| self.desk.node_of(&parent));
        let Some(parent) = parent else {
            // Its parent is gone or never was a window: there is no place where it could be.
            popup.send_popup_done();
            return;
        };
        let positioner = translate(&positioner);
        if let Err(refused) = self.apply(Op::AddPopup { popup: id, parent, positioner }) {
            tracing::debug!(%refused, "popup");
            popup.send_popup_done();
            return;
        }
        self.desk.popups.insert(id, PopupEntry { popup, owed: None, ground: Ground::default() });
        self.desk.nodes.insert(surface.id(), Node::Popup(id));
    }

    pub(crate) fn popup_destroyed(&mut self, popup: &PopupSurface) {
        let Some(id) = self.desk.popup_of(popup) else { return };
        self.apply_or_ignore(Op::RemovePopup(id));
        self.desk.popups.remove(&id);
        self.desk.nodes.retain(|_, node| *node != Node::Popup(id));
        // Now, while the surface can still be told that the pointer left it.
        self.refresh_pointer();
    }

    pub(crate) fn popup_repositioned(&mut self, popup: &PopupSurface, wish: PositionerState, token: u32) {
        let Some(id) = self.desk.popup_of(popup) else { return };
        popup.with_pending_state(|state| state.positioner = wish);
        self.apply_or_ignore(Op::RepositionPopup { popup: id, positioner: translate(&wish), token });
    }

    pub(crate) fn popup_grabbed(&mut self, popup: &PopupSurface, serial: Serial) {
        let Some(id) = self.desk.popup_of(popup) else { return };
        let allowed = self.seat.is_recent_press(popup.wl_surface(), serial);
        if !allowed || self.apply(Op::GrabPopup(id)).is_err() {
            // A grab that can't be had is answered by dismissing the popup.
            popup.send_popup_done();
        }
    }

    pub(super) fn popup_committed(&mut self, id: PopupId, root: &WlSurface) {
        let Some(entry) = self.desk.popups.get(&id) else { return };
        let popup = entry.popup.clone();
        let size = content_size(root);
        if size.is_some() && self.config.insist_on_configure && !popup.ensure_configured() {
            return;
        }
        self.apply_or_ignore(Op::CommitPopup { popup: id, size });
        if !popup.is_initial_configure_sent() {
            self.desk.configure_popup(id, PopupNews::FirstPlace);
        }
    }
}

impl Desk {
    /// Forgets popups that the scene dropped together with their window.
    pub(super) fn sweep_popups(&mut self) {
        let scene = &self.scene;
        self.popups.retain(|id, _| scene.popup(*id).is_some());
        let popups = &self.popups;
        self.nodes.retain(|_, node| match node {
            Node::Popup(id) => popups.contains_key(id),
            Node::Window(_) | Node::Layer(_) => true,
        });
    }

    fn popup_of(&self, popup: &PopupSurface) -> Option<PopupId> {
        self.popups.iter().find(|(_, entry)| entry.popup == *popup).map(|(id, _)| *id)
    }
}

/// smithay's positioner in the scene's words. Its numbers were clamped when they came in.
fn translate(wish: &PositionerState) -> Positioner {
    let adjust = wish.constraint_adjustment;
    let has = |flag: ConstraintAdjustment| adjust.contains(flag);
    let anchor = u32::from(wish.anchor_edges);
    let gravity = u32::from(wish.gravity);
    let rect = wish.anchor_rect;
    Positioner {
        size: Size::new(wish.rect_size.w, wish.rect_size.h),
        anchor_rect: Rect::new(rect.loc.x, rect.loc.y, rect.size.w, rect.size.h),
        anchor: Anchor::from_wire(anchor).unwrap_or_default(),
        gravity: Anchor::from_wire(gravity).unwrap_or_default(),
        adjust_x: Adjust {
            slide: has(ConstraintAdjustment::SlideX),
            flip: has(ConstraintAdjustment::FlipX),
            resize: has(ConstraintAdjustment::ResizeX),
        },
        adjust_y: Adjust {
            slide: has(ConstraintAdjustment::SlideY),
            flip: has(ConstraintAdjustment::FlipY),
            resize: has(ConstraintAdjustment::ResizeY),
        },
        offset: Point::new(wish.offset.x, wish.offset.y),
        reactive: wish.reactive,
    }
}
