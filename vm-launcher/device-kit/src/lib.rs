// SPDX-License-Identifier: GPL-3.0-or-later
//! What every device process has, so that a device is only what is its own.
//!
//! In: a [`Program`], which says what the device is, a row of `cofferdam_lifecycle::PARTS`, and a role
//! of [`cofferdam_jail::roles`]. Out: a jailed process that serves one machine until that, or the shepherd, is gone.
//!
//! ```text
//! shepherd ──control──▶ control ─┐
//! machine ──vhost-user─▶ backend ┴─▶ Device (the crate's own: queues, event loop, core)
//!   RAM  ◀──used ring──  queue, chain
//! ```
//!
//! A device's crate has the same rooms each time: `program` (options, limits, how it is made), `vhost`
//! (its queues), and, where there is I/O beside them, `shell` with a pure core in a crate
//! of its own. Its `main` is one line.
//!
//! | module | job |
//! |---|---|
//! | [`args`] | the command line: what all devices have, and a place for what one has |
//! | [`program`] | from `main` to the end: log, jail, serve |
//! | [`control`] | the socket to the shepherd |
//! | [`backend`] | vhost-user |
//! | [`queue`], [`chain`] | virtqueues of a guest that lies |
//! | [`poller`] | what else can wake a device, and its timer |

pub mod args;
pub mod backend;
pub mod chain;
pub mod control;
pub mod poller;
pub mod program;
pub mod queue;
mod sys;

pub use backend::{Device, Wake};
pub use program::{Program, Start, main};

/// The guest's memory, which the machine may exchange.
pub type SharedMemory = vm_memory::GuestMemoryAtomic<vm_memory::GuestMemoryMmap>;

/// Takes over an inherited descriptor. Call it once per number, before anything else is opened.
///
/// # Errors
/// [`rustix::io::Errno::BADF`] if the number is not open, is one of the first three, or cannot be marked
/// close-on-exec.
pub fn inherit(number: std::os::fd::RawFd) -> Result<std::os::fd::OwnedFd, rustix::io::Errno> {
    sys::inherit(number)
}
