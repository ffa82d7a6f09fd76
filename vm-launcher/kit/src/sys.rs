// SPDX-License-Identifier: GPL-3.0-or-later
//! The one unsafe corner of our programs' kit. In: numbers that came with `exec`, fds of ours, hooks for
//! children. Out: owned fds, fds that are registered with the event loop, children that begin as they should.
#![expect(clippy::disallowed_types, reason = "sets up a program that is started")]
#![allow(unsafe_code)]

use rustix::io::FdFlags;
use std::collections::BTreeSet;
use std::io;
use std::os::fd::{BorrowedFd, FromRawFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
#[cfg(feature = "tokio")]
use tokio::io::{Interest, unix::AsyncFd};

/// Numbers that have been handed out, so that none has two owners.
static TAKEN: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// Takes over the inherited fd `number`.
///
/// # Errors
/// If it is not open, a standard stream, or was taken before.
pub(crate) fn adopt_fd(number: i32) -> io::Result<OwnedFd> {
    let refused = |why: &str| io::Error::new(io::ErrorKind::InvalidInput, format!("fd {number} {why}"));
    if number <= 2 {
        return Err(refused("is a standard stream"));
    }
    if !TAKEN.lock().unwrap_or_else(PoisonError::into_inner).insert(number) {
        return Err(refused("was taken before"));
    }
    // SAFETY: the borrow ends with the call, which only asks and sets flags; a number that is not open
    // is an error of the kernel, not undefined behaviour.
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    rustix::io::fcntl_setfd(borrowed, FdFlags::CLOEXEC)?;
    // SAFETY: the fd is open (checked above) and was passed to this process to own; `TAKEN` makes sure
    // that this is its only owner. `main` calls this before it opens anything itself.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Registers `fd` with the event loop; see [`crate::readiness::watch`].
#[cfg(feature = "tokio")]
pub(crate) fn watch(fd: OwnedFd, interest: Interest) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` always gives the same number, and the `AsyncFd` owns it and deregisters it
    // before it is closed.
    unsafe { AsyncFd::register_with_interest(fd, interest) }.map_err(|error| error.into_parts().1)
}

/// Has the child run `hook` after fork and before exec.
///
/// `hook` must do nothing but plain system calls: no allocation, no locks.
pub(crate) fn before_exec(
    command: &mut Command,
    hook: impl FnMut() -> io::Result<()> + Send + Sync + 'static,
) {
    // SAFETY: the only callers are in `launch.rs`, and their hooks make async-signal-safe system
    // calls on integers only, which is all that is allowed between fork and exec.
    unsafe { command.pre_exec(hook) };
}

/// Clears close-on-exec of `fd`; called between fork and exec.
pub(crate) fn keep_across_exec(fd: i32) -> io::Result<()> {
    // SAFETY: `fd` is owned by the `Launch` that is being spawned, so it is open in the parent and
    // its copy is open in this child until exec.
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    Ok(rustix::io::fcntl_setfd(fd, FdFlags::empty())?)
}
