// SPDX-License-Identifier: GPL-3.0-or-later
//! Pointer constraints: locks and confinements while a window has pointer and keyboard.
//!
//! In: constraints that clients made. Out: a pointer that stands still or stays inside, as long as its
//! window has the keyboard. The user is never caught: Alt-Tab takes the keyboard away, and with it
//! the constraint.

use super::pointer::distance;
use crate::input::SeatRoom;
use crate::protocols::Selections;
use crate::shell::Desk;
use crate::state::State;
use crate::trusted::Trusted;
use cofferdam_scene::Node;
use smithay::backend::renderer::utils::with_renderer_surface_state;
use smithay::input::pointer::PointerHandle;
use smithay::reexports::wayland_server::protocol::wl_surface::WlSurface;
use smithay::utils::{Logical, Point, Rectangle};
use smithay::wayland::compositor::RectangleKind;
use smithay::wayland::pointer_constraints::{PointerConstraint, with_pointer_constraint};

/// The place in a rectangle's pixels that is nearest to `to`.
fn nearest(to: Point<f64, Logical>, rect: Rectangle<i32, Logical>) -> Option<Point<f64, Logical>> {
    let axis = |v: f64, low: i32, len: i32| {
        (len > 0).then(|| v.clamp(f64::from(low), f64::from(low.saturating_add(len).saturating_sub(1))))
    };
    let (x, y) = (axis(to.x, rect.loc.x, rect.size.w)?, axis(to.y, rect.loc.y, rect.size.h)?);
    Some((x, y).into())
}

impl SeatRoom {
    /// A client made a constraint: it begins at once if its surface has pointer and keyboard.
    pub(crate) fn constraint_made(
        &mut self,
        surface: &WlSurface,
        pointer: &PointerHandle<State>,
        desk: &Desk,
        trusted: &Trusted,
        selections: &Selections,
    ) {
        if pointer.current_focus().as_ref() == Some(surface) {
            self.renew_constraint(desk, trusted, selections);
        }
    }

    /// Begins the constraint of the surface under the pointer, if it may.
    pub(crate) fn renew_constraint(&mut self, desk: &Desk, trusted: &Trusted, selections: &Selections) {
        let pointer = self.pointer.clone();
        let Some((surface, origin)) = self.pointer_focus(desk, trusted, selections) else { return };
        if pointer.current_focus().as_ref() != Some(&surface) || !desk.has_keyboard(&surface) {
            return;
        }
        let Some(at) = self.at else { return };
        let local = (at - origin).to_i32_round();
        with_pointer_constraint(&surface, &pointer, |constraint| {
            if let Some(constraint) = constraint.filter(|c| !c.is_active())
                && constraint.region().is_none_or(|region| region.contains(local))
            {
                constraint.activate();
            }
        });
    }

    /// `to`, or where the pointer is if the constraint does not let it go there.
    pub(super) fn confined(
        &self,
        to: Point<f64, Logical>,
        desk: &Desk,
        trusted: &Trusted,
        selections: &Selections,
    ) -> Point<f64, Logical> {
        let (Some(at), Some((surface, origin))) = (self.at, self.pointer_focus(desk, trusted, selections))
        else {
            return to;
        };
        let allowed = |place: Point<f64, Logical>| {
            let inside = desk.scene.hit(super::pointer::pixel(place)).is_content()
                && desk.surface_at(place).as_ref() == Some(&surface);
            with_pointer_constraint(&surface, &self.pointer, |constraint| match constraint {
                Some(c) if c.is_active() && matches!(&*c, PointerConstraint::Confined(_)) => {
                    inside && c.region().is_none_or(|r| r.contains((place - origin).to_i32_round()))
                }
                _ => true,
            })
        };
        if allowed(to) {
            return to;
        }
        // To the edge, sliding along it; where that is covered or cut out, each axis on its own.
        let rects = self.confines(&surface).into_iter().filter_map(|rect| nearest(to - origin, rect));
        let edge =
            rects.map(|place| origin + place).min_by(|a, b| distance(to, *a).total_cmp(&distance(to, *b)));
        [edge.unwrap_or(at), (to.x, at.y).into(), (at.x, to.y).into()]
            .into_iter()
            .find(|place| allowed(*place))
            .unwrap_or(at)
    }
}

impl SeatRoom {
    /// Ends the running constraint: its window is about to lose the keyboard.
    pub(crate) fn release_constraint(&mut self) {
        let pointer = self.pointer.clone();
        let Some(surface) = pointer.current_focus() else { return };
        with_pointer_constraint(&surface, &pointer, |constraint| {
            if let Some(constraint) = constraint.filter(|c| c.is_active()) {
                constraint.deactivate();
            }
        });
    }

    pub(super) fn pointer_is_locked(&self) -> bool {
        let pointer = &self.pointer;
        pointer.current_focus().is_some_and(|surface| {
            with_pointer_constraint(&surface, pointer, |constraint| {
                constraint.is_some_and(|c| c.is_active() && matches!(&*c, PointerConstraint::Locked(_)))
            })
        })
    }

    /// The rectangles that a confinement is made of, in surface coordinates.
    fn confines(&self, surface: &WlSurface) -> Vec<Rectangle<i32, Logical>> {
        let size = with_renderer_surface_state(surface, |state| state.surface_size()).flatten();
        let Some(whole) = size.map(Rectangle::from_size) else { return Vec::new() };
        with_pointer_constraint(surface, &self.pointer, |constraint| {
            let constraint = constraint?;
            let rects = &constraint.region()?.rects;
            let added = rects.iter().filter(|(kind, _)| matches!(kind, RectangleKind::Add));
            Some(added.filter_map(|(_, rect)| rect.intersection(whole)).collect())
        })
        .unwrap_or_else(|| vec![whole])
    }
}

impl Desk {
    fn surface_at(&self, place: Point<f64, Logical>) -> Option<WlSurface> {
        use cofferdam_scene::Hit;
        let pixel = super::pointer::pixel(place);
        let (node, local) = match self.scene.hit(pixel) {
            Hit::Content { window, local } => (Node::Window(window), local),
            Hit::Popup { popup, local: Some(local), .. } => (Node::Popup(popup), local),
            _ => return None,
        };
        let origin = pixel.shifted(local.x.saturating_neg(), local.y.saturating_neg());
        self.focus_at(node, origin, place).map(|(surface, _)| surface)
    }
}
