// SPDX-License-Identifier: GPL-3.0-or-later
//! The network gateway of a VM. In: nothing. Out: what it needs beside what all devices do.
//!
//! The gateway is the one device that must open connections, so it may make internet sockets of three kinds
//! and connect them. It may not listen, bind, or make sockets of any other family; it reaches no path. One
//! more socket it has from before: on it the kernel tells which networks this computer is in.

use super::common::FIONBIO;
use super::device::device;
use crate::rules::{Rule, When, bits, is};
use crate::wall::{Role, Table};

const SIX: &str = "only where the computer has IPv6";

/// The role.
pub static NET: Role = device!(
    "net", "cofferdam-net, one for each VM",
    before: [BEFORE], prepares: PREPARE, serves: SERVE, connects: true
);

/// The kind of a socket, without its flags.
const fn kind(value: i32) -> When {
    When::Bits { arg: 1, mask: 0xff, value: bits(value) }
}

/// What it does before its wall stands: one socket to the kernel, which tells of networks.
const BEFORE: Table = Table::new(
    "net before",
    &[
        Rule::only(libc::SYS_socket, &[is(0, libc::AF_NETLINK)], "the kernel tells which networks there are"),
        Rule::any(libc::SYS_bind, "the kernel tells which networks there are"),
        Rule::any(libc::SYS_sendto, "the kernel is asked for them"),
    ],
);

/// What the gateway does while it serves.
const SERVE: Table = Table::new(
    "net",
    &[
        Rule::only(
            libc::SYS_socket,
            &[is(0, libc::AF_INET), kind(libc::SOCK_STREAM), is(2, 0)],
            "a TCP connection of the guest that was allowed",
        ),
        Rule::only(
            libc::SYS_socket,
            &[is(0, libc::AF_INET6), kind(libc::SOCK_STREAM), is(2, 0)],
            "a TCP connection of the guest that was allowed",
        )
        .rare(SIX),
        Rule::only(
            libc::SYS_socket,
            &[is(0, libc::AF_INET), kind(libc::SOCK_DGRAM), is(2, 0)],
            "datagrams and name questions",
        ),
        Rule::only(
            libc::SYS_socket,
            &[is(0, libc::AF_INET6), kind(libc::SOCK_DGRAM), is(2, 0)],
            "datagrams and name questions",
        )
        .rare(SIX),
        Rule::only(
            libc::SYS_socket,
            &[is(0, libc::AF_INET), kind(libc::SOCK_DGRAM), is(2, libc::IPPROTO_ICMP)],
            "pings",
        )
        .rare("only when an app pings"),
        Rule::only(
            libc::SYS_socket,
            &[is(0, libc::AF_INET6), kind(libc::SOCK_DGRAM), is(2, libc::IPPROTO_ICMPV6)],
            "pings",
        )
        .rare(SIX),
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
        Rule::any(libc::SYS_timerfd_settime, "timeouts"),
        Rule::only(libc::SYS_ioctl, &[is(1, FIONBIO)], "sockets of the monitor must not block"),
    ],
);

/// What it does once, before it serves.
const PREPARE: Table = Table::new("net prepares", &[Rule::any(libc::SYS_timerfd_create, "timeouts")]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_and_their_options_are_of_the_named_kinds_only() {
        let fixed = |rule: &Rule| {
            let argument = |when: &When| match *when {
                When::Is { arg, .. } | When::Bits { arg, .. } => arg,
            };
            let mut arguments: Vec<u8> = rule.when.iter().map(argument).collect();
            arguments.sort_unstable();
            arguments
        };
        let of =
            |call| SERVE.rules.iter().filter(move |rule| rule.call == call).map(fixed).collect::<Vec<_>>();
        assert_eq!(of(libc::SYS_socket), vec![vec![0, 1, 2]; 6]);
        assert_eq!(of(libc::SYS_setsockopt), [[1, 2]]);
    }
}
