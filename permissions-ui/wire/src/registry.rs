// SPDX-License-Identifier: GPL-3.0-or-later
//! The wire on which shepherds make their VMs known: `RUNTIME/monitor.sock`, same user only.
//!
//! A VM is registered by its shepherd, which holds the socket for as long as the VM lives: its close is
//! the end of the run. Beside [`ToMonitor::Register`] come the monitor's ends of the VM's point sockets.
//!
//! A point that breaks its wire, or is late with a cut, loses its socket. The monitor says so
//! ([`FromMonitor::Lost`]), and the shepherd brings another one ([`ToMonitor::Point`]), a few times.

use cofferdam_ids::{AppId, Identity, Label, VmId};
use serde::{Deserialize, Serialize};

/// Which point of a VM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role {
    /// The network gateway.
    Network,
    /// The agent link: portals.
    Agent,
}

impl Role {
    /// All that there can be.
    pub const ALL: [Self; 2] = [Self::Network, Self::Agent];

    /// By which it is known outside of this wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Agent => "agent",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// From a shepherd.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToMonitor {
    /// This VM lives. Fds: the monitor's end of each point's socket, in the order of `points`. Sent again, with
    /// new sockets, to a monitor that was restarted.
    Register {
        /// The VM.
        vm: VmId,
        /// Its app.
        app: AppId,
        /// Its name in chrome.
        name: Label,
        /// Its colour and pattern.
        identity: Identity,
        /// Whose child it is.
        parent: Option<VmId>,
        /// None for a VM that has just been started: the monitor numbers its run. Later the number that an
        /// earlier monitor gave it.
        run: Option<u64>,
        /// The points that it has, each once.
        points: Vec<Role>,
    },
    /// Another socket for a point that has none any more. Fd: the monitor's end.
    Point {
        /// Which.
        role: Role,
    },
    /// An address that the person chose to open in this VM was handed to its agent.
    Opened {
        /// The serial of [`FromMonitor::Open`].
        serial: u32,
        /// Whether the agent took it.
        ok: bool,
    },
}

/// To a shepherd.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromMonitor {
    /// The VM is known; questions are heard from now on.
    Registered {
        /// The number of its run, larger than that of any earlier run of it.
        run: u64,
    },
    /// A point of the VM has no socket any more, through whoever's fault; it is denied everything.
    Lost {
        /// Which.
        role: Role,
    },
    /// Have the app in this VM open an address.
    Open {
        /// Comes back.
        serial: u32,
        /// The address.
        uri: String,
    },
}
