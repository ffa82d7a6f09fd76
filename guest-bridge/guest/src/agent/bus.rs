// SPDX-License-Identifier: GPL-3.0-or-later
//! The session bus of the app's user. In: the first program that connects. Out: a dbus-daemon, which
//! takes over the listening socket; none is started in a VM whose app needs none.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Child, Stdio};

use rustix::fs::{Gid, Uid, chown};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::app::App;
use crate::init::{APP_USER, RUNTIME_DIR};

/// Where the bus listens, as programs are told.
pub(crate) const ADDRESS: &str = "unix:path=/run/user/1000/bus";
const SOCKET_NAME: &str = "bus";
/// A daemon that ended this often is not started again.
const MAX_STARTS: u32 = 5;
/// Hands the socket, which comes as standard input, over the way the daemon knows: as fd 3 of a process that is
/// named by its number.
const START: &str = "LISTEN_PID=$$ LISTEN_FDS=1 exec /usr/bin/dbus-daemon --nofork --nopidfile \
                     --config-file=/usr/share/cofferdam/session-bus.conf 3<&0 </dev/null";

/// The bus's socket and, once it is needed, its daemon.
#[derive(Debug)]
pub(crate) struct Bus {
    listener: UnixListener,
    running: Option<(Child, OwnedFd)>,
    starts: u32,
}

impl Bus {
    /// Makes the socket.
    pub(crate) fn prepare() -> io::Result<Self> {
        let path = Path::new(RUNTIME_DIR).join(SOCKET_NAME);
        let listener = UnixListener::bind(&path)?;
        chown(&path, Some(Uid::from_raw(APP_USER)), Some(Gid::from_raw(APP_USER)))?;
        Ok(Self { listener, running: None, starts: 0 })
    }

    /// Readable when somebody wants the bus and none runs.
    pub(crate) fn listener(&self) -> impl AsFd {
        &self.listener
    }

    /// Readable when the daemon has ended.
    pub(crate) fn exit_fd(&self) -> Option<impl AsFd> {
        self.running.as_ref().map(|(_, pidfd)| pidfd)
    }

    /// Starts the daemon for whoever waits.
    pub(crate) fn start(&mut self) -> io::Result<()> {
        self.starts = self.starts.saturating_add(1);
        if self.starts > MAX_STARTS {
            return Err(io::Error::other("it ended too often"));
        }
        // Services that it starts see what the app sees.
        let app = App::load().unwrap_or_default();
        let words = ["/bin/sh", "-c", START].map(str::to_owned);
        let mut command = app.command(&words, &[]).ok_or(io::ErrorKind::InvalidInput)?;
        let socket = OwnedFd::from(self.listener.try_clone()?);
        let mut child =
            command.stdin(Stdio::from(socket)).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        match pidfd_open(Pid::from_child(&child), PidfdFlags::empty()) {
            Ok(pidfd) => self.running = Some((child, pidfd)),
            Err(e) => {
                drop(child.kill());
                drop(child.wait());
                return Err(e.into());
            }
        }
        Ok(())
    }

    /// Reaps the daemon; whether it has ended.
    pub(crate) fn ended(&mut self) -> bool {
        let ended = self.running.as_mut().is_some_and(|(child, _)| !matches!(child.try_wait(), Ok(None)));
        if ended {
            self.running = None;
        }
        ended
    }
}
