// SPDX-License-Identifier: GPL-3.0-or-later
//! The machine's side of the device: vhost-user, virtqueues, guest memory.
//!
//! In: a [`crate::shell::Shell`]. Out: a device that serves one machine
//! until it goes away.

mod device;
mod mapper;
mod ram;

pub use device::GpuDevice;
pub use ram::{FileId, RamMap, VmRam};
