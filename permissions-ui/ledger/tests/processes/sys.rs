// SPDX-License-Identifier: GPL-3.0-or-later
//! Watching a child's system calls. In: a child that waits. Out: each call's begin and end, one at a
//! time, with the child stopped there.

#![allow(unsafe_code)]

use rustix::process::{Pid, WaitOptions, WaitStatus, waitpid};
use std::io;
use std::mem::MaybeUninit;
use std::ptr;

/// A stop that a watched system call causes.
const CALL_STOP: i32 = libc::SIGTRAP | 0x80;

/// What a watched child did.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stop {
    /// It is about to make this call.
    Enter(u64),
    /// It has made the call.
    Leave,
    /// It is gone.
    Ended(WaitStatus),
}

/// A child that stops at each of its system calls. Dies with us.
#[derive(Debug)]
pub(crate) struct Watched {
    pid: Pid,
}

fn check(result: libc::c_long) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

impl Watched {
    /// Watches a child of ours from now on.
    pub(crate) fn seize(pid: Pid) -> io::Result<Self> {
        let number = pid.as_raw_nonzero().get();
        let options = libc::PTRACE_O_TRACESYSGOOD | libc::PTRACE_O_EXITKILL;
        // SAFETY: PTRACE_SEIZE takes a pid and numbers, and touches no memory of ours.
        check(unsafe { libc::ptrace(libc::PTRACE_SEIZE, number, ptr::null_mut::<u8>(), options) })?;
        // SAFETY: PTRACE_INTERRUPT ignores its two last arguments.
        check(unsafe { libc::ptrace(libc::PTRACE_INTERRUPT, number, 0, 0) })?;
        let watched = Self { pid };
        watched.wait()?;
        watched.go_on()?;
        Ok(watched)
    }

    /// Waits for the next stop, or the end.
    pub(crate) fn next(&self) -> io::Result<Stop> {
        loop {
            let status = self.wait()?;
            if status.stopping_signal().is_none() {
                return Ok(Stop::Ended(status));
            }
            if status.stopping_signal() == Some(CALL_STOP) {
                return self.call();
            }
            self.go_on()?;
        }
    }

    /// Lets it run to its next stop.
    pub(crate) fn go_on(&self) -> io::Result<()> {
        // SAFETY: PTRACE_SYSCALL takes a signal number, here none, and touches no memory of ours.
        check(unsafe { libc::ptrace(libc::PTRACE_SYSCALL, self.pid.as_raw_nonzero().get(), 0, 0) })
    }

    fn wait(&self) -> io::Result<WaitStatus> {
        match waitpid(Some(self.pid), WaitOptions::UNTRACED)? {
            Some((_, status)) => Ok(status),
            None => Err(io::Error::other("nothing to wait for")),
        }
    }

    fn call(&self) -> io::Result<Stop> {
        let mut info = MaybeUninit::<libc::ptrace_syscall_info>::zeroed();
        let size = size_of::<libc::ptrace_syscall_info>();
        let number = self.pid.as_raw_nonzero().get();
        // SAFETY: the kernel writes at most `size` bytes to `info`, which has that size.
        check(unsafe { libc::ptrace(libc::PTRACE_GET_SYSCALL_INFO, number, size, info.as_mut_ptr()) })?;
        // SAFETY: all fields are integers, for which the zeros it was made of are valid too.
        let info = unsafe { info.assume_init() };
        if info.op != libc::PTRACE_SYSCALL_INFO_ENTRY {
            return Ok(Stop::Leave);
        }
        // SAFETY: `op` says that the kernel filled in the entry of the union.
        Ok(Stop::Enter(unsafe { info.u.entry.nr }))
    }
}
