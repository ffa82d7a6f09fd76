// SPDX-License-Identifier: GPL-3.0-or-later
//! A throw-away process that tries KVM. In: nothing. Out: status 0 and no word if a guest ran as it
//! should; status 1 and one sentence on standard output if not; no end at all where KVM hangs, which
//! is why the caller holds a deadline.

mod kvm;
mod sys;

use std::io::Write as _;
use std::process::ExitCode;

#[expect(clippy::disallowed_methods, reason = "its answer")]
fn main() -> ExitCode {
    match kvm::run_tiny_guest() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A closed pipe leaves the status, which says enough.
            let _ = writeln!(std::io::stdout(), "{error}");
            ExitCode::FAILURE
        }
    }
}
