// SPDX-License-Identifier: GPL-3.0-or-later
//! One window of Slint's, drawn in software.
//!
//! In: a size and a scale. Out: pixels in memory and which of them changed. Where they are shown is the
//! [`super::session`]'s part; tests take them as they are.

use super::Pixel;
use i_slint_core::InternalToken;
use i_slint_core::cursor::MouseCursorInner;
use i_slint_core::items::BuiltInMouseCursor;
use i_slint_core::window::{WindowAdapter, WindowAdapterInternal};
use slint::platform::software_renderer::{RepaintBufferType, SoftwareRenderer};
use slint::platform::{Renderer, WindowEvent};
use slint::{LogicalSize, PhysicalSize, PlatformError, Window, WindowSize};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::{Rc, Weak};

/// Rows `from..to` of columns `left..right` changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Damage {
    /// First column.
    pub left: usize,
    /// First row.
    pub top: usize,
    /// Behind the last column.
    pub right: usize,
    /// Behind the last row.
    pub bottom: usize,
}

/// A window that is drawn into memory.
pub struct Canvas {
    window: Window,
    renderer: SoftwareRenderer,
    size: Cell<PhysicalSize>,
    stale: Cell<bool>,
    pixels: RefCell<Vec<Pixel>>,
    cursor: Cell<BuiltInMouseCursor>,
}

impl fmt::Debug for Canvas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Canvas").field("size", &self.size.get()).finish_non_exhaustive()
    }
}

impl Canvas {
    pub(super) fn new() -> Rc<Self> {
        Rc::new_cyclic(|this: &Weak<Self>| {
            let this: Weak<dyn WindowAdapter> = this.clone();
            Self {
                window: Window::new(this),
                renderer: SoftwareRenderer::new_with_repaint_buffer_type(RepaintBufferType::ReusedBuffer),
                size: Cell::new(PhysicalSize::default()),
                stale: Cell::new(true),
                pixels: RefCell::default(),
                cursor: Cell::new(BuiltInMouseCursor::Default),
            }
        })
    }

    /// Gives it a logical size and a scale.
    pub fn resize(&self, width: f32, height: f32, scale: f32) {
        self.send(WindowEvent::ScaleFactorChanged { scale_factor: scale });
        let size = LogicalSize::new(width, height);
        self.size.set(size.to_physical(scale));
        self.send(WindowEvent::Resized { size });
        self.stale.set(true);
    }

    /// Passes an event to the component in it; says whether somebody wanted it.
    pub fn send(&self, event: WindowEvent) -> bool {
        match self.window.dispatch_event_with_result(event) {
            Ok(result) => result == slint::platform::WindowEventDispatchResult::Accepted,
            Err(error) => {
                tracing::warn!(%error, "an event was lost");
                false
            }
        }
    }

    /// Whether something in it changed since it was last drawn.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.stale.get()
    }

    /// Its size in pixels.
    #[must_use]
    pub fn pixel_size(&self) -> (usize, usize) {
        let size = self.size.get();
        (usize::try_from(size.width).unwrap_or(0), usize::try_from(size.height).unwrap_or(0))
    }

    /// What the pointer looks like over it.
    #[must_use]
    pub fn cursor(&self) -> BuiltInMouseCursor {
        self.cursor.get()
    }

    /// Draws what changed and says where that was.
    pub fn draw(&self) -> Option<Damage> {
        let (width, height) = self.pixel_size();
        if width == 0 || height == 0 || !self.stale.replace(false) {
            return None;
        }
        let mut pixels = self.pixels.borrow_mut();
        let count = width.saturating_mul(height);
        if pixels.len() != count {
            *pixels = vec![Pixel::default(); count];
            // A renderer that was asked before keeps what it drew; this buffer has none of it.
            self.renderer.set_repaint_buffer_type(RepaintBufferType::NewBuffer);
            self.renderer.set_repaint_buffer_type(RepaintBufferType::ReusedBuffer);
        }
        let region = self.renderer.render(&mut pixels, width);
        let (at, size) = (region.bounding_box_origin(), region.bounding_box_size());
        let edge = |from: i32, length: u32, limit: usize| {
            let from = usize::try_from(from).unwrap_or(0).min(limit);
            (from, from.saturating_add(usize::try_from(length).unwrap_or(0)).min(limit))
        };
        let (left, right) = edge(at.x, size.width, width);
        let (top, bottom) = edge(at.y, size.height, height);
        (left < right && top < bottom).then_some(Damage { left, top, right, bottom })
    }

    /// The pixels as they were last drawn, row by row.
    #[must_use]
    pub fn pixels(&self) -> std::cell::Ref<'_, [Pixel]> {
        std::cell::Ref::map(self.pixels.borrow(), Vec::as_slice)
    }

    /// Gives the memory of its pixels back until it is drawn again.
    pub fn forget_pixels(&self) {
        self.pixels.replace(Vec::new());
        self.stale.set(true);
    }
}

impl WindowAdapter for Canvas {
    fn window(&self) -> &Window {
        &self.window
    }

    fn size(&self) -> PhysicalSize {
        self.size.get()
    }

    fn set_size(&self, _: WindowSize) {
        // The compositor says how large it is.
    }

    fn set_visible(&self, _: bool) -> Result<(), PlatformError> {
        Ok(())
    }

    fn request_redraw(&self) {
        self.stale.set(true);
    }

    fn renderer(&self) -> &dyn Renderer {
        &self.renderer
    }

    fn internal(&self, _: InternalToken) -> Option<&dyn WindowAdapterInternal> {
        Some(self)
    }
}

impl WindowAdapterInternal for Canvas {
    fn set_mouse_cursor(&self, cursor: MouseCursorInner) {
        self.cursor.set(match cursor {
            MouseCursorInner::BuiltIn(cursor) => cursor,
            _ => BuiltInMouseCursor::Default,
        });
    }
}
