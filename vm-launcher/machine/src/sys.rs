// SPDX-License-Identifier: GPL-3.0-or-later
//! The unsafe corners: a hook between fork and exec, and memory handed to KVM.
#![allow(unsafe_code)]

use kvm_bindings::kvm_userspace_memory_region;
use kvm_ioctls::VmFd;
use std::os::fd::BorrowedFd;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// Has the child run `hook` after fork and before exec.
///
/// `hook` must do nothing but plain system calls: no allocation, no locks.
pub(crate) fn before_exec(
    command: &mut Command,
    hook: impl FnMut() -> std::io::Result<()> + Send + Sync + 'static,
) {
    // SAFETY: the only callers are in `launch.rs`, and their hooks make async-signal-safe system
    // calls on integers only, which is all that is allowed between fork and exec.
    unsafe { command.pre_exec(hook) };
}

/// Clears close-on-exec of `fd`; called between fork and exec.
pub(crate) fn keep_across_exec(fd: i32) -> std::io::Result<()> {
    // SAFETY: `fd` is owned by the `Launch` that is being spawned, so it is open in the parent and
    // its copy is open in this child until exec.
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    Ok(rustix::io::fcntl_setfd(fd, rustix::io::FdFlags::empty())?)
}

/// Maps `[host, host + size)` into the guest at address 0 as slot 0.
pub(crate) fn map_slot_zero(vm: &VmFd, host: *mut u8, size: u64) -> Result<(), kvm_ioctls::Error> {
    let region = kvm_userspace_memory_region {
        slot: 0,
        flags: 0,
        guest_phys_addr: 0,
        memory_size: size,
        userspace_addr: host as u64,
    };
    // SAFETY: the caller in `kvm.rs` passes a mapping of `size` bytes that outlives `vm`, and it is
    // the only slot, so nothing overlaps.
    unsafe { vm.set_user_memory_region(region) }
}
