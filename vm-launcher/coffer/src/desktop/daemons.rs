// SPDX-License-Identifier: GPL-3.0-or-later
//! The daemons of a desktop. In: its paths, its bus, how it should look. Out: each of them started and
//! ready.

#![expect(clippy::disallowed_types, reason = "starts the daemons")]

use super::child::Daemon;
use crate::args::DesktopArgs;
use crate::error::{Error, file, system};
use cofferdam_control::client::Client;
use cofferdam_control::desktop::Request;
use cofferdam_kit::paths::Paths;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use std::net::SocketAddr;
use std::os::fd::AsFd as _;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};

/// The processes that a desktop restarts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Compositor,
    Monitor,
    Launcher,
    Panel,
}

impl Part {
    /// Its name in messages.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Compositor => "compositor",
            Self::Monitor => "permission monitor",
            Self::Launcher => "launcher",
            Self::Panel => "panel",
        }
    }
}

/// How the compositor shows itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Backend {
    Headless,
    Nested,
}

/// What the daemons are told.
#[derive(Debug, Clone)]
pub(super) struct Look {
    backend: Backend,
    size: (u32, u32),
    scale: f64,
    theme: Option<String>,
    verbose: u8,
    /// A desktop made for a test: its clock can be moved.
    test: bool,
    /// A test's own name server, whose answers on loopback count as the internet.
    test_net_dns: Option<SocketAddr>,
}

impl Look {
    pub(super) fn new(args: &DesktopArgs, verbose: u8) -> Self {
        let has_display = ["WAYLAND_DISPLAY", "WAYLAND_SOCKET"].iter().any(|v| std::env::var_os(v).is_some());
        let nested = args.nested || (has_display && !args.headless && args.screenshot.is_none());
        Self {
            backend: if nested { Backend::Nested } else { Backend::Headless },
            size: args.size,
            scale: args.scale,
            theme: args.theme.clone(),
            verbose,
            test: args.private,
            test_net_dns: args.test_net_dns,
        }
    }
}

/// The end of a daemon; never, if there is none.
pub(super) async fn end_of(daemon: &mut Option<Daemon>) -> Result<ExitStatus, Error> {
    match daemon {
        Some(daemon) => daemon.wait().await,
        None => std::future::pending().await,
    }
}

fn command(paths: &Paths, name: &str, look: &Look) -> Command {
    let mut command = Command::new(paths.program(name));
    command.stdin(Stdio::null()).stdout(Stdio::null()).env("COFFERDAM_DESKTOP", &paths.desktop);
    if std::env::var_os("COFFERDAM_LOG").is_none() {
        command.env("COFFERDAM_LOG", crate::log_level(look.verbose));
    }
    command
}

/// A command that finds the desktop by its name, and its bus.
fn on_bus(paths: &Paths, name: &str, bus: &str, look: &Look) -> Command {
    let mut command = command(paths, name, look);
    command.args(["--desktop", &paths.desktop]).env("DBUS_SESSION_BUS_ADDRESS", bus);
    command
}

/// Starts the compositor.
pub(super) async fn start_compositor(paths: &Paths, look: &Look) -> Result<Daemon, Error> {
    // Of a compositor that died; a living one of this desktop does not exist.
    if let Err(error) = std::fs::remove_file(paths.compositor())
        && error.kind() != std::io::ErrorKind::NotFound
    {
        return Err(file(paths.compositor())(error));
    }
    let mut command = command(paths, "cofferdam-compositor", look);
    command.arg("--socket").arg(paths.compositor());
    command.arg("--phrase-file").arg(paths.phrase());
    // What it makes there, it makes in the desktop's own folder; its walls leave it no other.
    if let Some(folder) = paths.compositor().parent() {
        command.env("XDG_RUNTIME_DIR", folder);
    }
    match look.backend {
        Backend::Headless => {
            let (width, height) = look.size;
            command
                .args(["--backend", "headless", "--output"])
                .arg(format!("{width}x{height}@{}", look.scale));
            command.env_remove("WAYLAND_DISPLAY");
        }
        Backend::Nested => {
            command.args(["--backend", "nested"]);
            if let Some(display) = outer_display() {
                command.env("WAYLAND_DISPLAY", display);
            }
        }
    }
    if let Some(theme) = &look.theme {
        command.args(["--theme", theme]);
    }
    Daemon::start(Part::Compositor.name(), command).await
}

/// The outer desktop's socket, as a path that does not depend on `XDG_RUNTIME_DIR`.
fn outer_display() -> Option<PathBuf> {
    let display = std::env::var_os("WAYLAND_DISPLAY")?;
    let base = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).unwrap_or_default();
    Some(base.join(display))
}

/// Whether everything is there that no desktop can do without.
pub(super) fn check(paths: &Paths) -> Result<(), Error> {
    let monitor = paths.program("cofferdam-monitord");
    if monitor.exists() {
        return Ok(());
    }
    Err(Error::Plain(format!(
        "no desktop without the permission monitor: {} is missing; is Cofferdam installed completely?",
        monitor.display()
    )))
}

/// Starts the permission monitor.
pub(super) async fn start_monitor(paths: &Paths, bus: &str, look: &Look) -> Result<Daemon, Error> {
    let mut command = on_bus(paths, "cofferdam-monitord", bus, look);
    if look.test {
        command.arg("--test-clock");
    }
    Daemon::start(Part::Monitor.name(), command).await
}

/// Starts the launcher.
pub(super) async fn start_launcher(paths: &Paths, bus: &str, look: &Look) -> Result<Daemon, Error> {
    let mut command = on_bus(paths, "cofferdam-launcherd", bus, look);
    if let Some(server) = look.test_net_dns {
        command.arg("--test-net-dns").arg(server.to_string());
    }
    Daemon::start(Part::Launcher.name(), command).await
}

/// Starts the panel on a socket of its own, which only this process and the compositor have held.
pub(super) async fn start_panel(paths: &Paths, bus: &str, look: &Look) -> Result<Option<Daemon>, Error> {
    let program = paths.program("cofferdam-panel");
    if !program.exists() {
        crate::ui::note(&format!(
            "there is no bar and no panel: {} is missing; `coffer permissions` still works",
            program.display()
        ));
        return Ok(None);
    }
    let pair = socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None);
    let (ours, theirs) = pair.map_err(|e| system("socket")(e.into()))?;
    let mut client = Client::connect(&paths.compositor())?;
    client.call(Request::AddTrustedClient, &[ours.as_fd()])?;
    let command = on_bus(paths, "cofferdam-panel", bus, look);
    Daemon::start_with(Part::Panel.name(), command, Some(("WAYLAND_SOCKET", theirs))).await.map(Some)
}
