// SPDX-License-Identifier: GPL-3.0-or-later
//! A guest of four instructions. In: `/dev/kvm`. Out: whether it ran and made exactly the exits that
//! it should. Runs only in the throw-away child `cofferdam-kvm-probe`: on a host whose KVM is broken
//! the run may never come back.

use crate::sys;
use kvm_ioctls::{Kvm, VcpuExit};
use vm_memory::{Bytes as _, GuestAddress, GuestMemoryBackend as _, GuestMemoryMmap};

const MEMORY: usize = 0x4000;
const ENTRY: u64 = 0x1000;
const PORT: u16 = 0x3f8;

/// Real mode: `mov dx, 0x3f8; mov al, '*'; out dx, al; hlt`.
const CODE: [u8; 7] = [0xba, 0xf8, 0x03, 0xb0, b'*', 0xee, 0xf4];

/// Why KVM is of no use here.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum KvmError {
    /// An ioctl failed.
    #[error("{what}: {source}")]
    Ioctl {
        /// What was tried.
        what: &'static str,
        /// What the kernel said.
        source: kvm_ioctls::Error,
    },
    /// No memory for the guest.
    #[error("no memory for the guest: {0}")]
    Memory(String),
    /// The guest ran, but not as a processor would.
    #[error("the guest should have {expected}, but the exit was {got}")]
    Exit {
        /// What it should have done.
        expected: &'static str,
        /// What came.
        got: String,
    },
}

fn ioctl(what: &'static str) -> impl FnOnce(kvm_ioctls::Error) -> KvmError {
    move |source| KvmError::Ioctl { what, source }
}

/// Runs the tiny guest.
///
/// # Errors
/// [`KvmError`] if anything differs from what a real processor does.
pub(crate) fn run_tiny_guest() -> Result<(), KvmError> {
    let memory = GuestMemoryMmap::<()>::from_ranges(&[(GuestAddress(0), MEMORY)])
        .map_err(|e| KvmError::Memory(e.to_string()))?;
    memory.write_slice(&CODE, GuestAddress(ENTRY)).map_err(|e| KvmError::Memory(e.to_string()))?;
    let host = memory.get_host_address(GuestAddress(0)).map_err(|e| KvmError::Memory(e.to_string()))?;

    let kvm = Kvm::new().map_err(ioctl("opening /dev/kvm"))?;
    let vm = kvm.create_vm().map_err(ioctl("creating a VM"))?;
    sys::map_slot_zero(&vm, host, MEMORY as u64).map_err(ioctl("giving memory to the VM"))?;
    let mut vcpu = vm.create_vcpu(0).map_err(ioctl("creating a processor"))?;

    let mut sregs = vcpu.get_sregs().map_err(ioctl("reading segment registers"))?;
    sregs.cs.base = 0;
    sregs.cs.selector = 0;
    vcpu.set_sregs(&sregs).map_err(ioctl("setting segment registers"))?;
    let mut regs = vcpu.get_regs().map_err(ioctl("reading registers"))?;
    regs.rip = ENTRY;
    regs.rflags = 2;
    vcpu.set_regs(&regs).map_err(ioctl("setting registers"))?;

    match vcpu.run().map_err(ioctl("running the guest"))? {
        VcpuExit::IoOut(PORT, b"*") => {}
        other => {
            return Err(KvmError::Exit { expected: "written one byte to a port", got: format!("{other:?}") });
        }
    }
    match vcpu.run().map_err(ioctl("running the guest"))? {
        VcpuExit::Hlt => Ok(()),
        other => Err(KvmError::Exit { expected: "halted", got: format!("{other:?}") }),
    }
}
