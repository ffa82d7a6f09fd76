// SPDX-License-Identifier: GPL-3.0-or-later
//! The bus of a desktop. In: its paths. Out: an address; and the bus itself, if the desktop has one of its
//! own because there is no session bus or because it is to be kept apart.

#![expect(clippy::disallowed_types, reason = "starts the bus")]

use super::child::Daemon;
use crate::error::{Error, file, system};
use cofferdam_kit::launch::Launch;
use cofferdam_kit::paths::{DEFAULT_DESKTOP, Paths};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, BufReader};

const READY_LIMIT: Duration = Duration::from_secs(10);

/// Where the launcher of the desktop at `paths` is found.
///
/// # Errors
/// If there is neither a bus of the desktop nor a session bus.
pub(crate) fn address(paths: &Paths) -> Result<String, Error> {
    if paths.bus().exists() {
        return Ok(own_address(paths));
    }
    std::env::var("DBUS_SESSION_BUS_ADDRESS").map_err(|_none| {
        Error::Plain(format!("no desktop called {:?} runs; start one with `coffer desktop`", paths.desktop))
    })
}

/// Whether the desktop needs a bus of its own.
pub(crate) fn needs_own(paths: &Paths, private: bool) -> bool {
    private || paths.desktop != DEFAULT_DESKTOP || std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_none()
}

fn own_address(paths: &Paths) -> String {
    format!("unix:path={}", paths.bus().display())
}

/// Where the bus is installed.
fn daemon() -> Result<PathBuf, Error> {
    let folders = std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into());
    let found =
        std::env::split_paths(&folders).map(|folder| folder.join("dbus-daemon")).find(|file| file.is_file());
    found.ok_or_else(|| Error::Plain("there is no dbus-daemon; install the package dbus-daemon".to_owned()))
}

/// What is left to the bus and to services that it starts: sockets, and settings.
fn places(paths: &Paths) -> Vec<(&'static str, PathBuf)> {
    let folder =
        |variable: &str| std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let below_home = |name: &str| std::env::home_dir().map(|home| home.join(name));
    let settings = [
        folder("XDG_CONFIG_HOME").or_else(|| below_home(".config")),
        folder("XDG_CACHE_HOME").or_else(|| below_home(".cache")),
        folder("XDG_DATA_HOME").or_else(|| below_home(".local/share")),
    ];
    let sockets = folder("XDG_RUNTIME_DIR").into_iter().chain([paths.runtime.clone()]);
    let sockets = sockets.map(|path| ("sockets", path));
    sockets.chain(settings.into_iter().flatten().map(|path| ("settings", path))).collect()
}

/// Starts the desktop's own bus; gives back its address.
pub(crate) async fn start(paths: &Paths) -> Result<(Daemon, String), Error> {
    // It grumbles about limits that it does not need; only a bus that fails is worth a line.
    let log = paths.runtime.join("bus.log");
    let stderr = std::fs::File::create(&log).map_err(file(&log))?;
    let mut command = Command::new(paths.program("cofferdam-enclose"));
    command.args(["--role", "bus", "--parent"]).arg(std::process::id().to_string());
    for (place, path) in places(paths) {
        command.args(["--at", place]).arg(path);
    }
    command
        .arg("--")
        .arg(daemon()?)
        .args(["--session", "--nofork", "--nopidfile", "--nosyslog", "--print-address=1"])
        .arg(format!("--address={}", own_address(paths)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(stderr)
        .process_group(0);
    let spawned =
        Launch::new(command).spawn_with(|c| tokio::process::Command::from(c).kill_on_drop(true).spawn());
    let mut child = spawned.map_err(|source| {
        Error::Plain(format!("the bus can't be started: {source}; is Cofferdam installed completely?"))
    })?;
    let mut address = String::new();
    if let Some(stdout) = child.stdout.take() {
        let read = tokio::time::timeout(READY_LIMIT, BufReader::new(stdout).read_line(&mut address)).await;
        read.map_err(|_late| Error::Plain("dbus-daemon was not ready within 10 s".to_owned()))?
            .map_err(system("dbus-daemon"))?;
    }
    if address.trim().is_empty() {
        let said = std::fs::read_to_string(&log).unwrap_or_default();
        let why = said.lines().last().unwrap_or("it did not say why").to_owned();
        return Err(Error::Plain(format!("dbus-daemon ended before it was ready: {why}")));
    }
    Ok((Daemon::running("bus", child), address.trim().to_owned()))
}
