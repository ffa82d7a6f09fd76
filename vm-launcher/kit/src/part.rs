// SPDX-License-Identifier: GPL-3.0-or-later
//! Between a VM's shepherd and the process of one of its devices: one socket each, the same words for all.
//!
//! In: packets of a `SOCK_SEQPACKET` pair. Out: readiness, counted faults and counters one way; point sockets and
//! settings the other. A device is exposed to its guest, so the shepherd believes it only about that one VM.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Largest packet on this wire, in bytes.
pub const MAX_PACKET: usize = 4096;

/// What a device counts, since its start, by name.
pub type Counters = BTreeMap<String, u64>;

/// From the shepherd.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ToPart {
    /// Asks for [`FromPart::Counters`].
    Counters,
    /// A socket to the permission monitor, in place of an earlier one. Fd: the socket.
    Point,
    /// How this computer is, the first time or because that has changed.
    Setting {
        /// What about it.
        name: String,
        /// All there is to say.
        words: Vec<String>,
    },
}

/// From the device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FromPart {
    /// Jailed and waiting for the machine.
    Ready,
    /// The guest broke a rule. Sent at most ten times a second; `count` says how often in total.
    Fault {
        /// Which parser or check refused, such as `virtio` or `wayland`.
        channel: String,
        /// Machine-readable kind.
        kind: String,
        /// Faults of this device so far.
        count: u64,
    },
    /// Counters since the start.
    Counters(Counters),
    /// How it is now, for the log.
    Notice {
        /// A few words.
        text: String,
    },
}
