// SPDX-License-Identifier: GPL-3.0-or-later
//! The network gateway of a VM.
//!
//! In: nothing. Out: what it needs, in two stages, as for the gpu device.
//!
//! The gateway is the one helper that must open connections, so it may make internet sockets of three kinds
//! and connect them. It may not listen, bind, or make sockets of any other family; it reaches no path. One
//! more socket it has from before: on it the kernel tells which networks this computer is in.

use super::common::{FIONBIO, LOADER, NARROW, RUNTIME, STARTUP, THREAD_BEGIN};
use crate::filter::Answer;
use crate::rules::{Rule, When, bits, is};
use crate::wall::{Need, Role, Stage, Table};
use rustix::thread::CapabilitySet;

/// The role.
pub static NET: Role = Role {
    name: "net",
    what: "cofferdam-net, one for each VM",
    answer: Answer::Kill,
    before: &[
        Table { name: "loader", rules: LOADER },
        Table { name: "narrow", rules: NARROW },
        Table { name: "net before", rules: BEFORE },
    ],
    stages: &[
        Stage {
            name: "start",
            tables: &[
                Table { name: "runtime", rules: RUNTIME },
                Table { name: "thread begin", rules: THREAD_BEGIN },
                Table { name: "startup", rules: STARTUP },
                Table { name: "net", rules: SERVE },
                Table { name: "net prepares", rules: PREPARE },
            ],
            starts: &[],
        },
        Stage {
            name: "serving",
            tables: &[
                Table { name: "runtime", rules: RUNTIME },
                Table { name: "thread begin", rules: THREAD_BEGIN },
                Table { name: "net", rules: SERVE },
            ],
            starts: &[],
        },
    ],
    places: &[],
    connects: true,
    landlock: Need::Wanted,
    powers: CapabilitySet::empty(),
};

/// The kind of a socket, without its flags.
const fn kind(value: i32) -> When {
    When::Bits { arg: 1, mask: 0xff, value: bits(value) }
}

/// What it does before its wall stands: one socket to the kernel, which tells of networks.
pub const BEFORE: &[Rule] = &[
    Rule::only(libc::SYS_socket, &[is(0, libc::AF_NETLINK)], "the kernel tells which networks there are"),
    Rule::any(libc::SYS_bind, "the kernel tells which networks there are"),
    Rule::any(libc::SYS_getsockname, "the kernel tells which networks there are"),
    Rule::any(libc::SYS_setsockopt, "the kernel tells which networks there are"),
];

/// What the gateway does while it serves.
pub const SERVE: &[Rule] = &[
    Rule::only(
        libc::SYS_socket,
        &[is(0, libc::AF_INET), kind(libc::SOCK_STREAM), is(2, 0)],
        "a TCP connection of the guest that was allowed",
    ),
    Rule::only(
        libc::SYS_socket,
        &[is(0, libc::AF_INET6), kind(libc::SOCK_STREAM), is(2, 0)],
        "a TCP connection of the guest that was allowed",
    ),
    Rule::only(
        libc::SYS_socket,
        &[is(0, libc::AF_INET), kind(libc::SOCK_DGRAM), is(2, 0)],
        "datagrams and name questions",
    ),
    Rule::only(
        libc::SYS_socket,
        &[is(0, libc::AF_INET6), kind(libc::SOCK_DGRAM), is(2, 0)],
        "datagrams and name questions",
    ),
    Rule::only(
        libc::SYS_socket,
        &[is(0, libc::AF_INET), kind(libc::SOCK_DGRAM), is(2, libc::IPPROTO_ICMP)],
        "pings",
    ),
    Rule::only(
        libc::SYS_socket,
        &[is(0, libc::AF_INET6), kind(libc::SOCK_DGRAM), is(2, libc::IPPROTO_ICMPV6)],
        "pings",
    ),
    Rule::any(libc::SYS_connect, "the other end of an allowed flow"),
    Rule::any(libc::SYS_getsockname, "whether an address is this computer's own"),
    Rule::any(libc::SYS_getsockopt, "how a connection attempt ended"),
    Rule::only(
        libc::SYS_setsockopt,
        &[is(1, libc::IPPROTO_TCP), is(2, libc::TCP_NODELAY)],
        "no delay on connections",
    ),
    Rule::any(libc::SYS_recvfrom, "sockets of flows"),
    Rule::any(libc::SYS_sendto, "sockets of flows"),
    Rule::any(libc::SYS_recvmsg, "the machine, the monitor and the shepherd, with descriptors"),
    Rule::any(libc::SYS_sendmsg, "the machine, the monitor and the shepherd"),
    Rule::any(libc::SYS_shutdown, "half-closed connections; ending the machine's connection"),
    Rule::any(libc::SYS_lseek, "the size of the machine's memory files"),
    Rule::any(libc::SYS_fstat, "checks of the memory library"),
    Rule::any(libc::SYS_timerfd_settime, "timeouts"),
    Rule::only(libc::SYS_ioctl, &[is(1, FIONBIO)], "sockets of the monitor must not block"),
    Rule::only(libc::SYS_fcntl, &[is(1, libc::F_GETFL)], "checks of the standard library"),
    Rule::only(libc::SYS_fcntl, &[is(1, libc::F_SETFL)], "received descriptors must not block"),
    Rule::only(libc::SYS_fcntl, &[is(1, libc::F_GETFD)], "checks of the standard library"),
    Rule::only(libc::SYS_fcntl, &[is(1, libc::F_DUPFD_CLOEXEC)], "the machine's connection has two users"),
];

/// What it does once, before it serves.
pub const PREPARE: &[Rule] = &[
    Rule::any(libc::SYS_accept4, "the machine connects to the inherited listener"),
    Rule::any(libc::SYS_timerfd_create, "timeouts"),
    Rule::only(libc::SYS_fcntl, &[is(1, libc::F_SETFD)], "inherited descriptors end with us"),
];
