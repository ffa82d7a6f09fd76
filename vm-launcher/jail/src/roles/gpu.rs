// SPDX-License-Identifier: GPL-3.0-or-later
//! The gpu device of a VM. In: nothing. Out: what it needs beside what all devices do.

use super::device::device;
use crate::rules::{Rule, is};
use crate::wall::{Role, Table};

/// The role.
pub static GPU: Role = device!(
    "gpu", "cofferdam-gpu, one for each VM",
    before: [], prepares: PREPARE, serves: SERVE, connects: false
);

/// What it does while it serves.
const SERVE: Table = Table::new(
    "gpu",
    &[
        Rule::any(libc::SYS_getsockopt, "the kind of a socket that descriptors are sent over"),
        Rule::only(
            libc::SYS_socketpair,
            &[is(0, libc::AF_UNIX)],
            "a client of the compositor is a pair of which it gets one end",
        ),
        Rule::any(libc::SYS_pipe2, "a pipe that the guest reads"),
        Rule::any(libc::SYS_fallocate, "freeing ranges of the arena"),
        Rule::any(libc::SYS_pread64, "copying a keymap into the arena"),
        Rule::any(libc::SYS_pwrite64, "copying a keymap into the arena"),
        Rule::any(libc::SYS_timerfd_settime, "idle pipes"),
    ],
);

/// What it does once, before it serves.
const PREPARE: Table = Table::new(
    "gpu prepares",
    &[
        Rule::any(libc::SYS_memfd_create, "the arena"),
        Rule::any(libc::SYS_ftruncate, "the arena's size"),
        Rule::any(libc::SYS_timerfd_create, "idle pipes"),
        Rule::only(libc::SYS_fcntl, &[is(1, libc::F_ADD_SEALS)], "the arena's size is final"),
    ],
);
