// SPDX-License-Identifier: GPL-3.0-or-later
//! Carrying out what the core decided.
//!
//! In: [`Effect`]s in order. Out: system calls, and what they did as new [`Input`]s. Nothing is decided here:
//! a failed call is told to the core like any other event.

use super::client::{Client, SendFd};
use super::pipe::Pipe;
use super::{Completion, Shell, Wish};
use cofferdam_control::vm_channel;
use cofferdam_gpu_core::{Effect, FdKey, FdKind, GuestRam, Input, Outgoing, PipeKey};
use cofferdam_kit::transport;
use rustix::fs::{FileType, OFlags};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use rustix::pipe::PipeFlags;
use std::os::fd::{AsFd, OwnedFd};

impl Shell {
    /// Hands the core an input and carries out all that follows from it.
    pub(super) fn input(&mut self, input: Input<'_>, ram: &dyn GuestRam) {
        let now = self.now();
        self.device.handle(input, now, ram);
        while let Some(effect) = self.device.poll_effect() {
            if let Some(input) = self.carry_out(effect) {
                self.device.handle(input, now, ram);
            }
        }
    }

    /// Keeps descriptors for the core, under names and with what they are.
    pub(super) fn adopt(&mut self, fds: Vec<OwnedFd>) -> Vec<(FdKey, FdKind)> {
        let mut keys = Vec::with_capacity(fds.len());
        for fd in fds {
            let key = FdKey(self.next_fd);
            self.next_fd = self.next_fd.wrapping_add(1);
            keys.push((key, kind_of(&fd)));
            self.fds.insert(key, fd);
        }
        keys
    }

