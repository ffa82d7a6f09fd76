// SPDX-License-Identifier: GPL-3.0-or-later
//! The VM channel: how a gpu device opens Wayland clients in the compositor without any path.
//!
//! In: `SOCK_SEQPACKET` packets from one VM's gpu device, each with exactly one fd. Out: new
//! Wayland clients that belong to that VM. Identity is the channel, nothing in the packet.

use serde::{Deserialize, Serialize};

/// Largest packet on this wire, in bytes.
pub const MAX_PACKET: usize = 256;

/// A packet from the gpu device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FromDevice {
    /// The fd beside this packet is a connected stream socket that speaks Wayland.
    NewClient {
        /// The guest's context, for logs only.
        ctx_id: u32,
    },
}
