// SPDX-License-Identifier: GPL-3.0-or-later
//! `cofferdam-gpu`: one VM's gpu device as a process.
//!
//! In: inherited descriptors named on the command line. Out: a virtio-gpu device for the machine, Wayland
//! clients for the compositor, reports for the shepherd. It ends when the machine or the shepherd does.

use std::process::ExitCode;

fn main() -> ExitCode {
    cofferdam_device_kit::main::<cofferdam_gpu::program::Gpu>()
}
