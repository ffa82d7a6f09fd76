// SPDX-License-Identifier: GPL-3.0-or-later
//! Levels: what holds for a whole kind of resource when no grant speaks about the one thing asked for.

use crate::Kind;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::fmt;

/// How open a kind of resource is to a VM. Ordered by [`Level::rank`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// No, and nobody is asked.
    Off,
    /// The person is asked, once per site, pair or use.
    Ask,
    /// What has a standing grant; the rest is refused unasked.
    Listed,
    /// Network only: every name on the Internet. A literal address is asked about; the local network, this
    /// computer and other VMs need a grant.
    Internet,
    /// Everything.
    All,
}

impl Level {
    /// The name on the command line, in rule files and on D-Bus.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Ask => "ask",
            Self::Listed => "listed",
            Self::Internet => "internet",
            Self::All => "all",
        }
    }

    /// Its place in the order of what can come through: nothing, what is listed, what the person says yes to,
    /// the Internet, everything. Limits go by this.
    #[must_use]
    pub const fn rank(self) -> u8 {
        match self {
            Self::Off => 0,
            Self::Listed => 1,
            Self::Ask => 2,
            Self::Internet => 3,
            Self::All => 4,
        }
    }

    /// The level of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Off, Self::Ask, Self::Listed, Self::Internet, Self::All].into_iter().find(|l| l.name() == name)
    }
}

impl PartialOrd for Level {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Level {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which levels a kind has, and which one it has before anybody set it.
#[derive(Debug, Clone, Copy)]
pub struct Levels;

impl Levels {
    /// The levels that a person can choose for `kind`, shut first.
    #[must_use]
    pub const fn of(kind: Kind) -> &'static [Level] {
        match kind {
            Kind::Network => &[Level::Off, Level::Ask, Level::Listed, Level::Internet, Level::All],
            Kind::Clipboard | Kind::DragAndDrop => &[Level::Off, Level::Ask, Level::Listed],
            Kind::Files | Kind::OpenUri => &[Level::Off, Level::Ask],
            Kind::Notifications | Kind::IdleInhibit => &[Level::Off, Level::Ask, Level::All],
            // What nothing enforces yet can't be turned on.
            Kind::Microphone | Kind::Camera | Kind::Devices | Kind::ScreenCapture | Kind::Background => {
                &[Level::Off]
            }
        }
    }

    /// The most open level of `kind` that lets no more through than `limit`.
    #[must_use]
    pub fn fit(kind: Kind, limit: Level) -> Level {
        let fits = Self::of(kind).iter().copied().filter(|l| l.rank() <= limit.rank());
        fits.max_by_key(|l| l.rank()).unwrap_or(Level::Off)
    }

    /// The level that a new VM starts with. `Ask` gives nothing: it lets the app ask.
    #[must_use]
    pub const fn initial(kind: Kind) -> Level {
        match kind {
            Kind::Network | Kind::Clipboard | Kind::DragAndDrop | Kind::Files | Kind::OpenUri => Level::Ask,
            Kind::Notifications | Kind::IdleInhibit => Level::Ask,
            _ => Level::Off,
        }
    }
}
