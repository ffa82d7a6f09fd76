// SPDX-License-Identifier: GPL-3.0-or-later
//! The permission monitor.
//!
//! In: nothing. Out: what it needs once it serves: it has read its rules, opened its ledger, its socket and the
//! bus by then. It starts no program and connects to the compositor alone.

use super::common::{ACCEPT, KEEP, SERVICE, WATCH};
use crate::filter::Answer;
use crate::places::{Place, Reach};
use crate::rules::Rule;
use crate::wall::{Need, Role, Stage, Table};
use rustix::thread::CapabilitySet;

/// The role.
pub static MONITORD: Role = Role {
    name: "monitord",
    what: "cofferdam-monitord",
    answer: Answer::Refuse,
    before: &[],
    stages: &[Stage { name: "serving", tables: &[SERVICE, &[ACCEPT, KEEP, WATCH, SERVE]], starts: &[] }],
    places: &[
        Place::new("ledger", Reach::Keep, "what happened, on disk"),
        Place::new("rules", Reach::Read, "what the administrator and the person laid down"),
        Place::new("sockets", Reach::Read, "whether the compositor's socket is there"),
        Place::new("/etc/localtime", Reach::Read, "the person's time zone"),
        Place::new("/etc/timezone", Reach::Read, "its name"),
        Place::new("/usr/share/zoneinfo", Reach::Read, "its rules"),
    ],
    connects: false,
    landlock: Need::Wanted,
    powers: CapabilitySet::empty(),
};

/// What only it does.
pub const SERVE: Table = Table::new(
    "monitord",
    &[
        Rule::any(libc::SYS_pwrite64, "the ledger's last block"),
        Rule::any(libc::SYS_linkat, "a damaged ledger is put aside").rare("only when the ledger is damaged"),
        Rule::any(libc::SYS_link, "a damaged ledger is put aside").rare("only when the ledger is damaged"),
    ],
);
