// SPDX-License-Identifier: GPL-3.0-or-later
//! A running desktop. In: how it should look. Out: bus, compositor, permission monitor, launcher
//! and panel, started in this order, restarted when they die, ended with every VM.

mod apps;
pub(crate) mod bus;
mod child;
mod command;
mod daemons;
mod orphans;
mod phrase;
mod walls;

pub(crate) use command::desktop;

use crate::args::DesktopArgs;
use crate::error::{Error, system};
use child::Daemon;
use cofferdam_kit::paths::Paths;
use daemons::{Look, Part};
use rustix::fs::{FlockOperation, flock};
use std::fs::File;
use std::time::{Duration, Instant};
use tokio::signal::unix::Signal;

/// VMs have their own deadlines, the longest being the orderly shutdown in emulation; this is behind them.
const LAUNCHER_LIMIT: Duration = Duration::from_secs(45);
const DAEMON_LIMIT: Duration = Duration::from_secs(5);
const ORPHANS_LIMIT: Duration = Duration::from_secs(30);
/// A daemon that dies so often within so much time is broken.
const MAX_DEATHS: usize = 3;
const DEATHS_WITHIN: Duration = Duration::from_secs(20);

/// A desktop and its processes.
#[derive(Debug)]
pub(crate) struct Desktop {
    pub(crate) paths: Paths,
    look: Look,
    /// The address of its bus.
    pub(crate) bus: String,
    bus_daemon: Option<Daemon>,
    compositor: Daemon,
    monitor: Daemon,
    launcher: Daemon,
    /// None once it has died too often: a desktop without its panel is better than none.
    panel: Option<Daemon>,
    /// The panel died with its compositor and comes back with the next one.
    panel_waits: bool,
    children: Signal,
    deaths: Vec<(Part, Instant)>,
    private: bool,
    /// Held while the desktop runs, so that no second one takes its name.
    _lock: File,
}

impl Desktop {
    /// Starts everything and waits until it is ready.
    pub(crate) async fn start(paths: Paths, args: &DesktopArgs, verbose: u8) -> Result<Self, Error> {
        daemons::check(&paths)?;
        paths.create()?;
        let lock = lock(&paths)?;
        walls::put_up()?;
        let children = orphans::adopt_all()?;
        let (bus_daemon, address) = if bus::needs_own(&paths, args.private) {
            let (daemon, address) = bus::start(&paths).await?;
            (Some(daemon), address)
        } else {
            (None, bus::address(&paths)?)
        };
        phrase::ensure(&paths.phrase())?;
        let look = Look::new(args, verbose);
        let compositor = daemons::start_compositor(&paths, &look).await?;
        // Before the launcher: no VM runs while nobody can decide for it.
        let monitor = daemons::start_monitor(&paths, &address, &look).await?;
        let launcher = daemons::start_launcher(&paths, &address, &look).await?;
        let panel = daemons::start_panel(&paths, &address, &look).await?;
        Ok(Self {
            paths,
            look,
            bus: address,
            bus_daemon,
            compositor,
            monitor,
            launcher,
            panel,
            panel_waits: false,
            children,
            deaths: Vec::new(),
            private: args.private,
            _lock: lock,
        })
    }

    /// Restarts what dies. Ends when the compositor ends by itself, or something dies too often.
    pub(crate) async fn supervise(&mut self) -> Result<(), Error> {
        loop {
            let (part, status) = tokio::select! {
                // What others die of comes first.
                biased;
                status = self.compositor.wait() => (Part::Compositor, status?),
                status = self.monitor.wait() => (Part::Monitor, status?),
                status = self.launcher.wait() => (Part::Launcher, status?),
                status = daemons::end_of(&mut self.panel) => (Part::Panel, status?),
            };
            if part == Part::Compositor && status.success() {
                return Ok(());
            }
            let name = part.name();
            let often = self.count_death(part);
            if part == Part::Panel && often {
                crate::ui::note(
                    "the panel died too often and is left out; run `coffer -vv desktop` to see why",
                );
                self.panel = None;
                continue;
            }
            if often {
                let seconds = DEATHS_WITHIN.as_secs();
                return Err(Error::Plain(format!(
                    "the {name} died {MAX_DEATHS} times within {seconds} s; run `coffer -vv desktop` to see why"
                )));
            }
            crate::ui::note(&format!("the {name} ended ({status}) and is started again"));
            self.restart(part).await?;
        }
    }

    async fn restart(&mut self, part: Part) -> Result<(), Error> {
        let (paths, bus, look) = (&self.paths, &self.bus, &self.look);
        match part {
            // The panel's socket died with the compositor; the panel ends by itself and comes back here, or
            // has ended already and found no compositor.
            Part::Compositor => {
                self.compositor = daemons::start_compositor(paths, look).await?;
                if self.panel_waits {
                    let started = daemons::start_panel(paths, bus, look).await;
                    self.place_panel(started);
                }
            }
            Part::Monitor => self.monitor = daemons::start_monitor(paths, bus, look).await?,
            Part::Launcher => self.launcher = daemons::start_launcher(paths, bus, look).await?,
            Part::Panel => {
                let started = daemons::start_panel(paths, bus, look).await;
                self.place_panel(started);
            }
        }
        Ok(())
    }

    /// A panel that could not be started has no compositor to show it: it is started with the next one.
    fn place_panel(&mut self, started: Result<Option<Daemon>, Error>) {
        self.panel_waits = started.is_err();
        self.panel = started.unwrap_or_else(|error| {
            tracing::warn!(%error, "the panel waits for the compositor");
            None
        });
    }

    /// Whether this part has died too often lately.
    #[expect(clippy::disallowed_methods, reason = "counts how often something died lately")]
    fn count_death(&mut self, part: Part) -> bool {
        self.deaths.retain(|(_, at)| at.elapsed() < DEATHS_WITHIN);
        self.deaths.push((part, Instant::now()));
        self.deaths.iter().filter(|(p, _)| *p == part).count() > MAX_DEATHS
    }

    /// Ends the desktop: VMs, launcher, compositor, bus, then whatever is left. A second Ctrl-C switches
    /// the VMs off at once.
    pub(crate) async fn finish(self, interrupts: &mut super::Interrupts) {
        let Self {
            paths, bus_daemon, compositor, monitor, mut launcher, panel, mut children, private, ..
        } = self;
        if let Some(panel) = panel {
            panel.finish(DAEMON_LIMIT).await;
        }
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
        monitor.finish(DAEMON_LIMIT).await;
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
    for stale in [paths.compositor(), paths.monitor(), paths.bus()] {
        if let Err(error) = std::fs::remove_file(&stale)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            return Err(crate::error::file(stale)(error));
        }
    }
    Ok(file)
}
