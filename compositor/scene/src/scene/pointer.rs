// SPDX-License-Identifier: GPL-3.0-or-later
//! The pointer on chrome: moves, resizes, buttons, double clicks.
//!
//! In: motions and presses of the main button. Out: windows that follow the pointer, and ops on
//! windows. Presses on content activate the window; whether the client sees them is the session's
//! part, which asks [`Scene::pointer_target`].

use super::Scene;
use crate::geometry::{Edges, Point, Rect, Size};
use crate::id::WindowId;
use crate::layer::LayerRole;
use crate::metrics::Button;
use crate::op::Refused;
use crate::view::Hit;
use crate::window::{Layout, Pin};
use cofferdam_ids::Mono;
use std::time::Duration;

/// Two presses on a title within this are a double click.
const DOUBLE_CLICK: Duration = Duration::from_millis(400);
/// How far a maximised title is dragged before the window comes loose, and how far the two presses
/// of a double click may be apart.
const SLACK: i32 = 8;

/// What the pointer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Pointer {
    pub(crate) at: Option<Point>,
    /// The main button is down, since over this window.
    pub(crate) held_on: Option<WindowId>,
    pub(crate) grab: Option<Grab>,
    pub(crate) hover: Option<(WindowId, Button)>,
    last_title: Option<(WindowId, Mono, Point)>,
}

/// What follows the pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grab {
    /// A window; `by` from its frame's corner to the pointer.
    Move { window: WindowId, by: (i32, i32) },
    /// A maximised window that comes loose once dragged far enough from `from`.
    Loosen { window: WindowId, from: Point },
    /// Edges of a window.
    Resize { window: WindowId, edges: Edges, content: Rect, from: Point },
    /// A title button is held down.
    Button { window: WindowId, button: Button },
}

impl Grab {
    pub(crate) fn window(self) -> WindowId {
        match self {
            Self::Move { window, .. }
            | Self::Loosen { window, .. }
            | Self::Resize { window, .. }
            | Self::Button { window, .. } => window,
        }
    }
}

impl Scene {
    pub(super) fn pointer_motion(&mut self, at: Point) -> Result<(), Refused> {
        let at = Point::new(at.x, at.y);
        self.pointer.at = Some(at);
        match self.pointer.grab {
            Some(Grab::Move { window, by: (dx, dy) }) => {
                self.put_frame(window, at.shifted(dx.saturating_neg(), dy.saturating_neg()));
            }
            Some(Grab::Loosen { window, from }) => self.loosen(window, from, at),
            Some(Grab::Resize { window, edges, content, from }) => {
                self.drag_edges(window, edges, content, at.minus(from));
            }
            Some(Grab::Button { .. }) | None => {}
        }
        self.update_hover();
        Ok(())
    }

    pub(super) fn pointer_leave(&mut self) -> Result<(), Refused> {
        self.stop_grab();
        self.pointer.held_on = None;
        self.pointer.at = None;
        self.update_hover();
        Ok(())
    }

    /// A maximised window takes its floating size under the pointer, at the same share of its width.
    fn loosen(&mut self, id: WindowId, from: Point, at: Point) {
        let (dx, dy) = at.minus(from);
        if dx.saturating_abs().max(dy.saturating_abs()) <= SLACK {
            return;
        }
        let Some(wide) = self.windows.get(&id).map(|w| self.frame_of(w).outer) else { return };
        self.pointer.grab = None;
        if self.set_maximized(id, false).is_err() {
            return;
        }
        let Some(loose) = self.windows.get(&id).map(|w| self.frame_of(w).outer) else { return };
        let share = i64::from(from.x.saturating_sub(wide.x)).saturating_mul(i64::from(loose.w));
        let along = share.checked_div(i64::from(wide.w.max(1))).unwrap_or(0);
        let along = i32::try_from(along).unwrap_or(0).clamp(0, loose.w);
        let by = (along, from.y.saturating_sub(wide.y).clamp(0, loose.h));
        self.pointer.grab = Some(Grab::Move { window: id, by });
        self.put_frame(id, at.shifted(by.0.saturating_neg(), by.1.saturating_neg()));
    }

    fn drag_edges(&mut self, id: WindowId, edges: Edges, content: Rect, (dx, dy): (i32, i32)) {
        let axis = |len: i32, delta: i32, low: bool, high: bool| match (low, high) {
            (true, _) => len.saturating_sub(delta),
            (_, true) => len.saturating_add(delta),
            _ => len,
        };
        let wish = Size::new(
            axis(content.w, dx, edges.left(), edges.right()).max(1),
            axis(content.h, dy, edges.top(), edges.bottom()).max(1),
        );
        if let Some(w) = self.windows.get_mut(&id) {
            w.asked = Some(w.limited(wish));
        }
        self.tell(id);
    }

