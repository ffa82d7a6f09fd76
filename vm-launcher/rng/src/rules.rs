// SPDX-License-Identifier: GPL-3.0-or-later
//! The system calls that this device needs beside those of all devices, with a reason each.
//!
//! In: nothing. Out: tables for [`cofferdam_device_kit::sandbox`]. Random bytes come by a call that every program
//! has.

use cofferdam_device_kit::sandbox::Rules;
use cofferdam_jail::Rule;

/// What the device does while it serves, and once before.
pub const RULES: Rules = Rules {
    serve: &[Rule::any(libc::SYS_timerfd_settime, "when the next request has its turn")],
    prepare: &[Rule::any(libc::SYS_timerfd_create, "when the next request has its turn")],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_a_reason_and_random_bytes_can_be_had() {
        assert_eq!(RULES.faults(), Vec::<String>::new());
        assert!(RULES.allowed().any(|rule| rule.call == libc::SYS_getrandom && rule.when.is_empty()));
    }
}
