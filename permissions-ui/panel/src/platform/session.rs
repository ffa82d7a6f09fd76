// SPDX-License-Identifier: GPL-3.0-or-later
//! The connection to the compositor.
//!
//! In: bytes of the compositor. Out: [`Event`]s for the program, input for the canvases, and frames. The
//! caller waits for the fd and for [`Session::next_deadline`]; nothing here blocks, except the first
//! round trips.

#![expect(clippy::disallowed_methods, reason = "keys repeat, and the wire is looked at without waiting")]

use super::buffers::Lent;
use super::protocol::{Shell, ShellSurface, cofferdam_shell_surface_v1, cofferdam_shell_v1};
use super::seat::Hands;
use super::surface::{Place, Surface, SurfaceId};
use super::window::Canvas;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use slint::platform::WindowEvent;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;
use std::time::Instant;
use wayland_client::backend::WaylandError;
use wayland_client::globals::{BindError, GlobalError, GlobalListContents, registry_queue_init};
use wayland_client::protocol::wl_buffer::{self, WlBuffer};
use wayland_client::protocol::wl_callback::{self, WlCallback};
use wayland_client::protocol::wl_compositor::WlCompositor;
use wayland_client::protocol::wl_output::WlOutput;
use wayland_client::protocol::wl_registry::{self, WlRegistry};
use wayland_client::protocol::wl_seat::WlSeat;
use wayland_client::protocol::wl_shm::WlShm;
use wayland_client::protocol::wl_shm_pool::WlShmPool;
use wayland_client::protocol::wl_surface::WlSurface;
use wayland_client::{
    ConnectError, Connection, Dispatch, DispatchError, EventQueue, QueueHandle, delegate_noop,
};
use wayland_protocols::wp::cursor_shape::v1::client::wp_cursor_shape_device_v1::WpCursorShapeDeviceV1;
use wayland_protocols::wp::cursor_shape::v1::client::wp_cursor_shape_manager_v1::WpCursorShapeManagerV1;
use wayland_protocols::wp::fractional_scale::v1::client::wp_fractional_scale_manager_v1::WpFractionalScaleManagerV1;
use wayland_protocols::wp::fractional_scale::v1::client::wp_fractional_scale_v1::{
    self, WpFractionalScaleV1,
};
use wayland_protocols::wp::viewporter::client::{wp_viewport::WpViewport, wp_viewporter::WpViewporter};

