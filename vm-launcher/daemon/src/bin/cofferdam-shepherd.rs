// SPDX-License-Identifier: GPL-3.0-or-later
//! One process per VM: starts, watches and ends the VM's helpers.
//!
//! In: `--spec-fd N` (JSON, read to its end) and `--link-fd N` (a packet socket to the launcher).
//! Out: a VM's whole life. It leads a session of its own, so that nobody's Ctrl-C and no death of the
//! launcher reaches it.

use cofferdam_kit::inherited::take_fd;
use cofferdam_launcher::shepherd::{ShepherdSpec, run};
use std::error::Error;
use std::fs::File;
use std::process::ExitCode;

fn main() -> ExitCode {
    cofferdam_kit::logging::start();
    match shepherd() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the shepherd could not begin");
            ExitCode::FAILURE
        }
    }
}

fn shepherd() -> Result<(), Box<dyn Error>> {
    let spec = take_fd("--spec-fd")?;
    let link = take_fd("--link-fd")?;
    // It fails only for a process that leads a group already, and then nothing is missing.
    let _ = rustix::process::setsid();
    let spec: ShepherdSpec = serde_json::from_reader(File::from(spec))?;
    cofferdam_launcher::walls::around_shepherd(&spec)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(run(spec, link));
    // A blocked read of some caller's standard input must not keep a dead VM's shepherd alive.
    runtime.shutdown_background();
    Ok(result?)
}
