// SPDX-License-Identifier: GPL-3.0-or-later
//! The system calls that the gateway needs, with a reason each, in two stages.
//!
//! In: nothing. Out: tables for [`cofferdam_jail`]. The first stage holds from the first line of `main`, the
//! second one from the moment at which the machine is connected and all threads run; no byte of a guest is
//! read before that.
//!
//! The gateway is the one helper that must open connections, so it may make internet sockets of three kinds
//! and connect them. It may not listen, bind, or make sockets of any other family; it reaches no path. One
//! more socket it has from before: on it the kernel tells which networks this computer is in.

use cofferdam_jail::{Filter, FilterError, RUNTIME, Rule, STARTUP, THREAD_BEGIN, When};

/// `x` as the bits that a filter compares.
const fn bits(x: i32) -> u32 {
    u32::from_ne_bytes(x.to_ne_bytes())
}

const fn is(arg: u8, value: i32) -> When {
    When::Is { arg, value: bits(value) }
}

/// The kind of a socket, without its flags.
const fn kind(value: i32) -> When {
    When::Bits { arg: 1, mask: 0xff, value: bits(value) }
}

/// What the gateway does while it serves.
const SERVE: &[Rule] = &[
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
    Rule::only(libc::SYS_ioctl, &[is(1, 0x5421)], "FIONBIO: sockets of the monitor must not block"),
    Rule::only(libc::SYS_fcntl, &[is(1, libc::F_GETFL)], "checks of the standard library"),
    Rule::only(libc::SYS_fcntl, &[is(1, libc::F_SETFL)], "received descriptors must not block"),
    Rule::only(libc::SYS_fcntl, &[is(1, libc::F_GETFD)], "checks of the standard library"),
    Rule::only(libc::SYS_fcntl, &[is(1, libc::F_DUPFD_CLOEXEC)], "the machine's connection has two users"),
];

/// What it does once, before it serves.
const PREPARE: &[Rule] = &[
    Rule::any(libc::SYS_accept4, "the machine connects to the inherited listener"),
    Rule::any(libc::SYS_timerfd_create, "timeouts"),
    Rule::only(libc::SYS_fcntl, &[is(1, libc::F_SETFD)], "inherited descriptors end with us"),
];

/// From the first line on.
///
/// # Errors
/// If the tables do not compile.
pub fn first() -> Result<Filter, FilterError> {
    Filter::new(&[RUNTIME, THREAD_BEGIN, STARTUP, SERVE, PREPARE])
}

/// Once all threads run.
///
/// # Errors
/// If the tables do not compile.
pub fn serving() -> Result<Filter, FilterError> {
    Filter::new(&[RUNTIME, THREAD_BEGIN, SERVE])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn no_rule_is_redundant() {
        let mut calls: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
        for rule in RUNTIME.iter().chain(THREAD_BEGIN).chain(STARTUP).chain(SERVE).chain(PREPARE) {
            assert!(!rule.why.is_empty(), "call {} has no reason", rule.call);
            calls.entry(rule.call).or_default().push(rule.when.len());
        }
        for (call, conditions) in calls {
            assert!(conditions.len() == 1 || !conditions.contains(&0), "call {call} is allowed twice");
        }
    }

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
        let of = |call| SERVE.iter().filter(move |rule| rule.call == call).map(fixed).collect::<Vec<_>>();
        assert_eq!(of(libc::SYS_socket), vec![vec![0, 1, 2]; 6]);
        assert_eq!(of(libc::SYS_setsockopt), [[1, 2]]);
    }

    #[test]
    fn the_gateway_neither_listens_nor_opens() {
        let serving: Vec<i64> = RUNTIME.iter().chain(SERVE).map(|rule| rule.call).collect();
        for call in [
            libc::SYS_clone,
            libc::SYS_accept4,
            libc::SYS_bind,
            libc::SYS_listen,
            libc::SYS_open,
            libc::SYS_prctl,
            libc::SYS_execve,
        ] {
            assert!(!serving.contains(&call), "call {call}");
        }
        assert!(first().is_ok() && super::serving().is_ok());
    }
}
