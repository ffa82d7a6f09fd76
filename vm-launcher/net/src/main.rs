// SPDX-License-Identifier: GPL-3.0-or-later
//! `cofferdam-net`: one VM's network gateway as a process.
//!
//! In: inherited descriptors named on the command line. Out: a network device for the machine, connections
//! that were allowed. It ends when the machine or the shepherd does.

use std::process::ExitCode;

fn main() -> ExitCode {
    cofferdam_device_kit::main::<cofferdam_net::program::Net>()
}
