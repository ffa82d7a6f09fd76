// SPDX-License-Identifier: GPL-3.0-or-later
//! The wire between the launcher and a VM's shepherd.
//!
//! In and out: JSON packets of a `SOCK_SEQPACKET` socket with fds beside them, spoken between our own
//! processes only. A shepherd says how its VM stands when a link opens and at every change.

use cofferdam_agent_wire::BridgeCounters;
use cofferdam_bus::launcher::GuestExit;
use cofferdam_ids::{AppId, Identity, Label, VmId};
use cofferdam_kit::part::Counters;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Largest packet, in bytes.
pub const MAX_PACKET: usize = 64 * 1024;
/// Most bytes of console in one answer; JSON escapes may double them.
pub const MAX_CONSOLE: usize = 24 * 1024;

/// What is kept of a VM even while it is off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VmRecord {
    /// Its id.
    pub vm: VmId,
    /// The app in it.
    pub app: AppId,
    /// Its name in chrome.
    pub name: Label,
    /// Its colour and pattern.
    pub identity: Identity,
}

/// How a VM stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VmStatus {
    /// Name of its state, as on D-Bus.
    pub state: String,
    /// Why it failed, or how its app ended.
    pub detail: String,
    /// Exit code of the app, if it ended by itself with one.
    pub exit_code: Option<i32>,
    /// The last lines of the console of a failed VM.
    pub console: Vec<String>,
    /// When the VM was started, in seconds since 1970.
    pub started: u64,
}

/// From the launcher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// Chosen by the caller, repeated in the answer.
    pub serial: u64,
    /// What is asked.
    pub request: Request,
}

/// What can be asked of a shepherd.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// End the VM; the second time, at once.
    Stop,
    /// The last lines of the console: [`Reply::Console`].
    Console {
        /// How many.
        lines: u32,
    },
    /// Run a program beside the app. Fds: standard input, output and error. [`Reply::Exit`] comes
    /// when it has ended.
    Run {
        /// Program and arguments.
        argv: Vec<String>,
    },
    /// [`Reply::Counters`].
    Counters,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Reply {
    /// Done, nothing to say.
    Done,
    /// Lines, oldest first.
    Console(Vec<String>),
    /// A program in the guest ended.
    Exit(GuestExit),
    /// Counters of those who answered.
    Counters(VmCounters),
}

/// Counters of a VM.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VmCounters {
    /// Of its parts, by name.
    pub parts: BTreeMap<String, Counters>,
    /// Of the guest's bridge, as it claims.
    pub bridge: Option<Bridge>,
}

/// [`BridgeCounters`] under names that JSON readers can rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bridge(pub BridgeCounters);

/// From a shepherd.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FromShepherd {
    /// What the VM is; the first packet of a link.
    Record(VmRecord),
    /// How it stands; the second packet, and again after every change.
    Status(VmStatus),
    /// The answer to a call.
    Answer {
        /// The call's serial.
        serial: u64,
        /// What came of it; the error is a sentence for a person.
        result: Result<Reply, String>,
    },
}
