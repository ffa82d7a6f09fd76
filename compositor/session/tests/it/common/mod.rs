// SPDX-License-Identifier: GPL-3.0-or-later
//! A real compositor on a thread and real clients in this one, joined by socket pairs.
//!
//! In: what a test wants to happen. Out: what came of it on both sides. No sleeping: a test waits for
//! a round trip, or for an event that it names.

mod app;
mod sys;

pub(crate) use app::{App, Told, Window};

use cofferdam_compositor::{ClientIdentity, Clock, Compositor, Config, Remote};
use cofferdam_control::desktop::{Counters, Input, Reply, Request, WindowInfo, WindowOp};
use cofferdam_ids::{Identity, Label, VmId};
use rustix::event::{PollFd, PollFlags, poll};
use std::io::ErrorKind;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt as _;
use std::os::unix::net::UnixStream;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use wayland_client::backend::WaylandError;
use wayland_client::protocol::wl_seat::WlSeat;
use wayland_client::{Connection, DispatchError, EventQueue};

/// A running compositor; ends with the value.
pub(crate) struct Desktop {
    remote: Remote,
    thread: Option<JoinHandle<()>>,
}

/// A picture of an output.
pub(crate) struct Image {
    pub(crate) width: i32,
    pub(crate) height: i32,
    rgba: Vec<u8>,
}

impl Image {
    /// The colour of a physical pixel.
    pub(crate) fn at(&self, x: i32, y: i32) -> [u8; 3] {
        assert!((0..self.width).contains(&x) && (0..self.height).contains(&y), "{x},{y} is outside");
        let i = usize::try_from((y * self.width + x) * 4).unwrap();
        [self.rgba[i], self.rgba[i + 1], self.rgba[i + 2]]
    }

    /// How many pixels of a rectangle have this colour.
    pub(crate) fn count(&self, (x, y, w, h): (i32, i32, i32, i32), colour: [u8; 3]) -> usize {
        let inside = |x: i32, y: i32| (0..self.width).contains(&x) && (0..self.height).contains(&y);
        let all = (y..y + h).flat_map(|py| (x..x + w).map(move |px| (px, py)));
        all.filter(|(px, py)| inside(*px, *py) && self.at(*px, *py) == colour).count()
    }
}

impl Desktop {
    pub(crate) fn start() -> Self {
        Self::with(Config::default())
    }

    pub(crate) fn with(config: Config) -> Self {
        Self::with_clock(config, None)
    }

