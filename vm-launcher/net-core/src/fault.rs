// SPDX-License-Identifier: GPL-3.0-or-later
//! What a guest can do wrong on the wire.
//!
//! In: refusals of the parsers. Out: a counted value. None of them ends anything but the packet itself.

use std::collections::BTreeMap;

/// One mistake, or attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// A descriptor chain that is no frame.
    #[error("a descriptor chain is no frame")]
    Chain,
    /// Shorter than its headers say.
    #[error("a packet is cut off")]
    Truncated,
    /// A header that contradicts itself.
    #[error("a header is malformed")]
    Malformed,
    /// A sender that is not the guest.
    #[error("the sender's address is not the guest's")]
    Spoofed,
    /// Fragments that overlap, or make no packet.
    #[error("fragments do not make a packet")]
    Fragments,
    /// Something we do not speak.
    #[error("a protocol that is not spoken here")]
    Unspoken,
    /// More flows or questions at once than there may be.
    #[error("too much at once")]
    Flood,
    /// A name question that is none.
    #[error("a name question is malformed")]
    Dns,
    /// A TLS hello that is none.
    #[error("a TLS hello is malformed")]
    Hello,
}

/// How often each happened.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    counts: BTreeMap<Fault, u64>,
}

impl Faults {
    /// Counts one; true if it is worth a line in the log (the first, the second, the fourth, …).
    pub fn count(&mut self, fault: Fault) -> bool {
        let n = self.counts.entry(fault).or_default();
        *n = n.saturating_add(1);
        n.is_power_of_two()
    }

    /// How often it happened.
    #[must_use]
    pub fn of(&self, fault: Fault) -> u64 {
        self.counts.get(&fault).copied().unwrap_or(0)
    }

    /// How often anything happened.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.values().fold(0, |sum, n| sum.saturating_add(*n))
    }
}
