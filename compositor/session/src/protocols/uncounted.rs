// SPDX-License-Identifier: GPL-3.0-or-later
//! Objects that no [`guard`](super::guard) counts when they are made: registries, which Wayland's own library
//! answers, and offers, which the compositor makes for a client that has to end them.
//!
//! In: every connection, once in a while. Out: those that hoard are ended.

use crate::client::{ClientState, Clients};
use crate::protocols::guard::NO_MEMORY;
use cofferdam_admission::{Fault, Holding};
use smithay::reexports::wayland_server::protocol::wl_registry::WlRegistry;
use wayland_server::backend::protocol::ProtocolError;
use wayland_server::backend::{ClientId, DisconnectReason, Handle};
use wayland_server::{DisplayHandle, Resource};

/// Turns of the main loop between two looks.
const EVERY: u64 = 64;
/// Registries of a connection. They can't be ended, and graphics libraries ask for one at each question.
const MAX_REGISTRIES: usize = 4096;
/// Objects that were made for a connection and that it did not end.
const MAX_OFFERS: usize = 1024;
/// Ids of objects that the compositor makes begin here.
const FIRST_OF_OURS: u32 = 0xff00_0000;

impl Clients {
    /// Ends those with more registries or offers than anybody needs; looks at each once in a while.
    pub(crate) fn end_hoarders(&self, display: &DisplayHandle, turn: u64) {
        if !turn.is_multiple_of(EVERY) {
            return;
        }
        let handle = display.backend_handle();
        for (client, data) in self.iter() {
            if hoards(&handle, client) {
                end(&handle, client, data);
            }
        }
    }
}

fn hoards(handle: &Handle, client: &ClientId) -> bool {
    let (mut registries, mut offers) = (0_usize, 0_usize);
    let listed = handle.with_all_objects_for(client.clone(), |id| {
        let registry = id.interface().name == WlRegistry::interface().name;
        registries = registries.saturating_add(usize::from(registry));
        offers = offers.saturating_add(usize::from(id.protocol_id() >= FIRST_OF_OURS));
    });
    listed.is_ok() && (registries > MAX_REGISTRIES || offers > MAX_OFFERS)
}

fn end(handle: &Handle, client: &ClientId, data: &ClientState) {
    let fault = Fault::Quota(Holding::Object);
    data.note(fault);
    let message = fault.to_string();
    let error =
        ProtocolError { code: NO_MEMORY, object_id: 1, object_interface: "wl_display".into(), message };
    handle.kill_client(client.clone(), DisconnectReason::ProtocolError(error));
}
