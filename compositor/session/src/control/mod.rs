// SPDX-License-Identifier: GPL-3.0-or-later
//! The desktop control server.
//!
//! In: calls of the launcher, `coffer` and the scenario runner, all of our own uid. Out: one answer
//! each, and events to those who subscribed. The same calls can be made in-process through
//! [`crate::Remote::request`].

mod calls;
mod pings;
mod server;

use calloop::{LoopHandle, RegistrationToken};
pub(crate) use calls::answer;
use cofferdam_control::desktop::{Event, FromCompositor, MAX_PACKET};
use cofferdam_kit::transport;
use std::collections::{BTreeMap, VecDeque};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::rc::Rc;

use crate::state::State;

/// Packets that wait for a connection which does not read, before it is closed.
const MAX_BACKLOG: usize = 1024;

/// One control connection.
#[derive(Debug)]
struct Connection {
    socket: Rc<OwnedFd>,
    token: RegistrationToken,
    /// Woken when the socket has room, beside when it has a packet.
    wants_room: bool,
    subscribed: bool,
    /// Packets that did not fit into the socket yet.
    backlog: VecDeque<(FromCompositor, Vec<OwnedFd>)>,
}

/// The server's state.
#[derive(Debug)]
pub(crate) struct ControlRoom {
    event_loop: LoopHandle<'static, State>,
    connections: BTreeMap<u64, Connection>,
    next_connection: u64,
    /// Calls of `Sync` that wait for the end of the turn: connection and serial.
    syncs: Vec<(u64, u64)>,
    pings: Vec<pings::Ping>,
    pub(crate) quit: bool,
}

impl ControlRoom {
    pub(crate) fn new(event_loop: LoopHandle<'static, State>) -> Self {
        Self {
            event_loop,
            connections: BTreeMap::new(),
            next_connection: 0,
            syncs: Vec::new(),
            pings: Vec::new(),
            quit: false,
        }
    }

    /// Sends an event to all who subscribed.
    pub(crate) fn announce(&mut self, event: Event) {
        let listeners: Vec<u64> =
            self.connections.iter().filter(|(_, c)| c.subscribed).map(|(id, _)| *id).collect();
        for id in listeners {
            self.send_to(id, FromCompositor::Event(Box::new(event.clone())), Vec::new());
        }
    }

    /// Queues a packet for a connection and writes what fits.
    fn send_to(&mut self, id: u64, packet: FromCompositor, fds: Vec<OwnedFd>) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.backlog.push_back((packet, fds));
        }
        self.drain_backlog(id);
    }

    fn drain_backlog(&mut self, id: u64) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        while let Some((packet, fds)) = connection.backlog.front() {
            let fds: Vec<BorrowedFd<'_>> = fds.iter().map(std::os::fd::AsFd::as_fd).collect();
            match transport::send(&*connection.socket, packet, &fds, MAX_PACKET) {
                Ok(()) => {
                    connection.backlog.pop_front();
                }
                Err(e) if e.would_block() && connection.backlog.len() <= MAX_BACKLOG => {
                    self.watch_for_room(id);
                    return;
                }
                Err(e) => {
                    tracing::info!("a control connection ends: {e}");
                    self.close_connection(id);
                    return;
                }
            }
        }
    }

    fn close_connection(&mut self, id: u64) {
        if let Some(connection) = self.connections.remove(&id) {
            self.event_loop.remove(connection.token);
        }
    }
}
