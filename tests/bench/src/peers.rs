// SPDX-License-Identifier: GPL-3.0-or-later
//! Compositors side by side: ours, weston, sway and labwc, all headless and drawing in software.
//!
//! In: a kind and a private runtime directory. Out: a running process that accepts Wayland clients,
//! with the time it took to do so. Dropping it ends the process.

use crate::client::{BenchClient, BenchError};
use cofferdam_control::client::Client;
use cofferdam_control::desktop::Request;
use cofferdam_control::vm_channel::{self, FromDevice};
use cofferdam_ids::{Identity, Label, VmId};
use cofferdam_kit::transport;
use rustix::event::{PollFd, PollFlags, Timespec};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a compositor may take to listen.
const START: Duration = Duration::from_secs(20);

/// Windows lie on each other with a title, as the others have it; nothing else is started.
const SWAY: &str = "output HEADLESS-1 resolution 1920x1080
xwayland disable
default_floating_border normal
for_window [title=\".*\"] floating enable
";

/// The user that owns nothing.
const NOBODY: u32 = 65534;

/// Which compositor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Ours; clients are those of an adopted VM, so every window has its border.
    Ours,
    /// weston, headless backend, pixman renderer.
    Weston,
    /// sway on wlroots' headless backend with the pixman renderer.
    Sway,
    /// labwc, likewise.
    Labwc,
}

impl Kind {
    /// Its name in the table.
    #[must_use]
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ours => "cofferdam",
            Self::Weston => "weston",
            Self::Sway => "sway",
            Self::Labwc => "labwc",
        }
    }
}

/// A running compositor.
pub(crate) struct Peer {
    child: Child,
    socket: PathBuf,
    vm: Option<(OwnedFd, Client)>,
    /// From the start of the process to the answer to the first round trip.
    pub(crate) started_in: Duration,
    _dir: tempfile::TempDir,
}

