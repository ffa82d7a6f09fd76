// SPDX-License-Identifier: GPL-3.0-or-later
//! The desktop itself dies: what it leaves, and what comes back.
//!
//! In: a desktop with a VM, and a kill -9. Out: no process is left behind; after a dead compositor the
//! desktop takes new apps.

use cofferdam_ids::VmId;
use cofferdam_runner::blocking::Launcher;
use cofferdam_system_tests::{CliDesktop, Job, kill, pid_of, running};
use rustix::process::{Pid, test_kill_process};

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// All processes of the desktop and of its VM.
fn processes(desktop: Pid, vm: &VmId) -> Result<Vec<Pid>, String> {
    let mut pids = Vec::new();
    for job in [Job::Gpu, Job::Machine, Job::Shepherd] {
        pids.push(pid_of(job, vm, desktop).ok_or_else(|| format!("no {job:?}"))?);
    }
    for program in ["cofferdam-compositor", "cofferdam-launcherd", "dbus-daemon"] {
        pids.push(running(program, desktop).first().copied().ok_or_else(|| format!("no {program}"))?);
    }
    Ok(pids)
}

#[test]
fn a_killed_desktop_leaves_nothing() -> Outcome {
    let desktop = CliDesktop::start("killed-desktop", &[])?;
    desktop.check(&["run", "foot"], 0, "foot", "running")?;
    let pids = processes(desktop.pid(), &"foot".parse()?)?;
    kill(desktop.pid())?;
    desktop.wait_for_death(|| {
        // A zombie waits for a parent that is none of ours; it does nothing any more.
        pids.iter().all(|pid| test_kill_process(*pid).is_err() || cofferdam_system_tests::is_zombie(*pid))
    })?;
    Ok(())
}

#[test]
fn a_killed_compositor_comes_back_and_takes_new_apps() -> Outcome {
    let mut desktop = CliDesktop::start("killed-compositor", &[])?;
    desktop.check(&["run", "foot"], 0, "foot", "running")?;
    let compositor = *running("cofferdam-compositor", desktop.pid()).first().ok_or("no compositor")?;
    kill(compositor)?;
    let launcher = Launcher::connect(&desktop.bus)?;
    // Windows can't outlive their compositor; their VM ends in order.
    let end =
        desktop.wait_until(|| launcher.list().ok()?.into_iter().find(|e| e.vm == "foot" && !e.is_alive()))?;
    assert_eq!(end.state, "stopped");
    desktop.check(&["run", "foot"], 0, "foot", "running")?;
    let bus = desktop.bus.clone();
    let launcher = Launcher::connect(&bus)?;
    let running =
        desktop.wait_until(|| launcher.list().ok()?.into_iter().find(|e| e.vm == "foot" && e.is_alive()))?;
    assert_eq!(running.state, "running");
    desktop.finish()
}
