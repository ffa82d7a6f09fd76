// SPDX-License-Identifier: GPL-3.0-or-later
//! The shepherd: carries out the life of one VM.
//!
//! In: a [`ShepherdSpec`], links from launchers, bytes of the guest's console and agent port, words
//! of its parts, ends of processes. Out: what [`cofferdam_lifecycle`] orders. Everything that can
//! wake the shepherd is an [`Input`] of one queue; one task owns all state and decides nothing itself.
//!
//! Absent on purpose: paths from the guest, and trust in anything it says beyond its own VM.

mod agent;
mod console;
mod counters;
mod helpers;
mod links;
mod main_loop;
mod names;
mod parts;
mod portal;
mod presence;
mod registry;
mod runs;
mod spec;

pub use main_loop::run;
pub use spec::{ShepherdSpec, TestNet};

use cofferdam_agent_wire::FromGuest;
use cofferdam_kit::part::FromPart;
use cofferdam_lifecycle::Part;
use cofferdam_monitor_wire::registry::Role;
use links::LinkId;
use std::os::fd::OwnedFd;

/// Why a shepherd could not begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShepherdError {
    /// The kernel refused.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// Why not.
        source: std::io::Error,
    },
    /// The socket for launchers could not be made.
    #[error("socket for launchers: {0}")]
    Socket(#[from] cofferdam_kit::transport::TransportError),
}

/// All that can wake a shepherd, apart from its deadline.
#[derive(Debug)]
pub(crate) enum Input {
    /// Something of the VM's life.
    Vm(cofferdam_lifecycle::Event),
    /// The guest's agent spoke.
    Guest(FromGuest),
    /// A part spoke.
    Part(&'static Part, FromPart),
    /// A launcher connected.
    NewLink(OwnedFd),
    /// A launcher asked.
    Call(LinkId, crate::link::Call, Vec<OwnedFd>),
    /// A launcher went away.
    LinkGone(LinkId),
    /// Bytes for a guest program's standard input; empty at its end.
    Stdin(u32, Vec<u8>, Option<tokio::sync::OwnedSemaphorePermit>),
    /// The receiver of a guest program's output does not take it.
    RunStuck(u32),
    /// Counters have had their time.
    CountersDue(u64),
    /// The permission monitor knows the VM: our ends of the sockets of its points. They replace earlier ones.
    Points {
        /// Each for its point.
        sockets: Vec<(Role, OwnedFd)>,
        /// The way to that monitor.
        registry: registry::Registry,
    },
    /// A point lost its socket to the permission monitor.
    PointLost(Role),
    /// Another socket for it.
    Point {
        /// For which point.
        role: Role,
        /// Our end.
        socket: OwnedFd,
    },
    /// It lost its socket once too often.
    PointGivenUp(Role),
    /// The permission monitor wants the app to open an address.
    OpenUri {
        /// Comes back in the answer.
        serial: u32,
        /// The address.
        uri: String,
    },
    /// The agent link: the monitor spoke, or work on a file is over.
    Portal(portal::PortalInput),
    /// How something of this computer is, the first time or because it is different now.
    Setting {
        /// What about it.
        name: &'static str,
        /// All there is to say.
        words: Vec<String>,
    },
}

/// Where inputs are put.
pub(crate) type Inbox = tokio::sync::mpsc::Sender<Input>;