impl Peer {
    /// Starts one with a 1920×1080 output and waits for its first answer.
    ///
    /// # Errors
    /// If it is not installed or does not answer.
    pub(crate) fn start(kind: Kind, libexec: &Path) -> Result<Self, BenchError> {
        let dir = tempfile::tempdir()?;
        let begun = Instant::now();
        let (mut command, socket) = command(kind, libexec, dir.path())?;
        let mut child = command
            .env("XDG_RUNTIME_DIR", dir.path())
            .env_remove("WAYLAND_DISPLAY")
            .env_remove("DISPLAY")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| match e.kind() {
                std::io::ErrorKind::NotFound => BenchError::Peer("not installed".into()),
                _ => BenchError::Io(e),
            })?;
        if let Err(error) = wait_for(&socket, &mut child, kind.name()) {
            let _ = child.kill();
            let _ = child.wait();
            return Err(error);
        }
        let mut peer = Self { child, socket, vm: None, started_in: Duration::ZERO, _dir: dir };
        if kind == Kind::Ours {
            let control = peer.socket.with_file_name("control");
            let mut control = Client::connect(&control).map_err(|e| BenchError::peer("control", e))?;
            peer.vm = Some((adopt(&mut control, "bench")?, control));
        }
        peer.client()?;
        peer.started_in = begun.elapsed();
        Ok(peer)
    }

    /// Its process.
    #[must_use]
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The Wayland socket that proxies connect to.
    #[must_use]
    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// The device's end of the adopted VM's channel.
    ///
    /// # Errors
    /// If this compositor has none.
    pub(crate) fn vm_channel(&self) -> Result<OwnedFd, BenchError> {
        let (channel, _) = self.vm.as_ref().ok_or_else(|| BenchError::Peer("no VM channel".into()))?;
        Ok(channel.try_clone()?)
    }

    /// A new client: of the adopted VM with ours, an ordinary one with the others.
    ///
    /// # Errors
    /// If the compositor is gone.
    pub(crate) fn client(&self) -> Result<BenchClient, BenchError> {
        let Some((channel, _)) = &self.vm else {
            return BenchClient::new(UnixStream::connect(&self.socket)?);
        };
        client_of(channel)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(kind: Kind, libexec: &Path, dir: &Path) -> Result<(Command, PathBuf), BenchError> {
    Ok(match kind {
        Kind::Ours => {
            let mut c = Command::new(libexec.join("cofferdam-compositor"));
            c.arg("--socket").arg(dir.join("control")).arg("--trusted-socket").arg(dir.join("wayland-0"));
            c.args(["--backend", "headless", "--output", "1920x1080"]);
            (c, dir.join("wayland-0"))
        }
        Kind::Weston => {
            let mut c = Command::new("weston");
            c.args(["--backend=headless-backend.so", "--use-pixman", "--width=1920", "--height=1080"]);
            c.args(["--socket=wayland-0", "--no-config", "--idle-time=0"]);
            (c, dir.join("wayland-0"))
        }
        Kind::Sway => {
            let config = dir.join("config");
            std::fs::write(&config, SWAY)?;
            let mut c = not_as_root("sway", dir)?;
            c.arg("-c").arg(config);
            wlroots(&mut c);
            (c, dir.join("wayland-1"))
        }
        Kind::Labwc => {
            let mut c = Command::new("labwc");
            wlroots(&mut c);
            (c, dir.join("wayland-0"))
        }
    })
}

/// Sway ends when root starts it; then it gets another user and the directory.
fn not_as_root(program: &str, dir: &Path) -> Result<Command, BenchError> {
    if !rustix::process::getuid().is_root() {
        return Ok(Command::new(program));
    }
    std::os::unix::fs::chown(dir, Some(NOBODY), Some(NOBODY))?;
    let id = NOBODY.to_string();
    let mut command = Command::new("setpriv");
    command.args(["--reuid", &id, "--regid", &id, "--clear-groups", program]);
    Ok(command)
}

fn wlroots(command: &mut Command) {
    command
        .env("WLR_BACKENDS", "headless")
        .env("WLR_RENDERER", "pixman")
        .env("WLR_LIBINPUT_NO_DEVICES", "1")
        .env("WLR_HEADLESS_OUTPUTS", "1");
}

/// Waits for a socket to appear, woken by the directory's changes.
///
/// # Errors
/// If the process ends before, or nothing listens there in time.
pub(crate) fn wait_for(socket: &Path, child: &mut Child, name: &str) -> Result<(), BenchError> {
    use rustix::fs::inotify;
    let watch = inotify::init(inotify::CreateFlags::CLOEXEC).map_err(std::io::Error::from)?;
    let dir = socket.parent().unwrap_or(Path::new("/"));
    inotify::add_watch(&watch, dir, inotify::WatchFlags::CREATE).map_err(std::io::Error::from)?;
    let deadline = Instant::now() + START;
    loop {
        if socket.exists() && UnixStream::connect(socket).is_ok() {
            return Ok(());
        }
        if let Some(status) = child.try_wait()? {
            return Err(BenchError::Peer(format!("{name} ended with {status}")));
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(BenchError::Peer(format!("{name} did not listen within {START:?}")));
        }
        // A socket that exists but does not listen yet gives no event, hence the short step.
        let step = Timespec::try_from(left.min(Duration::from_millis(5))).unwrap_or_default();
        let mut poll = [PollFd::new(&watch, PollFlags::IN)];
        rustix::event::poll(&mut poll, Some(&step)).map_err(std::io::Error::from)?;
    }
}

/// Makes a VM known to our compositor. Gives back the device's end of its channel.
///
/// # Errors
/// If the compositor refuses.
pub(crate) fn adopt(control: &mut Client, vm: &str) -> Result<OwnedFd, BenchError> {
    let (ours, theirs) = transport::pair().map_err(|e| BenchError::peer("pair", e))?;
    let vm: VmId = vm.parse().map_err(|e| BenchError::peer("name", e))?;
    let request =
        Request::AdoptVm { vm, identity: Identity::Orange, name: Label::new("Bench"), icon_size: None };
    control.call(request, &[theirs.as_fd()]).map_err(|e| BenchError::peer("adopt", e))?;
    Ok(ours)
}

/// A client in a VM that our compositor has adopted.
///
/// # Errors
/// If the compositor is gone.
pub(crate) fn client_of(channel: &OwnedFd) -> Result<BenchClient, BenchError> {
    let (ours, theirs) = UnixStream::pair()?;
    let hello = FromDevice::NewClient { ctx_id: 1 };
    transport::send(channel, &hello, &[theirs.as_fd()], vm_channel::MAX_PACKET)
        .map_err(|e| BenchError::peer("vm channel", e))?;
    BenchClient::new(ours)
}
