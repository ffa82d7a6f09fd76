// SPDX-License-Identifier: GPL-3.0-or-later
//! PID 1. In: the kernel's command line, modules and disks. Out: a checked root file system with the
//! agent running in it; after the agent, a clean power-off.
//!
//! Every failure before the agent runs ends in one `COFFERDAM-FATAL:` line on the console, which the
//! host turns into its report, and a power-off.

#![expect(clippy::disallowed_types, reason = "PID 1 starts the agent")]

mod cmdline;
mod disks;
mod dm;
mod modules;
mod net;
mod root;
mod sys;
pub(crate) mod uevent;

use std::io;
use std::process::{Command, ExitCode};
use std::time::Duration;

use rustix::process::{WaitOptions, wait};
use rustix::system::{RebootCommand, reboot};

use crate::console;
pub(crate) use root::{APP_USER, HOME, RUNTIME_DIR};

/// How long a disk or the agent's port may take to appear after its driver was loaded.
pub(crate) const DEVICE_LIMIT: Duration = Duration::from_secs(10);

/// Why the VM cannot run its app. The sentence is shown to the user by the host.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BootError {
    /// The host asked for something that makes no sense.
    #[error(transparent)]
    Cmdline(#[from] cmdline::CmdlineError),
    /// A step that concerns no layer failed.
    #[error("cannot {what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// The kernel's answer.
        source: io::Error,
    },
    /// A kernel module does not load.
    #[error("cannot load the kernel module {file}: {source}")]
    Module {
        /// Its file.
        file: String,
        /// The kernel's answer.
        source: io::Error,
    },
    /// A disk did not appear.
    #[error("there is no disk with serial {0}")]
    NoDisk(&'static str),
    /// dm-verity found a block that does not belong to the root hash.
    #[error("the {0} layer is not the one it should be: its contents do not match the root hash")]
    Corrupted(&'static str),
    /// The agent ended with an error, so nobody can tell the app to stop.
    #[error("the agent ended unexpectedly: {0}")]
    Agent(String),
}

impl BootError {
    fn io(what: impl Into<String>, source: impl Into<io::Error>) -> Self {
        Self::Io { what: what.into(), source: source.into() }
    }
}

/// Brings the system up, waits for the agent's end and powers off. Only returns if even that fails.
#[must_use]
pub fn run() -> ExitCode {
    let result = boot().and_then(|()| supervise());
    if let Err(e) = &result {
        // Also as a line of its own: kernel messages may share the console.
        console::fatal(format_args!("{e}"));
    }
    power_off();
    ExitCode::FAILURE
}

fn boot() -> Result<(), BootError> {
    root::early_mounts()?;
    let devices = uevent::Devices::subscribe().map_err(|e| BootError::io("watch devices", e))?;
    let line =
        std::fs::read_to_string("/proc/cmdline").map_err(|e| BootError::io("read /proc/cmdline", e))?;
    let args = cmdline::parse(&line)?;
    let count = modules::load_all()?;
    console::line("init", format_args!("{count} modules loaded"));
    root::assemble(&args, &devices)?;
    console::line("init", format_args!("root file system is up"));
    // Neither is worth a VM that does not start.
    if let Err(e) = sys::loopback_up() {
        console::line("init", format_args!("loopback interface: {e}"));
    }
    if let Err(e) = net::up() {
        console::line("init", format_args!("network: {e}; the app is offline"));
    }
    rustix::system::sethostname(b"cofferdam").map_err(|e| BootError::io("set the host name", e))
}

/// Starts the agent and reaps every orphan of the VM until the agent itself ends.
fn supervise() -> Result<(), BootError> {
    // This very file: it stays open through the running process after the switch of roots.
    let agent = Command::new("/proc/self/exe")
        .arg("agent")
        .env_clear()
        .spawn()
        .map_err(|e| BootError::io("start the agent", e))?;
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if u32::try_from(pid.as_raw_pid()) == Ok(agent.id()) => {
                return match (status.exit_status(), status.terminating_signal()) {
                    (Some(0), _) => Ok(()),
                    (Some(code), _) => Err(BootError::Agent(format!("code {code}"))),
                    (None, Some(signal)) => Err(BootError::Agent(format!("signal {signal}"))),
                    (None, None) => continue,
                };
            }
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(BootError::io("wait for the agent", e)),
        }
    }
}

/// Ends every process, writes out the data volume and turns the machine off.
fn power_off() {
    kill_everybody();
    rustix::fs::sync();
    root::release_data();
    console::flush();
    if let Err(e) = reboot(RebootCommand::PowerOff) {
        console::line("init", format_args!("power off: {e}"));
    }
}

fn kill_everybody() {
    // -1 means everyone but PID 1; there is no gentle round because the agent has had one.
    if sys::kill_all().is_err() {
        return;
    }
    while let Ok(Some(_)) = wait(WaitOptions::empty()) {}
}
