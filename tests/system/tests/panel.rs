// SPDX-License-Identifier: GPL-3.0-or-later
//! The bar and the panel on a real desktop: what they cost, that they come back, and what a desktop does that
//! lacks them.
//!
//! In: private desktops. Out: memory, wake-ups and processes as the kernel counts them; surfaces as the
//! compositor does.

#![expect(clippy::disallowed_types, reason = "runs coffer")]

use cofferdam_control::desktop::{Input, Request};
use cofferdam_runner::desktop::{Desktop, DesktopError};
use cofferdam_runner::keys;
use cofferdam_system_tests::{PATIENCE, TestDesktop, kill, out_dir, program, running};
use rustix::process::Pid;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// The most memory that bar and panel may take, in KiB.
const MEMORY_KIB: u64 = 25 * 1024;
/// How many wake-ups there may be until the bar's clock turns: that one, the frame that shows it, and what a bus
/// may carry.
const WAKE_UPS: u64 = 10;
/// If less of the minute is left, the next one is watched: one that turns at once would show nothing.
const WATCHED: Duration = Duration::from_secs(10);

fn panel_of(desktop: &Desktop) -> Option<Pid> {
    running("cofferdam-panel", desktop.pid()).first().copied()
}

/// Whether a surface of this name is on the screen.
fn is_shown(desktop: &mut Desktop, name: &str) -> Result<bool, DesktopError> {
    Ok(desktop.windows()?.iter().any(|w| w.vm.is_none() && w.visible && w.app_id.as_str() == name))
}

fn toggle_panel(desktop: &mut Desktop) -> Outcome {
    let codes = keys::chord("ctrl+alt+p")?;
    for (code, pressed) in codes.iter().map(|c| (c, true)).chain(codes.iter().rev().map(|c| (c, false))) {
        desktop.call(Request::Input(Input::Key { code: *code, pressed }))?;
    }
    Ok(())
}

/// What the bar says the time is.
fn clock(desktop: &Desktop) -> Result<String, Box<dyn std::error::Error>> {
    let all = desktop.panel()?.elements()?;
    let time = |label: &str| label.len() > 6 && label.chars().rev().nth(2) == Some(':');
    let clock = all.into_iter().find(|e| e.surface == "bar" && time(&e.label));
    Ok(clock.ok_or("the bar has no clock")?.label)
}

/// Waits until the bar's clock turns. The panel says so by itself: it has been awake, however slow the machine is,
/// and all that should not have woken it has had its time.
#[expect(clippy::disallowed_methods, reason = "the wait has a deadline, and fails at it")]
fn next_minute(desktop: &Desktop) -> Outcome {
    let before = clock(desktop)?;
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        desktop.panel()?.wait_for_change(deadline.saturating_duration_since(Instant::now()));
        if clock(desktop)? != before {
            return Ok(());
        }
    }
    Err(format!("the bar's clock still shows {before}").into())
}

/// A number of a file of `/proc`, after its name.
fn counted(pid: Pid, file: &str, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{}/{file}", pid.as_raw_nonzero())).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim_start_matches(':').split_whitespace().next()?.parse().ok()
}

/// How often a process was put on a processor: each time it woke, and each time it had to share.
fn switches(pid: Pid) -> Option<u64> {
    let of = |name| counted(pid, "status", name);
    Some(of("voluntary_ctxt_switches")? + of("nonvoluntary_ctxt_switches")?)
}

