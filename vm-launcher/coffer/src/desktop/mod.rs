// SPDX-License-Identifier: GPL-3.0-or-later
//! A running desktop. In: how it should look. Out: bus, compositor and launcher, started in this order,
//! restarted when they die, ended in the reverse order with every VM.

mod apps;
pub(crate) mod bus;
mod child;
mod command;
mod orphans;

pub(crate) use command::desktop;

use crate::args::DesktopArgs;
use crate::error::{Error, system};
use child::Daemon;
use cofferdam_launcher::paths::Paths;
use rustix::fs::{FlockOperation, flock};
use std::fs::File;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tokio::signal::unix::Signal;

/// VMs have their own deadlines, the longest being the orderly shutdown in emulation; this is behind them.
const LAUNCHER_LIMIT: Duration = Duration::from_secs(45);
const DAEMON_LIMIT: Duration = Duration::from_secs(5);
const ORPHANS_LIMIT: Duration = Duration::from_secs(30);
/// A daemon that dies so often within so much time is broken.
const MAX_DEATHS: usize = 3;
const DEATHS_WITHIN: Duration = Duration::from_secs(20);

/// How the compositor shows itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Backend {
    Headless,
    Nested,
}

/// A desktop and its processes.
#[derive(Debug)]
pub(crate) struct Desktop {
    pub(crate) paths: Paths,
    args: LookArgs,
    /// The address of its bus.
    pub(crate) bus: String,
    bus_daemon: Option<Daemon>,
    compositor: Daemon,
    launcher: Daemon,
    children: Signal,
    deaths: Vec<Instant>,
    private: bool,
    /// Held while the desktop runs, so that no second one takes its name.
    _lock: File,
}

/// What the compositor is told.
#[derive(Debug, Clone)]
struct LookArgs {
    backend: Backend,
    size: (u32, u32),
    scale: f64,
    theme: Option<String>,
    verbose: u8,
}

impl Desktop {
    /// Starts everything and waits until it is ready.
    pub(crate) async fn start(paths: Paths, args: &DesktopArgs, verbose: u8) -> Result<Self, Error> {
        paths.create()?;
        let lock = lock(&paths)?;
        let children = orphans::adopt_all()?;
        let (bus_daemon, address) = if bus::needs_own(&paths, args.private) {
            let (daemon, address) = bus::start(&paths).await?;
            (Some(daemon), address)
        } else {
            (None, bus::address(&paths)?)
        };
        let has_display = ["WAYLAND_DISPLAY", "DISPLAY"].iter().any(|v| std::env::var_os(v).is_some());
        let nested = args.nested || (has_display && !args.headless && args.screenshot.is_none());
        let look = LookArgs {
            backend: if nested { Backend::Nested } else { Backend::Headless },
            size: args.size,
            scale: args.scale,
            theme: args.theme.clone(),
            verbose,
        };
        let compositor = start_compositor(&paths, &look).await?;
        let launcher = start_launcher(&paths, &address, verbose).await?;
        Ok(Self {
            paths,
            args: look,
            bus: address,
            bus_daemon,
            compositor,
            launcher,
            children,
            deaths: Vec::new(),
            private: args.private,
            _lock: lock,
        })
    }

    /// Restarts what dies. Ends when the compositor ends by itself, or dies too often.
    pub(crate) async fn supervise(&mut self) -> Result<(), Error> {
        loop {
            let (name, status) = tokio::select! {
                status = self.compositor.wait() => ("compositor", status?),
                status = self.launcher.wait() => ("launcher", status?),
            };
            if name == "compositor" && status.success() {
                return Ok(());
            }
            crate::ui::note(&format!("the {name} ended ({status}) and is started again"));
            self.count_death(name)?;
            if name == "compositor" {
                self.compositor = start_compositor(&self.paths, &self.args).await?;
            } else {
                self.launcher = start_launcher(&self.paths, &self.bus, self.args.verbose).await?;
            }
        }
    }

    fn count_death(&mut self, name: &str) -> Result<(), Error> {
        self.deaths.retain(|at| at.elapsed() < DEATHS_WITHIN);
        self.deaths.push(Instant::now());
        if self.deaths.len() > MAX_DEATHS {
            let seconds = DEATHS_WITHIN.as_secs();
            return Err(Error::Plain(format!(
                "the {name} died {MAX_DEATHS} times within {seconds} s; run `coffer -vv desktop` to see why"
            )));
        }
        Ok(())
    }

