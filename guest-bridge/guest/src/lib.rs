// SPDX-License-Identifier: GPL-3.0-or-later
//! The guest's one static binary. In: the boot, the host's orders, the apps' Wayland bytes. Out: a
//! running app whose windows reach the host.
//!
//! One file in the initramfs is PID 1 ([`init`]), the [`agent`] and the [`bridge`], so that nothing
//! but this binary has to be trusted to bring the VM up: no shell, no udev, no service manager. It is
//! a library too, for benchmarks which run the bridge without a VM and for the guest that attacks the device.

pub mod agent;
pub mod bridge;
pub mod init;

mod console;
mod reactor;
mod sys;

use std::process::ExitCode;

/// Runs the part which this process was started as.
#[must_use]
pub fn main() -> ExitCode {
    if rustix::process::getpid().is_init() {
        return init::run();
    }
    match std::env::args().nth(1).as_deref() {
        Some("agent") => agent::run(),
        Some("bridge") => bridge::run(),
        _ => {
            console::line("guest", format_args!("usage: cofferdam-guest agent|bridge"));
            ExitCode::from(2)
        }
    }
}
