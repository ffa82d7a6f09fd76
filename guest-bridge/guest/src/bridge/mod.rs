// SPDX-License-Identifier: GPL-3.0-or-later
//! The Wayland relay. In: connections of apps. Out: the same conversations over one channel each to the
//! host, which sees only listed interfaces and pixels that were copied for it.
//!
//! One thread, one epoll loop, all clients. An app that breaks the protocol loses its own connection; the
//! others go on. The agent starts this process with its link as standard input and the listening socket as
//! standard output, as a user of its own that alone can open the GPU's node.

mod arena;
pub mod channel;
mod client;
mod damage;
pub mod drm;
mod fatal;
mod host;
mod ids;
mod keymap;
mod layout;
mod pipes;
mod pixels;
mod relay;
mod shadows;
mod shm;
mod surface;
pub mod sys;
mod to_app;
mod to_host;
mod token;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;

use cofferdam_agent_wire::{BridgeCounters, encode};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, SocketFlags, accept_with, recv, send};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::console;
use crate::reactor::{Interest, Reactor};
use channel::Channel;
use client::Client;
use fatal::Fatal;
use token::{Kind, Token};

/// Clients at one time; below what the device takes. More wait in the socket's queue.
const MAX_CLIENTS: usize = 30;
/// Keys stay below this, so that they fit into a token.
const MAX_KEY: u32 = 1 << 24;
/// Faults that get a line on the console; the rest is only counted, or an app could flood it.
const REPORTED_FAULTS: u64 = 64;

/// Runs the bridge on the descriptors that the agent passed, until the agent goes.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "its two descriptors come as standard streams")]
pub fn run() -> ExitCode {
    let descriptors = || -> io::Result<(OwnedFd, OwnedFd)> {
        Ok((io::stdin().as_fd().try_clone_to_owned()?, io::stdout().as_fd().try_clone_to_owned()?))
    };
    raise_descriptor_limit();
    let result =
        descriptors().and_then(|(control, listener)| serve(listener, control, drm::DrmChannel::open));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            console::line("bridge", format_args!("{e}"));
            ExitCode::FAILURE
        }
    }
}

/// Each pool of each app costs a descriptor. The agent has left room above what programs get.
fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    if let Err(e) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        console::line("bridge", format_args!("descriptor limit stays at {:?}: {e}", limit.current));
    }
}

/// Serves the apps that connect to `listener`, each over a channel that `open` makes, until the other end
/// of `control` (a sequenced-packet socket on which counters are asked for) is closed.
///
/// # Errors
/// Only of the event loop itself.
pub fn serve<C: Channel>(
    listener: OwnedFd,
    control: OwnedFd,
    open: impl FnMut() -> io::Result<C>,
) -> io::Result<()> {
    rustix::io::ioctl_fionbio(&listener, true)?;
    rustix::io::ioctl_fionbio(&control, true)?;
    let reactor = Reactor::new()?;
    reactor.add(&control, Token { key: 0, kind: Kind::Control }.pack(), Interest::READ)?;
    reactor.add(&listener, Token { key: 0, kind: Kind::Listener }.pack(), Interest::READ)?;
    let mut bridge = Bridge {
        reactor,
        listener,
        control,
        open,
        clients: BTreeMap::new(),
        next_key: 0,
        accepting: true,
        starved: false,
        counters: BridgeCounters::default(),
    };
    bridge.run()
}

struct Bridge<C, O> {
    reactor: Reactor,
    listener: OwnedFd,
    control: OwnedFd,
    open: O,
    clients: BTreeMap<u32, Client<C>>,
    next_key: u32,
    accepting: bool,
    /// The system had no room for a client; the next end of one may make some.
    starved: bool,
    counters: BridgeCounters,
}

impl<C: Channel, O: FnMut() -> io::Result<C>> Bridge<C, O> {
    fn run(&mut self) -> io::Result<()> {
        let mut ready = Vec::new();
        let mut touched = BTreeSet::new();
        loop {
            self.reactor.wait(&mut ready, None)?;
            touched.clear();
            for event in &ready {
                let Some(token) = Token::unpack(event.token) else { continue };
                match token.kind {
                    Kind::Control => {
                        if !self.answer()? {
                            return Ok(());
                        }
                    }
                    Kind::Listener => self.accept()?,
                    kind => {
                        let Some(client) = self.clients.get_mut(&token.key) else { continue };
                        match client.handle(kind, *event, &mut self.counters) {
                            Ok(()) => drop(touched.insert(token.key)),
                            Err(why) => self.end(token.key, &why),
                        }
                    }
                }
            }
            for key in &touched {
                let Some(client) = self.clients.get_mut(key) else { continue };
                if let Err(why) = client.settle(&self.reactor, &mut self.counters) {
                    self.end(*key, &why);
                }
            }
            self.watch_listener()?;
        }
    }

    /// Answers the agent; `false` once it has gone.
    fn answer(&self) -> io::Result<bool> {
        let mut question = [0u8; 16];
        match recv(&self.control, &mut question[..], RecvFlags::empty()) {
            Ok((_, 0)) => Ok(false),
            Ok(_) => {
                let answer = encode(&self.counters).map_err(io::Error::other)?;
                // An agent that does not read does not need the answer.
                let _ = send(&self.control, &answer, SendFlags::NOSIGNAL);
                Ok(true)
            }
            Err(Errno::AGAIN | Errno::INTR) => Ok(true),
            Err(e) => Err(e.into()),
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = match accept_with(&self.listener, flags) {
            Ok(socket) => socket,
            Err(Errno::AGAIN | Errno::INTR | Errno::CONNABORTED) => return Ok(()),
            Err(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) => {
                self.starved = !self.clients.is_empty();
                return Ok(());
            }
            Err(e) => return Err(e.into()),
        };
        let key = self.free_key();
        let client = (self.open)()
            .map_err(Fatal::from)
            .and_then(|channel| Client::new(key, socket, channel, &self.reactor));
        match client {
            Ok(client) => {
                self.clients.insert(key, client);
                self.counters.clients = self.counters.clients.saturating_add(1);
            }
            // The app sees its connection closed; others may fare better.
            Err(e) => console::line("bridge", format_args!("cannot serve a client: {e}")),
        }
        Ok(())
    }

    fn free_key(&mut self) -> u32 {
        while self.clients.contains_key(&self.next_key) {
            self.next_key = self.next_key.wrapping_add(1) % MAX_KEY;
        }
        let key = self.next_key;
        self.next_key = self.next_key.wrapping_add(1) % MAX_KEY;
        key
    }

    fn end(&mut self, key: u32, why: &Fatal) {
        let Some(client) = self.clients.remove(&key) else { return };
        self.starved = false;
        if why.is_fault() {
            self.counters.faults = self.counters.faults.saturating_add(1);
        }
        let quiet = matches!(why, Fatal::AppGone) || self.counters.faults > REPORTED_FAULTS;
        if !quiet {
            console::line("bridge", format_args!("client {key} ends: {why}"));
        }
        client.end(why, &mut self.counters);
    }

    /// Leaves new clients in the socket's queue while there is no room for them.
    fn watch_listener(&mut self) -> io::Result<()> {
        let room = self.clients.len() < MAX_CLIENTS && !self.starved;
        if room != self.accepting {
            let interest = Interest { read: room, write: false };
            self.reactor.set(&self.listener, Token { key: 0, kind: Kind::Listener }.pack(), interest)?;
            self.accepting = room;
        }
        Ok(())
    }
}
