// SPDX-License-Identifier: GPL-3.0-or-later
//! In: events for an app with their descriptors. Out: bytes on its socket, as fast as it reads.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

/// Descriptors in one message; what libwayland takes at once.
const MAX_FDS: usize = 28;
/// Bytes after which a new piece is begun.
const PIECE: usize = 16 * 1024;
/// Above this many bytes the host is not listened to until the app has read.
const HIGH_WATER: usize = 256 * 1024;

#[derive(Debug, Default)]
struct Piece {
    bytes: Vec<u8>,
    sent: usize,
    /// Go with the first byte: descriptors may come before the message that uses them, never after it.
    fds: Vec<OwnedFd>,
}

/// Events on their way to one app.
#[derive(Debug, Default)]
pub(crate) struct ToApp {
    pieces: VecDeque<Piece>,
    waiting: usize,
}

impl ToApp {
    /// Queues the event that `write` appends, with the descriptors that it uses.
    pub(crate) fn event<E>(
        &mut self,
        fds: Vec<OwnedFd>,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let fits = self.pieces.back().is_some_and(|piece| {
            piece.bytes.len() < PIECE && piece.fds.len().saturating_add(fds.len()) <= MAX_FDS
        });
        let last = if fits { self.pieces.pop_back() } else { None };
        let mut piece = last.unwrap_or_default();
        let before = piece.bytes.len();
        let result = write(&mut piece.bytes);
        self.waiting = self.waiting.saturating_add(piece.bytes.len().saturating_sub(before));
        piece.fds.extend(fds);
        self.pieces.push_back(piece);
        result
    }

    /// Whether everything was sent.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// Whether the app should read before it gets more.
    pub(crate) fn is_full(&self) -> bool {
        self.waiting >= HIGH_WATER
    }

    /// Sends what the socket takes.
    pub(crate) fn flush(&mut self, socket: impl AsFd) -> Result<(), Errno> {
        while let Some(piece) = self.pieces.front_mut() {
            if piece.sent < piece.bytes.len() {
                match send(socket.as_fd(), piece) {
                    Ok(count) => {
                        piece.sent = piece.sent.saturating_add(count);
                        self.waiting = self.waiting.saturating_sub(count);
                        piece.fds.clear();
                    }
                    Err(Errno::INTR) => {}
                    Err(Errno::AGAIN) => break,
                    Err(e) => return Err(e),
                }
            } else {
                self.pieces.pop_front();
            }
        }
        Ok(())
    }
}

fn send(socket: BorrowedFd<'_>, piece: &Piece) -> Result<usize, Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let fds: Vec<BorrowedFd<'_>> = piece.fds.iter().map(AsFd::as_fd).collect();
    if !fds.is_empty() && !control.push(SendAncillaryMessage::ScmRights(&fds)) {
        return Err(Errno::NOBUFS);
    }
    let bytes = piece.bytes.get(piece.sent..).unwrap_or_default();
    sendmsg(socket, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL | SendFlags::DONTWAIT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::net::{
        AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SocketFlags, SocketType,
        recvmsg, socketpair,
    };
    use std::io::IoSliceMut;

    #[test]
    fn descriptors_never_come_after_their_event() {
        let (ours, apps) =
            socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
        let mut to_app = ToApp::default();
        for number in 0..100u8 {
            let fd = ours.try_clone().unwrap();
            let write = |out: &mut Vec<u8>| {
                out.extend([number; 1000]);
                Ok::<(), Errno>(())
            };
            to_app.event(vec![fd], write).unwrap();
        }
        let (mut bytes, mut fds) = (0usize, 0usize);
        while bytes < 100_000 {
            to_app.flush(&ours).unwrap();
            let mut buf = vec![0u8; 1500];
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
            let mut control = RecvAncillaryBuffer::new(&mut space);
            let got =
                recvmsg(&apps, &mut [IoSliceMut::new(&mut buf)], &mut control, RecvFlags::empty()).unwrap();
            bytes += got.bytes;
            for message in control.drain() {
                if let RecvAncillaryMessage::ScmRights(list) = message {
                    fds += list.count();
                }
            }
            assert!(fds >= bytes.div_ceil(1000), "event {} has no descriptor", bytes / 1000);
        }
        assert_eq!((bytes, fds), (100_000, 100));
        assert!(to_app.is_empty());
    }

    #[test]
    fn an_app_that_does_not_read_fills_it_up() {
        let (ours, apps) =
            socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
        let mut to_app = ToApp::default();
        let mut events = 0;
        while !to_app.is_full() {
            let write = |out: &mut Vec<u8>| {
                out.extend([1; 4096]);
                Ok::<(), Errno>(())
            };
            to_app.event(Vec::new(), write).unwrap();
            to_app.flush(&ours).unwrap();
            events += 1;
            assert!(events < 10_000);
        }
        drop(apps);
        assert_eq!(to_app.flush(&ours), Err(Errno::PIPE));
    }
}
