// SPDX-License-Identifier: GPL-3.0-or-later
//! Process set-up that has no safe wrapper. In: a command. Out: the same, with a set-up step.
#![expect(clippy::disallowed_types, reason = "sets up a program that is started")]
#![allow(unsafe_code)]

use std::os::unix::process::CommandExt;
use std::process::Command;

/// Makes the program the leader of a session of its own, so that a signal reaches all of its children.
pub(crate) fn own_session(command: &mut Command) -> &mut Command {
    let step = || rustix::process::setsid().map(drop).map_err(Into::into);
    // SAFETY: the closure runs between fork and exec and only makes one system call; it allocates
    // nothing and takes no lock, so it is safe even though only this thread was copied.
    unsafe { command.pre_exec(step) }
}