/// Why there is no connection, or none any more.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// No socket was given.
    #[error("no desktop to connect to: {0}")]
    Connect(#[from] ConnectError),
    /// The compositor is none of ours.
    #[error("the desktop lacks {0}")]
    Global(#[from] BindError),
    /// The first round trip failed.
    #[error("the desktop does not answer: {0}")]
    First(#[from] GlobalError),
    /// The compositor has ended, or ended us.
    #[error("the desktop has ended the connection: {0}")]
    Ended(#[from] DispatchError),
    /// The socket broke.
    #[error("the desktop has gone: {0}")]
    Io(#[from] WaylandError),
}

/// What the compositor says to the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The theme's name.
    Theme(String),
    /// Whose window is active; empty for none.
    ActiveVm(String),
    /// The panel's key was pressed.
    TogglePanel,
    /// The person turned away from this surface, or its output is gone.
    Closed(SurfaceId),
    /// An output came, with its name on the wire.
    OutputAdded(u32),
    /// An output is gone.
    OutputRemoved(u32),
    /// A surface has another size.
    Resized(SurfaceId),
    /// A surface has the keyboard now, or has it no more: something else is shown, or the person is
    /// somewhere else.
    Keyboard(SurfaceId, bool),
    /// Something was pressed in a surface: a key, a button, a finger.
    Pressed(SurfaceId),
}

/// What every surface needs.
#[derive(Debug)]
pub(super) struct Globals {
    pub(super) compositor: WlCompositor,
    pub(super) shm: WlShm,
    pub(super) shell: Shell,
    pub(super) viewporter: WpViewporter,
    pub(super) scales: WpFractionalScaleManagerV1,
}

/// What events change.
#[derive(Debug, Default)]
pub(super) struct Wire {
    pub(super) surfaces: BTreeMap<SurfaceId, Surface>,
    pub(super) hands: Hands,
    pub(super) cursors: Option<WpCursorShapeManagerV1>,
    outputs: BTreeMap<u32, WlOutput>,
    pub(super) events: Vec<Event>,
    /// Input for canvases. Passed on after the dispatch: a callback may want this very connection.
    pub(super) later: RefCell<Vec<(Rc<Canvas>, WindowEvent)>>,
}

/// The connection.
#[derive(Debug)]
pub struct Session {
    connection: Connection,
    queue: EventQueue<Wire>,
    globals: Globals,
    wire: Wire,
    next: u32,
}

impl Session {
    /// Connects through `WAYLAND_SOCKET`.
    ///
    /// # Errors
    /// See [`SessionError`].
    pub fn connect() -> Result<Self, SessionError> {
        Self::over(Connection::connect_to_env()?)
    }

    /// Uses a connection that was made elsewhere.
    ///
    /// # Errors
    /// See [`SessionError`].
    pub fn over(connection: Connection) -> Result<Self, SessionError> {
        let (list, mut queue) = registry_queue_init::<Wire>(&connection)?;
        let handle = queue.handle();
        let globals = Globals {
            compositor: list.bind(&handle, 4..=6, ())?,
            shm: list.bind(&handle, 1..=1, ())?,
            shell: list.bind(&handle, 1..=1, ())?,
            viewporter: list.bind(&handle, 1..=1, ())?,
            scales: list.bind(&handle, 1..=1, ())?,
        };
        let mut wire = Wire { cursors: Some(list.bind(&handle, 1..=1, ())?), ..Wire::default() };
        let _seat: WlSeat = list.bind(&handle, 5..=9, ())?;
        for global in list.contents().clone_list() {
            if global.interface == "wl_output" {
                wire.add_output(list.registry(), &handle, global.name);
            }
        }
        queue.roundtrip(&mut wire)?;
        Ok(Self { connection, queue, globals, wire, next: 1 })
    }

    /// Gives a canvas a surface; it is hidden until [`Self::show`].
    pub fn place(&mut self, canvas: Rc<Canvas>, place: &Place, width: i32, height: i32) -> SurfaceId {
        let id = SurfaceId(self.next);
        self.next = self.next.saturating_add(1);
        let output = match place {
            Place::Bar(output) => self.wire.outputs.get(output),
            Place::Panel | Place::Dialog(_) => None,
        };
        let surface = Surface::new(&self.globals, &self.queue.handle(), id, canvas, place, output);
        surface.ask_size(width, height);
        self.wire.surfaces.insert(id, surface);
        id
    }

    /// Shows a surface.
    pub fn show(&mut self, id: SurfaceId) {
        if let Some(surface) = self.wire.surfaces.get_mut(&id) {
            surface.show();
        }
    }

    /// Hides a surface.
    pub fn hide(&mut self, id: SurfaceId) {
        self.wire.surface_left(id);
        if let Some(surface) = self.wire.surfaces.get_mut(&id) {
            surface.hide();
        }
    }

    /// Whether a surface is meant to be on the screen.
    #[must_use]
    pub fn is_shown(&self, id: SurfaceId) -> bool {
        self.wire.surfaces.get(&id).is_some_and(Surface::is_shown)
    }

    /// Destroys a surface.
    pub fn remove(&mut self, id: SurfaceId) {
        self.wire.surface_left(id);
        self.wire.surfaces.remove(&id);
    }

    /// Raises the windows of a VM.
    pub fn activate_vm(&self, vm: &str) {
        self.globals.shell.activate_vm(vm.to_owned());
    }

    /// What the compositor said since the last call.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.wire.events)
    }

    /// Handles what has arrived, and passes input on.
    ///
    /// # Errors
    /// If the connection is over.
    pub fn dispatch(&mut self) -> Result<(), SessionError> {
        self.queue.dispatch_pending(&mut self.wire)?;
        self.wire.repeat_keys(Instant::now());
        for (canvas, event) in self.wire.later.take() {
            canvas.send(event);
        }
        self.wire.show_cursor();
        Ok(())
    }

    /// The width that a surface was given, in logical pixels; 0 if none yet.
    #[must_use]
    pub fn width_of(&self, id: SurfaceId) -> usize {
        self.wire.surfaces.get(&id).map_or(0, Surface::width)
    }

    /// Draws what changed and sends everything. Says whether anything was drawn.
    ///
    /// # Errors
    /// If the connection is over.
    pub fn draw_and_flush(&mut self) -> Result<bool, SessionError> {
        let handle = self.queue.handle();
        let mut drawn = false;
        for (id, surface) in &mut self.wire.surfaces {
            drawn |= surface.draw(&self.globals, &handle, *id);
        }
        match self.connection.flush() {
            Ok(()) => Ok(drawn),
            // What does not fit now goes with the next turn, which the compositor's answer brings.
            Err(WaylandError::Io(e)) if e.kind() == std::io::ErrorKind::WouldBlock => Ok(drawn),
            Err(e) => Err(e.into()),
        }
    }

    /// Reads what the socket has, without waiting.
    ///
    /// # Errors
    /// If the connection is over.
    pub fn read(&self) -> Result<(), SessionError> {
        // Events that were read already come first.
        let Some(guard) = self.queue.prepare_read() else { return Ok(()) };
        match guard.read() {
            Ok(_) => Ok(()),
            Err(WaylandError::Io(e)) if e.kind() == std::io::ErrorKind::WouldBlock => Ok(()),
            Err(e) => Err(e.into()),
        }
    }

    /// Whether the socket has more. Reading can't tell: one of the two backends of the Wayland crates counts
    /// events, and calls an empty socket a success.
    ///
    /// # Errors
    /// `WouldBlock` if it is empty.
    pub fn has_unread(&self) -> std::io::Result<()> {
        let mut wire = [PollFd::new(self, PollFlags::IN)];
        match poll(&mut wire, Some(&Timespec::default()))? {
            0 => Err(std::io::ErrorKind::WouldBlock.into()),
            _ => Ok(()),
        }
    }

    /// Answers once the compositor has handled everything before.
    ///
    /// # Errors
    /// If the connection is over.
    pub fn roundtrip(&mut self) -> Result<(), SessionError> {
        self.queue.roundtrip(&mut self.wire)?;
        Ok(())
    }

    /// When something is due without anything arriving: a held key.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.wire.hands.keys.next_repeat()
    }
}

impl AsFd for Session {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.connection.as_fd()
    }
}

