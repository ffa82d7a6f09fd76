// SPDX-License-Identifier: GPL-3.0-or-later
//! Fds on the event loop. In: an fd that we own. Out: the same, with word of when it is ready.

use crate::sys;
use std::io;
use std::os::fd::OwnedFd;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Registers `fd` with the event loop.
///
/// # Errors
/// If the kernel refuses, which it does for regular files.
pub fn watch(fd: OwnedFd, interest: Interest) -> io::Result<AsyncFd<OwnedFd>> {
    sys::watch(fd, interest)
}
