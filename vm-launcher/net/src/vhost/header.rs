// SPDX-License-Identifier: GPL-3.0-or-later
//! What stands before each frame in a virtqueue, and what guest and gateway agreed on.
//!
//! In: feature bits, config reads. Out: headers of 12 bytes, a config space.

use cofferdam_net_core::plan::{GUEST_MAC, MTU};

/// Bytes of the header.
pub const HEADER: usize = 12;

/// Feature bits of virtio-net and virtio.
pub mod feature {
    /// The guest may leave checksums to us.
    pub const CSUM: u64 = 1 << 0;
    /// We may leave checksums to the guest.
    pub const GUEST_CSUM: u64 = 1 << 1;
    /// The config space has an MTU.
    pub const MTU: u64 = 1 << 3;
    /// The config space has an address.
    pub const MAC: u64 = 1 << 5;
    /// We may send large IPv4 segments.
    pub const GUEST_TSO4: u64 = 1 << 7;
    /// We may send large IPv6 segments.
    pub const GUEST_TSO6: u64 = 1 << 8;
    /// The guest may send large IPv4 segments.
    pub const HOST_TSO4: u64 = 1 << 11;
    /// The guest may send large IPv6 segments.
    pub const HOST_TSO6: u64 = 1 << 12;
    /// A frame to the guest may use several buffers.
    pub const MRG_RXBUF: u64 = 1 << 15;
    /// The config space has a link state.
    pub const STATUS: u64 = 1 << 16;
    /// Descriptors may point to tables of descriptors.
    pub const INDIRECT: u64 = 1 << 28;
    /// Both sides say when they want to be told.
    pub const EVENT_IDX: u64 = 1 << 29;
    /// Virtio 1.
    pub const VERSION_1: u64 = 1 << 32;

    /// All that we offer.
    pub const OFFERED: u64 = CSUM
        | GUEST_CSUM
        | MTU
        | MAC
        | GUEST_TSO4
        | GUEST_TSO6
        | HOST_TSO4
        | HOST_TSO6
        | MRG_RXBUF
        | STATUS
        | INDIRECT
        | EVENT_IDX
        | VERSION_1;
}

/// What the guest can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Abilities {
    /// Frames without checksums.
    pub checksum: bool,
    /// Large IPv4 segments.
    pub large4: bool,
    /// Large IPv6 segments.
    pub large6: bool,
    /// Frames in several buffers.
    pub merge: bool,
}

impl Abilities {
    /// From acknowledged features.
    #[must_use]
    pub fn new(features: u64) -> Self {
        let has = |bit: u64| features & bit != 0;
        let checksum = has(feature::GUEST_CSUM);
        Self {
            checksum,
            large4: checksum && has(feature::GUEST_TSO4),
            large6: checksum && has(feature::GUEST_TSO6),
            merge: has(feature::MRG_RXBUF),
        }
    }
}

/// What a frame leaves to the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Offload {
    /// Where the checksummed part begins and where in it the checksum is.
    pub checksum: Option<(u16, u16)>,
    /// The segment size of a large TCP segment, and whether it is IPv6.
    pub large: Option<(u16, bool)>,
    /// Bytes of all headers of a large segment.
    pub headers: u16,
}

impl Offload {
    /// The header before a frame that lies in `buffers` buffers.
    #[must_use]
    pub fn header(&self, buffers: u16) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        let (start, offset) = self.checksum.unwrap_or((0, 0));
        let (size, v6) = self.large.unwrap_or((0, false));
        let kind = match self.large {
            None => 0,
            Some(_) if v6 => 4,
            Some(_) => 1,
        };
        let words = [self.headers, size, start, offset, buffers];
        let (front, rest) = bytes.split_at_mut(2);
        front.copy_from_slice(&[u8::from(self.checksum.is_some()), kind]);
        for (field, word) in rest.chunks_exact_mut(2).zip(words) {
            field.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }
}

/// The config space.
#[must_use]
pub fn config_space(up: bool) -> [u8; 12] {
    let mut bytes = [0; 12];
    let (mac, rest) = bytes.split_at_mut(6);
    mac.copy_from_slice(&GUEST_MAC);
    let mtu = u16::try_from(MTU).unwrap_or(u16::MAX);
    for (field, word) in rest.chunks_exact_mut(2).zip([u16::from(up), 1, mtu]) {
        field.copy_from_slice(&word.to_le_bytes());
    }
    bytes
}
