// SPDX-License-Identifier: GPL-3.0-or-later
//! Who a Wayland client is, and how it ends.
//!
//! In: the fd on which a client came (nothing that it says). Out: its identity, what it holds, and one
//! [`Departure`] when it is gone.

pub use cofferdam_admission::ClientIdentity;
use cofferdam_admission::{Fault, Holding, Share, globals};
use smithay::reexports::wayland_server::protocol::wl_surface::WlSurface;
use smithay::wayland::compositor::CompositorClientState;
use std::collections::HashMap;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};
use wayland_server::backend::{ClientData, ClientId, DisconnectReason};
use wayland_server::{Client, DisplayHandle, Resource};

/// A client that is gone, and why.
#[derive(Debug)]
pub(crate) struct Departure {
    pub(crate) client: ClientId,
    pub(crate) identity: ClientIdentity,
    /// The mistake that ended it, if one did: its machine-readable kind and its words.
    pub(crate) error: Option<(&'static str, String)>,
}

/// All connections.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    /// Until the last of its objects is gone.
    known: HashMap<ClientId, Arc<ClientState>>,
    departures: Departures,
}

impl Clients {
    /// Adds a connected socket as a client with this identity, which holds things on this share.
    pub(crate) fn add(
        &mut self,
        display: &mut DisplayHandle,
        stream: UnixStream,
        identity: ClientIdentity,
        share: Arc<Share>,
    ) -> std::io::Result<Client> {
        let data = Arc::new(ClientState::new(identity, share, self.departures.clone()));
        let client = display.insert_client(stream, data.clone())?;
        self.known.insert(client.id(), data);
        Ok(client)
    }

    /// Those that are there, or whose objects are.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&ClientId, &ClientState)> {
        self.known.iter().map(|(id, data)| (id, &**data))
    }

    pub(crate) fn get(&self, client: &ClientId) -> Option<&ClientState> {
        self.known.get(client).map(|data| &**data)
    }

    /// Clients that ended since the last call.
    pub(crate) fn departed(&self) -> Vec<Departure> {
        std::mem::take(&mut *self.departures.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The objects of a client are gone, too.
    pub(crate) fn forget(&mut self, client: &ClientId) {
        self.known.remove(client);
    }
}

/// The identity behind a surface.
pub(crate) fn identity_of(surface: &WlSurface) -> Option<ClientIdentity> {
    let client = surface.client()?;
    data(&client).map(|data| data.identity.clone())
}

/// Filled by the backend while it dispatches, emptied by the main loop after each turn.
type Departures = Arc<Mutex<Vec<Departure>>>;

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
