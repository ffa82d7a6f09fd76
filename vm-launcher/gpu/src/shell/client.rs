// SPDX-License-Identifier: GPL-3.0-or-later
//! One client's socket into the compositor.
//!
//! In: checked bytes and descriptors to send, and whether to read. Out: what the socket took and what it gave.
//! Never blocks: what the compositor does not take yet waits here, bounded by the core.

use super::poller::{Name, Poller, Source};
use rustix::event::epoll::EventFlags;
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags,
};
use std::collections::VecDeque;
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Bytes read at once.
pub(super) const READ: usize = 16 * 1024;
/// Descriptors in one message; libwayland's own limit.
const FDS: usize = 28;

/// A descriptor on its way to the compositor.
#[derive(Debug)]
pub(super) enum SendFd {
    /// The arena, which belongs to the device.
    Arena,
    /// Given away.
    Owned(OwnedFd),
}

#[derive(Debug)]
struct Piece {
    bytes: Vec<u8>,
    sent: usize,
    /// Sent with the first byte, empty afterwards.
    fds: Vec<SendFd>,
}

/// The socket and what waits for it.
#[derive(Debug)]
pub(super) struct Client {
    socket: OwnedFd,
    queue: VecDeque<Piece>,
    reading: bool,
    watched: Option<(Name, EventFlags)>,
}

impl Client {
    /// Takes a non-blocking connected socket.
    #[must_use]
    pub(super) const fn new(socket: OwnedFd) -> Self {
        Self { socket, queue: VecDeque::new(), reading: true, watched: None }
    }

    /// Queues a piece and sends what the socket takes. Says how many bytes it took.
    ///
    /// # Errors
    /// If the socket is of no use any longer.
    pub(super) fn send(
        &mut self,
        bytes: Vec<u8>,
        fds: Vec<SendFd>,
        arena: BorrowedFd<'_>,
    ) -> Result<usize, Errno> {
        self.queue.push_back(Piece { bytes, sent: 0, fds });
        // Behind a piece that waits, waiting is all that is left to do.
        if self.queue.len() > 1 { Ok(0) } else { self.flush(arena) }
    }

    /// Sends what the socket takes. Says how many bytes it took.
    ///
    /// # Errors
    /// If the socket is of no use any longer.
    pub(super) fn flush(&mut self, arena: BorrowedFd<'_>) -> Result<usize, Errno> {
        let mut total = 0_usize;
        while let Some(piece) = self.queue.front_mut() {
            let rest = piece.bytes.get(piece.sent..).unwrap_or_default();
            match send(self.socket.as_fd(), rest, &piece.fds, arena) {
                Ok(n) => {
                    piece.fds.clear();
                    piece.sent = piece.sent.saturating_add(n);
                    total = total.saturating_add(n);
                    if piece.sent >= piece.bytes.len() {
                        self.queue.pop_front();
                    }
                }
                Err(Errno::AGAIN) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(total)
    }

    /// Reads once into `bytes`. Says how many there were, 0 if the compositor has closed, and which descriptors
    /// came with them.
    ///
    /// # Errors
    /// [`Errno::AGAIN`] if there is nothing; others if the socket is of no use any longer.
    pub(super) fn receive(&self, bytes: &mut [u8]) -> Result<(usize, Vec<OwnedFd>), Errno> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let message = rustix::io::retry_on_intr(|| {
            let iov = &mut [IoSliceMut::new(bytes)];
            rustix::net::recvmsg(
                &self.socket,
                iov,
                &mut control,
                RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT,
            )
        })?;
        let mut fds = Vec::new();
        for part in control.drain() {
            if let RecvAncillaryMessage::ScmRights(received) = part {
                fds.extend(received);
            }
        }
        if message.flags.contains(ReturnFlags::CTRUNC) {
            // Descriptors were lost, so the stream cannot be followed any longer.
            return Err(Errno::BADMSG);
        }
        Ok((message.bytes, fds))
    }

    /// Whether the socket is read at present.
    #[must_use]
    pub(super) const fn is_reading(&self) -> bool {
        self.reading
    }

    /// Reads from now on, or lets it be.
    pub(super) const fn set_reading(&mut self, on: bool) {
        self.reading = on;
    }

    /// Gives up what waits to be sent: there is nobody to take it.
    pub(super) fn drop_queue(&mut self) {
        self.queue.clear();
    }

    /// Brings the poller in line with what is wanted. A socket of which nothing is wanted is not watched at
    /// all, because a hang-up cannot be masked and would wake us for ever.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub(super) fn watch(&mut self, ctx: u32, poller: &mut Poller) -> Result<(), Errno> {
        let mut flags = EventFlags::empty();
        flags.set(EventFlags::IN, self.reading);
        flags.set(EventFlags::OUT, !self.queue.is_empty());
        match self.watched {
            Some((_, now)) if now == flags => Ok(()),
            Some((name, _)) if flags.is_empty() => {
                poller.remove(self.socket.as_fd(), name);
                self.watched = None;
                Ok(())
            }
            Some((name, _)) => {
                self.watched = Some((name, flags));
                poller.change(self.socket.as_fd(), name, flags)
            }
            None if flags.is_empty() => Ok(()),
            None => {
                let name = poller.add(self.socket.as_fd(), Source::Client(ctx), flags)?;
                self.watched = Some((name, flags));
                Ok(())
            }
        }
    }

    /// Closes the socket.
    pub(super) fn close(self, poller: &mut Poller) {
        if let Some((name, _)) = self.watched {
            poller.remove(self.socket.as_fd(), name);
        }
    }
}

fn send(socket: BorrowedFd<'_>, bytes: &[u8], fds: &[SendFd], arena: BorrowedFd<'_>) -> Result<usize, Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let fds: Vec<BorrowedFd<'_>> = fds
        .iter()
        .map(|fd| match fd {
            SendFd::Arena => arena,
            SendFd::Owned(fd) => fd.as_fd(),
        })
        .collect();
    if !fds.is_empty() && !control.push(SendAncillaryMessage::ScmRights(&fds)) {
        return Err(Errno::TOOMANYREFS);
    }
    rustix::io::retry_on_intr(|| {
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        rustix::net::sendmsg(socket, &[IoSlice::new(bytes)], &mut control, flags)
    })
}
