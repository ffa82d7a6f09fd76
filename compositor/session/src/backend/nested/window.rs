// SPDX-License-Identifier: GPL-3.0-or-later
//! The window in the outer desktop.
//!
//! In: what the outer desktop says on its socket. Out: [`WindowEvent`]s, and frames at the pace at which they
//! are taken. The outer desktop is trusted as the screen is: it sees everything and makes all input.

use super::buffers::{Buffers, Busy};
use super::hands::{HandEvent, Hands};
use super::pixels_of;
use crate::backend::headless::Headless;
use cofferdam_scene::OutputId;
use smithay::utils::{Physical, Rectangle, Size};
use std::os::fd::{AsFd, BorrowedFd};
use wayland_client::backend::WaylandError;
use wayland_client::globals::{BindError, GlobalError, GlobalListContents, registry_queue_init};
use wayland_client::protocol::wl_buffer::{self, WlBuffer};
use wayland_client::protocol::wl_callback::{self, WlCallback};
use wayland_client::protocol::wl_compositor::WlCompositor;
use wayland_client::protocol::wl_registry::{self, WlRegistry};
use wayland_client::protocol::wl_seat::WlSeat;
use wayland_client::protocol::wl_shm::WlShm;
use wayland_client::protocol::wl_shm_pool::WlShmPool;
use wayland_client::protocol::wl_surface::{self, WlSurface};
use wayland_client::{
    ConnectError, Connection, Dispatch, DispatchError, EventQueue, QueueHandle, delegate_noop,
};
use wayland_protocols::wp::fractional_scale::v1::client::wp_fractional_scale_manager_v1::WpFractionalScaleManagerV1;
use wayland_protocols::wp::fractional_scale::v1::client::wp_fractional_scale_v1::{
    self, WpFractionalScaleV1,
};
use wayland_protocols::wp::viewporter::client::wp_viewport::WpViewport;
use wayland_protocols::wp::viewporter::client::wp_viewporter::WpViewporter;
use wayland_protocols::xdg::decoration::zv1::client::zxdg_decoration_manager_v1::ZxdgDecorationManagerV1;
use wayland_protocols::xdg::decoration::zv1::client::zxdg_toplevel_decoration_v1::{
    self, ZxdgToplevelDecorationV1,
};
use wayland_protocols::xdg::shell::client::xdg_surface::{self, XdgSurface};
use wayland_protocols::xdg::shell::client::xdg_toplevel::{self, XdgToplevel};
use wayland_protocols::xdg::shell::client::xdg_wm_base::{self, XdgWmBase};

/// Size in logical pixels while the outer desktop leaves it to us.
const SIZE: (i32, i32) = (1280, 800);
/// Largest edge in logical pixels; at scale 4 it still fits what an output may have.
const MAX_EDGE: i32 = 4096;
/// Scales in 120ths.
const SCALES: std::ops::RangeInclusive<u32> = 60..=480;

