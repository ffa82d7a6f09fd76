// SPDX-License-Identifier: GPL-3.0-or-later
//! The Wayland relay.

use std::process::ExitCode;

/// Runs the bridge.
#[must_use]
pub fn run() -> ExitCode {
    ExitCode::SUCCESS
}
