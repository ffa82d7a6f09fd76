// SPDX-License-Identifier: GPL-3.0-or-later
//! The gpu device of a VM.
//!
//! In: nothing. Out: what it needs, in two stages. The first holds from the first line of `main`, the second
//! from the moment at which the machine is connected and all threads run; no byte of a guest is read before.

use super::common::{FIONBIO, LOADER, NARROW, RUNTIME, STARTUP, THREAD_BEGIN};
use crate::filter::Answer;
use crate::rules::{Rule, is};
use crate::wall::{Need, Role, Stage, Table};
use rustix::thread::CapabilitySet;

/// The role.
pub static GPU: Role = Role {
    name: "gpu",
    what: "cofferdam-gpu, one for each VM",
    answer: Answer::Kill,
    before: &[Table { name: "loader", rules: LOADER }, Table { name: "narrow", rules: NARROW }],
    stages: &[
        Stage {
            name: "start",
            tables: &[
                Table { name: "runtime", rules: RUNTIME },
                Table { name: "thread begin", rules: THREAD_BEGIN },
                Table { name: "startup", rules: STARTUP },
                Table { name: "gpu", rules: SERVE },
                Table { name: "gpu prepares", rules: PREPARE },
            ],
            starts: &[],
        },
        Stage {
            name: "serving",
            tables: &[
                Table { name: "runtime", rules: RUNTIME },
                Table { name: "thread begin", rules: THREAD_BEGIN },
                Table { name: "gpu", rules: SERVE },
            ],
            starts: &[],
        },
    ],
    places: &[],
    connects: false,
    landlock: Need::Wanted,
    powers: CapabilitySet::empty(),
};

/// What the device does while it serves.
pub const SERVE: &[Rule] = &[
    Rule::any(libc::SYS_recvmsg, "the machine, the compositor and the shepherd, with descriptors"),
    Rule::any(libc::SYS_sendmsg, "the machine, the compositor and the shepherd, with descriptors"),
    Rule::any(libc::SYS_getsockopt, "the kind of a socket that descriptors are sent over"),
    Rule::any(libc::SYS_shutdown, "ending the machine's connection"),
    Rule::only(
        libc::SYS_socketpair,
        &[is(0, libc::AF_UNIX)],
        "a client of the compositor is a pair of which it gets one end",
    ),
    Rule::any(libc::SYS_pipe2, "a pipe that the guest reads"),
    Rule::any(libc::SYS_fallocate, "freeing ranges of the arena"),
    Rule::any(libc::SYS_pread64, "copying a keymap into the arena"),
    Rule::any(libc::SYS_pwrite64, "copying a keymap into the arena"),
    Rule::any(libc::SYS_lseek, "the size of the machine's memory files"),
    Rule::any(libc::SYS_fstat, "what a received descriptor is"),
    Rule::any(libc::SYS_timerfd_settime, "idle pipes"),
    Rule::only(libc::SYS_fcntl, &[is(1, libc::F_GETFL)], "whether a received descriptor is writable"),
    Rule::only(libc::SYS_fcntl, &[is(1, libc::F_SETFL)], "received pipes must not block"),
    Rule::only(libc::SYS_fcntl, &[is(1, libc::F_GETFD)], "checks of the standard library"),
    Rule::only(libc::SYS_fcntl, &[is(1, libc::F_DUPFD_CLOEXEC)], "the machine's connection has two users"),
];

/// What it does once, before it serves.
pub const PREPARE: &[Rule] = &[
    Rule::any(libc::SYS_accept4, "the machine connects to the inherited listener"),
    Rule::any(libc::SYS_memfd_create, "the arena"),
    Rule::any(libc::SYS_ftruncate, "the arena's size"),
    Rule::any(libc::SYS_timerfd_create, "idle pipes"),
    Rule::only(libc::SYS_fcntl, &[is(1, libc::F_ADD_SEALS)], "the arena's size is final"),
    Rule::only(libc::SYS_fcntl, &[is(1, libc::F_SETFD)], "inherited descriptors end with us"),
    Rule::only(libc::SYS_ioctl, &[is(1, FIONBIO)], "inherited sockets must not block"),
];
