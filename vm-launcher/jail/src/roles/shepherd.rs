// SPDX-License-Identifier: GPL-3.0-or-later
//! The shepherd of one VM.
//!
//! In: nothing. Out: what it needs, in two stages. In the first it starts all parts of its VM, so all that they
//! need is allowed to it as well. The second begins when the machine was started and before the first byte of
//! the agent's port or the console is read: it starts nothing any more, listens nowhere new, and ends nobody
//! but the parts of its VM.

use super::common::{
    ACCEPT, END, KEEP, LISTEN, LOADER, NARROW, READ, REAP, SECOND_FILTER, SERVICE, SPAWN, WATCH,
};
use super::places;
use super::{GPU, MACHINE, NET, RNG};
use crate::filter::Answer;
use crate::places::Place;
use crate::rules::Rule;
use crate::wall::{Need, Role, Stage, Table};
use rustix::thread::CapabilitySet;

const FOLDERS: &str = "only with a folder that was handed over";

/// The stage in which it reads what a guest says.
pub const SERVING: usize = 1;

/// The role.
pub static SHEPHERD: Role = Role {
    name: "shepherd",
    what: "cofferdam-shepherd, one for each VM",
    answer: Answer::Refuse,
    before: &[LOADER, NARROW, READ, BEGIN],
    stages: &[
        Stage {
            name: "start",
            tables: &[SERVICE, &[LISTEN, ACCEPT, KEEP, WATCH, SPAWN, END, SECOND_FILTER, SERVE]],
            starts: &[&GPU, &NET, &RNG, &MACHINE],
        },
        Stage { name: "serving", tables: &[SERVICE, &[ACCEPT, KEEP, WATCH, REAP, SERVE]], starts: &[] },
    ],
    places: PLACES,
    connects: true,
    landlock: Need::Wanted,
    powers: POWERS,
};

/// What it does before its wall stands.
const BEGIN: Table =
    Table::new("shepherd begins", &[Rule::any(libc::SYS_setsid, "it leads a session of its own")]);

/// Root's powers that are needed to give parts users of their own, and to end them then.
pub const POWERS: CapabilitySet =
    CapabilitySet::SETUID.union(CapabilitySet::SETGID).union(CapabilitySet::KILL);

/// Where a VM's parts are, too: a domain is inherited.
const PLACES: &[Place] = &places![];

/// What it does while its VM runs.
pub const SERVE: Table = Table::new(
    "shepherd",
    &[
        Rule::any(libc::SYS_memfd_create, "an app's picture, for the compositor"),
        Rule::any(libc::SYS_openat2, "inside a folder, and nowhere else").rare(FOLDERS),
        Rule::any(libc::SYS_pwrite64, "files of a folder").rare(FOLDERS),
        Rule::any(libc::SYS_mkdirat, "folders in a folder").rare(FOLDERS),
    ],
);
