// SPDX-License-Identifier: GPL-3.0-or-later
//! The desktop itself dies: what it leaves, and what comes back.
//!
//! In: a desktop with a VM, and a kill -9. Out: no process is left behind, neither behind a desktop nor behind
//! the test that started it; after a dead compositor the desktop takes new apps.

#![expect(clippy::disallowed_types, reason = "runs coffer")]

use cofferdam_ids::VmId;
use cofferdam_patience::{ended, until};
use cofferdam_runner::blocking::Launcher;
use cofferdam_system_tests::{CliDesktop, Job, is_zombie, kill, out_dir, pid_of, program, running};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use std::process::{Command, Stdio};

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

/// A zombie waits for a parent that is none of ours; it does nothing any more.
fn is_over(pid: Pid) -> bool {
    test_kill_process(pid).is_err() || is_zombie(pid)
}

#[test]
fn a_killed_desktop_leaves_nothing() -> Outcome {
    let desktop = CliDesktop::start("killed-desktop", &[])?;
    desktop.check(&["run", "foot"], 0, "foot", "running")?;
    let pids = processes(desktop.pid(), &"foot".parse()?)?;
    kill(desktop.pid())?;
    desktop.wait_for_death(|| pids.iter().all(|pid| is_over(*pid)))?;
    Ok(())
}

#[test]
fn a_test_that_is_ended_takes_its_desktop_along() -> Outcome {
    let directory = out_dir("ended-test");
    std::fs::create_dir_all(&directory)?;
    let scenario = directory.join("waits.toml");
    // Nobody ever asks.
    std::fs::write(&scenario, "name = \"waits\"\n[[step]]\nexpect_prompt = { timeout_s = 3000 }\n")?;
    for signal in [Signal::TERM, Signal::KILL] {
        let mut test = Command::new(program("coffer"))
            .args(["test", "--out"])
            .arg(directory.join("out"))
            .arg(&scenario)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()?;
        let pid = Pid::from_child(&test);
        until("its desktop", || running("cofferdam-panel", pid).first().copied());
        let names =
            ["coffer", "dbus-daemon", "cofferdam-compositor", "cofferdam-monitord", "cofferdam-launcherd"];
        let desktop: Vec<Pid> = names.iter().flat_map(|name| running(name, pid)).collect();
        assert_eq!(desktop.len(), names.len());
        kill_process(pid, signal)?;
        assert!(!ended(&mut test, "the test").success());
        until("its desktop to end", || desktop.iter().all(|pid| is_over(*pid)).then_some(()));
    }
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
