// SPDX-License-Identifier: GPL-3.0-or-later
//! Who a Wayland client is, and how it ends.
//!
//! In: the fd on which a client came (nothing that it says). Out: its identity, its quotas, and one
//! [`Departure`] when it is gone. Everything is per connection: no client can spend another's share.

use cofferdam_ids::VmId;
use smithay::wayland::compositor::CompositorClientState;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use wayland_server::Client;
use wayland_server::backend::{ClientData, ClientId, DisconnectReason};

/// Whom a connection belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientIdentity {
    /// A program inside this VM: hostile until proved otherwise, and it never is.
    Vm(VmId),
    /// A program of the desktop itself, or a test.
    Trusted,
}

impl ClientIdentity {
    /// The VM, if it is one.
    #[must_use]
    pub fn vm(&self) -> Option<&VmId> {
        match self {
            Self::Vm(vm) => Some(vm),
            Self::Trusted => None,
        }
    }
}

/// A client that is gone, and why.
#[derive(Debug)]
pub(crate) struct Departure {
    pub(crate) client: ClientId,
    pub(crate) identity: ClientIdentity,
    /// The protocol error that ended it, if one did.
    pub(crate) error: Option<String>,
}

/// Filled by the backend while it dispatches, emptied by the main loop after each turn.
pub(crate) type Departures = Arc<Mutex<Vec<Departure>>>;

/// What one connection may hold at a time. Generous for any real app, small for an attack.
#[derive(Debug, Default)]
pub(crate) struct Held {
    pub(crate) surfaces: AtomicU32,
    pub(crate) pools: AtomicU32,
    pub(crate) buffers: AtomicU32,
    pub(crate) regions: AtomicU32,
    pub(crate) callbacks: AtomicU32,
}

/// One more of something, unless that would be more than `limit`.
pub(crate) fn take(count: &AtomicU32, limit: u32) -> bool {
    count
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| (n < limit).then(|| n.saturating_add(1)))
        .is_ok()
}

/// `n` fewer of something.
pub(crate) fn give_back(count: &AtomicU32, n: u32) {
    // The closure never declines, so there is no error to look at.
    let _ = count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |c| Some(c.saturating_sub(n)));
}

const VM_GLOBALS: &[&str] = &[
    "wl_compositor",
    "wl_subcompositor",
    "wl_shm",
    "wl_seat",
    "wl_output",
    "xdg_wm_base",
    "zxdg_decoration_manager_v1",
    "wp_viewporter",
    "wp_fractional_scale_manager_v1",
    "wp_single_pixel_buffer_manager_v1",
    "wp_presentation",
    "wp_cursor_shape_manager_v1",
    "xdg_activation_v1",
    "zwp_relative_pointer_manager_v1",
    "zwp_pointer_constraints_v1",
    "zwp_text_input_manager_v3",
    "zwp_idle_inhibit_manager_v1",
    "zwp_primary_selection_device_manager_v1",
    "wl_data_device_manager",
];

/// Data of one connection.
#[derive(Debug)]
pub(crate) struct ClientState {
    pub(crate) identity: ClientIdentity,
    pub(crate) compositor: CompositorClientState,
    pub(crate) held: Held,
    departures: Departures,
}

impl ClientState {
    pub(crate) fn new(identity: ClientIdentity, departures: Departures) -> Self {
        Self { identity, compositor: CompositorClientState::default(), held: Held::default(), departures }
    }

    /// Whether this client may see and bind globals of this interface.
    pub(crate) fn may_bind(&self, interface: &str) -> bool {
        VM_GLOBALS.contains(&interface)
    }
}

impl ClientData for ClientState {
    fn disconnected(&self, client: ClientId, reason: DisconnectReason) {
        let error = match reason {
            DisconnectReason::ConnectionClosed => None,
            DisconnectReason::ProtocolError(error) => Some(error.to_string()),
        };
        let departure = Departure { client, identity: self.identity.clone(), error };
        if let Ok(mut list) = self.departures.lock() {
            list.push(departure);
        }
    }
}

/// The data of a connection. Every connection of ours has some, so `None` means "not ours": refuse.
pub(crate) fn data(client: &Client) -> Option<&ClientState> {
    client.get_data::<ClientState>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_count() {
        let n = AtomicU32::new(0);
        assert!(take(&n, 2) && take(&n, 2) && !take(&n, 2));
        give_back(&n, 1);
        assert!(take(&n, 2));
        give_back(&n, 9);
        assert_eq!(n.load(Ordering::Relaxed), 0);
    }
}
