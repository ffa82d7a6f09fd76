// SPDX-License-Identifier: GPL-3.0-or-later
//! A Wayland client that does the same work for every compositor and proxy.
//!
//! In: a connected socket. Out: round-trip times, and windows that commit frames with a given
//! damage each time the compositor asks for one.

use rustix::fs::MemfdFlags;
use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};
use wayland_client::protocol::{
    wl_buffer, wl_callback, wl_compositor, wl_registry, wl_shm, wl_shm_pool, wl_surface,
};
use wayland_client::{Connection, Dispatch, EventQueue, QueueHandle, delegate_noop};
use wayland_protocols::xdg::shell::client::{xdg_surface, xdg_toplevel, xdg_wm_base};

/// Why a measurement could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BenchError {
    /// A system call failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A peer could not be started or used.
    #[error("{0}")]
    Peer(String),
}

impl BenchError {
    /// Any other error, with what was being done.
    pub(crate) fn peer(what: &str, error: impl std::fmt::Display) -> Self {
        Self::Peer(format!("{what}: {error}"))
    }
}

#[derive(Default)]
struct State {
    compositor: Option<wl_compositor::WlCompositor>,
    shm: Option<wl_shm::WlShm>,
    wm: Option<xdg_wm_base::XdgWmBase>,
    configured: usize,
    frames: usize,
}

/// One connection.
pub(crate) struct BenchClient {
    connection: Connection,
    queue: EventQueue<State>,
    state: State,
    windows: Vec<Window>,
}

struct Window {
    surface: wl_surface::WlSurface,
    buffers: [wl_buffer::WlBuffer; 2],
    size: (i32, i32),
    turn: usize,
    roles: (xdg_surface::XdgSurface, xdg_toplevel::XdgToplevel),
    memory: File,
}

impl BenchClient {
    /// Speaks over a connected socket and binds what a window needs.
    ///
    /// # Errors
    /// If the other side does not speak Wayland.
    pub(crate) fn new(socket: UnixStream) -> Result<Self, BenchError> {
        let connection = Connection::from_socket(socket).map_err(|e| BenchError::peer("connect", e))?;
        let queue = connection.new_event_queue();
        connection.display().get_registry(&queue.handle(), ());
        let mut client = Self { connection, queue, state: State::default(), windows: Vec::new() };
        client.roundtrip()?;
        Ok(client)
    }

    fn roundtrip(&mut self) -> Result<(), BenchError> {
        self.queue.roundtrip(&mut self.state).map_err(|e| BenchError::peer("round trip", e))?;
        Ok(())
    }

    /// Times of `n` calls of `wl_display.sync`, in microseconds.
    ///
    /// # Errors
    /// If the connection breaks.
    pub(crate) fn sync_times(&mut self, n: usize) -> Result<Vec<f64>, BenchError> {
        let mut times = Vec::with_capacity(n);
        for _ in 0..n {
            let begun = Instant::now();
            self.roundtrip()?;
            times.push(begun.elapsed().as_secs_f64() * 1e6);
        }
        Ok(times)
    }

    /// Opens one more toplevel of this size and shows its first frame.
    ///
    /// # Errors
    /// If a global is missing or the connection breaks.
    pub(crate) fn open(&mut self, width: i32, height: i32) -> Result<(), BenchError> {
        let handle = self.queue.handle();
        let missing = |what: &str| BenchError::Peer(format!("the compositor has no {what}"));
        let compositor = self.state.compositor.as_ref().ok_or_else(|| missing("wl_compositor"))?;
        let shm = self.state.shm.as_ref().ok_or_else(|| missing("wl_shm"))?;
        let wm = self.state.wm.as_ref().ok_or_else(|| missing("xdg_wm_base"))?;
        let surface = compositor.create_surface(&handle, ());
        let role = wm.get_xdg_surface(&surface, &handle, ());
        let toplevel = role.get_toplevel(&handle, ());
        toplevel.set_title("bench".into());
        surface.commit();
        let (memory, buffers) = buffers(shm, &handle, width, height)?;
        let want = self.state.configured + 1;
        while self.state.configured < want {
            self.queue.blocking_dispatch(&mut self.state).map_err(|e| BenchError::peer("configure", e))?;
        }
        self.windows.push(Window {
            surface,
            buffers,
            size: (width, height),
            turn: 0,
            roles: (role, toplevel),
            memory,
        });
        self.frames(1, (width, height))
    }

    /// Closes the window opened last.
    ///
    /// # Errors
    /// If the connection breaks.
    pub(crate) fn close_last(&mut self) -> Result<(), BenchError> {
        if let Some(window) = self.windows.pop() {
            window.roles.1.destroy();
            window.roles.0.destroy();
            window.surface.destroy();
            window.buffers.iter().for_each(wl_buffer::WlBuffer::destroy);
        }
        self.roundtrip()
    }