    fn carry_out(&mut self, effect: Effect) -> Option<Input<'static>> {
        match effect {
            Effect::Complete { token, response } => {
                self.completions.push(Completion { token, response });
                None
            }
            Effect::MapArena => {
                self.wishes.push(Wish::MapArena);
                None
            }
            Effect::OpenClient { ctx } => self.open_client(ctx),
            Effect::CloseClient { ctx } => {
                if let Some(client) = self.clients.remove(&ctx) {
                    client.close(&mut self.poller);
                }
                None
            }
            Effect::ToCompositor { ctx, bytes, fds } => self.send_to_compositor(ctx, bytes, fds),
            Effect::ReadClient { ctx, on } => {
                let client = self.clients.get_mut(&ctx)?;
                client.set_reading(on);
                client.watch(ctx, &mut self.poller).err().map(|_refused| Input::ClientClosed { ctx })
            }
            Effect::AdoptPipe { pipe, fd } => self.adopt_pipe(pipe, fd),
            Effect::ToPipe { pipe, bytes } => {
                let end = self.pipes.get_mut(&pipe)?;
                let written = end.write(bytes);
                let watched = end.watch(pipe, &mut self.poller);
                Some(match written.and_then(|n| watched.map(|()| n)) {
                    Ok(bytes) => Input::PipeWrote { pipe, bytes },
                    Err(_) => Input::PipeClosed { pipe },
                })
            }
            Effect::ReadPipe { pipe, on } => {
                let end = self.pipes.get_mut(&pipe)?;
                end.set_reading(on);
                end.watch(pipe, &mut self.poller).err().map(|_refused| Input::PipeClosed { pipe })
            }
            Effect::ClosePipe { pipe } => {
                if let Some(end) = self.pipes.remove(&pipe) {
                    end.close(&mut self.poller);
                }
                None
            }
            Effect::FillArena { fd, range } => {
                if let Some(file) = self.fds.remove(&fd)
                    && let Err(error) = self.arena.fill(file.as_fd(), range)
                {
                    tracing::error!("arena not filled: {error}");
                }
                None
            }
            Effect::CloseFd(fd) => {
                self.fds.remove(&fd);
                None
            }
            Effect::Punch(range) => {
                if let Err(error) = self.arena.punch(range) {
                    tracing::error!("arena range not freed: {error}");
                }
                None
            }
            Effect::Report { fault, total } => {
                tracing::info!(channel = fault.area.name(), kind = fault.kind, total, "guest fault");
                if let Some(reports) = &self.reports {
                    reports.fault(fault.area.name(), fault.kind, total);
                }
                None
            }
            Effect::Trouble { kind, total } => {
                tracing::warn!(kind, total, "the compositor's events are not understood");
                None
            }
        }
    }

    /// Makes a socket pair and hands the compositor its end. No path, no `connect`.
    fn open_client(&mut self, ctx: u32) -> Option<Input<'static>> {
        match self.try_open_client(ctx) {
            Ok(()) => None,
            Err(error) => {
                if self.refusals.count(self.now()) {
                    tracing::warn!(ctx, total = self.refusals.total(), "no client opened: {error}");
                }
                Some(Input::ClientClosed { ctx })
            }
        }
    }

    fn try_open_client(&mut self, ctx: u32) -> Result<(), transport::TransportError> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let (ours, theirs) = rustix::net::socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        let message = vm_channel::FromDevice::NewClient { ctx_id: ctx };
        transport::send(&self.channel, &message, &[theirs.as_fd()], vm_channel::MAX_PACKET)?;
        let mut client = Client::new(ours);
        client.watch(ctx, &mut self.poller)?;
        self.clients.insert(ctx, client);
        Ok(())
    }

    fn send_to_compositor(&mut self, ctx: u32, bytes: Vec<u8>, fds: Vec<Outgoing>) -> Option<Input<'static>> {
        let mut send = Vec::with_capacity(fds.len());
        for fd in fds {
            match fd {
                Outgoing::Arena => send.push(SendFd::Arena),
                Outgoing::NewPipe(pipe) => match self.new_pipe(pipe) {
                    Ok(fd) => send.push(SendFd::Owned(fd)),
                    Err(_) => return Some(Input::ClientClosed { ctx }),
                },
            }
        }
        let client = self.clients.get_mut(&ctx)?;
        let sent = client.send(bytes, send, self.arena.as_fd());
        let watched = client.watch(ctx, &mut self.poller);
        Some(match sent.and_then(|n| watched.map(|()| n)) {
            Ok(bytes) => Input::ClientWrote { ctx, bytes },
            Err(_) => Input::ClientClosed { ctx },
        })
    }

    /// A pipe whose reading end is ours; the writing end goes to the compositor.
    fn new_pipe(&mut self, key: PipeKey) -> Result<OwnedFd, Errno> {
        let (reader, writer) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        // Whoever writes into it expects an ordinary pipe; only our own end must never block.
        let flags = rustix::fs::fcntl_getfl(&writer)?;
        rustix::fs::fcntl_setfl(&writer, flags - OFlags::NONBLOCK)?;
        self.keep_pipe(key, Pipe::reader(reader))?;
        Ok(writer)
    }

    fn adopt_pipe(&mut self, pipe: PipeKey, fd: FdKey) -> Option<Input<'static>> {
        let fd = self.fds.remove(&fd)?;
        let kept = Pipe::writer(fd).and_then(|end| self.keep_pipe(pipe, end));
        kept.err().map(|_refused| Input::PipeClosed { pipe })
    }

    fn keep_pipe(&mut self, key: PipeKey, mut end: Pipe) -> Result<(), Errno> {
        end.watch(key, &mut self.poller)?;
        if let Some(old) = self.pipes.insert(key, end) {
            old.close(&mut self.poller);
        }
        Ok(())
    }
}

/// What a descriptor from the compositor is. Its file is never read here.
fn kind_of(fd: &OwnedFd) -> FdKind {
    let Ok(stat) = rustix::fs::fstat(fd) else { return FdKind::Other };
    let writable = || rustix::fs::fcntl_getfl(fd).is_ok_and(|flags| flags & OFlags::RWMODE != OFlags::RDONLY);
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => u64::try_from(stat.st_size).map_or(FdKind::Other, FdKind::Memory),
        FileType::Fifo | FileType::Socket if writable() => FdKind::Pipe,
        _ => FdKind::Other,
    }
}
