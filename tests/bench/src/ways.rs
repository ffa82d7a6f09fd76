// SPDX-License-Identifier: GPL-3.0-or-later
//! One way to a running compositor. In: its kind. Out: processes in the middle and clients that connect
//! through them. Dropping it ends them.

use crate::client::{BenchClient, BenchError};
use crate::measure::io_bytes_of_tree;
use crate::peers::{Peer, wait_for};
use cofferdam_agent_wire::{BridgeCounters, Decoder};
use cofferdam_kit::transport;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum WayKind {
    /// No process in the middle.
    Native,
    /// Two processes that pass bytes and descriptors on unseen: the hops that any VM needs.
    TwoRelays,
    /// waypipe's two ends over a Unix socket, without GPU buffers and without compression.
    Waypipe,
    /// Our bridge and our device in one process.
    Loopback,
}

impl WayKind {
    /// Its name in the table.
    #[must_use]
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Native => "no proxy",
            Self::TwoRelays => "two relays",
            Self::Waypipe => "waypipe",
            Self::Loopback => "bridge and device",
        }
    }
}

/// The processes of one way.
pub(crate) struct Way {
    kind: WayKind,
    children: Vec<Child>,
    socket: Option<PathBuf>,
    /// Of the bridge; its end ends the process.
    control: Option<OwnedFd>,
    _dir: tempfile::TempDir,
}

impl Way {
    /// Starts its processes and waits until they listen.
    ///
    /// # Errors
    /// If one is not installed or does not listen.
    pub(crate) fn start(kind: WayKind, exe: &Path, peer: &Peer) -> Result<Self, BenchError> {
        let dir = tempfile::tempdir()?;
        let at = |name: &str| dir.path().join(name);
        let (first, second) = (at("first"), at("second"));
        let mut way = Self { kind, children: Vec::new(), socket: None, control: None, _dir: dir };
        match kind {
            WayKind::Native => {}
            WayKind::TwoRelays => {
                let relay = |listen: &Path, connect: &Path| {
                    let mut command = Command::new(exe);
                    command.arg("relay").arg(listen).arg(connect);
                    command
                };
                way.spawn(relay(&second, peer.socket()), &second)?;
                way.spawn(relay(&first, &second), &first)?;
                way.socket = Some(first);
            }
            WayKind::Waypipe => {
                let mut client = waypipe(&second);
                client.env("WAYLAND_DISPLAY", peer.socket()).arg("client");
                way.spawn(client, &second)?;
                let mut server = waypipe(&second);
                // It ends with its program, and that with our end of its input.
                server.arg("--display").arg(&first).args(["server", "cat"]);
                way.spawn(server, &first)?;
                way.socket = Some(first);
            }
            WayKind::Loopback => {
                let (control, theirs) = transport::pair().map_err(|e| BenchError::peer("pair", e))?;
                let mut command = Command::new(exe);
                command.arg("loopback").arg(&first);
                command.stdin(peer.vm_channel()?).stdout(theirs);
                way.control = Some(control);
                way.spawn(command, &first)?;
                way.socket = Some(first);
            }
        }
        Ok(way)
    }

    fn spawn(&mut self, mut command: Command, socket: &Path) -> Result<(), BenchError> {
        let child =
            command.stderr(Stdio::null()).spawn().map_err(|e| BenchError::peer(self.kind.name(), e))?;
        self.children.push(child);
        let Some(child) = self.children.last_mut() else { return Ok(()) };
        wait_for(socket, child, self.kind.name())
    }

    /// A client through it.
    ///
    /// # Errors
    /// If it does not answer.
    pub(crate) fn client(&self, peer: &Peer) -> Result<BenchClient, BenchError> {
        BenchClient::new(UnixStream::connect(self.socket.as_deref().unwrap_or_else(|| peer.socket()))?)
    }

    /// Its processes, without those that they started.
    #[must_use]
    pub(crate) fn pids(&self) -> Vec<u32> {
        self.children.iter().map(Child::id).collect()
    }

    /// Bytes of pixels that it copied so far: our bridge counts them, of waypipe we take what its
    /// processes read and wrote, relays copy none.
    ///
    /// # Errors
    /// If the bridge is gone.
    pub(crate) fn bytes(&self) -> Result<u64, BenchError> {
        match (&self.control, self.kind) {
            (Some(control), _) => counters(control).map(|c| c.pixel_bytes_copied),
            (None, WayKind::Waypipe) => Ok(io_bytes_of_tree(&self.pids())),
            (None, _) => Ok(0),
        }
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn waypipe(socket: &Path) -> Command {
    let mut command = Command::new("waypipe");
    command.args(["--no-gpu", "--compress", "none", "--socket"]).arg(socket);
    command.stdin(Stdio::piped()).stdout(Stdio::null());
    command
}

fn counters(control: &OwnedFd) -> Result<BridgeCounters, BenchError> {
    let failed = |e: &dyn std::fmt::Display| BenchError::peer("counters of the bridge", e);
    rustix::io::write(control, &[0]).map_err(|e| failed(&e))?;
    let mut answer = [0; 256];
    let n = rustix::io::read(control, &mut answer).map_err(|e| failed(&e))?;
    let mut decoder = Decoder::new();
    decoder.push(answer.get(..n).unwrap_or_default());
    decoder.next().map_err(|e| failed(&e))?.ok_or_else(|| failed(&"half an answer"))
}
