// SPDX-License-Identifier: GPL-3.0-or-later
//! In: a sentence. Out: one line on standard error, which PID 1 has made the VM's console.
//!
//! The console is a slow serial port that the host keeps: only boot steps and surprises go there.

#![expect(clippy::disallowed_methods, reason = "is the writer to the console")]

use std::fmt::Arguments;
use std::io::Write;

/// Writes one line, prefixed with the part of the guest that speaks.
///
/// A console that refuses it is no reason to fail, hence no result.
pub(crate) fn line(who: &str, what: Arguments<'_>) {
    // Assembled first, so that lines of several processes do not interleave.
    let text = format!("cofferdam-{who}: {what}\n");
    drop(std::io::stderr().write_all(text.as_bytes()));
}

/// The one line by which PID 1 tells the host why the VM ends.
pub(crate) fn fatal(why: Arguments<'_>) {
    let text = format!("\nCOFFERDAM-FATAL: {why}\n");
    drop(std::io::stderr().write_all(text.as_bytes()));
}

/// Waits until the serial port has sent everything.
pub(crate) fn flush() {
    // Fails when standard error is no terminal; there is nothing to wait for then.
    let _ = rustix::termios::tcdrain(std::io::stderr());
}