/// The window can't be opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum WindowError {
    /// There is no desktop to be a window of.
    #[error("no Wayland desktop to open a window in: {0}; start with --headless, or from a desktop")]
    Connect(#[from] ConnectError),
    /// It is too old.
    #[error("the outer desktop lacks {0}")]
    Lacks(#[from] BindError),
    /// It does not answer.
    #[error("the outer desktop does not answer: {0}")]
    First(#[from] GlobalError),
    /// It closed the connection, or broke the protocol.
    #[error("the outer desktop ended the connection: {0}")]
    Ended(#[from] DispatchError),
    /// The socket broke.
    #[error("the outer desktop has gone: {0}")]
    Gone(#[from] WaylandError),
}

/// What the outer desktop says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum WindowEvent {
    /// Another size or scale; see [`Window::pixels`].
    Resized,
    /// The keyboard came or went.
    Focus(bool),
    /// Something that a person did.
    Hands(HandEvent),
    /// The person closed the window.
    Close,
}

/// What events change.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) events: Vec<WindowEvent>,
    pub(super) hands: Hands,
    /// Logical size: as configured last, and as acknowledged.
    asked: (i32, i32),
    size: (i32, i32),
    scale_120: u32,
    /// Scale comes in 120ths, not in whole numbers.
    fractional: bool,
    configured: bool,
    /// A frame is under way; the next one waits for it.
    waits: bool,
}

/// The window.
#[derive(Debug)]
pub(super) struct Window {
    connection: Connection,
    queue: EventQueue<Wire>,
    wire: Wire,
    shm: WlShm,
    surface: WlSurface,
    viewport: Option<WpViewport>,
    buffers: Option<Buffers>,
    /// Something changed that was not shown yet.
    stale: bool,
}

impl Window {
    /// Opens it in the desktop that the environment names, and waits for its size.
    pub(super) fn open() -> Result<Self, WindowError> {
        let connection = Connection::connect_to_env()?;
        let (globals, mut queue) = registry_queue_init::<Wire>(&connection)?;
        let handle = queue.handle();
        let compositor: WlCompositor = globals.bind(&handle, 4..=6, ())?;
        let shm: WlShm = globals.bind(&handle, 1..=1, ())?;
        let shell: XdgWmBase = globals.bind(&handle, 1..=6, ())?;
        let surface = compositor.create_surface(&handle, ());
        // Without both, the scale is a whole number.
        let viewporter = globals.bind::<WpViewporter, _, _>(&handle, 1..=1, ()).ok();
        let scales = globals.bind::<WpFractionalScaleManagerV1, _, _>(&handle, 1..=1, ()).ok();
        let fractional = viewporter.zip(scales);
        let viewport = fractional.map(|(viewporter, scales)| {
            scales.get_fractional_scale(&surface, &handle, ());
            viewporter.get_viewport(&surface, &handle, ())
        });
        let _seat: Option<WlSeat> = globals.bind(&handle, 5..=9, ()).ok();
        let shell_surface = shell.get_xdg_surface(&surface, &handle, ());
        let toplevel = shell_surface.get_toplevel(&handle, ());
        toplevel.set_title("Cofferdam".to_owned());
        toplevel.set_app_id("org.cofferdam.Desktop".to_owned());
        if let Ok(decorations) = globals.bind::<ZxdgDecorationManagerV1, _, _>(&handle, 1..=1, ()) {
            let frame = decorations.get_toplevel_decoration(&toplevel, &handle, ());
            frame.set_mode(zxdg_toplevel_decoration_v1::Mode::ServerSide);
        }
        surface.commit();
        let mut wire = Wire {
            events: Vec::new(),
            hands: Hands::default(),
            asked: SIZE,
            size: SIZE,
            scale_120: 120,
            fractional: viewport.is_some(),
            configured: false,
            waits: false,
        };
        while !wire.configured {
            queue.blocking_dispatch(&mut wire)?;
        }
        wire.events.clear();
        Ok(Self { connection, queue, wire, shm, surface, viewport, buffers: None, stale: false })
    }

    /// The size of a frame.
    pub(super) fn pixels(&self) -> Size<i32, Physical> {
        pixels_of(self.wire.size, self.wire.scale_120)
    }

    /// How many pixels 120 logical ones are.
    pub(super) const fn scale_120(&self) -> u32 {
        self.wire.scale_120
    }

    /// Reads and handles what has arrived; sends what waits.
    pub(super) fn dispatch(&mut self) -> Result<Vec<WindowEvent>, WindowError> {
        self.queue.dispatch_pending(&mut self.wire)?;
        if let Some(guard) = self.queue.prepare_read() {
            match guard.read() {
                Ok(_) => {}
                Err(WaylandError::Io(e)) if e.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.queue.dispatch_pending(&mut self.wire)?;
        self.flush()?;
        Ok(std::mem::take(&mut self.wire.events))
    }

    fn flush(&self) -> Result<(), WaylandError> {
        match self.connection.flush() {
            // What does not fit now goes with the next turn, which the outer desktop's answer brings.
            Err(WaylandError::Io(e)) if e.kind() == std::io::ErrorKind::WouldBlock => Ok(()),
            done => done,
        }
    }

    /// This part of the picture changed.
    pub(super) fn damage(&mut self, rects: &[Rectangle<i32, Physical>]) {
        self.stale |= !rects.is_empty();
        if let Some(buffers) = &mut self.buffers {
            buffers.damage(rects);
        }
    }

    /// Whether a frame waits for the outer desktop, which is ready for it now.
    pub(super) const fn is_due(&self) -> bool {
        self.stale && !self.wire.waits
    }

    /// Shows what changed, unless the outer desktop still has the last frame under way: then it is shown when
    /// that is over.
    pub(super) fn present(&mut self, picture: &mut Headless, id: OutputId) -> Result<(), String> {
        if !self.is_due() {
            return Ok(());
        }
        let (size, queue) = (self.pixels(), self.queue.handle());
        if self.buffers.as_ref().is_none_or(|buffers| buffers.size != size) {
            self.buffers = Some(Buffers::new(&self.shm, &queue, size).map_err(|e| e.to_string())?);
        }
        let Some(buffers) = &mut self.buffers else { return Ok(()) };
        let Some((buffer, written)) = buffers.write(|rect| picture.part(id, rect))? else { return Ok(()) };
        match &self.viewport {
            Some(viewport) => viewport.set_destination(self.wire.size.0, self.wire.size.1),
            None => {
                let whole = self.wire.scale_120.checked_div(120).unwrap_or(1).max(1);
                self.surface.set_buffer_scale(i32::try_from(whole).unwrap_or(1));
            }
        }
        self.surface.attach(Some(buffer), 0, 0);
        for rect in written {
            self.surface.damage_buffer(rect.loc.x, rect.loc.y, rect.size.w, rect.size.h);
        }
        self.surface.frame(&queue, ());
        self.surface.commit();
        self.stale = false;
        self.wire.waits = true;
        self.flush().map_err(|e| e.to_string())
    }
}

impl AsFd for Window {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.connection.as_fd()
    }
}

impl Wire {
    fn rescale(&mut self, scale_120: u32) {
        let scale_120 = scale_120.clamp(*SCALES.start(), *SCALES.end());
        if self.scale_120 != scale_120 {
            self.scale_120 = scale_120;
            self.events.push(WindowEvent::Resized);
        }
    }
}

impl Dispatch<XdgSurface, ()> for Wire {
    fn event(
        wire: &mut Self,
        surface: &XdgSurface,
        event: xdg_surface::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let xdg_surface::Event::Configure { serial } = event {
            surface.ack_configure(serial);
            wire.configured = true;
            if wire.size != wire.asked {
                wire.size = wire.asked;
                wire.events.push(WindowEvent::Resized);
            }
        }
    }
}

impl Dispatch<XdgToplevel, ()> for Wire {
    fn event(
        wire: &mut Self,
        _: &XdgToplevel,
        event: xdg_toplevel::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        match event {
            // Zero leaves it to us: as it is.
            xdg_toplevel::Event::Configure { width, height, .. } => {
                let edge = |wanted: i32, now: i32| if wanted > 0 { wanted.min(MAX_EDGE) } else { now };
                wire.asked = (edge(width, wire.asked.0), edge(height, wire.asked.1));
            }
            xdg_toplevel::Event::Close => wire.events.push(WindowEvent::Close),
            _ => {}
        }
    }
}

impl Dispatch<XdgWmBase, ()> for Wire {
    fn event(
        _: &mut Self,
        shell: &XdgWmBase,
        event: xdg_wm_base::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let xdg_wm_base::Event::Ping { serial } = event {
            shell.pong(serial);
        }
    }
}

impl Dispatch<WpFractionalScaleV1, ()> for Wire {
    fn event(
        wire: &mut Self,
        _: &WpFractionalScaleV1,
        event: wp_fractional_scale_v1::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let wp_fractional_scale_v1::Event::PreferredScale { scale } = event {
            wire.rescale(scale);
        }
    }
}

impl Dispatch<WlSurface, ()> for Wire {
    fn event(
        wire: &mut Self,
        _: &WlSurface,
        event: wl_surface::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let wl_surface::Event::PreferredBufferScale { factor } = event
            && !wire.fractional
        {
            wire.rescale(factor.max(1).unsigned_abs().saturating_mul(120));
        }
    }
}

impl Dispatch<WlCallback, ()> for Wire {
    fn event(
        wire: &mut Self,
        _: &WlCallback,
        _: wl_callback::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        wire.waits = false;
    }
}

impl Dispatch<WlBuffer, Busy> for Wire {
    fn event(
        _: &mut Self,
        _: &WlBuffer,
        _: wl_buffer::Event,
        busy: &Busy,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        busy.release();
    }
}

impl Dispatch<WlRegistry, GlobalListContents> for Wire {
    fn event(
        _: &mut Self,
        _: &WlRegistry,
        _: wl_registry::Event,
        _: &GlobalListContents,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        // What comes later is not needed.
    }
}

delegate_noop!(Wire: ignore WlCompositor);
delegate_noop!(Wire: ignore WlShm);
delegate_noop!(Wire: ignore WlShmPool);
delegate_noop!(Wire: ignore WpViewport);
delegate_noop!(Wire: ignore WpViewporter);
delegate_noop!(Wire: ignore WpFractionalScaleManagerV1);
delegate_noop!(Wire: ignore ZxdgDecorationManagerV1);
delegate_noop!(Wire: ignore ZxdgToplevelDecorationV1);
