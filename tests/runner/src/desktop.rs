// SPDX-License-Identifier: GPL-3.0-or-later
//! One private headless desktop: started through `coffer desktop`, spoken to over its control
//! socket and the launcher's D-Bus interface, ended with everything that belongs to it.
//!
//! In: requests of the steps. Out: replies, or a [`DesktopError`] for a person. The desktop has a
//! name, a bus and data of its own, so scenarios neither see each other nor the user's own desktop.

#![expect(clippy::disallowed_types, reason = "starts a desktop")]
#![expect(clippy::disallowed_methods, reason = "waits have a deadline, and fail at it")]

use crate::blocking::Launcher;
use crate::blocking::Permissions;
use crate::panel::Panel;
use crate::picture::{Picture, PictureError};
use cofferdam_bus::launcher::VmEntry;
use cofferdam_control::client::{CALL_TIMEOUT, Client, ClientError};
use cofferdam_control::desktop::{Event, PromptInfo, Reply, Request, WindowInfo};
use cofferdam_ids::VmId;
use cofferdam_kit::paths::Paths;
use serde::Deserialize;
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

pub use crate::guest_run::GuestOutput;

/// How a VM ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VmEnd {
    /// The app's exit code, if it ended by itself.
    pub code: Option<i32>,
    /// In the launcher's words.
    pub detail: String,
}

