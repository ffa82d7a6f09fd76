// SPDX-License-Identifier: GPL-3.0-or-later
//! One toplevel window: what its client said, what the user did, and the frame that follows.
//!
//! In: sizes and flags set by the scene's operations. Out: frame, inside and content rectangles.
//! The floating place and size are kept while a window is maximised or full-screen, so there is no
//! separate "restore geometry" to go stale.

use crate::geometry::{CONTENT_MAX, Edges, Point, Rect, Size};
use crate::id::{OutputId, Owner, WindowId, WorkspaceId};
use crate::metrics::Metrics;
use crate::op::Configure;
use crate::output::Output;

/// How a window is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layout {
    /// At its own place, in its own size.
    Floating,
    /// Fills the work area.
    Maximized,
    /// Fills the output, strip kept.
    Fullscreen,
}

/// The edges that stay where they are while the client follows a resize.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pin {
    pub(crate) edges: Edges,
    pub(crate) right: i32,
    pub(crate) bottom: i32,
}

/// One toplevel window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    pub(crate) id: WindowId,
    pub(crate) owner: Owner,
    pub(crate) parent: Option<WindowId>,
    pub(crate) workspace: WorkspaceId,
    pub(crate) home: Option<OutputId>,
    pub(crate) mapped: bool,
    /// It was mapped once, so it has a place of its own to come back to.
    pub(crate) placed: bool,
    pub(crate) minimized: bool,
    pub(crate) maximized: bool,
    pub(crate) fullscreen: bool,
    /// Upper left corner of the content while floating.
    pub(crate) origin: Point,
    /// Content while floating; none until the client or the user chose one.
    pub(crate) size: Option<Size>,
    /// Content that the user dragged to, until the client has answered.
    pub(crate) asked: Option<Size>,
    /// What the client drew last.
    pub(crate) committed: Size,
    pub(crate) min: Size,
    pub(crate) max: Size,
    pub(crate) pin: Option<Pin>,
    /// A layout change is on its way: commits of the old layout say nothing about the new size.
    pub(crate) in_transition: bool,
    pub(crate) resizing: bool,
    /// What the client was told last; none before its first commit.
    pub(crate) told: Option<Configure>,
}

/// A frame's rectangles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// All of it.
    pub outer: Rect,
    /// Title bar, or the strip of a full-screen window.
    pub bar: Rect,
    /// Inside of the border, below the bar. What the content leaves free is filled.
    pub inner: Rect,
    /// The client's pixels, cropped; its origin is that of the window geometry.
    pub content: Rect,
}

impl Window {
    pub(crate) fn new(id: WindowId, owner: Owner) -> Self {
        Self {
            id,
            owner,
            parent: None,
            workspace: WorkspaceId::FIRST,
            home: None,
            mapped: false,
            placed: false,
            minimized: false,
            maximized: false,
            fullscreen: false,
            origin: Point::default(),
            size: None,
            asked: None,
            committed: Size::default(),
            min: Size::default(),
            max: Size::default(),
            pin: None,
            in_transition: false,
            resizing: false,
            told: None,
        }
    }

    /// Its handle.
    #[must_use]
    pub fn id(&self) -> WindowId {
        self.id
    }

    /// Whose it is.
    #[must_use]
    pub fn owner(&self) -> &Owner {
        &self.owner
    }

    /// The window it is a dialog of.
    #[must_use]
    pub fn parent(&self) -> Option<WindowId> {
        self.parent
    }

    /// Its workspace.
    #[must_use]
    pub fn workspace(&self) -> WorkspaceId {
        self.workspace
    }

    /// The output it belongs to.
    #[must_use]
    pub fn home(&self) -> Option<OutputId> {
        self.home
    }

    /// Has a buffer.
    #[must_use]
    pub fn is_mapped(&self) -> bool {
        self.mapped
    }

    /// Hidden by the user.
    #[must_use]
    pub fn is_minimized(&self) -> bool {
        self.minimized
    }

    /// Shown at the moment.
    #[must_use]
    pub fn is_visible(&self) -> bool {
        self.mapped && !self.minimized
    }

    /// Whether the maximised state is set, also under full-screen.
    #[must_use]
    pub fn is_maximized(&self) -> bool {
        self.maximized
    }

    /// How it is laid out.
    #[must_use]
    pub fn layout(&self) -> Layout {
        match (self.fullscreen, self.maximized) {
            (true, _) => Layout::Fullscreen,
            (false, true) => Layout::Maximized,
            (false, false) => Layout::Floating,
        }
    }

    /// `wish` within what client and sanity allow.
    #[must_use]
    pub fn limited(&self, wish: Size) -> Size {
        let axis = |v: i32, min: i32, max: i32| {
            let low = min.clamp(1, CONTENT_MAX);
            let high = if max > 0 { max.clamp(low, CONTENT_MAX) } else { CONTENT_MAX };
            v.clamp(low, high)
        };
        Size::new(axis(wish.w, self.min.w, self.max.w), axis(wish.h, self.min.h, self.max.h))
    }

    /// Whether the client gives any room for a resize.
    #[must_use]
    pub fn is_resizable(&self) -> bool {
        let fixed = |min: i32, max: i32| max > 0 && max <= min;
        self.layout() == Layout::Floating && !(fixed(self.min.w, self.max.w) && fixed(self.min.h, self.max.h))
    }

    /// The frame on its home output.
    #[must_use]
    pub(crate) fn frame(&self, home: Option<&Output>, m: &Metrics) -> Frame {
        match (self.layout(), home) {
            (Layout::Fullscreen, Some(o)) => self.fullscreen_frame(o, m),
            (Layout::Maximized, Some(o)) => {
                let inner = o.work_area().inset(m.frame_insets());
                Frame {
                    outer: o.work_area(),
                    bar: m.title_bar(inner),
                    inner,
                    content: Rect::at(inner.origin(), self.committed.min(inner.size())),
                }
            }
            _ => self.floating_frame(m),
        }
    }

    /// The frame it has, or would have, while floating.
    pub(crate) fn floating_frame(&self, m: &Metrics) -> Frame {
        let size = self.size.unwrap_or(self.committed);
        let inner = Rect::at(self.origin, m.inner_size(size));
        let content = if self.layout() == Layout::Floating { self.committed.min(size) } else { size };
        Frame {
            outer: inner.outset(m.frame_insets()),
            bar: m.title_bar(inner),
            inner,
            content: Rect::at(self.origin, content),
        }
    }

    /// xdg-shell wants a full-screen surface that is too small in the middle.
    fn fullscreen_frame(&self, output: &Output, m: &Metrics) -> Frame {
        let outer = output.rect();
        let bar = m.strip(outer);
        let inner = Rect::new(outer.x, bar.bottom(), outer.w, outer.h.saturating_sub(bar.h));
        let size = self.committed.min(inner.size());
        let origin = Point::new(
            inner.x.saturating_add(inner.w.saturating_sub(size.w) / 2),
            inner.y.saturating_add(inner.h.saturating_sub(size.h) / 2),
        );
        Frame { outer, bar, inner, content: Rect::at(origin, size) }
    }

    /// Content size that a client is asked for in its present layout.
    pub(crate) fn wanted_size(&self, home: Option<&Output>, m: &Metrics) -> Option<Size> {
        match self.layout() {
            Layout::Floating => self.asked.or(self.size),
            Layout::Maximized | Layout::Fullscreen => {
                home.map(|_| self.frame(home, m).inner.size().content())
            }
        }
    }
}
