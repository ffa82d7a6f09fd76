// SPDX-License-Identifier: GPL-3.0-or-later
//! One surface at its place.
//!
//! In: a canvas, and what the compositor says about size and scale. Out: buffers with what the canvas
//! drew, whenever something changed and the compositor is ready for it.

use super::buffers::Buffers;
use super::protocol::{Shell, ShellSurface, cofferdam_shell_v1::Role};
use super::session::{Globals, Wire};
use super::window::Canvas;
use std::rc::Rc;
use wayland_client::QueueHandle;
use wayland_client::protocol::wl_output::WlOutput;
use wayland_client::protocol::wl_surface::WlSurface;
use wayland_protocols::wp::fractional_scale::v1::client::wp_fractional_scale_v1::WpFractionalScaleV1;
use wayland_protocols::wp::viewporter::client::wp_viewport::WpViewport;

/// Which surface; counted up, never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SurfaceId(pub(super) u32);

/// Where a surface goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Along the upper edge of the output with this name on the wire.
    Bar(u32),
    /// In the middle of the screen.
    Panel,
    /// In the middle of the screen, for this VM.
    Dialog(String),
}

/// A surface.
#[derive(Debug)]
pub(super) struct Surface {
    pub(super) canvas: Rc<Canvas>,
    pub(super) wl: WlSurface,
    place: ShellSurface,
    viewport: WpViewport,
    fractional: WpFractionalScaleV1,
    pub(super) scale_120: u32,
    /// What the compositor said; none before it did, and while it is hidden.
    size: Option<(i32, i32)>,
    buffers: Option<Buffers>,
    shown: bool,
    /// The compositor has not shown the last frame yet.
    pub(super) waits: bool,
}

impl Surface {
    pub(super) fn new(
        globals: &Globals,
        queue: &QueueHandle<Wire>,
        id: SurfaceId,
        canvas: Rc<Canvas>,
        place: &Place,
        output: Option<&WlOutput>,
    ) -> Self {
        let wl = globals.compositor.create_surface(queue, id);
        let shell: &Shell = &globals.shell;
        let (role, vm) = match place {
            Place::Bar(_) => (Role::Bar, None),
            Place::Panel => (Role::Panel, None),
            Place::Dialog(vm) => (Role::Dialog, Some(vm.clone())),
        };
        let fractional = globals.scales.get_fractional_scale(&wl, queue, id);
        let place = shell.get_shell_surface(&wl, role, output, vm, queue, id);
        let viewport = globals.viewporter.get_viewport(&wl, queue, ());
        Self {
            canvas,
            wl,
            place,
            viewport,
            fractional,
            scale_120: 120,
            size: None,
            buffers: None,
            shown: false,
            waits: false,
        }
    }

    pub(super) fn width(&self) -> usize {
        self.size.and_then(|(width, _)| usize::try_from(width).ok()).unwrap_or(0)
    }

    pub(super) fn is_shown(&self) -> bool {
        self.shown
    }

    /// Asks for a size, in logical pixels; 0 for all there is.
    pub(super) fn ask_size(&self, width: i32, height: i32) {
        self.place.set_size(width, height);
    }

    /// Shows it: the compositor will answer with its size, and then it is drawn.
    pub(super) fn show(&mut self) {
        if !std::mem::replace(&mut self.shown, true) {
            self.wl.commit();
        }
    }

    /// Takes it off the screen and gives its memory back.
    pub(super) fn hide(&mut self) {
        if !std::mem::replace(&mut self.shown, false) {
            return;
        }
        self.wl.attach(None, 0, 0);
        self.wl.commit();
        self.size = None;
        self.waits = false;
        self.buffers = None;
        self.canvas.forget_pixels();
    }

    pub(super) fn configured(&mut self, width: i32, height: i32) {
        self.size = Some((width, height));
        self.fit();
    }

    pub(super) fn scaled(&mut self, scale_120: u32) {
        self.scale_120 = scale_120.clamp(60, 480);
        self.fit();
    }

    #[allow(clippy::cast_precision_loss, reason = "sizes of screens are small")]
    fn fit(&self) {
        let Some((width, height)) = self.size else { return };
        let scale = self.scale_120 as f32 / 120.0;
        self.canvas.resize(width as f32, height as f32, scale);
        self.viewport.set_destination(width.max(1), height.max(1));
    }

    /// Draws what changed, if the compositor is ready for it. Says whether it did.
    pub(super) fn draw(&mut self, globals: &Globals, queue: &QueueHandle<Wire>, id: SurfaceId) -> bool {
        let pixels = self.canvas.pixel_size();
        let due = self.shown && self.size.is_some() && !self.waits && self.canvas.is_stale();
        if !due || pixels.0 == 0 || pixels.1 == 0 {
            return false;
        }
        if self.buffers.as_ref().is_none_or(|buffers| !buffers.fits(pixels)) {
            match Buffers::new(&globals.shm, queue, pixels.0, pixels.1) {
                Ok(buffers) => self.buffers = Some(buffers),
                Err(error) => {
                    tracing::error!(%error, "no memory to draw into");
                    return false;
                }
            }
        }
        let Some(buffers) = self.buffers.as_mut().filter(|buffers| buffers.is_free()) else { return false };
        let Some(damage) = self.canvas.draw() else { return false };
        match buffers.write(&self.canvas.pixels(), damage) {
            Ok(Some(buffer)) => {
                let number = |v: usize| i32::try_from(v).unwrap_or(i32::MAX);
                self.wl.attach(Some(buffer), 0, 0);
                self.wl.damage_buffer(
                    number(damage.left),
                    number(damage.top),
                    number(damage.right - damage.left),
                    number(damage.bottom - damage.top),
                );
                self.wl.frame(queue, id);
                self.wl.commit();
                self.waits = true;
                true
            }
            Ok(None) => false,
            Err(error) => {
                tracing::error!(%error, "what was drawn could not be written");
                false
            }
        }
    }
}

impl Drop for Surface {
    fn drop(&mut self) {
        self.viewport.destroy();
        self.fractional.destroy();
        self.place.destroy();
        self.wl.destroy();
    }
}
