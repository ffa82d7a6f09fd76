// SPDX-License-Identifier: GPL-3.0-or-later
//! In: how the binary was started. Out: PID 1, the agent or the bridge.

use std::process::ExitCode;

fn main() -> ExitCode {
    cofferdam_guest::main()
}
