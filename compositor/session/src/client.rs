// SPDX-License-Identifier: GPL-3.0-or-later
//! Who a Wayland client is, and how it ends.
//!
//! In: the fd on which a client came (nothing that it says). Out: its identity, what it holds, and one
//! [`Departure`] when it is gone.

pub use cofferdam_admission::ClientIdentity;
use cofferdam_admission::{Fault, Holding, Share, globals};
use smithay::wayland::compositor::CompositorClientState;
use std::sync::{Arc, Mutex, PoisonError};
use wayland_server::Client;
use wayland_server::backend::{ClientData, ClientId, DisconnectReason};

/// A client that is gone, and why.
#[derive(Debug)]
pub(crate) struct Departure {
    pub(crate) client: ClientId,
    pub(crate) identity: ClientIdentity,
    /// The mistake that ended it, if one did: its machine-readable kind and its words.
    pub(crate) error: Option<(&'static str, String)>,
}

/// Filled by the backend while it dispatches, emptied by the main loop after each turn.
pub(crate) type Departures = Arc<Mutex<Vec<Departure>>>;

/// What smithay or the backend found, as opposed to our own checks.
const PROTOCOL_ERROR: &str = "protocol_error";

/// Data of one connection.
#[derive(Debug)]
pub(crate) struct ClientState {
    pub(crate) identity: ClientIdentity,
    pub(crate) compositor: CompositorClientState,
    /// Shared by all connections of a VM.
    share: Arc<Share>,
    /// What is never given back while the connection lasts, and what each may have a few of.
    own: Share,
    /// The fault for which it is being ended.
    fault: Mutex<Option<Fault>>,
    departures: Departures,
}

impl ClientState {
    pub(crate) fn new(identity: ClientIdentity, share: Arc<Share>, departures: Departures) -> Self {
        Self {
            identity,
            compositor: CompositorClientState::default(),
            share,
            own: Share::default(),
            fault: Mutex::new(None),
            departures,
        }
    }

    /// Whether this client may see and bind globals of this interface.
    pub(crate) fn may_bind(&self, interface: &str) -> bool {
        globals::version(&self.identity, interface).is_some()
    }

    /// Where something is counted.
    pub(crate) fn counter(&self, what: Holding) -> &Share {
        match what {
            Holding::Binding | Holding::DataDevice | Holding::InputDevice => &self.own,
            _ => &self.share,
        }
    }

    /// What all connections of its VM hold together.
    pub(crate) fn share(&self) -> Arc<Share> {
        self.share.clone()
    }

    /// Notes why it is about to be ended.
    pub(crate) fn note(&self, fault: Fault) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault);
    }
}

impl ClientData for ClientState {
    fn disconnected(&self, client: ClientId, reason: DisconnectReason) {
        let fault = *self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        let kind = fault.map_or(PROTOCOL_ERROR, Fault::kind);
        let error = match reason {
            DisconnectReason::ConnectionClosed => None,
            DisconnectReason::ProtocolError(error) => Some((kind, error.to_string())),
        };
        let departure = Departure { client, identity: self.identity.clone(), error };
        self.departures.lock().unwrap_or_else(PoisonError::into_inner).push(departure);
    }
}

/// The data of a connection. Every connection of ours has some, so `None` means "not ours": refuse.
pub(crate) fn data(client: &Client) -> Option<&ClientState> {
    client.get_data::<ClientState>()
}
