// SPDX-License-Identifier: GPL-3.0-or-later
//! The small commands. In: their arguments. Out: an answer on standard output, or an exit code.

#![expect(clippy::disallowed_methods, reason = "the program's answers")]

use crate::args::{Cli, RunArgs, TestArgs};
use crate::control::Control;
use crate::desktop::bus;
use crate::error::{Error, system};
use crate::launcher;
use crate::ui::{self, Step, table};
use clap::CommandFactory as _;
use cofferdam_bus::launcher::{LauncherProxy, VmEntry};
use cofferdam_control::desktop::WindowInfo;
use cofferdam_kit::paths::Paths;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;
use std::process::ExitCode;

async fn connect(desktop: &str) -> Result<LauncherProxy<'static>, Error> {
    launcher::connect(&bus::address(&Paths::of(desktop)?)?).await
}

/// `coffer run`.
pub(crate) async fn run(desktop: &str, args: RunArgs) -> Result<ExitCode, Error> {
    let paths = Paths::of(desktop)?;
    Control::connect(&paths)?;
    launcher::ensure_images(&paths.program("cofferdam-image"), std::slice::from_ref(&args.app)).await?;
    let launcher = connect(desktop).await?;
    let mut changes = launcher.receive_vm_state_changed().await?;
    let mut options = std::collections::BTreeMap::new();
    options.extend(args.name.map(|name| ("name".to_owned(), name)));
    options.extend(args.memory.map(|mib| ("memory-mib".to_owned(), mib.to_string())));
    for pair in &args.env {
        let (key, value) = pair
            .split_once('=')
            .ok_or_else(|| Error::Plain(format!("{pair:?} sets nothing; write it like KEY=VALUE")))?;
        options.insert(format!("env:{key}"), value.to_owned());
    }
    let vm = launcher::start(&launcher, &args.app, &args.args, options).await?;
    let mut step = Step::begin(format!("starting {vm}"));
    let started = |e: &VmEntry| e.state == "running" || !e.is_alive();
    let entry = launcher::follow(&launcher, &mut changes, &vm, &mut step, started).await?;
    if entry.state == "failed" {
        return Err(launcher::failure(&launcher, &entry).await);
    }
    step.done(&format!("{}, {}", entry.state, entry.identity));
    ui::answer(&vm)?;
    if !args.wait {
        return Ok(ExitCode::SUCCESS);
    }
    let mut step = Step::begin(format!("waiting for {vm}"));
    let entry = launcher::follow(&launcher, &mut changes, &vm, &mut step, |e| !e.is_alive()).await?;
    if entry.state == "failed" {
        return Err(launcher::failure(&launcher, &entry).await);
    }
    step.done(&entry.detail);
    Ok(exit_code(entry.exit_code))
}

fn exit_code(code: i32) -> ExitCode {
    u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from)
}

/// `coffer ps`.
pub(crate) async fn ps(desktop: &str, json: bool, all: bool) -> Result<(), Error> {
    let mut entries = connect(desktop).await?.list().await?;
    entries.retain(|entry| all || entry.state != "off");
    if json {
        return ui::answer(&to_json(&entries)?);
    }
    let rows: Vec<_> = entries
        .into_iter()
        .map(|e| [e.vm, e.app, e.identity, e.state, duration(e.uptime), e.detail])
        .collect();
    ui::answer(&table(["VM", "APP", "COLOUR", "STATE", "UP", ""], &rows))
}

fn duration(seconds: u64) -> String {
    match seconds {
        0 => String::new(),
        1..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

pub(crate) fn to_json(value: &impl serde::Serialize) -> Result<String, Error> {
    serde_json::to_string_pretty(value).map_err(|error| Error::Plain(error.to_string()))
}

/// `coffer stop`.
pub(crate) async fn stop(desktop: &str, vm: &str) -> Result<(), Error> {
    let launcher = connect(desktop).await?;
    let mut changes = launcher.receive_vm_state_changed().await?;
    launcher.stop(vm).await?;
    let mut step = Step::begin(format!("stopping {vm}"));
    let entry = launcher::follow(&launcher, &mut changes, vm, &mut step, |e| !e.is_alive()).await?;
    step.done(&entry.state);
    Ok(())
}

/// `coffer console`.
pub(crate) async fn console(desktop: &str, vm: &str, lines: u32) -> Result<(), Error> {
    let text = connect(desktop).await?.console(vm, lines).await?.join("\n");
    ui::answer(&text)
}

/// `coffer exec`: our own standard streams go to the guest's program.
pub(crate) async fn exec(desktop: &str, vm: &str, argv: &[String]) -> Result<ExitCode, Error> {
    let launcher = connect(desktop).await?;
    let own = |fd: std::os::fd::BorrowedFd<'_>| -> Result<OwnedFd, Error> {
        fd.try_clone_to_owned().map_err(system("standard streams"))
    };
    let stdin = own(std::io::stdin().as_fd())?;
    let (stdout, stderr) = (own(std::io::stdout().as_fd())?, own(std::io::stderr().as_fd())?);
    let exit = launcher.guest_run(vm, argv, stdin.into(), stdout.into(), stderr.into()).await?;
    if exit.signal != 0 {
        ui::note(&format!("signal {} ended it", exit.signal));
        return Ok(exit_code(exit.signal.saturating_add(128)));
    }
    Ok(exit_code(exit.code))
}

/// `coffer screenshot`.
pub(crate) async fn screenshot(desktop: &str, file: &Path, output: Option<String>) -> Result<(), Error> {
    Control::connect(&Paths::of(desktop)?)?.picture(output).await?.write(file)
}

/// `coffer windows`.
pub(crate) async fn windows(desktop: &str, json: bool) -> Result<(), Error> {
    let windows = Control::connect(&Paths::of(desktop)?)?.windows().await?;
    if json {
        return ui::answer(&to_json(&windows)?);
    }
    let owner = |w: &WindowInfo| w.vm.as_ref().map_or_else(|| "–".to_owned(), ToString::to_string);
    let colour = |w: &WindowInfo| w.identity.map_or_else(String::new, |i| i.to_string());
    let place = |w: &WindowInfo| {
        let f = w.frame;
        format!("{}×{} at {},{}{}", f.w, f.h, f.x, f.y, if w.visible { "" } else { ", hidden" })
    };
    let rows: Vec<_> = windows
        .iter()
        .map(|w| [w.id.0.to_string(), owner(w), colour(w), place(w), w.title.to_string()])
        .collect();
    ui::answer(&table(["ID", "VM", "COLOUR", "FRAME", "TITLE"], &rows))
}

/// `coffer test`. Blocks.
pub(crate) fn test(args: TestArgs) -> Result<ExitCode, Error> {
    let coffer = std::env::current_exe().map_err(system("our own path"))?;
    let command = cofferdam_runner::command::TestCommand {
        files: args.scenarios,
        merge: args.merge,
        shard: args.shard,
        options: cofferdam_runner::run::Options {
            out: args.out,
            update: args.update,
            jobs: args.jobs,
            coffer,
        },
    };
    let passed = command.execute(&mut std::io::stdout()).map_err(|e| Error::Plain(e.to_string()))?;
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// `coffer completions`.
pub(crate) fn completions(shell: clap_complete::Shell) {
    clap_complete::generate(shell, &mut Cli::command(), "coffer", &mut std::io::stdout());
}
