// SPDX-License-Identifier: GPL-3.0-or-later
//! The guest's one static binary. In: the boot, the host's orders, the apps' Wayland bytes. Out: a
//! running app whose windows reach the host.
//!
//! One file in the initramfs is PID 1 ([`init`]), the [`agent`], the [`bridge`] and the portals' backend, so that nothing
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
    let words: Vec<String> = std::env::args().collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [name, arguments @ ..] if name.ends_with("xdg-open") => cofferdam_portal::open::run(arguments),
        [_, "agent"] => agent::run(),
        [_, "bridge"] => bridge::run(),
        [_, "portal"] => cofferdam_portal::backend::run(),
        [_, "open", arguments @ ..] => cofferdam_portal::open::run(arguments),
        _ => {
            console::line("guest", format_args!("usage: cofferdam-guest agent|bridge|portal|open ADDRESS"));
            ExitCode::from(2)
        }
    }
}