#[test]
#[expect(clippy::disallowed_methods, reason = "looks how much of the minute is left")]
fn an_open_panel_is_small_and_a_closed_one_sleeps() -> Outcome {
    let mut t = TestDesktop::start("panel-cost")?;
    t.open("foot")?;
    let panel = panel_of(&t.desktop).ok_or("no panel")?;
    t.wait("the bar to show the app", |d| {
        Ok(d.panel()?.elements().map_err(DesktopError::Panel)?.iter().any(|e| e.label == "Terminal"))
    })?;
    toggle_panel(&mut t.desktop)?;
    t.wait("the panel to open", |d| is_shown(d, "panel"))?;
    t.wait("the panel to be drawn", |d| {
        Ok(d.panel()?
            .elements()
            .map_err(DesktopError::Panel)?
            .iter()
            .any(|e| e.label == "Network: ask per site"))
    })?;
    let open = counted(panel, "smaps_rollup", "Pss").ok_or("no PSS")?;
    toggle_panel(&mut t.desktop)?;
    t.wait("the panel to close", |d| Ok(!is_shown(d, "panel")?))?;
    let closed = counted(panel, "smaps_rollup", "Pss").ok_or("no PSS")?;
    println!("panel: {open} KiB open, {closed} KiB closed");
    assert!(open.max(closed) <= MEMORY_KIB, "{open} KiB open, {closed} KiB closed");

    if 60 - SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() % 60 < WATCHED.as_secs() {
        next_minute(&t.desktop)?;
    }
    // The last answers of the bus are in: from here on nothing happens, but for the minute's end.
    clock(&t.desktop)?;
    let before = switches(panel).ok_or("no counters")?;
    next_minute(&t.desktop)?;
    let woken = switches(panel).ok_or("no counters")? - before;
    println!("panel: woken {woken} times until the minute's end");
    assert!(woken <= WAKE_UPS, "{woken} wake-ups while nothing happened");
    Ok(t.desktop.finish()?)
}

#[test]
fn a_killed_panel_comes_back() -> Outcome {
    let mut t = TestDesktop::start("kill-panel")?;
    t.wait("the bar", |d| is_shown(d, "bar"))?;
    toggle_panel(&mut t.desktop)?;
    t.wait("the panel to open", |d| is_shown(d, "panel"))?;
    let first = panel_of(&t.desktop).ok_or("no panel")?;
    kill(first)?;
    let pid = t.desktop.pid();
    t.wait("another panel", |_| Ok(running("cofferdam-panel", pid).iter().any(|p| *p != first)))?;
    t.wait("its bar", |d| is_shown(d, "bar"))?;
    assert!(!is_shown(&mut t.desktop, "panel")?, "the panel of the dead one is gone");
    // It opens, and says what there is.
    toggle_panel(&mut t.desktop)?;
    t.wait("the panel to open again", |d| is_shown(d, "panel"))?;
    t.wait("its words", |d| {
        Ok(d.panel()?.elements().is_ok_and(|all| all.iter().any(|e| e.label == "Everything off for all")))
    })?;
    Ok(t.desktop.finish()?)
}

/// A directory with all programs of this workspace, except one.
fn without(missing: &str, directory: &Path) -> Outcome {
    for entry in std::fs::read_dir(program(".").canonicalize()?)? {
        let entry = entry?;
        if entry.file_type()?.is_file() && entry.file_name() != missing {
            symlink(entry.path(), directory.join(entry.file_name()))?;
        }
    }
    Ok(())
}

fn desktop_command(name: &str, programs: &Path) -> Command {
    let mut command = Command::new(program("coffer"));
    command
        .args(["--desktop", &format!("{name}-{}", std::process::id())])
        .args(["desktop", "--headless", "--private", "--ready-json"])
        .env("COFFERDAM_LIBEXEC", programs)
        .stdin(Stdio::null());
    command
}

#[test]
fn there_is_no_desktop_without_its_monitor() -> Outcome {
    let programs = tempfile::tempdir()?;
    without("cofferdam-monitord", programs.path())?;
    let output = desktop_command("no-monitor", programs.path()).output()?;
    let said = String::from_utf8(output.stderr)?;
    assert_eq!(output.status.code(), Some(1), "{said}");
    let wrong: Vec<&str> =
        said.lines().filter(|line| line.contains("cofferdam-monitord is missing")).collect();
    assert_eq!(wrong.len(), 1, "{said}");
    assert!(output.stdout.is_empty(), "it was ready without a monitor");
    Ok(())
}

#[test]
fn a_desktop_without_its_panel_says_so() -> Outcome {
    let programs = tempfile::tempdir()?;
    without("cofferdam-panel", programs.path())?;
    let log = out_dir("no-panel").join("desktop.log");
    std::fs::create_dir_all(log.parent().ok_or("no directory")?)?;
    let mut child = desktop_command("no-panel", programs.path())
        .stdout(Stdio::piped())
        .stderr(std::fs::File::create(&log)?)
        .spawn()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut line)?;
    rustix::process::kill_process(Pid::from_child(&child), rustix::process::Signal::INT)?;
    assert!(child.wait()?.success());
    let said = std::fs::read_to_string(&log)?;
    assert!(line.contains("bus"), "it should have started: {said}");
    assert_eq!(said.matches("there is no bar and no panel").count(), 1, "{said}");
    Ok(())
}
