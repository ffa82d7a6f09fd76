// SPDX-License-Identifier: GPL-3.0-or-later
//! Helper reports: what a VM's gpu device tells its shepherd.
//!
//! In: packets of a `SOCK_SEQPACKET` pair. Out: readiness, counted faults and counters. The device
//! is exposed to its guest, so the shepherd believes these only about that one VM.

use serde::{Deserialize, Serialize};

/// Largest packet on this wire, in bytes.
pub const MAX_PACKET: usize = 4096;

/// From the shepherd.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ToDevice {
    /// Asks for [`FromDevice::Counters`].
    Counters,
}

/// From the device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FromDevice {
    /// Jailed and waiting for the VM.
    Ready,
    /// The guest broke a rule. Sent at most ten times a second; `count` says how often in total.
    Fault {
        /// Which parser or check refused: `virtio`, `resource`, `cross_domain`, `wayland`, `pipe`, `quota`.
        channel: String,
        /// Machine-readable kind.
        kind: String,
        /// Faults of this VM so far.
        count: u64,
    },
    /// Counters since the start.
    Counters(DeviceCounters),
}

/// What the device counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceCounters {
    /// Commands taken from the control queue.
    pub commands: u64,
    /// Notifications from the guest.
    pub kicks: u64,
    /// Interrupts sent.
    pub interrupts: u64,
    /// Contexts opened.
    pub contexts: u64,
    /// Bytes of Wayland messages to the compositor.
    pub bytes_to_compositor: u64,
    /// Bytes of Wayland messages to the guest.
    pub bytes_to_guest: u64,
    /// Bytes of pixels copied on the host: 0 by design, counted so that a test can say so.
    pub pixel_bytes_copied: u64,
    /// Bytes of the arena in use.
    pub arena_bytes: u64,
    /// Refused or fatal mistakes of the guest.
    pub faults: u64,
}
