// SPDX-License-Identifier: GPL-3.0-or-later
//! `cofferdam-rng`: one VM's entropy device as a process.
//!
//! In: inherited descriptors named on the command line. Out: a virtio entropy device for the machine. It ends when
//! the machine or the shepherd does.

use std::process::ExitCode;

fn main() -> ExitCode {
    cofferdam_device_kit::main::<cofferdam_rng::program::Rng>()
}