    /// On the kernel's clock, or on one that stands at `hand` nanoseconds until it is moved.
    #[expect(clippy::disallowed_methods, reason = "a client of its own")]
    pub(crate) fn with_clock(config: Config, hand: Option<Arc<AtomicU64>>) -> Self {
        let (tell, hear) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let clock = hand.map_or_else(Clock::kernel, Clock::by_hand);
            let compositor = Compositor::with_clock(config, clock).unwrap();
            tell.send(compositor.remote()).unwrap();
            compositor.run().unwrap();
        });
        Self { remote: hear.recv().expect("the compositor starts"), thread: Some(thread) }
    }

    pub(crate) fn ask(&self, request: Request) -> Reply {
        self.remote.request(request, Vec::new()).unwrap().unwrap().0
    }

    pub(crate) fn request(&self, request: Request, fds: Vec<OwnedFd>) -> Result<Reply, String> {
        self.remote.request(request, fds).unwrap().map(|(reply, _)| reply)
    }

    pub(crate) fn refused(&self, request: Request) -> String {
        self.remote.request(request, Vec::new()).unwrap().unwrap_err()
    }

    /// Makes a VM known and keeps its channel open.
    pub(crate) fn vm(&self, name: &str, identity: Identity) -> Vm {
        let (ours, theirs) = cofferdam_kit::transport::pair().unwrap();
        let vm: VmId = name.parse().unwrap();
        let request = Request::AdoptVm { vm: vm.clone(), identity, name: Label::new(name), icon_size: None };
        self.remote.request(request, vec![theirs]).unwrap().unwrap();
        Vm { id: vm, _channel: ours }
    }

    /// A client of a VM, with its globals known.
    pub(crate) fn client(&self, vm: &Vm) -> Client {
        self.connect(ClientIdentity::Vm(vm.id.clone()))
    }

    fn connect(&self, identity: ClientIdentity) -> Client {
        Client::new(self.stream(identity))
    }

    /// A client's end of a connection, with nobody behind it yet.
    pub(crate) fn stream(&self, identity: ClientIdentity) -> UnixStream {
        let (ours, theirs) = UnixStream::pair().unwrap();
        self.remote.run(move |state| state.add_client(theirs, identity).unwrap()).unwrap();
        ours
    }

    pub(crate) fn input(&self, input: Input) {
        self.ask(Request::Input(input));
    }

    pub(crate) fn pointer(&self, x: i32, y: i32) {
        self.input(Input::PointerMove { x: f64::from(x), y: f64::from(y) });
    }

    pub(crate) fn button(&self, pressed: bool) {
        self.input(Input::PointerButton { code: 0x110, pressed });
    }

    pub(crate) fn click(&self, x: i32, y: i32) {
        self.pointer(x, y);
        self.button(true);
        self.button(false);
    }

    pub(crate) fn key(&self, code: u32, pressed: bool) {
        self.input(Input::Key { code, pressed });
    }

    pub(crate) fn window_op(&self, window: &WindowInfo, op: WindowOp) {
        self.ask(Request::WindowOp { window: window.id, op });
    }

    pub(crate) fn windows(&self) -> Vec<WindowInfo> {
        match self.ask(Request::Windows) {
            Reply::Windows(windows) => windows,
            other => panic!("{other:?}"),
        }
    }

    /// The only window of a VM.
    pub(crate) fn window_of(&self, vm: &Vm) -> WindowInfo {
        let mut windows: Vec<_> =
            self.windows().into_iter().filter(|w| w.vm.as_ref() == Some(&vm.id)).collect();
        assert_eq!(windows.len(), 1, "{windows:?}");
        windows.remove(0)
    }

    pub(crate) fn counters(&self) -> Counters {
        match self.ask(Request::Counters) {
            Reply::Counters(counters) => counters,
            other => panic!("{other:?}"),
        }
    }

    /// How often the desktop woke and drew while nothing happened but that a window which nobody sees got
    /// its frame callback: that comes after a second.
    pub(crate) fn while_quiet(&self, vm: &Vm) -> (u64, u64) {
        let mut client = self.client(vm);
        let window = client.window(50, 50, [1, 2, 3]);
        let hidden = self.windows().into_iter().find(|w| w.content.w == 50).unwrap();
        self.window_op(&hidden, WindowOp::Minimize);
        self.screenshot();
        client.sync();
        let (before, answered) = (self.counters(), client.app.frames);
        window.surface.frame(&client.queue.handle(), ());
        window.surface.commit();
        client.wait("a slow frame callback", |app| app.frames > answered);
        let after = self.counters();
        (after.wakeups - before.wakeups, after.frames - before.frames)
    }

    /// The bytes that the compositor has taken and not given back.
    pub(crate) fn taken(&self) -> isize {
        self.remote.run(|_| sys::taken()).unwrap()
    }

    pub(crate) fn screenshot(&self) -> Image {
        self.screenshot_of(None)
    }

    pub(crate) fn screenshot_of(&self, output: Option<&str>) -> Image {
        let request = Request::Screenshot { output: output.map(str::to_owned) };
        let (reply, fds) = self.remote.request(request, Vec::new()).unwrap().unwrap();
        let Reply::Image { width, height, .. } = reply else { panic!("{reply:?}") };
        let mut rgba = vec![0; usize::try_from(width * height * 4).unwrap()];
        read_all(&fds[0], &mut rgba);
        Image { width: width.try_into().unwrap(), height: height.try_into().unwrap(), rgba }
    }
}

