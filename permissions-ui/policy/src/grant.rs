// SPDX-License-Identifier: GPL-3.0-or-later
//! Grants: what a person or an administrator said, about whom, about what, for how long.

use crate::{Author, Key, Millis};
use cofferdam_ids::VmId;
use serde::{Deserialize, Serialize};

/// A grant's number: never used twice in a ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GrantId(pub u64);

/// Yes or no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The subject may.
    Allow,
    /// The subject may not, and is not asked about again. Wins over every allow.
    Deny,
}

/// How long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lifetime {
    /// For one use: the first request that it allows uses it up.
    Once,
    /// Until this run of the VM ends.
    Run(u64),
    /// Until this time, that moment not included.
    Until(Millis),
    /// Until revoked, or unused for 90 days.
    Standing,
}

/// One grant.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// Its number.
    pub id: GrantId,
    /// The VM it speaks about.
    pub vm: VmId,
    /// What it covers.
    pub key: Key,
    /// Yes or no.
    pub effect: Effect,
    /// How long.
    pub lifetime: Lifetime,
    /// Who said so.
    pub author: Author,
    /// When.
    pub at: Millis,
}

/// What a person can say to a question, the safest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// No, this once; nothing is remembered. Also what silence, Escape and a crash mean.
    NotNow,
    /// Yes, this once.
    ThisTime,
    /// Yes, until the app is closed.
    UntilClosed,
    /// Yes, for an hour.
    Hour,
    /// Yes, until midnight.
    Today,
    /// Yes, until revoked.
    Always,
    /// No, and don't ask again.
    Never,
    /// Yes, this once, with the candidate of this index (which app is to open an address).
    Pick(u8),
}

impl Answer {
    /// Whether it gives anything away.
    #[must_use]
    pub const fn is_yes(self) -> bool {
        !matches!(self, Self::NotNow | Self::Never)
    }
}
