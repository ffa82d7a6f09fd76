// SPDX-License-Identifier: GPL-3.0-or-later
//! The device core with real descriptors around it: what a VM, a test and a benchmark all run.
//!
//! In: commands of a guest, readiness of sockets and pipes, time. Out: answers to the commands, bytes and
//! descriptors to the compositor, reports to the shepherd. One thread; nothing in here blocks.

mod arena;
mod client;
mod effects;
mod pipe;
mod poller;

pub use arena::Arena;
pub use poller::{Poller, Source};

use client::Client;
use cofferdam_device_kit::control::Control;
use cofferdam_device_kit::poller::{Ready, Waker};
use cofferdam_gpu_core::{Config, Device, FdKey, GuestRam, Input, Meter, Mono, PipeKey, Token};
use cofferdam_kit::part;
use pipe::Pipe;
use rustix::event::epoll::EventFlags;
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often one readiness reads before the others get their turn.
const READS: usize = 4;

/// An answered command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// Which command.
    pub token: Token,
    /// Header and payload; empty if there was no header to answer.
    pub response: Vec<u8>,
}

/// What the host wants of its surroundings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Map the arena into the VM, then call [`Shell::arena_mapped`].
    MapArena,
}

/// A device at work.
#[derive(Debug)]
pub struct Shell {
    device: Device,
    arena: Arena,
    poller: Poller,
    channel: OwnedFd,
    channel_name: Option<poller::Name>,
    reports: Option<Arc<Control>>,
    clients: BTreeMap<u32, Client>,
    pipes: BTreeMap<PipeKey, Pipe>,
    /// Descriptors from the compositor that the core has not decided about.
    fds: BTreeMap<FdKey, OwnedFd>,
    next_fd: u64,
    /// Where clients are read into, kept so that it is cleared once.
    buffer: Vec<u8>,
    start: Instant,
    /// Refused clients, which a guest can cause as often as it likes.
    refusals: Meter,
    completions: Vec<Completion>,
    wishes: Vec<Wish>,
    /// Counters that only the virtqueue side knows.
    pub queue: QueueCounters,
}

/// All that is counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Commands taken from the control queue.
    pub commands: u64,
    /// Notifications from the guest.
    pub kicks: u64,
    /// Interrupts sent.
    pub interrupts: u64,
    /// Contexts opened.
    pub contexts: u64,
    /// Bytes of Wayland messages to the compositor.
    pub bytes_to_compositor: u64,
    /// Bytes of Wayland messages to the guest.
    pub bytes_to_guest: u64,
    /// Bytes of pixels copied on the host: 0 by design, counted so that a test can say so.
    pub pixel_bytes_copied: u64,
    /// Bytes of the arena in use.
    pub arena_bytes: u64,
    /// Refused or fatal mistakes of the guest.
    pub faults: u64,
}

impl Counters {
    /// The same by name, for the shepherd.
    #[must_use]
    pub fn by_name(&self) -> part::Counters {
        let named = [
            ("commands", self.commands),
            ("kicks", self.kicks),
            ("interrupts", self.interrupts),
            ("contexts", self.contexts),
            ("bytes_to_compositor", self.bytes_to_compositor),
            ("bytes_to_guest", self.bytes_to_guest),
            ("pixel_bytes_copied", self.pixel_bytes_copied),
            ("arena_bytes", self.arena_bytes),
            ("faults", self.faults),
        ];
        named.map(|(name, value)| (name.to_owned(), value)).into()
    }
}

/// What the virtqueue side counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueCounters {
    /// Notifications from the guest.
    pub kicks: u64,
    /// Interrupts sent.
    pub interrupts: u64,
}

impl Shell {
    /// A device with its arena and its channel to the compositor; `reports` may be absent in tests.
    ///
    /// # Errors
    /// If the kernel refuses.
    #[expect(clippy::disallowed_methods, reason = "the core is told the time here")]
    pub fn new(config: Config, channel: OwnedFd, reports: Option<Arc<Control>>) -> Result<Self, Errno> {
        let arena = Arena::new(config.arena)?;
        let mut poller = Poller::new()?;
        rustix::io::ioctl_fionbio(&channel, true)?;
        let channel_name = Some(poller.add(channel.as_fd(), Source::Channel, EventFlags::IN)?);
        Ok(Self {
            device: Device::new(config),
            arena,
            poller,
            channel,
            channel_name,
            reports,
            clients: BTreeMap::new(),
            pipes: BTreeMap::new(),
            fds: BTreeMap::new(),
            next_fd: 0,
            buffer: Vec::new(),
            start: Instant::now(),
            refusals: Meter::default(),
            completions: Vec::new(),
            wishes: Vec::new(),
            queue: QueueCounters::default(),
        })
    }

