// SPDX-License-Identifier: GPL-3.0-or-later
//! The one system call of the jail that no safe wrapper offers.
//!
//! In: a range of descriptor numbers. Out: they are closed.
#![allow(unsafe_code)]

use std::io;

/// Closes every descriptor from `first` to `last`, both included; numbers that are not open are skipped.
pub(crate) fn close_range(first: u32, last: u32) -> io::Result<()> {
    // SAFETY: takes two integers and touches no memory of ours. No owned descriptor is affected,
    // because `enter` runs before the program has opened anything and never closes what the plan keeps.
    let rc = unsafe { libc::close_range(first, last, 0) };
    if rc == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
