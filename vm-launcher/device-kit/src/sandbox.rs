// SPDX-License-Identifier: GPL-3.0-or-later
//! The system calls that a device needs, with a reason each, in two stages.
//!
//! In: what one device needs beside what all do. Out: filters for [`cofferdam_jail`]. The first stage holds from
//! the first line of `main`, the second one from the moment at which the machine is connected and all threads run;
//! no byte of a guest is read before that.

use cofferdam_jail::{Filter, FilterError, RUNTIME, Rule, STARTUP, THREAD_BEGIN, When, bits, is};

/// The masked bits of the argument are exactly these.
#[must_use]
pub const fn masked(arg: u8, mask: u32, value: i32) -> When {
    When::Bits { arg, mask, value: bits(value) }
}

/// `FIONBIO`: a socket must not block.
pub const FIONBIO: i32 = 0x5421;

/// What every device does while it serves.
const SERVE: &[Rule] = &[
    Rule::any(libc::SYS_recvmsg, "the machine and the shepherd, with descriptors"),
    Rule::any(libc::SYS_sendmsg, "the machine and the shepherd"),
    Rule::any(libc::SYS_shutdown, "ending the machine's connection"),
    Rule::any(libc::SYS_lseek, "the size of the machine's memory files"),
    Rule::any(libc::SYS_fstat, "checks of the memory library"),
    Rule::only(libc::SYS_fcntl, &[is(1, libc::F_GETFL)], "checks of the standard library"),
    Rule::only(libc::SYS_fcntl, &[is(1, libc::F_SETFL)], "received descriptors must not block"),
    Rule::only(libc::SYS_fcntl, &[is(1, libc::F_GETFD)], "checks of the standard library"),
    Rule::only(libc::SYS_fcntl, &[is(1, libc::F_DUPFD_CLOEXEC)], "the machine's connection has two users"),
];

/// What it does once, before it serves.
const PREPARE: &[Rule] = &[
    Rule::any(libc::SYS_accept4, "the machine connects to the inherited listener"),
    Rule::only(libc::SYS_fcntl, &[is(1, libc::F_SETFD)], "inherited descriptors end with us"),
    Rule::only(libc::SYS_ioctl, &[is(1, FIONBIO)], "inherited sockets must not block"),
];

/// What one device needs beside that.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// While it serves.
    pub serve: &'static [Rule],
    /// Once, before it serves.
    pub prepare: &'static [Rule],
}

impl Rules {
    /// From the first line on.
    ///
    /// # Errors
    /// If the tables do not compile.
    pub fn first(&self) -> Result<Filter, FilterError> {
        Filter::new(&[RUNTIME, THREAD_BEGIN, STARTUP, SERVE, PREPARE, self.serve, self.prepare])
    }

    /// Once all threads run.
    ///
    /// # Errors
    /// If the tables do not compile.
    pub fn serving(&self) -> Result<Filter, FilterError> {
        Filter::new(&[RUNTIME, THREAD_BEGIN, SERVE, self.serve])
    }

    /// What is allowed while it serves, as a list.
    pub fn allowed(&self) -> impl Iterator<Item = &'static Rule> {
        [RUNTIME, THREAD_BEGIN, SERVE, self.serve].into_iter().flatten()
    }

    /// What is wrong with the tables: calls without a reason or that are allowed twice, calls of the first stage
    /// only that are there in the second, too. For the tests of every device.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let all = self.allowed().chain(STARTUP).chain(PREPARE).chain(self.prepare);
        let all: Vec<&Rule> = all.collect();
        for (at, rule) in all.iter().enumerate() {
            if rule.why.is_empty() {
                faults.push(format!("call {} has no reason", rule.call));
            }
            let same = |other: &&&Rule| other.call == rule.call;
            let others = all.iter().take(at).filter(same);
            if others.clone().any(|other| other.is_unconditional() || rule.is_unconditional()) {
                faults.push(format!("call {} is allowed twice", rule.call));
            }
        }
        for call in NEVER.iter().filter(|call| self.allowed().any(|rule| rule.call == **call)) {
            faults.push(format!("call {call} is allowed while it serves"));
        }
        if self.first().is_err() || self.serving().is_err() {
            faults.push("the tables do not compile".to_owned());
        }
        faults
    }
}

/// Calls that no device makes while it serves.
const NEVER: &[i64] = &[
    libc::SYS_clone,
    libc::SYS_accept4,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_open,
    libc::SYS_execve,
    libc::SYS_memfd_create,
    libc::SYS_seccomp,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_all_devices_may_do_is_listed_once_and_leads_nowhere() {
        let plain = Rules { serve: &[], prepare: &[] };
        assert_eq!(plain.faults(), Vec::<String>::new());
        const CARELESS: &[Rule] = &[Rule::any(libc::SYS_bind, ""), Rule::any(libc::SYS_recvmsg, "again")];
        let careless = Rules { serve: CARELESS, prepare: &[] };
        assert_eq!(careless.faults().len(), 3, "{:?}", careless.faults());
    }
}
