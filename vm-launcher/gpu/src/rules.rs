// SPDX-License-Identifier: GPL-3.0-or-later
//! The system calls that this device needs beside those of all devices, with a reason each.
//!
//! In: nothing. Out: tables for [`cofferdam_device_kit::sandbox`].

use cofferdam_device_kit::sandbox::Rules;
use cofferdam_jail::{Rule, is};

/// What the device does while it serves, and once before.
pub const RULES: Rules = Rules {
    serve: &[
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
    prepare: &[
        Rule::any(libc::SYS_memfd_create, "the arena"),
        Rule::any(libc::SYS_ftruncate, "the arena's size"),
        Rule::any(libc::SYS_timerfd_create, "idle pipes"),
        Rule::only(libc::SYS_fcntl, &[is(1, libc::F_ADD_SEALS)], "the arena's size is final"),
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_a_reason_and_the_second_stage_is_stricter() {
        assert_eq!(RULES.faults(), Vec::<String>::new());
        assert!(RULES.allowed().all(|rule| rule.call != libc::SYS_ioctl));
    }
}
