// SPDX-License-Identifier: GPL-3.0-or-later
//! What is on the screen and what a point hits.
//!
//! In: the scene, unchanged. Out: [`WindowView`]s for the painter (lowest first) and [`Hit`]s for
//! the pointer. Both are computed from the same rectangles, so what is seen is what is hit.

use crate::geometry::{Edges, Insets, Point, Rect};
use crate::id::{LayerId, Node, OutputId, PopupId, WindowId};
use crate::metrics::{Button, Metrics};
use crate::output::Output;
use crate::popup::Popup;
use crate::scene::Scene;
use crate::window::{Frame, Layout, Window};

/// A title button as it is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ButtonView {
    /// Which.
    pub button: Button,
    /// Where.
    pub rect: Rect,
    /// The pointer is over it.
    pub hovered: bool,
    /// It is held down.
    pub pressed: bool,
}

/// A visible window as it is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowView<'a> {
    /// The window.
    pub window: &'a Window,
    /// Its rectangles.
    pub frame: Frame,
    /// How it is laid out.
    pub layout: Layout,
    /// It has the keyboard, or one of its popups has.
    pub active: bool,
    /// Its title buttons, from the right.
    pub buttons: Vec<ButtonView>,
    /// Its popups, lowest first; drawn above it and below the next window.
    pub popups: Vec<PopupView>,
}

/// A visible popup as it is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PopupView {
    /// The popup.
    pub popup: PopupId,
    /// With border.
    pub outer: Rect,
    /// The client's pixels, cropped; its origin is that of the window geometry.
    pub content: Rect,
}

/// The switcher as it is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CycleView {
    /// The windows, last used first.
    pub windows: Vec<WindowId>,
    /// The choice.
    pub chosen: WindowId,
}

/// What lies at a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hit {
    /// Client pixels of a window.
    Content {
        /// The window.
        window: WindowId,
        /// Position relative to its window geometry.
        local: Point,
    },
    /// A title bar or a full-screen strip, beside the buttons.
    Title(WindowId),
    /// A title button.
    Button {
        /// The window.
        window: WindowId,
        /// The button.
        button: Button,
    },
    /// The border, or frame that the content leaves free; no edges where nothing can be dragged.
    Border {
        /// The window.
        window: WindowId,
        /// The edges that a drag would move.
        edges: Edges,
    },
    /// A popup.
    Popup {
        /// The popup.
        popup: PopupId,
        /// Its window.
        window: WindowId,
        /// Position relative to its window geometry; none on its border.
        local: Option<Point>,
    },
    /// The bar, the panel or a dialog of the desktop itself.
    Layer {
        /// The layer.
        layer: LayerId,
        /// Position relative to its upper left corner.
        local: Point,
    },
    /// The background.
    Nothing,
}

impl Hit {
    /// The window it belongs to.
    #[must_use]
    pub fn window(self) -> Option<WindowId> {
        match self {
            Self::Content { window, .. }
            | Self::Title(window)
            | Self::Button { window, .. }
            | Self::Border { window, .. }
            | Self::Popup { window, .. } => Some(window),
            Self::Layer { .. } | Self::Nothing => None,
        }
    }

    /// Whether client pixels are hit.
    #[must_use]
    pub fn is_content(self) -> bool {
        matches!(self, Self::Content { .. } | Self::Layer { .. } | Self::Popup { local: Some(_), .. })
    }
}

impl Scene {
    /// Sizes of the frames.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The outputs, from left to right.
    #[must_use]
    pub fn outputs(&self) -> &[Output] {
        &self.outputs
    }

    /// An output.
    #[must_use]
    pub fn output(&self, id: OutputId) -> Option<&Output> {
        self.output_by_id(id)
    }

    /// A window, also an invisible one.
    #[must_use]
    pub fn window(&self, id: WindowId) -> Option<&Window> {
        self.windows.get(&id)
    }

    /// A popup, also an invisible one.
    #[must_use]
    pub fn popup(&self, id: PopupId) -> Option<&Popup> {
        self.popups.get(&id)
    }