impl Wire {
    fn add_output(&mut self, registry: &WlRegistry, queue: &QueueHandle<Self>, name: u32) {
        self.outputs.insert(name, registry.bind(name, 1, queue, ()));
        self.events.push(Event::OutputAdded(name));
    }
}

impl Dispatch<WlRegistry, GlobalListContents> for Wire {
    fn event(
        wire: &mut Self,
        registry: &WlRegistry,
        event: wl_registry::Event,
        _: &GlobalListContents,
        _: &Connection,
        queue: &QueueHandle<Self>,
    ) {
        match event {
            wl_registry::Event::Global { name, interface, .. } if interface == "wl_output" => {
                wire.add_output(registry, queue, name);
            }
            wl_registry::Event::GlobalRemove { name } if wire.outputs.remove(&name).is_some() => {
                wire.events.push(Event::OutputRemoved(name));
            }
            _ => {}
        }
    }
}

impl Dispatch<Shell, ()> for Wire {
    fn event(
        wire: &mut Self,
        _: &Shell,
        event: cofferdam_shell_v1::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        wire.events.push(match event {
            cofferdam_shell_v1::Event::Theme { name } => Event::Theme(name),
            cofferdam_shell_v1::Event::ActiveVm { vm } => Event::ActiveVm(vm),
            cofferdam_shell_v1::Event::TogglePanel => Event::TogglePanel,
        });
    }
}

impl Dispatch<ShellSurface, SurfaceId> for Wire {
    fn event(
        wire: &mut Self,
        _: &ShellSurface,
        event: cofferdam_shell_surface_v1::Event,
        id: &SurfaceId,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        match event {
            cofferdam_shell_surface_v1::Event::Configure { width, height } => {
                if let Some(surface) = wire.surfaces.get_mut(id) {
                    surface.configured(width, height);
                    wire.events.push(Event::Resized(*id));
                }
            }
            cofferdam_shell_surface_v1::Event::Closed => wire.events.push(Event::Closed(*id)),
        }
    }
}

impl Dispatch<WpFractionalScaleV1, SurfaceId> for Wire {
    fn event(
        wire: &mut Self,
        _: &WpFractionalScaleV1,
        event: wp_fractional_scale_v1::Event,
        id: &SurfaceId,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let wp_fractional_scale_v1::Event::PreferredScale { scale } = event
            && let Some(surface) = wire.surfaces.get_mut(id)
        {
            surface.scaled(scale);
        }
    }
}

impl Dispatch<WlCallback, SurfaceId> for Wire {
    fn event(
        wire: &mut Self,
        _: &WlCallback,
        _: wl_callback::Event,
        id: &SurfaceId,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let Some(surface) = wire.surfaces.get_mut(id) {
            surface.waits = false;
        }
    }
}

impl Dispatch<WlBuffer, Lent> for Wire {
    fn event(
        _: &mut Self,
        _: &WlBuffer,
        _: wl_buffer::Event,
        lent: &Lent,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        lent.0.release();
    }
}

delegate_noop!(Wire: ignore WlCompositor);
delegate_noop!(Wire: ignore WlOutput);
delegate_noop!(Wire: ignore WlShm);
delegate_noop!(Wire: ignore WlShmPool);
delegate_noop!(Wire: ignore WpViewport);
delegate_noop!(Wire: ignore WpViewporter);
delegate_noop!(Wire: ignore WpFractionalScaleManagerV1);
delegate_noop!(Wire: ignore WpCursorShapeManagerV1);
delegate_noop!(Wire: ignore WpCursorShapeDeviceV1);

impl Dispatch<WlSurface, SurfaceId> for Wire {
    fn event(
        _: &mut Self,
        _: &WlSurface,
        _: wayland_client::protocol::wl_surface::Event,
        _: &SurfaceId,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        // Scale comes by wp_fractional_scale_v1.
    }
}
