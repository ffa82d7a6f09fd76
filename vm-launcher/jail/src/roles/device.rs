// SPDX-License-Identifier: GPL-3.0-or-later
//! What all devices of a VM have in common, and the shape of their roles.
//!
//! In: what one device does beside that. Out: a role of two stages. The first holds from the first line of `main`,
//! the second from the moment at which the machine is connected and all threads run; no byte of a guest is read
//! before.

use super::common::{FIONBIO, RUNTIME, STARTUP, THREAD_BEGIN};
use crate::rules::{Rule, is};
use crate::wall::Table;

/// The stage in which a device hears what a guest says.
pub const SERVING: usize = 1;

/// What every device does while it serves.
const SERVE: Table = Table::new(
    "device",
    &[
        Rule::any(libc::SYS_recvmsg, "the machine and the shepherd, with descriptors"),
        Rule::any(libc::SYS_sendmsg, "the machine and the shepherd"),
        Rule::any(libc::SYS_shutdown, "ending the machine's connection"),
        Rule::any(libc::SYS_fstat, "checks of the memory library"),
        Rule::only(libc::SYS_fcntl, &[is(1, libc::F_GETFL)], "checks of the standard library"),
        Rule::only(libc::SYS_fcntl, &[is(1, libc::F_SETFL)], "received descriptors must not block"),
        Rule::only(libc::SYS_fcntl, &[is(1, libc::F_GETFD)], "checks of the standard library")
            .rare("debug builds"),
        Rule::only(
            libc::SYS_fcntl,
            &[is(1, libc::F_DUPFD_CLOEXEC)],
            "the machine's connection has two users",
        ),
    ],
);

/// What it does once, before it serves.
const PREPARE: Table = Table::new(
    "device prepares",
    &[
        Rule::any(libc::SYS_accept4, "the machine connects to the inherited listener"),
        Rule::only(libc::SYS_fcntl, &[is(1, libc::F_SETFD)], "inherited descriptors end with us"),
        Rule::only(libc::SYS_ioctl, &[is(1, FIONBIO)], "inherited sockets must not block"),
    ],
);

/// All that every device does while it serves.
pub const SERVES: &[Table] = &[RUNTIME, THREAD_BEGIN, SERVE];
/// All that every device does beside that before it serves.
pub const PREPARES: &[Table] = &[STARTUP, PREPARE];

/// The role of a device: what it does before its wall stands, once before it serves, and while it serves.
macro_rules! device {
    (
        $name:literal, $what:literal,
        before: [$($before:expr),*], prepares: $prepares:expr, serves: $serves:expr, connects: $connects:literal
    ) => {
        $crate::wall::Role {
            name: $name,
            what: $what,
            answer: $crate::filter::Answer::Kill,
            before: &[$crate::roles::common::LOADER, $crate::roles::common::NARROW $(, $before)*],
            stages: &[
                $crate::wall::Stage {
                    name: "start",
                    tables: &[$crate::roles::device::SERVES, $crate::roles::device::PREPARES, &[$prepares, $serves]],
                    starts: &[],
                },
                $crate::wall::Stage {
                    name: "serving",
                    tables: &[$crate::roles::device::SERVES, &[$serves]],
                    starts: &[],
                },
            ],
            places: &[],
            connects: $connects,
            landlock: $crate::wall::Need::Wanted,
            powers: ::rustix::thread::CapabilitySet::empty(),
        }
    };
}
pub(super) use device;
