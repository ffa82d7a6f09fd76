// SPDX-License-Identifier: GPL-3.0-or-later
//! File descriptors given at birth. In: arguments such as `--spec-fd 5`. Out: the fd, ours, and
//! close-on-exec from now on.

use crate::sys;
use std::io;
use std::os::fd::OwnedFd;

/// Takes over the fd whose number stands after `option` among our arguments.
///
/// # Errors
/// If the option is missing or names no open fd above 2.
pub fn take_fd(option: &str) -> io::Result<OwnedFd> {
    let missing = || io::Error::new(io::ErrorKind::InvalidInput, format!("{option} N is missing"));
    let mut words = std::env::args().skip_while(|word| word != option);
    let number: i32 = words.nth(1).and_then(|n| n.parse().ok()).ok_or_else(missing)?;
    sys::adopt_fd(number)
}
