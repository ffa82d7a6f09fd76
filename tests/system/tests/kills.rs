// SPDX-License-Identifier: GPL-3.0-or-later
//! Killing any one process at any time harms at most its own VM.
//!
//! In: a desktop with a witness and, for each job, a victim. Out: the victim's VM has ended with a
//! reason, the witness still takes keys and shows their effect.

use cofferdam_control::desktop::{Input, Request, WindowOp};
use cofferdam_ids::VmId;
use cofferdam_runner::desktop::{Desktop, DesktopError};
use cofferdam_system_tests::{DOOR, Job, TestDesktop, kill, pid_of, running};
use std::time::Duration;

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// Types into the witness's window and reads the effect through its agent.
fn witness_lives(t: &mut TestDesktop, witness: &VmId, word: &str) -> Outcome {
    let window = t
        .desktop
        .windows()?
        .into_iter()
        .find(|w| w.vm.as_ref() == Some(witness))
        .ok_or("the witness has no window")?;
    t.desktop.call(Request::WindowOp { window: window.id, op: WindowOp::Activate })?;
    t.desktop.call(Request::Input(Input::Text(format!("echo {word} > /tmp/{word}\n"))))?;
    let argv = ["cat".to_owned(), format!("/tmp/{word}")];
    t.wait("the witness to answer", |d: &mut Desktop| {
        Ok(d.guest_run(witness, &argv)?.stdout == format!("{word}\n").into_bytes())
    })?;
    Ok(())
}

#[test]
fn a_killed_helper_harms_its_own_vm_only() -> Outcome {
    let mut t = TestDesktop::start("kills")?;
    let desktop = t.desktop.pid();
    let witness = t.open("foot")?;
    for (job, word) in [(Job::Gpu, "gpu"), (Job::Machine, "machine"), (Job::Shepherd, "shepherd")] {
        let victim = t.open("foot")?;
        let pid = pid_of(job, &victim, t.desktop.pid()).ok_or_else(|| format!("{victim} has no {word}"))?;
        kill(pid)?;
        let end = t.desktop.wait_end(&victim, Duration::from_secs(60))?;
        let end = end.ok_or_else(|| format!("{victim} lives on without its {word}"))?;
        assert!(!end.detail.is_empty(), "{victim} ended without a reason");
        t.wait("the victim's window to go", |d| {
            Ok(!d.windows()?.iter().any(|w| w.vm.as_ref() == Some(&victim)))
        })?;
        for orphan in [Job::Gpu, Job::Machine, Job::Shepherd] {
            let mut left = true;
            t.wait("the victim's helpers to go", |_| {
                left = pid_of(orphan, &victim, desktop).is_some();
                Ok::<bool, DesktopError>(!left)
            })?;
        }
        witness_lives(&mut t, &witness, word)?;
    }
    Ok(t.desktop.finish()?)
}

#[test]
fn a_killed_bridge_harms_its_own_vm_only() -> Outcome {
    let mut t = TestDesktop::start_with_doors("kill-bridge")?;
    let witness = t.open("foot")?;
    let victim = t.open("foot")?;
    let ended = t.desktop.guest_run(&victim, &[DOOR, "end-bridge"].map(str::to_owned))?;
    assert_eq!(ended.exit.code, 0);
    t.wait("the victim's window to go", |d| {
        Ok(!d.windows()?.iter().any(|w| w.vm.as_ref() == Some(&victim)))
    })?;
    // The bridge comes back, but this app does not outlive its display: the VM ends with it, in order.
    let end = t.desktop.wait_end(&victim, Duration::from_secs(60))?.ok_or("the app outlives its display")?;
    assert!(end.code.is_some(), "{victim} should end with its app: {end:?}");
    witness_lives(&mut t, &witness, "bridge")?;
    let another = t.open("foot")?;
    witness_lives(&mut t, &another, "another")?;
    Ok(t.desktop.finish()?)
}

#[test]
fn a_killed_launcher_harms_nobody() -> Outcome {
    let mut t = TestDesktop::start("kill-launcher")?;
    let witness = t.open("foot")?;
    let desktop = t.desktop.pid();
    let launcher = *running("cofferdam-launcherd", desktop).first().ok_or("no launcher")?;
    kill(launcher)?;
    // The desktop starts another one, which adopts the VM that is there.
    t.wait("a new launcher", |_| Ok(running("cofferdam-launcherd", desktop).iter().any(|p| *p != launcher)))?;
    t.wait("the new launcher to know the witness", |d| Ok(d.check_vms(std::iter::once(&witness)).is_ok()))?;
    witness_lives(&mut t, &witness, "launcher")?;
    // And it still starts and stops VMs.
    let another = t.open("foot")?;
    t.desktop.stop(&another)?;
    t.desktop.wait_end(&another, Duration::from_secs(120))?.ok_or("the new launcher can't stop a VM")?;
    let shepherd = pid_of(Job::Shepherd, &witness, desktop).ok_or("the witness has no shepherd")?;
    t.desktop.finish()?;
    assert!(rustix::process::test_kill_process(shepherd).is_err(), "the witness outlives its desktop");
    Ok(())
}
