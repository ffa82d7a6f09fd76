// SPDX-License-Identifier: GPL-3.0-or-later
//! A relay that passes bytes and fds on without looking: the floor for every Wayland proxy.
//!
//! In: connections on a Unix socket. Out: one connection each to another one. One thread, one poll
//! per packet, as little work as a process in the middle can do.

use crate::client::BenchError;
use rustix::event::{PollFd, PollFlags};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags,
};
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

/// Serves connections one after another, for ever.
///
/// # Errors
/// If `listen` is taken.
pub(crate) fn serve(listen: &Path, connect: &Path) -> Result<(), BenchError> {
    let listener = UnixListener::bind(listen)?;
    loop {
        let (client, _) = listener.accept()?;
        let server = UnixStream::connect(connect)?;
        // A broken connection is that client's end, not the relay's.
        let _ = pump(&client, &server);
    }
}

fn pump(a: &UnixStream, b: &UnixStream) -> Result<(), BenchError> {
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let mut poll = [PollFd::new(a, PollFlags::IN), PollFd::new(b, PollFlags::IN)];
        rustix::event::poll(&mut poll, None).map_err(std::io::Error::from)?;
        let ready = poll.each_ref().map(|p| !p.revents().is_empty());
        let ended = (ready[0] && !pass(a, b, &mut bytes)?) || (ready[1] && !pass(b, a, &mut bytes)?);
        if ended {
            return Ok(());
        }
    }
}

/// Passes on what one read gives; false at the end of the stream.
fn pass(from: &UnixStream, to: &UnixStream, bytes: &mut [u8]) -> Result<bool, BenchError> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(28))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let got =
        rustix::net::recvmsg(from, &mut [IoSliceMut::new(bytes)], &mut control, RecvFlags::CMSG_CLOEXEC)
            .map_err(std::io::Error::from)?;
    let mut fds: Vec<OwnedFd> = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = message {
            fds.extend(received);
        }
    }
    let mut rest = bytes.get(..got.bytes).unwrap_or_default();
    let mut borrowed: Vec<_> = fds.iter().map(AsFd::as_fd).collect();
    while !rest.is_empty() {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(28))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !borrowed.is_empty() {
            control.push(SendAncillaryMessage::ScmRights(&borrowed));
        }
        let sent = rustix::net::sendmsg(to, &[IoSlice::new(rest)], &mut control, SendFlags::NOSIGNAL)
            .map_err(std::io::Error::from)?;
        borrowed.clear();
        rest = rest.get(sent..).unwrap_or_default();
    }
    Ok(got.bytes > 0)
}