/// Why a desktop did not do as asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DesktopError {
    /// It could not be started.
    #[error("the desktop did not start: {0}")]
    Start(String),
    /// The compositor refused or is gone.
    #[error("desktop: {0}")]
    Control(#[from] ClientError),
    /// The launcher refused or is gone.
    #[error("launcher: {0}")]
    Launcher(#[from] zbus::Error),
    /// The permission monitor refused or is gone.
    #[error("permission monitor: {0}")]
    Monitor(zbus::Error),
    /// The panel is gone.
    #[error("panel: {0}")]
    Panel(zbus::Error),
    /// `coffer` said no, in its own words.
    #[error("{0}")]
    Coffer(String),
    /// A VM failed while something was expected of it.
    #[error("the VM `{vm}` ended: {detail}")]
    VmEnded {
        /// Which.
        vm: VmId,
        /// Why, in the launcher's words.
        detail: String,
    },
    /// A guest can't say when it has nothing to do.
    #[error("a program of the lowest priority can't run in the VM `{vm}`: {said}")]
    Idle {
        /// Which.
        vm: VmId,
        /// What it said.
        said: String,
    },
    /// The compositor answered with something else than asked for.
    #[error("the desktop gave an answer that does not fit the question")]
    Answer,
    /// A screenshot could not be read.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// The desktop's process ended badly.
    #[error("{0}")]
    End(String),
}

/// What desktop to start.
#[derive(Debug, Clone)]
pub struct DesktopSpec {
    /// The `coffer` program.
    pub coffer: PathBuf,
    /// Physical pixels across.
    pub width: u32,
    /// Physical pixels down.
    pub height: u32,
    /// Scale.
    pub scale: f64,
    /// Theme.
    pub theme: Option<String>,
    /// Where its log goes.
    pub log: PathBuf,
    /// Where else its launcher looks for descriptions of apps, as `COFFERDAM_APP_DIRS`.
    pub app_dirs: Option<OsString>,
    /// The person's home, where the file chooser looks; the one of whoever runs this if absent.
    pub home: Option<PathBuf>,
    /// The name server that its apps get to, for names that they may contact; what it says counts as the
    /// internet. Without it they get to nobody.
    pub dns: Option<SocketAddr>,
    /// Another binary for its guests, as `COFFERDAM_GUEST_BINARY`; an initramfs with it must be in the cache.
    pub guest: Option<PathBuf>,
}

/// The line that `coffer desktop --ready-json` prints once everything is up.
#[derive(Debug, Deserialize)]
struct Ready {
    control: PathBuf,
    bus: String,
}

/// A running desktop. Dropping it ends it.
#[derive(Debug)]
pub struct Desktop {
    child: Child,
    client: Client,
    launcher: Launcher,
    name: String,
    coffer: PathBuf,
    bus: String,
    /// Connected when they are first needed.
    monitor: OnceCell<Permissions>,
    panel: OnceCell<Panel>,
}

static SERIAL: AtomicU32 = AtomicU32::new(1);

impl Desktop {
    /// Starts a desktop and waits until it is ready.
    ///
    /// # Errors
    /// [`DesktopError::Start`] with the last line of its log.
    pub fn start(spec: &DesktopSpec) -> Result<Self, DesktopError> {
        let start = |why: String| DesktopError::Start(why);
        if let Some(dir) = spec.log.parent() {
            std::fs::create_dir_all(dir).map_err(|e| start(format!("{}: {e}", dir.display())))?;
        }
        let log = File::create(&spec.log).map_err(|e| start(format!("{}: {e}", spec.log.display())))?;
        let name = format!("test-{}-{}", std::process::id(), SERIAL.fetch_add(1, Ordering::Relaxed));
        let mut command = Command::new(&spec.coffer);
        command
            .args(["--desktop", &name, "desktop", "--headless", "--private", "--ready-json"])
            // A test that is killed takes its desktop along.
            .args(["--parent", &std::process::id().to_string()])
            .arg("--size")
            .arg(format!("{}x{}", spec.width, spec.height))
            .arg("--scale")
            .arg(spec.scale.to_string());
        if let Some(theme) = &spec.theme {
            command.args(["--theme", theme]);
        }
        if let Some(dirs) = &spec.app_dirs {
            command.env("COFFERDAM_APP_DIRS", dirs);
        }
        if let Some(guest) = &spec.guest {
            command.env("COFFERDAM_GUEST_BINARY", guest);
        }
        if let Some(home) = &spec.home {
            crate::home::move_to(&mut command, home);
        }
        if let Some(dns) = spec.dns {
            command.arg("--test-net-dns").arg(dns.to_string());
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .map_err(|e| start(format!("{}: {e}", spec.coffer.display())))?;
        let ready = read_ready(&mut child).map_err(|why| {
            let text = std::fs::read_to_string(&spec.log).unwrap_or_default();
            start(text.lines().rfind(|l| !l.trim().is_empty()).map_or(why, str::to_owned))
        });
        let connected = ready.and_then(|ready| {
            let mut client = Client::connect(&ready.control)?;
            client.call(Request::Subscribe, &[])?;
            Ok((client, Launcher::connect(&ready.bus)?, ready.bus))
        });
        match connected {
            Ok((client, launcher, bus)) => Ok(Self {
                child,
                client,
                launcher,
                name,
                coffer: spec.coffer.clone(),
                bus,
                monitor: OnceCell::new(),
                panel: OnceCell::new(),
            }),
            Err(error) => {
                end(&mut child);
                Err(error)
            }
        }
    }

    /// Asks the compositor.
    ///
    /// # Errors
    /// If it refuses or is gone.
    pub fn call(&mut self, request: Request) -> Result<(Reply, Vec<OwnedFd>), DesktopError> {
        Ok(self.client.call(request, &[])?)
    }

    /// A round trip to the app of a VM: once it is back, the app has taken in what it was told before, and what
    /// it drew in the meantime is here. `false` if `deadline` comes first.
    pub(crate) fn ping(&mut self, vm: &VmId, deadline: Instant) -> Result<bool, DesktopError> {
        self.client.set_call_timeout(deadline.saturating_duration_since(Instant::now()));
        let answered = self.client.call(Request::Ping { vm: vm.clone() }, &[]);
        self.client.set_call_timeout(CALL_TIMEOUT);
        match answered {
            Ok(_) => Ok(true),
            Err(ClientError::TimedOut(_)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Frames that were drawn on the screen so far.
    ///
    /// # Errors
    /// If the compositor is gone.
    pub fn frames(&mut self) -> Result<u64, DesktopError> {
        match self.call(Request::Counters)? {
            (Reply::Counters(counters), _) => Ok(counters.frames),
            _ => Err(DesktopError::Answer),
        }
    }

    /// All windows, lowest first.
    ///
    /// # Errors
    /// If the compositor is gone.
    pub fn windows(&mut self) -> Result<Vec<WindowInfo>, DesktopError> {
        match self.call(Request::Windows)? {
            (Reply::Windows(windows), _) => Ok(windows),
            _ => Err(DesktopError::Answer),
        }
    }

    /// The next event of the compositor, none when `deadline` passes first.
    ///
    /// # Errors
    /// If the compositor is gone.
    pub fn next_event(&mut self, deadline: Instant) -> Result<Option<Event>, DesktopError> {
        Ok(self.client.next_event(deadline)?)
    }

    /// A picture of the first output and its scale.
    ///
    /// # Errors
    /// If the compositor is gone or the picture can't be read.
    pub fn screenshot(&mut self) -> Result<(Picture, f64), DesktopError> {
        let (reply, fds) = self.call(Request::Screenshot { output: None })?;
        let (Reply::Image { width, height, scale_120, .. }, Some(fd)) = (reply, fds.into_iter().next())
        else {
            return Err(DesktopError::Answer);
        };
        let mut rgba = Vec::new();
        let limit = u64::from(width).saturating_mul(u64::from(height)).saturating_mul(4);
        let mut file = File::from(fd);
        std::io::Seek::rewind(&mut file)
            .and_then(|()| file.take(limit).read_to_end(&mut rgba))
            .map_err(|source| PictureError::File { path: "screenshot".into(), source })?;
        Ok((Picture::new(width, height, rgba)?, f64::from(scale_120) / 120.0))
    }

    /// Starts an app in a VM of its own.
    ///
    /// # Errors
    /// In the launcher's words.
    pub fn launch(&mut self, app: &str) -> Result<VmId, DesktopError> {
        let vm = self.launcher.run(app, &[], BTreeMap::new())?;
        vm.parse().map_err(|_e| DesktopError::Answer)
    }

    /// Stops a VM.
    ///
    /// # Errors
    /// In the launcher's words.
    pub fn stop(&mut self, vm: &VmId) -> Result<(), DesktopError> {
        Ok(self.launcher.stop(vm.as_str())?)
    }

    /// Runs a program beside the app of a VM and collects what it prints.
    ///
    /// # Errors
    /// In the launcher's words.
    pub fn guest_run(&mut self, vm: &VmId, argv: &[String]) -> Result<GuestOutput, DesktopError> {
        self.guest_run_with(vm, argv, &[])
    }

    /// The same with something on standard input.
    ///
    /// # Errors
    /// In the launcher's words.
    pub fn guest_run_with(
        &mut self,
        vm: &VmId,
        argv: &[String],
        input: &[u8],
    ) -> Result<GuestOutput, DesktopError> {
        Ok(self.launcher.guest_run(vm.as_str(), argv, input)?)
    }

    /// Counters of a VM's helpers, as JSON.
    ///
    /// # Errors
    /// In the launcher's words.
    pub fn counters(&mut self, vm: &VmId) -> Result<String, DesktopError> {
        Ok(self.launcher.counters(vm.as_str())?)
    }

    /// The question that is on the screen.
    ///
    /// # Errors
    /// If the compositor is gone.
    pub fn prompt(&mut self) -> Result<Option<PromptInfo>, DesktopError> {
        match self.call(Request::Prompt)? {
            (Reply::Prompt(prompt), _) => Ok(prompt),
            _ => Err(DesktopError::Answer),
        }
    }

    /// The desktop's permission monitor.
    ///
    /// # Errors
    /// If it can't be reached.
    pub fn monitor(&self) -> Result<&Permissions, DesktopError> {
        if let Some(monitor) = self.monitor.get() {
            return Ok(monitor);
        }
        let monitor = Permissions::connect(&self.bus).map_err(DesktopError::Monitor)?;
        Ok(self.monitor.get_or_init(|| monitor))
    }

    /// The desktop's panel.
    ///
    /// # Errors
    /// If it can't be reached.
    pub fn panel(&self) -> Result<&Panel, DesktopError> {
        if let Some(panel) = self.panel.get() {
            return Ok(panel);
        }
        let panel = Panel::connect(&self.bus).map_err(DesktopError::Panel)?;
        Ok(self.panel.get_or_init(|| panel))
    }

    /// Whether there is a panel: a desktop may be installed without.
    #[must_use]
    pub fn has_panel(&self) -> bool {
        Paths::of(&self.name).is_ok_and(|paths| paths.program("cofferdam-panel").exists())
    }

    /// Runs `coffer` with these words about this desktop, and gives back what it prints.
    ///
    /// # Errors
    /// In its own words.
    pub fn coffer(&self, words: &[&str]) -> Result<String, DesktopError> {
        let said =
            |error: std::io::Error| DesktopError::Coffer(format!("{}: {error}", self.coffer.display()));
        let mut command = Command::new(&self.coffer);
        let output = command
            .args(["--desktop", &self.name])
            .args(words)
            .stdin(Stdio::null())
            .output()
            .map_err(said)?;
        if !output.status.success() {
            return Err(DesktopError::Coffer(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The process that keeps the desktop's daemons.
    #[must_use]
    pub fn pid(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(&self.child)
    }

    /// Fails if one of `vms` has ended.
    ///
    /// # Errors
    /// [`DesktopError::VmEnded`].
    pub fn check_vms<'a>(&mut self, vms: impl Iterator<Item = &'a VmId>) -> Result<(), DesktopError> {
        let all = self.launcher.list()?;
        for vm in vms {
            if let State::Ended(end) = state(&all, vm) {
                return Err(DesktopError::VmEnded { vm: vm.clone(), detail: end.detail });
            }
        }
        Ok(())
    }

    /// Waits for the end of a VM; none if it still runs after `timeout`.
    ///
    /// # Errors
    /// If the launcher is gone.
    pub fn wait_end(&mut self, vm: &VmId, timeout: Duration) -> Result<Option<VmEnd>, DesktopError> {
        let deadline = Instant::now() + timeout;
        loop {
            match state(&self.launcher.list()?, vm) {
                State::Ended(end) => return Ok(Some(end)),
                State::Alive if Instant::now() >= deadline => return Ok(None),
                // The windows of a VM go before the VM; any event is a reason to look again.
                State::Alive => {
                    self.next_event(deadline.min(Instant::now() + Duration::from_millis(200)))?;
                }
            }
        }
    }

    /// Ends the desktop in order and waits for it.
    ///
    /// # Errors
    /// If it had to be killed or returned an error.
    pub fn finish(mut self) -> Result<(), DesktopError> {
        end(&mut self.child).map_or(Ok(()), |why| Err(DesktopError::End(why)))
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        // After `finish` the child is reaped and this does nothing.
        if let Some(why) = end(&mut self.child) {
            tracing::warn!(%why, "desktop");
        }
    }
}

enum State {
    Alive,
    Ended(VmEnd),
}

fn state(all: &[VmEntry], vm: &VmId) -> State {
    match all.iter().find(|e| e.vm == vm.as_str()) {
        None => State::Ended(VmEnd { code: None, detail: "its record is gone".into() }),
        Some(e) if e.is_alive() => State::Alive,
        Some(e) => State::Ended(VmEnd {
            code: (e.exit_code >= 0).then_some(e.exit_code),
            detail: format!("{}: {}", e.state, e.detail),
        }),
    }
}

fn read_ready(child: &mut Child) -> Result<Ready, String> {
    let stdout = child.stdout.take().ok_or("no output")?;
    let mut line = String::new();
    BufReader::new(stdout).take(4096).read_line(&mut line).map_err(|e| e.to_string())?;
    serde_json::from_str(&line).map_err(|_e| "it ended before it was ready".to_owned())
}

/// Asks the process to end, and kills it if it does not. Says what went wrong.
fn end(child: &mut Child) -> Option<String> {
    if let Ok(Some(status)) = child.try_wait() {
        return (!status.success()).then(|| format!("coffer desktop returned {status}"));
    }
    let pid = rustix::process::Pid::from_child(child);
    let deadline = Instant::now() + Duration::from_secs(60);
    let waiting = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty());
    let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    if let Ok(pidfd) = waiting {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = rustix::event::Timespec::try_from(left).unwrap_or_default();
        let mut poll = [rustix::event::PollFd::new(&pidfd, rustix::event::PollFlags::IN)];
        let _ = rustix::event::poll(&mut poll, Some(&timeout));
    }
    match child.try_wait() {
        Ok(Some(status)) if status.success() => None,
        Ok(Some(status)) => Some(format!("coffer desktop returned {status}")),
        _ => {
            let _ = child.kill();
            let _ = child.wait();
            Some("coffer desktop did not end within 60 s and was killed".into())
        }
    }
}
