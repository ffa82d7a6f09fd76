// SPDX-License-Identifier: GPL-3.0-or-later
//! The shepherd of one VM.
//!
//! In: nothing. Out: what it needs, in two stages. In the first it starts all parts of its VM, so all that they
//! need is allowed to it as well. The second begins when the machine was started and before the first byte of
//! the agent's port or the console is read: it starts nothing any more, listens nowhere new, and ends nobody
//! but the parts of its VM.

use super::common::{
    ACCEPT, CONNECT, IDENTITY, KEEP, LISTEN, LOADER, LOOP, NARROW, READ, REAP, RUNTIME, SECOND_FILTER,
    SOCKETS, SPAWN, THREAD_BEGIN, THREADS, WATCH,
};
use super::{GPU, MACHINE, NET};
use crate::filter::Answer;
use crate::places::{Place, Reach};
use crate::rules::{Rule, is};
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
    before: &[
        Table { name: "loader", rules: LOADER },
        Table { name: "narrow", rules: NARROW },
        Table { name: "read", rules: READ },
    ],
    stages: &[
        Stage {
            name: "start",
            tables: &[
                Table { name: "runtime", rules: RUNTIME },
                Table { name: "thread begin", rules: THREAD_BEGIN },
                Table { name: "threads", rules: THREADS },
                Table { name: "loop", rules: LOOP },
                Table { name: "identity", rules: IDENTITY },
                Table { name: "sockets", rules: SOCKETS },
                Table { name: "connect", rules: CONNECT },
                Table { name: "listen", rules: LISTEN },
                Table { name: "accept", rules: ACCEPT },
                Table { name: "read", rules: READ },
                Table { name: "keep", rules: KEEP },
                Table { name: "watch", rules: WATCH },
                Table { name: "spawn", rules: SPAWN },
                Table { name: "second filter", rules: SECOND_FILTER },
            ],
            starts: &[&GPU, &NET, &MACHINE],
        },
        Stage {
            name: "serving",
            tables: &[
                Table { name: "runtime", rules: RUNTIME },
                Table { name: "thread begin", rules: THREAD_BEGIN },
                Table { name: "threads", rules: THREADS },
                Table { name: "loop", rules: LOOP },
                Table { name: "identity", rules: IDENTITY },
                Table { name: "sockets", rules: SOCKETS },
                Table { name: "connect", rules: CONNECT },
                Table { name: "accept", rules: ACCEPT },
                Table { name: "read", rules: READ },
                Table { name: "keep", rules: KEEP },
                Table { name: "watch", rules: WATCH },
                Table { name: "reap", rules: REAP },
                Table { name: "shepherd", rules: SERVE },
            ],
            starts: &[],
        },
    ],
    places: PLACES,
    connects: true,
    landlock: Need::Wanted,
    powers: POWERS,
};

/// Root's powers that are needed to give parts users of their own, and to end them then.
pub const POWERS: CapabilitySet =
    CapabilitySet::SETUID.union(CapabilitySet::SETGID).union(CapabilitySet::KILL);

/// Where a VM's parts are, too: a domain is inherited.
pub const PLACES: &[Place] = &[
    Place::new("programs", Reach::Run, "the parts of a VM"),
    Place::new("sockets", Reach::Keep, "its socket, those of the desktop"),
    Place::new("data", Reach::Keep, "what is kept of VMs"),
    Place::new("images", Reach::Run, "the emulator, kernels and layers"),
    Place::new("files", Reach::Keep, "folders that a person has handed over"),
    Place::new("/usr", Reach::Run, "libraries, an emulator that is installed"),
    Place::new("/lib", Reach::Run, "libraries"),
    Place::new("/lib64", Reach::Run, "libraries"),
    Place::new("/bin", Reach::Run, "system programs"),
    Place::new("/sbin", Reach::Run, "system programs"),
    Place::new("/etc", Reach::Read, "libraries, name servers, time zone"),
    Place::new("resolver", Reach::Read, "name servers, where links to them lead"),
    Place::new("/proc", Reach::Read, "descriptors by number, processors"),
    Place::new("/sys", Reach::Read, "processors"),
    Place::new("/dev/null", Reach::Write, "input and output that nobody wants"),
    Place::new("/dev/urandom", Reach::Read, "random numbers for guests"),
    Place::new("/dev/kvm", Reach::Write, "the hardware's virtual processors"),
];

/// What it does while its VM runs.
pub const SERVE: &[Rule] = &[
    Rule::any(libc::SYS_memfd_create, "an app's picture, for the compositor"),
    Rule::only(libc::SYS_fcntl, &[is(1, libc::F_ADD_SEALS)], "a picture that does not change"),
    Rule::any(libc::SYS_openat2, "inside a folder, and nowhere else").rare(FOLDERS),
    Rule::any(libc::SYS_pwrite64, "files of a folder").rare(FOLDERS),
    Rule::any(libc::SYS_mkdirat, "folders in a folder").rare(FOLDERS),
];
