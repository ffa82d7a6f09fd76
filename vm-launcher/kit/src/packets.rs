// SPDX-License-Identifier: GPL-3.0-or-later
//! Packet sockets in a tokio program. In: a connected socket, messages and fds to send. Out: the peer's
//! packets, one by one, with the fds beside them; JSON ones as messages.

use crate::readiness;
use crate::transport::{self, TransportError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

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
        Ok(Self { fd: readiness::watch(fd, Interest::READABLE | Interest::WRITABLE)?, limit })
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