    /// Commits `n` frames on the window opened last, each with new pixels in `damage` and each after
    /// the compositor asked for it.
    ///
    /// # Errors
    /// If the connection breaks.
    pub(crate) fn frames(&mut self, n: usize, damage: (i32, i32)) -> Result<(), BenchError> {
        let handle = self.queue.handle();
        for _ in 0..n {
            let Some(window) = self.windows.last_mut() else { return Ok(()) };
            let which = window.turn % 2;
            window.turn += 1;
            // The place moves, so that a compositor can't get by with the same rectangle each time.
            let step = i32::try_from(window.turn % 8).unwrap_or(0) * 8;
            let x = step.min(window.size.0 - damage.0).max(0);
            window.paint(which, x, damage)?;
            window.surface.attach(window.buffers.get(which), 0, 0);
            window.surface.damage_buffer(x, 0, damage.0, damage.1);
            window.surface.frame(&handle, ());
            window.surface.commit();
            let want = self.state.frames + 1;
            while self.state.frames < want {
                self.queue.blocking_dispatch(&mut self.state).map_err(|e| BenchError::peer("frame", e))?;
            }
        }
        Ok(())
    }

    /// Reads events for a while without drawing, as an idle client does.
    ///
    /// # Errors
    /// If the connection breaks.
    pub(crate) fn idle(&mut self, time: Duration) -> Result<(), BenchError> {
        let timeout = rustix::event::Timespec::try_from(time).unwrap_or_default();
        if let Some(guard) = self.connection.prepare_read() {
            let fd = guard.connection_fd();
            let mut poll = [rustix::event::PollFd::new(&fd, rustix::event::PollFlags::ERR)];
            let _ = rustix::event::poll(&mut poll, Some(&timeout));
        }
        Ok(())
    }
}

impl Window {
    /// Writes pixels that were not there before, as a proxy that compares would find out.
    fn paint(&self, which: usize, x: i32, damage: (i32, i32)) -> Result<(), BenchError> {
        use std::os::unix::fs::FileExt;
        let len = |n: i32| u64::try_from(n).unwrap_or(0);
        let (stride, line) = (len(self.size.0) * 4, len(damage.0) * 4);
        let start = if which == 0 { 0 } else { stride * len(self.size.1) } + len(x) * 4;
        // Whole lines are one write.
        let (count, line) = if stride == line { (1, line * len(damage.1)) } else { (len(damage.1), line) };
        let shade = u8::try_from(self.turn % 251).unwrap_or(0);
        let pixels = vec![shade; usize::try_from(line).unwrap_or(0)];
        for y in 0..count {
            self.memory.write_all_at(&pixels, start + y * stride)?;
        }
        Ok(())
    }
}

fn buffers(
    shm: &wl_shm::WlShm,
    handle: &QueueHandle<State>,
    width: i32,
    height: i32,
) -> Result<(File, [wl_buffer::WlBuffer; 2]), BenchError> {
    let stride = width * 4;
    let size = stride * height;
    let memory = rustix::fs::memfd_create("bench", MemfdFlags::CLOEXEC).map_err(std::io::Error::from)?;
    let bytes = usize::try_from(size).unwrap_or(0);
    let memory = File::from(memory);
    for byte in [0x40, 0x80] {
        std::io::Write::write_all(&mut &memory, &vec![byte; bytes])?;
    }
    let pool = shm.create_pool(memory.as_fd(), size * 2, handle, ());
    let buffer =
        |offset| pool.create_buffer(offset, width, height, stride, wl_shm::Format::Xrgb8888, handle, ());
    let both = [buffer(0), buffer(size)];
    pool.destroy();
    Ok((memory, both))
}

impl Dispatch<wl_registry::WlRegistry, ()> for State {
    fn event(
        state: &mut Self,
        registry: &wl_registry::WlRegistry,
        event: wl_registry::Event,
        (): &(),
        _: &Connection,
        handle: &QueueHandle<Self>,
    ) {
        if let wl_registry::Event::Global { name, interface, version } = event {
            match interface.as_str() {
                "wl_compositor" => state.compositor = Some(registry.bind(name, version.min(4), handle, ())),
                "wl_shm" => state.shm = Some(registry.bind(name, 1, handle, ())),
                "xdg_wm_base" => state.wm = Some(registry.bind(name, 1, handle, ())),
                _ => {}
            }
        }
    }
}

impl Dispatch<xdg_surface::XdgSurface, ()> for State {
    fn event(
        state: &mut Self,
        surface: &xdg_surface::XdgSurface,
        event: xdg_surface::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let xdg_surface::Event::Configure { serial } = event {
            surface.ack_configure(serial);
            state.configured += 1;
        }
    }
}

impl Dispatch<xdg_wm_base::XdgWmBase, ()> for State {
    fn event(
        _: &mut Self,
        wm: &xdg_wm_base::XdgWmBase,
        event: xdg_wm_base::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let xdg_wm_base::Event::Ping { serial } = event {
            wm.pong(serial);
        }
    }
}

impl Dispatch<wl_callback::WlCallback, ()> for State {
    fn event(
        state: &mut Self,
        _: &wl_callback::WlCallback,
        _: wl_callback::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        state.frames += 1;
    }
}

delegate_noop!(State: ignore wl_compositor::WlCompositor);
delegate_noop!(State: ignore wl_surface::WlSurface);
delegate_noop!(State: ignore wl_shm::WlShm);
delegate_noop!(State: ignore wl_shm_pool::WlShmPool);
delegate_noop!(State: ignore wl_buffer::WlBuffer);
delegate_noop!(State: ignore xdg_toplevel::XdgToplevel);
