// SPDX-License-Identifier: GPL-3.0-or-later
//! Why one client's connection ends. In: faults of the app, of the host, of the VM. Out: what the app is told.

use std::io;

use cofferdam_wayland_wire::protocol::wl_display;
use cofferdam_wayland_wire::{EncodeError, Fault, FaultKind, ObjectId, StreamError, WireError};

use super::shm::ShmError;

/// The end of a client.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fatal {
    /// The app sent something that is no valid request.
    #[error("{0}")]
    Request(#[from] Fault),
    /// The app's bytes are no messages.
    #[error("{0}")]
    Wire(#[from] WireError),
    /// The app sent more than it may have waiting.
    #[error("{0}")]
    Stream(#[from] StreamError),
    /// The app used an object in a way that cannot be passed on.
    #[error("object {object}: {kind}")]
    App {
        /// Which.
        object: ObjectId,
        /// How.
        kind: FaultKind,
    },
    /// The app misused its shared memory.
    #[error("object {object}: {error}")]
    Shm {
        /// The `wl_shm` or pool.
        object: ObjectId,
        /// How.
        error: ShmError,
    },
    /// There is no memory for its pixels.
    #[error("no memory for pixels is left")]
    NoMemory,
    /// The app closed its connection.
    #[error("the app has gone")]
    AppGone,
    /// The host closed the client.
    #[error("the host has closed the connection")]
    HostGone,
    /// The host sent something that cannot be.
    #[error("the host is not understood: {0}")]
    Host(String),
    /// The device or the socket failed.
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl From<EncodeError> for Fatal {
    fn from(error: EncodeError) -> Self {
        // A message that was valid with one id is valid with another: only our own mistake leads here.
        Self::Io(io::Error::other(error))
    }
}

impl From<cofferdam_xdomain::EncodeError> for Fatal {
    fn from(error: cofferdam_xdomain::EncodeError) -> Self {
        Self::Io(io::Error::other(error))
    }
}

impl From<rustix::io::Errno> for Fatal {
    fn from(error: rustix::io::Errno) -> Self {
        Self::Io(error.into())
    }
}

impl Fatal {
    /// Whether the app broke the protocol.
    pub(crate) const fn is_fault(&self) -> bool {
        matches!(
            self,
            Self::Request(_) | Self::Wire(_) | Self::Stream(_) | Self::App { .. } | Self::Shm { .. }
        )
    }

    /// Object and code of the `wl_display.error` that the app gets, if any.
    pub(crate) fn display_error(&self) -> Option<(ObjectId, u32)> {
        use wl_display::error::{IMPLEMENTATION, INVALID_METHOD, INVALID_OBJECT, NO_MEMORY};
        match self {
            Self::Request(fault) => {
                Some((ObjectId::new(fault.sender).unwrap_or(ObjectId::DISPLAY), fault.display_error()))
            }
            Self::Wire(_) | Self::Stream(_) => Some((ObjectId::DISPLAY, INVALID_METHOD)),
            Self::App { object, kind: FaultKind::TooMany } => Some((*object, NO_MEMORY)),
            Self::App { object, .. } => Some((*object, INVALID_OBJECT)),
            Self::Shm { object, error } => Some((*object, error.code)),
            Self::NoMemory => Some((ObjectId::DISPLAY, NO_MEMORY)),
            Self::Io(_) => Some((ObjectId::DISPLAY, IMPLEMENTATION)),
            Self::AppGone | Self::HostGone | Self::Host(_) => None,
        }
    }
}
