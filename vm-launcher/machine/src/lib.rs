// SPDX-License-Identifier: GPL-3.0-or-later
//! How a virtual machine is put into a process.
//!
//! In: what the machine is made of ([`MachineSpec`]) and the connected sockets of its devices
//! ([`Wires`]). Out: a [`Launch`], a program ready to be spawned that inherits exactly those sockets
//! and dies with its parent. [`Machine`] is the seam between drivers, [`Driver`] says which one; [`Qemu`]
//! is the one that runs everywhere, behind the walls of `cofferdam-enclose`, and [`Acceleration::detect`] finds out by doing whether it
//! may use KVM.

pub mod accel;
mod driver;
mod qemu;
mod spec;
mod wait;

pub use accel::{Acceleration, KvmVerdict};
pub use cofferdam_kit::launch::{Launch, die_with_parent};
pub use driver::Driver;
pub use qemu::{Qemu, QemuProgram};
pub use spec::{Disk, MachineSpec, Wire, Wires};

/// Why a machine can't be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MachineError {
    /// A file that the machine needs is not there.
    #[error("{path} is missing: {source}")]
    Missing {
        /// The file.
        path: std::path::PathBuf,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// A path that can't be written on a command line.
    #[error("{0} is not valid UTF-8")]
    Path(std::path::PathBuf),
}

/// A way to run a VM.
pub trait Machine {
    /// Its name in `coffer doctor` and in logs.
    fn name(&self) -> &'static str;

    /// Whether a boot takes seconds instead of a fraction of one.
    fn is_slow(&self) -> bool;

    /// Puts together the process; nothing runs yet.
    ///
    /// # Errors
    /// If a file of `spec` is missing.
    fn prepare(&self, spec: &MachineSpec, wires: Wires) -> Result<Launch, MachineError>;
}
