// SPDX-License-Identifier: GPL-3.0-or-later
//! In: the end of the bridge, questions for its counters. Out: a running bridge, its answers.
//!
//! The agent keeps the apps' listening socket, so that clients which come while a bridge is being
//! replaced wait in its queue instead of failing.

#![expect(clippy::disallowed_types, reason = "starts the bridge")]

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cofferdam_agent_wire::{BridgeCounters, Decoder, Exit};
use rustix::fs::{Gid, Mode, Uid, chmod, chown};
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socketpair};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::process::exit_of;
use crate::init::{APP_USER, RUNTIME_DIR};

/// Name of the Wayland socket, as apps are told.
pub(crate) const SOCKET_NAME: &str = "wayland-0";
/// The bridge's own user: nobody else reaches the GPU device.
pub const BRIDGE_USER: u32 = 990;
const RENDER_NODE: &str = "/dev/dri/renderD128";
/// A bridge that ends this often within [`RESTART_WINDOW`] is not started again.
const RESTARTS: usize = 5;
const RESTART_WINDOW: Duration = Duration::from_secs(10);

/// What the bridge had to say.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Its counters.
    Counters(BridgeCounters),
    /// Nothing of use.
    Nothing,
    /// It closed the link: it is about to end.
    Closed,
}

/// The bridge process and the agent's link to it.
#[derive(Debug)]
pub(crate) struct Bridge {
    /// `None` once no bridge will be started any more: apps are then refused at once.
    listener: Option<UnixListener>,
    running: Option<Running>,
    ends: Vec<Instant>,
    /// Questions the host still waits for.
    asked: u32,
}

#[derive(Debug)]
struct Running {
    child: Child,
    pidfd: OwnedFd,
    control: OwnedFd,
}

impl Bridge {
    /// Makes the apps' socket and hands the GPU device to the bridge's user.
    pub(crate) fn prepare() -> io::Result<Self> {
        let path: PathBuf = Path::new(RUNTIME_DIR).join(SOCKET_NAME);
        let listener = UnixListener::bind(&path)?;
        let (user, group) = (Uid::from_raw(APP_USER), Gid::from_raw(APP_USER));
        chown(&path, Some(user), Some(group))?;
        match chown(RENDER_NODE, Some(Uid::from_raw(BRIDGE_USER)), Some(Gid::from_raw(BRIDGE_USER))) {
            Ok(()) => chmod(RENDER_NODE, Mode::RUSR | Mode::WUSR)?,
            // A VM without display can still run programs; the bridge reports it per client.
            Err(Errno::NOENT) => {}
            Err(e) => return Err(e.into()),
        }
        Ok(Self { listener: Some(listener), running: None, ends: Vec::new(), asked: 0 })
    }

    /// Starts a bridge and repeats the questions its predecessor left unanswered.
    pub(crate) fn start(&mut self) -> io::Result<()> {
        let listener = self.listener.as_ref().ok_or(io::ErrorKind::NotConnected)?.try_clone()?;
        let (ours, theirs) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        rustix::io::ioctl_fionbio(&ours, true)?;
        // Its two descriptors travel as standard input and output: nothing else is inherited.
        let child = Command::new("/proc/self/exe")
            .arg("bridge")
            .env_clear()
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::from(OwnedFd::from(listener)))
            .uid(BRIDGE_USER)
            .gid(BRIDGE_USER)
            .spawn()?;
        let pidfd = pidfd_open(Pid::from_child(&child), PidfdFlags::empty())?;
        self.running = Some(Running { child, pidfd, control: ours });
        for _ in 0..self.asked {
            self.send_question();
        }
        Ok(())
    }

    /// Readable when the bridge has ended.
    pub(crate) fn exit_fd(&self) -> Option<impl AsFd> {
        self.running.as_ref().map(|r| &r.pidfd)
    }

    /// Readable when the bridge has answered.
    pub(crate) fn control_fd(&self) -> Option<impl AsFd> {
        self.running.as_ref().map(|r| &r.control)
    }

    /// Asks for the counters; the answer comes out of [`Self::answer`]. `false` if there is no bridge to ask.
    pub(crate) fn ask(&mut self) -> bool {
        if self.running.is_none() {
            return false;
        }
        self.asked = self.asked.saturating_add(1);
        self.send_question();
        true
    }

    fn send_question(&self) {
        if let Some(running) = &self.running {
            // If it is just ending, its successor is asked again.
            let _ = send(&running.control, b"?", SendFlags::NOSIGNAL);
        }
    }

    /// Takes one answer.
    pub(crate) fn answer(&mut self) -> Answer {
        let Some(running) = &self.running else { return Answer::Nothing };
        let mut buf = [0u8; 512];
        let count = match recv(&running.control, &mut buf[..], RecvFlags::empty()) {
            Ok((_, 0)) => return Answer::Closed,
            Ok((_, count)) => count,
            Err(_) => return Answer::Nothing,
        };
        let mut decoder = Decoder::new();
        decoder.push(buf.get(..count).unwrap_or_default());
        let Ok(Some(counters)) = decoder.next() else { return Answer::Nothing };
        self.asked = self.asked.saturating_sub(1);
        Answer::Counters(counters)
    }

    /// How the bridge ended, if it has; it is then no longer running.
    pub(crate) fn ended(&mut self, now: Instant) -> Option<Exit> {
        let status = self.running.as_mut()?.child.try_wait().ok()??;
        self.running = None;
        self.ends.retain(|end| now.saturating_duration_since(*end) < RESTART_WINDOW);
        self.ends.push(now);
        Some(exit_of(status))
    }

    /// Whether another start is worth it. If not, apps no longer wait for one.
    pub(crate) fn may_restart(&mut self) -> bool {
        if self.ends.len() >= RESTARTS {
            self.listener = None;
        }
        self.listener.is_some()
    }
}