    /// Watches a descriptor that wakes the loop for the surroundings' own reasons.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn watch_wake(&mut self, fd: BorrowedFd<'_>) -> Result<(), Errno> {
        self.poller.add(fd, Source::Wake, EventFlags::IN).map(|_name| ())
    }

    /// What wakes the loop from another thread; [`Self::turn`] says so then.
    #[must_use]
    pub const fn waker(&self) -> &Waker {
        self.poller.numbers.waker()
    }

    /// The arena.
    #[must_use]
    pub const fn arena(&self) -> &Arena {
        &self.arena
    }

    /// The device core, for tests that verify its invariants.
    #[must_use]
    pub const fn device(&self) -> &Device {
        &self.device
    }

    /// A command of the guest.
    pub fn command(&mut self, token: Token, bytes: &[u8], ram: &dyn GuestRam) {
        self.input(Input::Command { token, bytes }, ram);
    }

    /// Something in the queue that is not a request.
    pub fn malformed(&mut self, token: Token, header: &[u8], kind: &'static str, ram: &dyn GuestRam) {
        self.input(Input::Malformed { token, header, kind }, ram);
    }

    /// The machine's answer to [`Wish::MapArena`].
    pub fn arena_mapped(&mut self, ok: bool, ram: &dyn GuestRam) {
        self.input(Input::ArenaMapped(ok), ram);
    }

    /// The guest is gone, or starts anew: everything owed is answered.
    pub fn reset(&mut self, ram: &dyn GuestRam) {
        self.input(Input::Reset, ram);
    }

    /// The answers so far.
    pub fn take_completions(&mut self) -> Vec<Completion> {
        std::mem::take(&mut self.completions)
    }

    /// The wishes so far.
    pub fn take_wishes(&mut self) -> Vec<Wish> {
        std::mem::take(&mut self.wishes)
    }

    /// Descriptors held for clients, pipes and the compositor's unclaimed items; for leak tests.
    #[must_use]
    pub fn held_descriptors(&self) -> usize {
        self.clients.len().saturating_add(self.pipes.len()).saturating_add(self.fds.len())
    }

    /// All counters.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let core = self.device.counters();
        Counters {
            commands: core.commands,
            kicks: self.queue.kicks,
            interrupts: self.queue.interrupts,
            contexts: core.contexts,
            bytes_to_compositor: core.bytes_to_compositor,
            bytes_to_guest: core.bytes_to_guest,
            pixel_bytes_copied: 0,
            arena_bytes: self.device.arena_bytes(),
            faults: core.faults,
        }
    }

    /// Handles what is ready, waiting for at most `timeout`. Says whether a [`Source::Wake`] was among it.
    ///
    /// # Errors
    /// If the event loop itself fails.
    pub fn turn(&mut self, timeout: Option<Duration>, ram: &dyn GuestRam) -> Result<bool, Errno> {
        let mut woken = false;
        for (source, ready) in self.poller.wait(timeout)? {
            match source {
                Source::Client(ctx) => self.client_ready(ctx, ready, ram),
                Source::Pipe(key) => self.pipe_ready(key, ready, ram),
                Source::Channel => self.channel_ready(ram),
                Source::Wake => {
                    self.poller.numbers.acknowledge_wake();
                    woken = true;
                }
                Source::Timer => {
                    self.poller.numbers.acknowledge_timer();
                    self.input(Input::Timeout, ram);
                }
            }
        }
        let deadline = self.device.poll_timeout().map(|at| at.0);
        self.poller.numbers.arm(deadline, self.now().0)?;
        Ok(woken)
    }

    #[expect(clippy::disallowed_methods, reason = "the core is told the time here")]
    fn now(&self) -> Mono {
        Mono(self.start.elapsed())
    }

    fn client_ready(&mut self, ctx: u32, ready: Ready, ram: &dyn GuestRam) {
        if ready.is_writable() {
            let flushed = self.clients.get_mut(&ctx).map(|client| client.flush(self.arena.as_fd()));
            match flushed {
                Some(Ok(bytes)) => self.input(Input::ClientWrote { ctx, bytes }, ram),
                Some(Err(_)) => return self.client_lost(ctx, ram),
                None => return,
            }
        }
        if ready.is_readable() {
            self.read_client(ctx, ready.is_hung_up(), ram);
        }
        self.watch_client(ctx, ram);
    }

    fn read_client(&mut self, ctx: u32, hung_up: bool, ram: &dyn GuestRam) {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.resize(client::READ, 0);
        for _ in 0..READS {
            // The core may have said "enough" between two reads, or closed the client.
            let Some(client) = self.clients.get_mut(&ctx) else { break };
            if !client.is_reading() {
                if hung_up {
                    client.drop_queue();
                }
                break;
            }
            match client.receive(&mut buffer) {
                Err(Errno::AGAIN) => break,
                Ok((0, _)) | Err(_) => {
                    self.client_lost(ctx, ram);
                    break;
                }
                Ok((n, fds)) => {
                    let fds = self.adopt(fds);
                    let bytes = buffer.get(..n).unwrap_or_default();
                    self.input(Input::FromCompositor { ctx, bytes, fds: &fds }, ram);
                    // A short read has emptied the socket; if not, readiness comes again.
                    if n < buffer.len() && !hung_up {
                        break;
                    }
                }
            }
        }
        self.buffer = buffer;
    }

    fn client_lost(&mut self, ctx: u32, ram: &dyn GuestRam) {
        self.input(Input::ClientClosed { ctx }, ram);
    }

    fn watch_client(&mut self, ctx: u32, ram: &dyn GuestRam) {
        let watched = self.clients.get_mut(&ctx).map(|client| client.watch(ctx, &mut self.poller));
        if let Some(Err(error)) = watched {
            tracing::error!(ctx, "client cannot be watched: {error}");
            self.client_lost(ctx, ram);
        }
    }

    fn pipe_ready(&mut self, pipe: PipeKey, ready: Ready, ram: &dyn GuestRam) {
        if ready.is_writable() || (ready.is_hung_up() && !self.is_reader(pipe)) {
            match self.pipes.get_mut(&pipe).map(Pipe::flush) {
                Some(Ok(bytes)) => self.input(Input::PipeWrote { pipe, bytes }, ram),
                Some(Err(_)) => return self.input(Input::PipeClosed { pipe }, ram),
                None => return,
            }
        }
        if ready.is_readable() {
            for _ in 0..READS {
                let Some(end) = self.pipes.get(&pipe).filter(|end| end.is_reading()) else { break };
                match end.read() {
                    Ok(Some(bytes)) => self.input(Input::FromPipe { pipe, bytes: &bytes }, ram),
                    Err(Errno::AGAIN) => break,
                    Ok(None) | Err(_) => return self.input(Input::PipeClosed { pipe }, ram),
                }
            }
        }
        self.watch_pipe(pipe, ram);
    }

    fn is_reader(&self, pipe: PipeKey) -> bool {
        self.pipes.get(&pipe).is_some_and(Pipe::is_reading)
    }

    fn watch_pipe(&mut self, pipe: PipeKey, ram: &dyn GuestRam) {
        if let Some(Err(error)) = self.pipes.get_mut(&pipe).map(|end| end.watch(pipe, &mut self.poller)) {
            tracing::error!(?pipe, "pipe cannot be watched: {error}");
            self.input(Input::PipeClosed { pipe }, ram);
        }
    }

    /// The compositor never says anything on the channel, so readiness means that it is gone.
    fn channel_ready(&mut self, ram: &dyn GuestRam) {
        if let Some(name) = self.channel_name.take() {
            self.poller.remove(self.channel.as_fd(), name);
            tracing::warn!("the compositor is gone");
            self.input(Input::CompositorGone, ram);
        }
    }
}

/// The event loop's own descriptor: readable when [`Shell::turn`] has something to do.
impl AsRawFd for Shell {
    fn as_raw_fd(&self) -> RawFd {
        self.poller.numbers.as_raw_fd()
    }
}
