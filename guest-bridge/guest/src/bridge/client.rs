// SPDX-License-Identifier: GPL-3.0-or-later
//! One app's connection. In: readiness of its socket, its channel and its pipes. Out: everything that can be
//! passed on is, in both directions, with bounded memory in between.

use std::collections::{BTreeMap, VecDeque};
use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

use cofferdam_agent_wire::BridgeCounters;
use cofferdam_wayland_wire::{Limits, StreamDecoder};
use cofferdam_xdomain::Limits as ChannelLimits;
use cofferdam_xdomain::channel::{HostMessage, Identifier};
use rustix::io::Errno;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, recvmsg};

use super::channel::Channel;
use super::fatal::Fatal;
use super::pipes::{Need, Pipes};
use super::relay::{Context, Relay};
use super::token::{Kind, Token};
use crate::reactor::{Interest, Reactor, Ready};

/// Bytes read from the app at once.
const CHUNK: usize = 32 * 1024;
/// Reads of one client before another has its turn.
const READS_PER_TURN: usize = 4;
/// What the kernel passes in one message at most.
const MAX_FDS: usize = 253;

/// One app's connection.
pub(crate) struct Client<C> {
    key: u32,
    socket: OwnedFd,
    channel: C,
    relay: Relay,
    from_app: StreamDecoder<OwnedFd>,
    from_host: StreamDecoder<Identifier>,
    pipes: Pipes,
    /// While this is not readable, the host has not taken what was written to it last.
    pipe_fence: Option<OwnedFd>,
    /// What is watched beside the channel, and for what.
    watched: BTreeMap<Kind, (OwnedFd, Interest)>,
    message: Vec<u8>,
    /// What is read from the app goes here first.
    chunk: Vec<u8>,
}

impl<C: Channel> Client<C> {
    /// Takes a new connection and has it watched.
    pub(crate) fn new(key: u32, socket: OwnedFd, channel: C, reactor: &Reactor) -> Result<Self, Fatal> {
        reactor.add(channel.event_fd(), Token { key, kind: Kind::Channel }.pack(), Interest::READ)?;
        let mut client = Self {
            key,
            socket,
            channel,
            relay: Relay::new(),
            from_app: StreamDecoder::new(&Limits::DEFAULT),
            from_host: StreamDecoder::new(&Limits::DEFAULT),
            pipes: Pipes::new(),
            pipe_fence: None,
            watched: BTreeMap::new(),
            message: Vec::new(),
            chunk: vec![0; CHUNK],
        };
        client.channel.submit(&[], true)?;
        client.watch(reactor)?;
        Ok(client)
    }

    /// Handles one readiness.
    pub(crate) fn handle(
        &mut self,
        kind: Kind,
        ready: Ready,
        counters: &mut BridgeCounters,
    ) -> Result<(), Fatal> {
        match kind {
            Kind::App if ready.read && self.may_read() => self.read_app(counters),
            // A socket that is closed is always ready; nobody is left who could wait for the host.
            Kind::App if ready.hang_up => Err(Fatal::AppGone),
            Kind::Channel => Ok(self.channel.acknowledge()?),
            Kind::PipeFence => {
                self.pipe_fence = None;
                Ok(())
            }
            Kind::Pipe(id) if ready.write => {
                self.pipes.write(id);
                self.read_pipe(id)
            }
            Kind::Pipe(id) => self.read_pipe(id),
            Kind::App | Kind::Listener | Kind::Control => Ok(()),
        }
    }

    /// Passes on what can be passed on. To be called after each turn.
    pub(crate) fn settle(&mut self, reactor: &Reactor, counters: &mut BridgeCounters) -> Result<(), Fatal> {
        loop {
            let drained = self.drain_host(counters)?;
            self.relay.host.keep_pace()?;
            // The app first: it may be waiting for just this, while the host is told in the next moment.
            self.relay.to_app.flush(&self.socket).map_err(gone)?;
            self.submit(drained)?;
            self.tell_deserted()?;
            // If the app just made room, the host may go on at once: no event would tell us to.
            if drained || self.relay.to_app.is_full() || self.pipes.is_full() {
                break;
            }
        }
        self.watch(reactor)
    }

    /// Ends the connection, telling the app why if there is something to tell.
    pub(crate) fn end(mut self, why: &Fatal, counters: &mut BridgeCounters) {
        counters.arena_bytes = counters.arena_bytes.saturating_sub(self.relay.pixels.arena.total());
        if matches!(why, Fatal::AppGone) {
            // Its last words count: they may ask for something that outlives it.
            let _ = self.submit(false);
        }
        // Best effort: the app may be gone or not read.
        if self.relay.say_error(why).is_ok() {
            let _ = self.relay.to_app.flush(&self.socket);
        }
    }

    /// Whether the app may send more: the host keeps up with it, and it reads what it is told itself.
    fn may_read(&self) -> bool {
        !self.relay.host.is_behind() && !self.relay.to_app.is_full()
    }

