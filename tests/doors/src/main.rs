// SPDX-License-Identifier: GPL-3.0-or-later
//! The guest's binary with doors, for tests of what a compromised bridge can do. In: how it was started. Out: all
//! that the guest's own binary does, and beside that a program in the guest through which the app's user becomes
//! the bridge's:
//!
//! - `/cofferdam-door as-bridge PROGRAM…` runs a program that reaches the GPU device,
//! - `/cofferdam-door end-bridge` ends the bridge as a crash would.
//!
//! Only tests put it into an initramfs. The guest's own binary knows nothing of it: there is no word to say to it,
//! on any channel, that opens anything.

#![forbid(unsafe_code)]
#![expect(clippy::disallowed_types, reason = "becomes the program that a test wants to run")]

use cofferdam_guest::agent::BRIDGE_USER;
use rustix::fs::{Gid, Mode, Uid, chmod, chown};
use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{set_thread_res_gid, set_thread_res_uid};
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};

/// Lies on the root's upper layer, where a program may still belong to somebody else than who runs it.
const DOOR: &str = "/cofferdam-door";

const USAGE: &str = "usage: /cofferdam-door as-bridge PROGRAM… | end-bridge";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        // PID 1 starts the agent once the root is up.
        [_, "agent"] => make_door(),
        [DOOR, "as-bridge", program, arguments @ ..] => as_bridge(program, arguments),
        [DOOR, "end-bridge"] => return code(end_bridge()),
        [DOOR, ..] => Err(io::Error::other(USAGE)),
        _ => Ok(()),
    };
    match done {
        Ok(()) => cofferdam_guest::main(),
        Err(error) => code(Err(error)),
    }
}

fn code(done: io::Result<()>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&error);
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a guest program has only its standard error")]
fn tell(error: &io::Error) {
    use std::io::Write as _;
    // Nobody may listen.
    let _ = writeln!(io::stderr(), "cofferdam-door: {error}");
}

fn make_door() -> io::Result<()> {
    std::fs::copy("/proc/self/exe", DOOR)?;
    chown(DOOR, Some(Uid::from_raw(BRIDGE_USER)), Some(Gid::from_raw(BRIDGE_USER)))?;
    let mode = Mode::RWXU | Mode::RGRP | Mode::XGRP | Mode::ROTH | Mode::XOTH;
    chmod(DOOR, mode | Mode::SUID | Mode::SGID)?;
    Ok(())
}

/// Becomes `program`; comes back only if that fails.
fn as_bridge(program: &str, arguments: &[&str]) -> io::Result<()> {
    // Shells drop what their real user does not have.
    let (uid, gid) = (Uid::from_raw(BRIDGE_USER), Gid::from_raw(BRIDGE_USER));
    set_thread_res_gid(gid, gid, gid)?;
    set_thread_res_uid(uid, uid, uid)?;
    Err(Command::new(program).args(arguments).current_dir("/").exec())
}

fn end_bridge() -> io::Result<()> {
    for entry in std::fs::read_dir("/proc")?.flatten() {
        let pid = entry.file_name().to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw);
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        if let Some(pid) = pid
            && line.ends_with(b"\0bridge\0")
        {
            return Ok(kill_process(pid, Signal::KILL)?);
        }
    }
    Err(io::ErrorKind::NotFound.into())
}
