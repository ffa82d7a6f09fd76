// SPDX-License-Identifier: GPL-3.0-or-later
//! `coffer desktop`, which starts and restarts the parts of a desktop, and the bus on which they find each other.
//!
//! In: nothing. Out: what they need. The first hears nobody but its children's ends, and everything that those need is
//! allowed to it as well. The bus starts services of the person's system when somebody asks for them, such as what
//! screen readers need; those stay behind its wall.

use super::common::{ACCEPT, END, KEEP, LISTEN, LOADER, NARROW, READ, SERVICE, SPAWN, WATCH};
use super::shepherd::POWERS;
use super::{COMPOSITOR, LAUNCHERD, MONITORD, NESTED, PANEL};
use crate::filter::Answer;
use crate::places::{Place, Reach};
use crate::rules::{Rule, is};
use crate::wall::{Need, Role, Stage, Table};
use rustix::thread::CapabilitySet;

/// What starts a desktop.
pub static DESKTOP: Role = Role {
    name: "desktop",
    what: "coffer desktop",
    answer: Answer::Refuse,
    before: &[],
    stages: &[Stage {
        name: "running",
        tables: &[SERVICE, &[KEEP, SPAWN, END, NARROW, SUPERVISE]],
        starts: &[&BUS, &COMPOSITOR, &NESTED, &MONITORD, &LAUNCHERD, &PANEL],
    }],
    places: &[Place::new("/", Reach::Own, "what its parts need; each takes away its own")],
    connects: true,
    landlock: Need::Wanted,
    powers: POWERS,
};

/// The desktop's own bus, where there is no other.
pub static BUS: Role = Role {
    name: "bus",
    what: "dbus-daemon, and services that it starts",
    answer: Answer::Refuse,
    before: &[LOADER, NARROW, READ],
    stages: &[Stage {
        name: "running",
        tables: &[SERVICE, &[LOADER, LISTEN, ACCEPT, KEEP, WATCH, SPAWN, CARRY]],
        starts: &[],
    }],
    places: &[
        Place::new("sockets", Reach::Keep, "its socket, and those of services"),
        Place::new("settings", Reach::Keep, "what services keep for the person"),
        Place::new("/usr", Reach::Run, "itself, services, libraries"),
        Place::new("/lib", Reach::Run, "libraries"),
        Place::new("/lib64", Reach::Run, "libraries"),
        Place::new("/bin", Reach::Run, "services"),
        Place::new("/etc", Reach::Read, "its configuration, who a user is"),
        Place::new("/proc", Reach::Read, "who is at the other end"),
        Place::new("/sys", Reach::Read, "which security modules there are"),
        Place::new("/run/nscd", Reach::Read, "who a user is"),
        Place::new("/dev/null", Reach::Write, "output that nobody wants"),
    ],
    connects: false,
    landlock: Need::Wanted,
    powers: CapabilitySet::empty(),
};

/// What only the first does.
const SUPERVISE: Table = Table::new(
    "desktop",
    &[
        Rule::only(libc::SYS_kill, &[is(1, libc::SIGTERM)], "a part is asked to end"),
        Rule::only(libc::SYS_prctl, &[is(0, libc::PR_SET_CHILD_SUBREAPER)], "nothing is left behind"),
        Rule::any(libc::SYS_rmdir, "its folders go with it")
            .rare("depends on the version of the standard library"),
    ],
);

const SERVICES: &str = "only by services that it starts";

/// What only the second does.
const CARRY: Table = Table::new(
    "bus",
    &[
        Rule::any(libc::SYS_chmod, "its socket is the person's"),
        Rule::any(libc::SYS_getresuid, "who it is"),
        Rule::any(libc::SYS_getresgid, "who it is"),
        Rule::any(libc::SYS_capget, "whether it has powers to give up"),
        Rule::any(libc::SYS_statfs, "whether there is SELinux"),
        Rule::any(libc::SYS_fstatfs, "whether there is SELinux"),
        Rule::only(libc::SYS_prctl, &[is(0, libc::PR_CAPBSET_READ)], "whether it has powers to give up"),
        Rule::only(libc::SYS_prctl, &[is(0, libc::PR_GET_SECUREBITS)], "whether it has powers to give up"),
        Rule::only(libc::SYS_prctl, &[is(0, libc::PR_CAP_AMBIENT)], "whether it has powers to give up"),
        Rule::only(libc::SYS_prctl, &[is(0, libc::PR_GET_NO_NEW_PRIVS)], "whether it has powers to give up"),
        Rule::any(libc::SYS_memfd_create, "what services share").rare(SERVICES),
        Rule::any(libc::SYS_setrlimit, "services have the limits that it had").rare(SERVICES),
        Rule::any(libc::SYS_getpgrp, "services").rare(SERVICES),
    ],
);
