// SPDX-License-Identifier: GPL-3.0-or-later
//! Inherited descriptor numbers become owned descriptors, once, at start.
//!
//! In: numbers from the command line, which the shepherd wrote. Out: [`OwnedFd`]s that are certainly open.
#![allow(unsafe_code)]

use rustix::io::Errno;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// Takes over an inherited descriptor. Call it once per number, before anything else is opened.
pub(crate) fn inherit(number: RawFd) -> Result<OwnedFd, Errno> {
    if number <= 2 {
        return Err(Errno::BADF);
    }
    // SAFETY: the number is not -1, and the borrow ends before anything can close it: only this function, which
    // runs before other threads exist, deals with inherited numbers. A closed number yields EBADF below.
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    rustix::io::fcntl_setfd(borrowed, rustix::io::FdFlags::CLOEXEC)?;
    // SAFETY: it is open, as the call above has shown, and nobody in this process owns it: it was inherited, and
    // the command line names each number once, which `args` checks.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}
