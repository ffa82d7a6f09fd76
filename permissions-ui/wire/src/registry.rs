// SPDX-License-Identifier: GPL-3.0-or-later
//! The wire on which shepherds make their VMs known: `RUNTIME/monitor.sock`, same user only.
//!
//! A VM is registered by its shepherd, which holds the socket for as long as the VM lives: its close is
//! the end of the run. Beside [`ToMonitor::Register`] come the monitor's ends of the VM's point sockets.

use cofferdam_ids::{AppId, Identity, Label, VmId};
use serde::{Deserialize, Serialize};

/// From a shepherd.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToMonitor {
    /// This VM lives. Fds: the monitor's end of the net gateway's point socket, then that of the agent
    /// link's. Sent again, with new sockets, to a monitor that was restarted.
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
        /// The same for the whole life of the VM's processes, larger than any earlier run's:
        /// milliseconds since the epoch at its start.
        run: u64,
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
    Registered,
    /// Have the app in this VM open an address.
    Open {
        /// Comes back.
        serial: u32,
        /// The address.
        uri: String,
    },
}
