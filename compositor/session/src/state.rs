// SPDX-License-Identifier: GPL-3.0-or-later
//! The compositor's state, in groups.
//!
//! In: events of clients, devices, control connections and timers, one at a time on one thread. Out:
//! nothing by itself; each group's module holds what can be done with it. There is no lock and no
//! sharing: everything that runs gets `&mut State`.

use crate::backend::Screens;
use crate::client::{ClientIdentity, Clients, Departure};
use crate::clock::Clock;
use crate::config::Config;
use crate::control::ControlRoom;
use crate::input::SeatRoom;
use crate::protocols::Globals;
use crate::protocols::Selections;
use crate::render::Painter;
use crate::shell::Desk;
use crate::trusted::Trusted;
use crate::vm::Vms;
use calloop::LoopHandle;
use cofferdam_control::desktop::Counters;
use std::os::unix::net::UnixStream;
use wayland_server::backend::ClientId;
use wayland_server::{Client, DisplayHandle};

/// Everything that the compositor knows.
#[derive(Debug)]
pub struct State {
    pub(crate) display: DisplayHandle,
    pub(crate) event_loop: LoopHandle<'static, State>,
    pub(crate) clock: Clock,
    pub(crate) config: Config,
    pub(crate) globals: Globals,
    pub(crate) selections: Selections,
    pub(crate) seat: SeatRoom,
    pub(crate) desk: Desk,
    pub(crate) vms: Vms,
    pub(crate) painter: Painter,
    pub(crate) screens: Screens,
    pub(crate) trusted: Trusted,
    pub(crate) control: ControlRoom,
    pub(crate) counters: Counters,
    pub(crate) clients: Clients,
}

impl State {
    /// Adds a connected socket as a Wayland client with this identity.
    ///
    /// # Errors
    /// If the socket can't be watched.
    pub fn add_client(&mut self, stream: UnixStream, identity: ClientIdentity) -> std::io::Result<Client> {
        let share = identity.vm().and_then(|vm| self.vms.get(vm)).map(|vm| vm.share.clone());
        self.clients.add(&mut self.display, stream, identity, share.unwrap_or_default())
    }

    /// Takes note of clients that ended since the last call, and names them.
    pub(crate) fn settle_departures(&mut self) -> Vec<ClientId> {
        let mut gone = Vec::new();
        for Departure { client, identity, error } in self.clients.departed() {
            self.vms.client_left(&client);
            if let Some((kind, detail)) = error {
                self.client_fault(&identity, kind, &detail);
            }
            gone.push(client);
        }
        gone
    }
}
