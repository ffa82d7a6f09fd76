// SPDX-License-Identifier: GPL-3.0-or-later
//! A program ready to be spawned. In: a command and the fds it inherits. Out: a child that has those
//! fds and no others, and that the kernel kills when its parent dies unless it is meant to live on.

#![expect(clippy::disallowed_types, reason = "starts what it is given, with its descriptors")]

use crate::sys;
use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal};
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::process::Command;

/// A program, its arguments and the fds it inherits under their present numbers.
#[derive(Debug)]
pub struct Launch {
    command: Command,
    inherited: Vec<OwnedFd>,
}

/// Makes the child of `command` die with SIGKILL as soon as the spawning thread does.
pub fn die_with_parent(command: &mut Command) {
    let parent = getpid().as_raw_nonzero().get().unsigned_abs();
    sys::before_exec(command, move || die_with_parent_now(parent));
}

/// Makes this process die with SIGKILL as soon as its parent, which should be `parent`, does.
///
/// # Errors
/// If the kernel refuses, or the parent is gone already.
pub fn die_with_parent_now(parent: u32) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // The parent may have died before the line above; then no signal will ever come.
    let now = getppid().map(|pid| pid.as_raw_nonzero().get().unsigned_abs());
    if now == Some(parent) { Ok(()) } else { Err(io::ErrorKind::Interrupted.into()) }
}

impl Launch {
    /// Wraps `command`, whose child will die with its parent.
    #[must_use]
    pub fn new(mut command: Command) -> Self {
        die_with_parent(&mut command);
        Self::independent(command)
    }

    /// Wraps `command`, whose child lives on when its parent dies.
    #[must_use]
    pub const fn independent(command: Command) -> Self {
        Self { command, inherited: Vec::new() }
    }

    /// Lets the child inherit `fd`; gives back its number for the command line.
    pub fn inherit(&mut self, fd: OwnedFd) -> i32 {
        let number = fd.as_raw_fd();
        self.inherited.push(fd);
        number
    }

    /// Adds arguments.
    pub fn args<S: AsRef<std::ffi::OsStr>>(&mut self, args: impl IntoIterator<Item = S>) -> &mut Self {
        self.command.args(args);
        self
    }

    /// The command line, for logs.
    #[must_use]
    pub fn describe(&self) -> String {
        let words = std::iter::once(self.command.get_program()).chain(self.command.get_args());
        words.map(std::ffi::OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
    }

    /// Spawns by way of `spawn`, which gets the finished command. The parent's copies of the
    /// inherited fds are closed afterwards, so that a dead child is seen as a closed socket.
    ///
    /// # Errors
    /// What `spawn` says.
    pub fn spawn_with<T>(mut self, spawn: impl FnOnce(Command) -> io::Result<T>) -> io::Result<T> {
        let numbers: Vec<i32> = self.inherited.iter().map(|fd| fd.as_raw_fd()).collect();
        // In the child and not here: otherwise a child of another thread could inherit them too.
        sys::before_exec(&mut self.command, move || {
            numbers.iter().try_for_each(|&fd| sys::keep_across_exec(fd))
        });
        spawn(self.command)
    }
}