fn read_all(fd: &OwnedFd, buffer: &mut [u8]) {
    let mut done = 0;
    while done < buffer.len() {
        let n = rustix::io::pread(fd, &mut buffer[done..], done as u64).unwrap();
        assert!(n > 0, "the picture is too short");
        done += n;
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        // If it panicked, the join below says so.
        let _ = self.remote.request(Request::Quit, Vec::new());
        let ended = self.thread.take().map(JoinHandle::join);
        if !std::thread::panicking() {
            ended.unwrap().expect("the compositor ended well");
        }
    }
}

/// A VM that the compositor knows.
pub(crate) struct Vm {
    pub(crate) id: VmId,
    _channel: OwnedFd,
}

/// A Wayland client.
pub(crate) struct Client {
    pub(crate) connection: Connection,
    pub(crate) queue: EventQueue<App>,
    pub(crate) app: App,
}

impl Client {
    pub(crate) fn new(socket: UnixStream) -> Self {
        let connection = Connection::from_socket(socket).unwrap();
        let queue = connection.new_event_queue();
        let app = App::new(&connection, &queue.handle());
        let mut client = Self { connection, queue, app };
        client.sync();
        client
    }

    /// Everything sent before has been answered.
    pub(crate) fn sync(&mut self) {
        self.queue.roundtrip(&mut self.app).unwrap();
    }

    /// Waits for what `wanted` looks for in the client's state.
    pub(crate) fn wait(&mut self, what: &str, wanted: impl Fn(&App) -> bool) {
        while !wanted(&self.app) {
            self.queue
                .blocking_dispatch(&mut self.app)
                .unwrap_or_else(|e| panic!("while waiting for {what}: {e}"));
        }
    }

    /// Whether the connection was ended by the compositor, and with which error code.
    #[expect(clippy::disallowed_methods, reason = "a client of its own")]
    pub(crate) fn ended(&mut self) -> Option<(u32, String)> {
        loop {
            match self.queue.roundtrip(&mut self.app) {
                // The error may come after the answer to this round trip, but then the next one fails.
                Ok(_) if self.connection.protocol_error().is_none() && self.app.rounds > 3 => return None,
                Ok(_) => self.app.rounds += 1,
                // An attack by sheer number fills the socket; the compositor has not read it yet.
                Err(DispatchError::Backend(WaylandError::Io(e))) if e.kind() == ErrorKind::WouldBlock => {
                    let connection = self.connection.as_fd();
                    let mut fds = [PollFd::new(&connection, PollFlags::OUT)];
                    poll(&mut fds, None).unwrap();
                }
                Err(_) => break,
            }
        }
        Some(self.connection.protocol_error().map_or((u32::MAX, String::new()), |e| {
            (e.code, format!("{}: {}", e.object_interface, e.message))
        }))
    }

    /// The keymap that a keyboard of this version of the seat is told of; empty if it is told of none.
    pub(crate) fn keymap(&mut self, version: u32) -> String {
        let (queue, registry) = (self.queue.handle(), self.app.registry.clone());
        let name = self.app.globals.iter().find(|(interface, ..)| interface == "wl_seat").unwrap().2;
        let seat: WlSeat = registry.bind(name, version, &queue, ());
        seat.get_keyboard(&queue, ());
        self.sync();
        let Some((fd, size)) = self.app.keymap.take() else { return String::new() };
        let mut text = vec![0; usize::try_from(size).unwrap()];
        std::fs::File::from(fd).read_exact_at(&mut text, 0).unwrap();
        String::from_utf8(text).unwrap()
    }

    /// A window of one colour, mapped and drawn.
    pub(crate) fn window(&mut self, width: i32, height: i32, colour: [u8; 3]) -> Window {
        // What other windows are told belongs to them.
        self.sync();
        let before = self.app.configures;
        let window = self.app.window(&self.queue.handle());
        window.surface.commit();
        self.wait("the first configure", |app| app.configures > before);
        self.app.draw(&self.queue.handle(), &window.surface, width, height, colour);
        self.sync();
        window
    }

    /// Attaches a buffer of one colour and commits.
    pub(crate) fn draw(
        &mut self,
        surface: &wayland_client::protocol::wl_surface::WlSurface,
        size: (i32, i32),
        colour: [u8; 3],
    ) {
        self.app.draw(&self.queue.handle(), surface, size.0, size.1, colour);
    }
}