    pub(super) fn press(&mut self, now: Mono) -> Result<(), Refused> {
        let at = self.pointer.at.ok_or(Refused::NoPointer)?;
        if self.pointer.grab.is_some() {
            return Err(Refused::NoPointer);
        }
        let hit = self.hit(at);
        let on_grab = matches!(&hit, Hit::Popup { popup, .. } if self.popup_grab.contains(popup));
        let same_client = hit.window().is_some_and(|w| Some(w) == self.active) && hit.is_content();
        if !on_grab && !same_client {
            // A click on the popup's own client is that client's to answer, any other ends the grab.
            self.dismiss_grab()?;
        }
        if let Hit::Layer { layer, .. } = hit {
            // Its own program sees the press; a bar has no use for the keyboard.
            let is_bar = self.layers.get(&layer).is_some_and(|l| l.role == LayerRole::Bar);
            return if is_bar { Ok(()) } else { self.focus_layer(layer) };
        }
        self.leave_layers();
        let Some(window) = hit.window() else { return Ok(()) };
        self.pointer.held_on = Some(window);
        if self.active != Some(window) || !same_client {
            self.activate(window)?;
        }
        match hit {
            Hit::Title(id) => self.press_title(id, at, now),
            Hit::Button { window, button } => {
                self.pointer.grab = Some(Grab::Button { window, button });
                self.damage_window(window);
                Ok(())
            }
            Hit::Border { window, edges } if !edges.is_none() => self.begin_resize(window, edges),
            Hit::Border { .. }
            | Hit::Content { .. }
            | Hit::Popup { .. }
            | Hit::Layer { .. }
            | Hit::Nothing => Ok(()),
        }
    }

    fn press_title(&mut self, id: WindowId, at: Point, now: Mono) -> Result<(), Refused> {
        let near = |from: Point| {
            let (dx, dy) = at.minus(from);
            dx.saturating_abs().max(dy.saturating_abs()) <= SLACK
        };
        let double = self
            .pointer
            .last_title
            .is_some_and(|(w, when, from)| w == id && now.since(when) <= DOUBLE_CLICK && near(from));
        self.pointer.last_title = (!double).then_some((id, now, at));
        if double { self.toggle_size(id) } else { self.begin_move(id) }
    }

    /// What the maximise button and a double click on the title do.
    fn toggle_size(&mut self, id: WindowId) -> Result<(), Refused> {
        let w = self.known(id)?;
        match w.layout() {
            Layout::Fullscreen => self.set_fullscreen(id, false, None),
            Layout::Maximized => self.set_maximized(id, false),
            Layout::Floating => self.set_maximized(id, true),
        }
    }

    pub(super) fn release(&mut self) -> Result<(), Refused> {
        let grab = self.pointer.grab;
        self.stop_grab();
        self.pointer.held_on = None;
        self.update_hover();
        let Some(Grab::Button { window, button }) = grab else { return Ok(()) };
        let still = self.pointer.at.map(|at| self.hit(at)) == Some(Hit::Button { window, button });
        match button {
            _ if !still => Ok(()),
            Button::Close => self.close(window),
            Button::Maximize => self.toggle_size(window),
            Button::Minimize => self.minimize(window),
        }
    }

    /// Only a window on which the button is held may begin to follow the pointer.
    fn may_grab(&self, id: WindowId) -> Result<Point, Refused> {
        let w = self.known(id)?;
        if !w.is_visible() {
            return Err(Refused::State);
        }
        match (self.pointer.at, self.pointer.grab) {
            (Some(at), None) if self.pointer.held_on == Some(id) => Ok(at),
            _ => Err(Refused::NoPointer),
        }
    }

    pub(super) fn begin_move(&mut self, id: WindowId) -> Result<(), Refused> {
        let at = self.may_grab(id)?;
        let w = self.known(id)?;
        let grab = match w.layout() {
            Layout::Floating => Grab::Move { window: id, by: at.minus(self.frame_of(w).outer.origin()) },
            Layout::Maximized => Grab::Loosen { window: id, from: at },
            // A full-screen strip is pressed like a title, and stays.
            Layout::Fullscreen => return Ok(()),
        };
        self.pointer.grab = Some(grab);
        Ok(())
    }

    pub(super) fn begin_resize(&mut self, id: WindowId, edges: Edges) -> Result<(), Refused> {
        let from = self.may_grab(id)?;
        let w = self.known(id)?;
        if !w.is_resizable() || edges.is_none() {
            return Err(Refused::State);
        }
        let content = Rect::at(w.origin, w.size.unwrap_or(w.committed));
        if let Some(w) = self.windows.get_mut(&id) {
            w.resizing = true;
            w.pin = Some(Pin { edges, right: content.right(), bottom: content.bottom() });
            w.asked = Some(content.size());
        }
        self.pointer.grab = Some(Grab::Resize { window: id, edges, content, from });
        self.tell(id);
        Ok(())
    }

    pub(super) fn end_grab(&mut self) -> Result<(), Refused> {
        self.pointer.grab.ok_or(Refused::NoPointer)?;
        self.stop_grab();
        Ok(())
    }

    fn stop_grab(&mut self) {
        let Some(grab) = self.pointer.grab.take() else { return };
        let id = grab.window();
        if let Some(w) = self.windows.get_mut(&id) {
            w.resizing = false;
        }
        self.tell(id);
        self.damage_window(id);
    }

    /// A window that changes under the pointer's hand is let go.
    pub(super) fn drop_pointer_grab_of(&mut self, id: WindowId) {
        if self.pointer.grab.is_some_and(|g| g.window() == id) {
            self.stop_grab();
        }
        if self.pointer.held_on == Some(id) {
            self.pointer.held_on = None;
        }
    }

    fn update_hover(&mut self) {
        let hover = match self.pointer.at.map(|at| self.hit(at)) {
            Some(Hit::Button { window, button }) => Some((window, button)),
            _ => None,
        };
        if hover != self.pointer.hover {
            for (id, _) in [self.pointer.hover, hover].into_iter().flatten() {
                self.damage_window(id);
            }
            self.pointer.hover = hover;
        }
    }
}
