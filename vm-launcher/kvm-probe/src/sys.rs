// SPDX-License-Identifier: GPL-3.0-or-later
//! The unsafe corner of the probe. In: memory of ours. Out: the same, handed to KVM.
#![allow(unsafe_code)]

use kvm_bindings::kvm_userspace_memory_region;
use kvm_ioctls::VmFd;

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