    /// All windows that were made, also those without a buffer.
    pub fn all_windows(&self) -> impl Iterator<Item = &Window> {
        self.windows.values()
    }

    /// Mapped windows, lowest first; minimised ones are among them.
    #[must_use]
    pub fn stack(&self) -> &[WindowId] {
        &self.stack
    }

    /// Mapped windows, last used first.
    #[must_use]
    pub fn history(&self) -> &[WindowId] {
        &self.history
    }

    /// The window that looks active.
    #[must_use]
    pub fn active(&self) -> Option<WindowId> {
        self.active
    }

    /// Whose keyboard it is.
    #[must_use]
    pub fn focus(&self) -> Option<Node> {
        self.focus
    }

    /// The switcher, while it is shown.
    #[must_use]
    pub fn cycle(&self) -> Option<CycleView> {
        let cycle = self.cycle.as_ref()?;
        let chosen = *cycle.windows.get(cycle.chosen)?;
        Some(CycleView { windows: cycle.windows.clone(), chosen })
    }

    /// Where the pointer is.
    #[must_use]
    pub fn pointer(&self) -> Option<Point> {
        self.pointer.at
    }

    /// Whether chrome has the pointer: a window is moved or resized, or a button is held down.
    #[must_use]
    pub fn pointer_is_grabbed(&self) -> bool {
        self.pointer.grab.is_some()
    }

    /// Whether the main button is down on a window, or chrome has the pointer.
    #[must_use]
    pub fn pointer_is_held(&self) -> bool {
        self.pointer.held_on.is_some() || self.pointer.grab.is_some()
    }

    /// Edges that are being dragged, or that a press would drag: for the cursor's shape.
    #[must_use]
    pub fn pointer_edges(&self) -> Option<Edges> {
        use crate::scene::Grab;
        match (self.pointer.grab, self.pointer.at) {
            (Some(Grab::Resize { edges, .. }), _) => Some(edges),
            (Some(_), _) | (None, None) => None,
            (None, Some(at)) => match self.hit(at) {
                Hit::Border { edges, .. } if !edges.is_none() => Some(edges),
                _ => None,
            },
        }
    }

    /// The client under the pointer and the global place of its window geometry's origin; none
    /// while chrome has the pointer or is under it.
    #[must_use]
    pub fn pointer_target(&self) -> Option<(Node, Point)> {
        if self.pointer.grab.is_some() {
            return None;
        }
        let at = self.pointer.at?;
        match self.hit(at) {
            Hit::Content { window, local } => Some((Node::Window(window), origin(at, local))),
            Hit::Popup { popup, local: Some(local), .. } => Some((Node::Popup(popup), origin(at, local))),
            Hit::Layer { layer, local } => Some((Node::Layer(layer), origin(at, local))),
            _ => None,
        }
    }

    /// A window's rectangles, also while it is minimised; none without a buffer.
    #[must_use]
    pub fn frame(&self, id: WindowId) -> Option<Frame> {
        self.windows.get(&id).filter(|w| w.mapped).map(|w| self.frame_of(w))
    }

