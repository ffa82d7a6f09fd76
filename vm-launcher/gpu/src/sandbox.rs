// SPDX-License-Identifier: GPL-3.0-or-later
//! The system calls that this device needs, with a reason each, in two stages.
//!
//! In: nothing. Out: tables for [`cofferdam_jail`]. The first stage holds from the first line of `main`, the
//! second one from the moment at which the machine is connected and all threads run; no byte of a guest is
//! read before that.

use cofferdam_jail::{Filter, FilterError, RUNTIME, Rule, STARTUP, THREAD_BEGIN, When};

/// `x` as the bits that a filter compares.
const fn bits(x: i32) -> u32 {
    u32::from_ne_bytes(x.to_ne_bytes())
}

const fn is(arg: u8, value: u32) -> When {
    When::Is { arg, value }
}

/// What the device does while it serves.
const SERVE: &[Rule] = &[
    Rule::any(libc::SYS_recvmsg, "the machine, the compositor and the shepherd, with descriptors"),
    Rule::any(libc::SYS_sendmsg, "the machine, the compositor and the shepherd, with descriptors"),
    Rule::any(libc::SYS_getsockopt, "the kind of a socket that descriptors are sent over"),
    Rule::any(libc::SYS_shutdown, "ending the machine's connection"),
    Rule::only(
        libc::SYS_socketpair,
        &[is(0, bits(libc::AF_UNIX))],
        "a client of the compositor is a pair of which it gets one end",
    ),
    Rule::any(libc::SYS_pipe2, "a pipe that the guest reads"),
    Rule::any(libc::SYS_fallocate, "freeing ranges of the arena"),
    Rule::any(libc::SYS_pread64, "copying a keymap into the arena"),
    Rule::any(libc::SYS_pwrite64, "copying a keymap into the arena"),
    Rule::any(libc::SYS_lseek, "the size of the machine's memory files"),
    Rule::any(libc::SYS_fstat, "what a received descriptor is"),
    Rule::any(libc::SYS_timerfd_settime, "idle pipes"),
    Rule::only(libc::SYS_fcntl, &[is(1, bits(libc::F_GETFL))], "whether a received descriptor is writable"),
    Rule::only(libc::SYS_fcntl, &[is(1, bits(libc::F_SETFL))], "received pipes must not block"),
    Rule::only(libc::SYS_fcntl, &[is(1, bits(libc::F_GETFD))], "checks of the standard library"),
    Rule::only(
        libc::SYS_fcntl,
        &[is(1, bits(libc::F_DUPFD_CLOEXEC))],
        "the machine's connection has two users",
    ),
];

/// What it does once, before it serves.
const PREPARE: &[Rule] = &[
    Rule::any(libc::SYS_accept4, "the machine connects to the inherited listener"),
    Rule::any(libc::SYS_memfd_create, "the arena"),
    Rule::any(libc::SYS_ftruncate, "the arena's size"),
    Rule::any(libc::SYS_timerfd_create, "idle pipes"),
    Rule::only(libc::SYS_fcntl, &[is(1, bits(libc::F_ADD_SEALS))], "the arena's size is final"),
    Rule::only(libc::SYS_fcntl, &[is(1, bits(libc::F_SETFD))], "inherited descriptors end with us"),
    Rule::only(libc::SYS_ioctl, &[is(1, 0x5421)], "FIONBIO: inherited sockets must not block"),
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
    fn the_second_stage_is_stricter() {
        let serving: Vec<i64> = RUNTIME.iter().chain(SERVE).map(|rule| rule.call).collect();
        for call in
            [libc::SYS_clone, libc::SYS_accept4, libc::SYS_memfd_create, libc::SYS_ioctl, libc::SYS_prctl]
        {
            assert!(!serving.contains(&call), "call {call}");
        }
        assert!(first().is_ok() && super::serving().is_ok());
    }
}