    fn read_app(&mut self, counters: &mut BridgeCounters) -> Result<(), Fatal> {
        for _ in 0..READS_PER_TURN {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
            let mut control = RecvAncillaryBuffer::new(&mut space);
            let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
            let got =
                match recvmsg(&self.socket, &mut [IoSliceMut::new(&mut self.chunk)], &mut control, flags) {
                    Ok(got) => got,
                    Err(Errno::AGAIN | Errno::INTR) => return Ok(()),
                    Err(e) => return Err(gone(e)),
                };
            let mut fds = Vec::new();
            for message in control.drain() {
                if let RecvAncillaryMessage::ScmRights(list) = message {
                    fds.extend(list);
                }
            }
            if got.bytes == 0 {
                return Err(Fatal::AppGone);
            }
            if got.flags.contains(ReturnFlags::CTRUNC) {
                return Err(cofferdam_wayland_wire::StreamError::Fds(fds.len()).into());
            }
            self.from_app.push(self.chunk.get(..got.bytes).unwrap_or_default(), fds)?;
            self.take_requests(counters)?;
            if got.bytes < CHUNK || !self.may_read() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn take_requests(&mut self, counters: &mut BridgeCounters) -> Result<(), Fatal> {
        let Self { from_app, relay, channel, pipes, .. } = self;
        let mut cx = Context { channel, pipes, counters };
        while let Some((raw, fds)) = from_app.next()? {
            relay.request(&raw, fds, &mut cx)?;
        }
        Ok(())
    }

    /// Takes messages of the host while there is room for them; whether all were taken.
    fn drain_host(&mut self, counters: &mut BridgeCounters) -> Result<bool, Fatal> {
        loop {
            if self.relay.to_app.is_full() || self.pipes.is_full() {
                return Ok(false);
            }
            if !self.channel.next_message(&mut self.message)? {
                return Ok(true);
            }
            let (message, _) = HostMessage::decode(&self.message, &ChannelLimits::DEFAULT)
                .map_err(|e| Fatal::Host(e.to_string()))?;
            if message.is_closed() {
                // What it said before its end, usually why, is worth a try.
                let _ = self.relay.to_app.flush(&self.socket);
                return Err(Fatal::HostGone);
            }
            match message {
                HostMessage::Receive(transfer) => {
                    self.from_host
                        .push(transfer.data, transfer.ids.iter().copied())
                        .map_err(|e| Fatal::Host(e.to_string()))?;
                    let Self { from_host, relay, channel, pipes, .. } = self;
                    let mut cx = Context { channel, pipes, counters };
                    let wrong = |e: &dyn std::fmt::Display| Fatal::Host(e.to_string());
                    while let Some((raw, items)) = from_host.next().map_err(|e| wrong(&e))? {
                        let items: &mut VecDeque<Identifier> = items;
                        relay.event(&raw, items, &mut cx)?;
                    }
                }
                HostMessage::Read(pipe) => self.pipes.take_in(&pipe),
                _ => return Err(Fatal::Host("unknown message".to_owned())),
            }
        }
    }

    fn submit(&mut self, wake: bool) -> Result<(), Fatal> {
        let submissions = self.relay.host.out.take()?;
        let (last, others) = match submissions.split_last() {
            Some((last, others)) => (last.as_slice(), others),
            None => (&[][..], &[][..]),
        };
        for commands in others {
            self.channel.submit(commands, false)?;
        }
        self.channel.submit(last, wake)?;
        self.relay.pixels.arena.free_doomed(&mut self.channel);
        Ok(())
    }

    /// Tells the host which pipes nobody reads any more, after it has heard of them.
    fn tell_deserted(&mut self) -> Result<(), Fatal> {
        let mut commands = Vec::new();
        if self.pipes.tell_deserted(&mut commands)? {
            self.channel.submit(&commands, false)?;
        }
        Ok(())
    }

    fn read_pipe(&mut self, id: u32) -> Result<(), Fatal> {
        if self.pipe_fence.is_some() {
            return Ok(());
        }
        let mut commands = Vec::new();
        if self.pipes.read(id, &mut commands)? {
            self.pipe_fence = Some(self.channel.submit_fenced(&commands)?);
        }
        Ok(())
    }

    /// Makes the reactor watch exactly what is waited for.
    fn watch(&mut self, reactor: &Reactor) -> Result<(), Fatal> {
        let app = Interest { read: self.may_read(), write: !self.relay.to_app.is_empty() };
        let mut wanted = vec![(Kind::App, self.socket.as_fd(), app)];
        if !self.pipes.is_empty() {
            let fence = self.pipe_fence.is_some();
            wanted.extend(self.pipes.needs().filter_map(|(id, fd, need)| match need {
                Need::Write => Some((Kind::Pipe(id), fd, Interest { read: false, write: true })),
                Need::End => Some((Kind::Pipe(id), fd, Interest { read: false, write: false })),
                // A pipe that may not be read now must not be watched: its end would wake us for ever.
                Need::Read if fence => None,
                Need::Read => Some((Kind::Pipe(id), fd, Interest::READ)),
            }));
        }
        if let Some(fence) = &self.pipe_fence {
            wanted.push((Kind::PipeFence, fence.as_fd(), Interest::READ));
        }
        let gone: Vec<Kind> = self
            .watched
            .keys()
            .filter(|kind| !wanted.iter().any(|(wanted, ..)| wanted == *kind))
            .copied()
            .collect();
        for kind in gone {
            if let Some((fd, _)) = self.watched.remove(&kind) {
                reactor.remove(fd)?;
            }
        }
        for (kind, fd, interest) in wanted {
            let token = Token { key: self.key, kind }.pack();
            match self.watched.get_mut(&kind) {
                Some((_, old)) if *old == interest => {}
                Some((watched, old)) => {
                    reactor.set(&*watched, token, interest)?;
                    *old = interest;
                }
                None => {
                    // A descriptor of our own keeps the entry removable whatever becomes of the original.
                    let own = fd.try_clone_to_owned()?;
                    reactor.add(&own, token, interest)?;
                    self.watched.insert(kind, (own, interest));
                }
            }
        }
        Ok(())
    }
}

/// A socket that fails belongs to an app that has gone.
fn gone(error: Errno) -> Fatal {
    match error {
        Errno::PIPE | Errno::CONNRESET => Fatal::AppGone,
        other => other.into(),
    }
}
