// SPDX-License-Identifier: GPL-3.0-or-later
//! Sockets of the control server, and the trusted Wayland socket.
//!
//! In: connections. Out: calls, handed to [`super::calls`], and trusted Wayland clients.

use super::ControlRoom;
use super::{Connection, answer};
use crate::client::ClientIdentity;
use crate::compositor::Error;
use crate::state::State;
use calloop::generic::Generic;
use calloop::{Interest, Mode, PostAction};
use cofferdam_control::desktop::{Answer, Call, FromCompositor, MAX_PACKET, Reply, Request};
use cofferdam_kit::transport::{self, TransportError};
use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::rc::Rc;

/// Fds beside one call: a VM's channel and its icon.
const MAX_CALL_FDS: usize = 2;
/// Control connections at a time.
const MAX_CONNECTIONS: usize = 64;

impl State {
    pub(crate) fn open_sockets(&mut self) -> Result<(), Error> {
        if let Some(path) = self.config.control_socket.clone() {
            self.control.listen_control(&path)?;
        }
        if let Some(path) = self.config.trusted_socket.clone() {
            self.listen_trusted(&path)?;
        }
        Ok(())
    }

    fn listen_trusted(&mut self, path: &Path) -> Result<(), Error> {
        let name = path.display().to_string();
        let listener = UnixListener::bind(path).map_err(|e| Error::io(&name, e))?;
        listener.set_nonblocking(true).map_err(|e| Error::io(&name, e))?;
        self.event_loop
            .insert_source(Generic::new(listener, Interest::READ, Mode::Level), |_, listener, state| {
                match listener.accept() {
                    Ok((stream, _)) => {
                        if let Err(e) = state.add_client(stream, ClientIdentity::Trusted) {
                            tracing::warn!("trusted client refused: {e}");
                        }
                    }
                    Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {}
                    Err(e) => tracing::warn!("trusted client refused: {e}"),
                }
                Ok(PostAction::Continue)
            })
            .map_err(|e| Error::Loop(e.error))?;
        Ok(())
    }

    fn read_connection(&mut self, id: u64, socket: &OwnedFd) {
        match transport::recv::<Call>(socket, MAX_PACKET, MAX_CALL_FDS) {
            Ok(Some((call, fds))) => self.take_call(id, call, fds),
            Err(e) if e.would_block() => {}
            Ok(None) | Err(TransportError::Io(_)) => self.control.close_connection(id),
            Err(e) => {
                tracing::warn!("a control connection is closed: {e}");
                self.control.close_connection(id);
            }
        }
    }

    fn take_call(&mut self, id: u64, call: Call, fds: Vec<OwnedFd>) {
        let Call { serial, request } = call;
        let result = match request {
            Request::Sync => {
                self.control.syncs.push((id, serial));
                return;
            }
            Request::Ping { vm } => {
                self.ping_vm(id, serial, &vm);
                return;
            }
            Request::Subscribe => {
                if let Some(connection) = self.control.connections.get_mut(&id) {
                    connection.subscribed = true;
                }
                Ok((Reply::Done, Vec::new()))
            }
            request => answer(self, request, fds),
        };
        self.control.send_answer(id, serial, result);
    }

    /// Answers the `Sync` calls of this turn: clients have been dispatched, what is due is drawn now.
    pub(crate) fn answer_syncs(&mut self) {
        if self.control.syncs.is_empty() {
            return;
        }
        self.draw_all();
        for (id, serial) in std::mem::take(&mut self.control.syncs) {
            self.control.send_answer(id, serial, Ok((Reply::Done, Vec::new())));
        }
    }
}

impl ControlRoom {
    fn listen_control(&mut self, path: &Path) -> Result<(), Error> {
        let listener = transport::publish(path)
            .map_err(|error| Error::Socket { path: path.display().to_string(), error })?;
        self.event_loop
            .insert_source(Generic::new(listener, Interest::READ, Mode::Level), |_, listener, state| {
                match transport::accept(&**listener) {
                    Ok(socket) => state.control.add_connection(socket),
                    Err(e) if e.would_block() => {}
                    Err(e) => tracing::warn!("control connection refused: {e}"),
                }
                Ok(PostAction::Continue)
            })
            .map_err(|e| Error::Loop(e.error))?;
        Ok(())
    }

    fn add_connection(&mut self, socket: OwnedFd) {
        if self.connections.len() >= MAX_CONNECTIONS {
            tracing::warn!("more than {MAX_CONNECTIONS} control connections");
            return;
        }
        let socket = Rc::new(socket);
        let id = self.next_connection;
        self.next_connection = id.wrapping_add(1);
        match self.watch_connection(id, &socket, Interest::READ) {
            Ok(token) => {
                let connection = Connection {
                    socket,
                    token,
                    wants_room: false,
                    subscribed: false,
                    backlog: VecDeque::new(),
                };
                self.connections.insert(id, connection);
            }
            Err(e) => tracing::warn!("control connection refused: {e}"),
        }
    }

    fn watch_connection(
        &self,
        id: u64,
        socket: &Rc<OwnedFd>,
        interest: Interest,
    ) -> Result<calloop::RegistrationToken, calloop::Error> {
        self.event_loop
            .insert_source(
                Generic::new(socket.clone(), interest, Mode::Level),
                move |ready, socket, state| {
                    if ready.writable {
                        state.control.drain_backlog(id);
                    }
                    if ready.readable {
                        state.read_connection(id, &socket.clone());
                    }
                    state.control.calm_connection(id);
                    Ok(PostAction::Continue)
                },
            )
            .map_err(|e| e.error)
    }

    /// Asks to be woken when the socket has room again.
    pub(super) fn watch_for_room(&mut self, id: u64) {
        self.rewatch(id, true);
    }

    /// Stops asking for room once the backlog is written.
    fn calm_connection(&mut self, id: u64) {
        if self.connections.get(&id).is_some_and(|c| c.backlog.is_empty()) {
            self.rewatch(id, false);
        }
    }

    fn rewatch(&mut self, id: u64, wants_room: bool) {
        let Some(connection) = self.connections.get(&id) else { return };
        if connection.wants_room == wants_room {
            return;
        }
        let (socket, old) = (connection.socket.clone(), connection.token);
        self.event_loop.remove(old);
        let interest = if wants_room { Interest::BOTH } else { Interest::READ };
        match self.watch_connection(id, &socket, interest) {
            Ok(token) => {
                if let Some(connection) = self.connections.get_mut(&id) {
                    connection.token = token;
                    connection.wants_room = wants_room;
                }
            }
            Err(e) => {
                tracing::warn!("a control connection ends: {e}");
                self.connections.remove(&id);
            }
        }
    }

    pub(super) fn send_answer(
        &mut self,
        id: u64,
        serial: u64,
        result: Result<(Reply, Vec<OwnedFd>), String>,
    ) {
        let (result, fds) = match result {
            Ok((reply, fds)) => (Ok(reply), fds),
            Err(why) => (Err(why), Vec::new()),
        };
        self.send_to(id, FromCompositor::Answer(Answer { serial, result }), fds);
    }
}