    /// One visible window.
    #[must_use]
    pub fn view(&self, id: WindowId) -> Option<WindowView<'_>> {
        let window = self.windows.get(&id).filter(|w| w.is_visible())?;
        let frame = self.frame_of(window);
        Some(WindowView {
            window,
            frame,
            layout: window.layout(),
            active: self.active == Some(id),
            buttons: self.buttons(id, frame.bar),
            popups: self.popups_of(id),
        })
    }

    /// Everything visible, lowest first.
    pub fn windows(&self) -> impl DoubleEndedIterator<Item = WindowView<'_>> {
        self.stack.iter().filter_map(|id| self.view(*id))
    }

    /// A window's visible popups, lowest first.
    #[must_use]
    pub fn popups_of(&self, root: WindowId) -> Vec<PopupView> {
        let ours = self.popups.values().filter(|p| p.root == root);
        ours.filter_map(|p| {
            let f = self.popup_frame(p.id)?;
            Some(PopupView { popup: p.id, outer: f.outer, content: f.content })
        })
        .collect()
    }

    /// The outermost popup that is open as a menu: seen, and with the grab that it was given for a press
    /// of the person's.
    #[must_use]
    pub fn menu(&self) -> Option<PopupId> {
        self.popup_grab.iter().copied().find(|popup| self.popup_frame(*popup).is_some())
    }

    /// Whether this popup is a part of an open menu.
    #[must_use]
    pub fn is_menu(&self, id: PopupId) -> bool {
        // A popup's number is above its parent's: this comes to an end.
        let mut next = self.popups.get(&id).filter(|_| self.popup_frame(id).is_some());
        while let Some(popup) = next {
            if self.popup_grab.contains(&popup.id) {
                return true;
            }
            next = match popup.parent {
                Node::Popup(parent) => self.popups.get(&parent),
                Node::Window(_) | Node::Layer(_) => None,
            };
        }
        false
    }

    fn buttons(&self, id: WindowId, bar: Rect) -> Vec<ButtonView> {
        let view = |button| {
            let rect = self.metrics.button(bar, button)?;
            let hovered = self.pointer.hover == Some((id, button));
            let held = self.pointer.grab == Some(crate::scene::Grab::Button { window: id, button });
            Some(ButtonView { button, rect, hovered, pressed: held && hovered })
        };
        Button::ALL.into_iter().filter_map(view).collect()
    }

    /// What lies at a point, from the top down.
    #[must_use]
    pub fn hit(&self, at: Point) -> Hit {
        let layer = self.layer_views().rev().find(|view| view.rect.contains(at));
        if let Some(view) = layer {
            return Hit::Layer { layer: view.layer, local: local(at, view.rect) };
        }
        self.windows().rev().find_map(|w| self.hit_window(&w, at)).unwrap_or(Hit::Nothing)
    }

    fn hit_window(&self, view: &WindowView<'_>, at: Point) -> Option<Hit> {
        let window = view.window.id;
        if let Some(p) = view.popups.iter().rev().find(|p| p.outer.contains(at)) {
            let local = p.content.contains(at).then(|| local(at, p.content));
            return Some(Hit::Popup { popup: p.popup, window, local });
        }
        let f = &view.frame;
        let edges = self.edges_at(view, at);
        if !f.outer.contains(at) {
            return edges.map(|edges| Hit::Border { window, edges });
        }
        if f.content.contains(at) {
            return Some(Hit::Content { window, local: local(at, f.content) });
        }
        if let Some(b) = view.buttons.iter().find(|b| b.rect.contains(at)) {
            return Some(Hit::Button { window, button: b.button });
        }
        if f.bar.contains(at) {
            return Some(Hit::Title(window));
        }
        Some(Hit::Border { window, edges: edges.unwrap_or_default() })
    }

    /// The edges that a press at this point would drag. The border's band reaches a little outside.
    fn edges_at(&self, view: &WindowView<'_>, at: Point) -> Option<Edges> {
        if !view.window.is_resizable() {
            return None;
        }
        let m = &self.metrics;
        let band = view.frame.outer.outset(Insets::all(m.grip));
        let inside = view.frame.outer.inset(Insets::all(m.border));
        if !band.contains(at) || inside.contains(at) {
            return None;
        }
        // Inside the band a point is beside at least one side; within a corner's length of the next
        // side it drags that one too.
        let low = |v: i32, edge: i32| v < edge.saturating_add(m.corner);
        let high = |v: i32, edge: i32| v >= edge.saturating_sub(m.corner);
        let (left, right) = (low(at.x, inside.x), high(at.x, inside.right()));
        let (top, bottom) = (low(at.y, inside.y), high(at.y, inside.bottom()));
        Some(Edges::new(left && !right, top && !bottom, right, bottom))
    }
}

fn local(at: Point, content: Rect) -> Point {
    let (x, y) = at.minus(content.origin());
    Point::new(x, y)
}

fn origin(at: Point, local: Point) -> Point {
    at.shifted(local.x.saturating_neg(), local.y.saturating_neg())
}
