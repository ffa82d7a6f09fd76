// SPDX-License-Identifier: GPL-3.0-or-later
//! The machine's side of the device: vhost-user, virtqueues, guest memory.
//!
//! In: a listening socket for the machine, a [`crate::host::Host`]. Out: a device that serves one machine
//! until it goes away.

mod backend;
mod chain;
mod mapper;
mod ram;

pub use backend::{GpuBackend, HOST_EVENT, QUEUES};
pub use chain::{Answer, Chain};
pub use ram::{FileId, RamMap, SharedMemory, VmRam};