    /// Ends the desktop: VMs, launcher, compositor, bus, then whatever is left. A second Ctrl-C switches
    /// the VMs off at once.
    pub(crate) async fn finish(self, interrupts: &mut super::Interrupts) {
        let Self { paths, bus_daemon, compositor, mut launcher, mut children, private, .. } = self;
        launcher.terminate();
        let ended = tokio::time::timeout(LAUNCHER_LIMIT, async {
            loop {
                tokio::select! {
                    _ = launcher.wait() => break,
                    () = interrupts.next() => launcher.terminate(),
                }
            }
        });
        if ended.await.is_err() {
            tracing::warn!("VMs did not stop within {} s", LAUNCHER_LIMIT.as_secs());
        }
        // Shepherds end their VMs when the compositor goes, so it also clears up behind a dead launcher.
        compositor.finish(DAEMON_LIMIT).await;
        launcher.finish(DAEMON_LIMIT).await;
        if let Some(bus) = bus_daemon {
            bus.finish(DAEMON_LIMIT).await;
        }
        orphans::reap_all(&mut children, ORPHANS_LIMIT).await;
        let warn = |path: &std::path::Path| {
            let path = path.display().to_string();
            move |error| tracing::warn!(%error, path, "can't be removed")
        };
        std::fs::remove_dir_all(&paths.runtime).unwrap_or_else(warn(&paths.runtime));
        if private {
            std::fs::remove_dir_all(&paths.data).unwrap_or_else(warn(&paths.data));
            // Names of private desktops are not used twice, so nobody can be waiting for this lock.
            std::fs::remove_file(lock_path(&paths)).unwrap_or_else(warn(&lock_path(&paths)));
        }
    }
}

/// Beside the directory and not inside, because that is removed at the end.
fn lock_path(paths: &Paths) -> std::path::PathBuf {
    paths.runtime.with_extension("lock")
}

/// Makes sure that this is the only desktop of its name.
fn lock(paths: &Paths) -> Result<File, Error> {
    let path = lock_path(paths);
    let file = File::create(&path).map_err(crate::error::file(&path))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let name = &paths.desktop;
            return Err(Error::Plain(format!(
                "a desktop called {name:?} runs already; end it, or start another one with --desktop NAME"
            )));
        }
        Err(errno) => return Err(system("lock")(errno.into())),
    }
    // Left by a desktop that was killed; nobody else can be using them now.
    for stale in [paths.compositor(), paths.bus()] {
        if let Err(error) = std::fs::remove_file(&stale)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            return Err(crate::error::file(stale)(error));
        }
    }
    Ok(file)
}

fn daemon_command(paths: &Paths, name: &str, verbose: u8) -> Command {
    let mut command = Command::new(paths.program(name));
    command.stdin(Stdio::null()).stdout(Stdio::null()).env("COFFERDAM_DESKTOP", &paths.desktop);
    if std::env::var_os("COFFERDAM_LOG").is_none() {
        command.env("COFFERDAM_LOG", crate::log_level(verbose));
    }
    command
}

async fn start_compositor(paths: &Paths, look: &LookArgs) -> Result<Daemon, Error> {
    // Of a compositor that died; a living one of this desktop does not exist.
    if let Err(error) = std::fs::remove_file(paths.compositor())
        && error.kind() != std::io::ErrorKind::NotFound
    {
        return Err(crate::error::file(paths.compositor())(error));
    }
    let mut command = daemon_command(paths, "cofferdam-compositor", look.verbose);
    command.arg("--socket").arg(paths.compositor());
    match look.backend {
        Backend::Headless => {
            let (width, height) = look.size;
            command
                .args(["--backend", "headless", "--output"])
                .arg(format!("{width}x{height}@{}", look.scale));
            command.env_remove("WAYLAND_DISPLAY").env_remove("DISPLAY");
        }
        Backend::Nested => {
            command.args(["--backend", "winit"]);
        }
    }
    if let Some(theme) = &look.theme {
        command.args(["--theme", theme]);
    }
    Daemon::start("compositor", command).await
}

async fn start_launcher(paths: &Paths, bus: &str, verbose: u8) -> Result<Daemon, Error> {
    let mut command = daemon_command(paths, "cofferdam-launcherd", verbose);
    command.args(["--desktop", &paths.desktop]).env("DBUS_SESSION_BUS_ADDRESS", bus);
    Daemon::start("launcher", command).await
}
