// SPDX-License-Identifier: GPL-3.0-or-later
//! Round trips to apps: whoever waits for an app waits for its pong, and not for time to pass.
//!
//! In: calls of `Ping`, pongs, clients that end. Out: an answer once all clients of a VM that have windows
//! have answered or are gone. A client answers in the order in which it was told things, so by then it has
//! taken in whatever was sent before, and what it drew before its pong is here.

use super::ControlRoom;
use crate::state::State;
use cofferdam_control::desktop::Reply;
use cofferdam_ids::VmId;
use smithay::utils::SERIAL_COUNTER;
use smithay::wayland::shell::xdg::ShellClient;

/// A call that waits for pongs.
#[derive(Debug)]
pub(super) struct Ping {
    connection: u64,
    serial: u64,
    /// Those that have not answered.
    waits: Vec<ShellClient>,
}

impl State {
    /// Pings the clients of a VM that have windows.
    pub(super) fn ping_vm(&mut self, connection: u64, serial: u64, vm: &VmId) {
        let mut waits: Vec<ShellClient> = Vec::new();
        for entry in self.desk.windows.values().filter(|entry| entry.vm.as_ref() == Some(vm)) {
            let client = entry.toplevel.client();
            if !waits.contains(&client) {
                waits.push(client);
            }
        }
        // The pong of an earlier ping says nothing about what was sent after that one.
        if waits.iter().any(|client| self.control.pings.iter().any(|ping| ping.waits.contains(client))) {
            let why = format!("`{vm}` has not answered an earlier ping");
            self.control.send_answer(connection, serial, Err(why));
            return;
        }
        // One that is dead has nothing to say.
        waits.retain(|client| client.send_ping(SERIAL_COUNTER.next_serial()).is_ok());
        self.control.pings.push(Ping { connection, serial, waits });
    }
}

impl ControlRoom {
    /// A client has answered.
    pub(crate) fn ponged(&mut self, client: &ShellClient) {
        for ping in &mut self.pings {
            ping.waits.retain(|waits| waits != client);
        }
    }

    /// Answers the calls that have nobody to wait for any more.
    pub(crate) fn answer_pings(&mut self) {
        for ping in &mut self.pings {
            ping.waits.retain(ShellClient::alive);
        }
        for ping in self.pings.extract_if(.., |ping| ping.waits.is_empty()).collect::<Vec<_>>() {
            self.send_answer(ping.connection, ping.serial, Ok((Reply::Done, Vec::new())));
        }
    }
}
