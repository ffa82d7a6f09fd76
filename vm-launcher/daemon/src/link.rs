// SPDX-License-Identifier: GPL-3.0-or-later
//! The wire between the launcher and a VM's shepherd.
//!
//! In and out: JSON packets of a `SOCK_SEQPACKET` socket with fds beside them, spoken between our own
//! processes only. A shepherd says how its VM stands when a link opens and at every change.

use crate::bus::GuestExit;
use crate::sys;
use cofferdam_agent_wire::BridgeCounters;
use cofferdam_control::report::DeviceCounters;
use cofferdam_control::transport::{self, TransportError};
use cofferdam_ids::{AppId, Identity, Label, VmId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Largest packet, in bytes.
pub const MAX_PACKET: usize = 64 * 1024;
/// Most bytes of console in one answer; JSON escapes may double them.
pub const MAX_CONSOLE: usize = 24 * 1024;

/// What is kept of a VM even while it is off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VmRecord {
    /// Its id.
    pub vm: VmId,
    /// The app in it.
    pub app: AppId,
    /// Its name in chrome.
    pub name: Label,
    /// Its colour and pattern.
    pub identity: Identity,
}

/// How a VM stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VmStatus {
    /// Name of its state, as on D-Bus.
    pub state: String,
    /// Why it failed, or how its app ended.
    pub detail: String,
    /// Exit code of the app, if it ended by itself with one.
    pub exit_code: Option<i32>,
    /// The last lines of the console of a failed VM.
    pub console: Vec<String>,
    /// When the VM was started, in seconds since 1970.
    pub started: u64,
}

/// From the launcher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// Chosen by the caller, repeated in the answer.
    pub serial: u64,
    /// What is asked.
    pub request: Request,
}

/// What can be asked of a shepherd.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// End the VM; the second time, at once.
    Stop,
    /// The last lines of the console: [`Reply::Console`].
    Console {
        /// How many.
        lines: u32,
    },
    /// Run a program beside the app. Fds: standard input, output and error. [`Reply::Exit`] comes
    /// when it has ended.
    Run {
        /// Program and arguments.
        argv: Vec<String>,
    },
    /// [`Reply::Counters`].
    Counters,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Reply {
    /// Done, nothing to say.
    Done,
    /// Lines, oldest first.
    Console(Vec<String>),
    /// A program in the guest ended.
    Exit(GuestExit),
    /// Counters of those helpers that answered.
    Counters(VmCounters),
}

/// Counters of a VM's helpers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VmCounters {
    /// Of the gpu device.
    pub device: Option<DeviceCounters>,
    /// Of the guest's bridge, as it claims.
    pub bridge: Option<Bridge>,
}

/// [`BridgeCounters`] under names that JSON readers can rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bridge(pub BridgeCounters);

/// From a shepherd.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FromShepherd {
    /// What the VM is; the first packet of a link.
    Record(VmRecord),
    /// How it stands; the second packet, and again after every change.
    Status(VmStatus),
    /// The answer to a call.
    Answer {
        /// The call's serial.
        serial: u64,
        /// What came of it; the error is a sentence for a person.
        result: Result<Reply, String>,
    },
}

/// A packet socket in a tokio program.
#[derive(Debug)]
pub struct Packets {
    fd: AsyncFd<OwnedFd>,
    limit: usize,
}

impl Packets {
    /// Takes over a connected packet socket whose packets have at most `limit` bytes.
    ///
    /// # Errors
    /// If the kernel refuses to make it non-blocking.
    pub fn new(fd: OwnedFd, limit: usize) -> io::Result<Self> {
        rustix::io::ioctl_fionbio(&fd, true)?;
        Ok(Self { fd: sys::watch(fd, Interest::READABLE | Interest::WRITABLE)?, limit })
    }

    /// The next packet and the fds beside it; `None` when the peer has closed.
    ///
    /// # Errors
    /// If the wire broke or the packet is not understood.
    pub async fn recv<T: DeserializeOwned>(&self) -> Result<Option<(T, Vec<OwnedFd>)>, TransportError> {
        loop {
            let mut guard = self.fd.ready(Interest::READABLE).await.map_err(errno)?;
            match transport::recv(guard.get_inner(), self.limit, transport::MAX_FDS) {
                Err(error) if error.would_block() => guard.clear_ready(),
                other => return other,
            }
        }
    }

    /// Sends one packet, waiting for room.
    ///
    /// # Errors
    /// If the peer is gone or the message does not fit.
    pub async fn send<T: Serialize>(
        &self,
        message: &T,
        fds: &[BorrowedFd<'_>],
    ) -> Result<(), TransportError> {
        loop {
            let mut guard = self.fd.ready(Interest::WRITABLE).await.map_err(errno)?;
            match transport::send(guard.get_inner().as_fd(), message, fds, self.limit) {
                Err(error) if error.would_block() => guard.clear_ready(),
                other => return other,
            }
        }
    }
}

impl Packets {
    /// Ends the connection in both directions, also for whoever waits on it.
    pub fn shut_down(&self) {
        // A peer that is gone already is as good.
        let _ = rustix::net::shutdown(self.fd.get_ref(), rustix::net::Shutdown::Both);
    }

    /// The next packet as it is, for wires whose language is not JSON.
    ///
    /// # Errors
    /// Those of [`Self::recv`], apart from the codec's.
    pub async fn recv_packet(&self) -> Result<Option<(Vec<u8>, Vec<OwnedFd>)>, TransportError> {
        loop {
            let mut guard = self.fd.ready(Interest::READABLE).await.map_err(errno)?;
            match transport::recv_packet(guard.get_inner().as_fd(), self.limit, transport::MAX_FDS) {
                Err(error) if error.would_block() => guard.clear_ready(),
                other => return other,
            }
        }
    }

    /// The next packet into `bytes`, whose length is what a packet may have; says how long it is.
    ///
    /// # Errors
    /// Those of [`Self::recv_packet`].
    pub async fn recv_packet_into(
        &self,
        bytes: &mut [u8],
    ) -> Result<Option<(usize, Vec<OwnedFd>)>, TransportError> {
        loop {
            let mut guard = self.fd.ready(Interest::READABLE).await.map_err(errno)?;
            match transport::recv_packet_into(guard.get_inner().as_fd(), bytes, transport::MAX_FDS) {
                Err(error) if error.would_block() => guard.clear_ready(),
                other => return other,
            }
        }
    }

    /// Sends one packet as it is if there is room for it now.
    ///
    /// # Errors
    /// [`TransportError::would_block`] if there is no room; the others if the peer is gone.
    pub fn try_send_packet(&self, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> Result<(), TransportError> {
        transport::send_packet(self.fd.get_ref().as_fd(), bytes, fds)
    }

    /// Sends one packet as it is, waiting for room.
    ///
    /// # Errors
    /// If the peer is gone.
    pub async fn send_packet(&self, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> Result<(), TransportError> {
        loop {
            let mut guard = self.fd.ready(Interest::WRITABLE).await.map_err(errno)?;
            match transport::send_packet(guard.get_inner().as_fd(), bytes, fds) {
                Err(error) if error.would_block() => guard.clear_ready(),
                other => return other,
            }
        }
    }
}

fn errno(error: io::Error) -> TransportError {
    TransportError::Io(rustix::io::Errno::from_io_error(&error).unwrap_or(rustix::io::Errno::IO))
}
