// SPDX-License-Identifier: GPL-3.0-or-later
//! Packets with file descriptors over `SOCK_SEQPACKET`.
//!
//! In: one packet and the fds beside it, whatever the peer sent. Out: a typed message and at most as
//! many fds as the wire allows, all close-on-exec. A packet that is too long, carries too many fds or
//! is not understood is an error, and every fd that came with it is closed.

use crate::codec::{self, CodecError};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// Most fds that any of our wires carries beside one packet.
pub const MAX_FDS: usize = 4;

const FLAGS: SocketFlags = SocketFlags::CLOEXEC;

/// Why a packet did not pass.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// The kernel refused; [`Self::would_block`] tells the harmless case apart.
    #[error("socket: {0}")]
    Io(#[from] Errno),
    /// The packet is longer than the wire allows.
    #[error("the peer sent a packet of more than {0} bytes")]
    PacketTooLong(usize),
    /// More fds than the wire allows, in either direction.
    #[error("more than {0} file descriptors beside one packet")]
    TooManyFds(usize),
    /// The packet or message does not fit the wire's language.
    #[error(transparent)]
    Codec(#[from] CodecError),
}

impl TransportError {
    /// Whether a non-blocking socket merely has no packet or no room at the moment.
    #[must_use]
    pub fn would_block(&self) -> bool {
        matches!(self, Self::Io(Errno::AGAIN))
    }
}

/// A received message and the fds beside it.
pub type Received<T> = (T, Vec<OwnedFd>);

/// Sends `message` and `fds` as one packet. Never raises SIGPIPE.
///
/// # Errors
/// If the message does not fit `limit`, there are more than [`MAX_FDS`] fds, or the kernel refuses.
pub fn send<T: Serialize>(
    socket: impl AsFd,
    message: &T,
    fds: &[BorrowedFd<'_>],
    limit: usize,
) -> Result<(), TransportError> {
    let bytes = codec::encode(message, limit)?;
    send_packet(socket.as_fd(), &bytes, fds)
}

/// Receives one packet of at most `limit` bytes and `max_fds` (≤ [`MAX_FDS`]) fds. `None`: the peer
/// has closed.
///
/// # Errors
/// See [`TransportError`]; the packet is consumed and its fds are closed.
pub fn recv<T: DeserializeOwned>(
    socket: impl AsFd,
    limit: usize,
    max_fds: usize,
) -> Result<Option<Received<T>>, TransportError> {
    let Some((bytes, fds)) = recv_packet(socket.as_fd(), limit, max_fds)? else { return Ok(None) };
    Ok(Some((codec::decode(&bytes)?, fds)))
}

/// Sends `bytes`, which are in some other language than JSON, and `fds` as one packet.
///
/// # Errors
/// If there are more than [`MAX_FDS`] fds or the kernel refuses.
pub fn send_packet(
    socket: BorrowedFd<'_>,
    bytes: &[u8],
    fds: &[BorrowedFd<'_>],
) -> Result<(), TransportError> {
    if fds.len() > MAX_FDS {
        return Err(TransportError::TooManyFds(MAX_FDS));
    }
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() && !control.push(SendAncillaryMessage::ScmRights(fds)) {
        return Err(TransportError::TooManyFds(MAX_FDS));
    }
    rustix::io::retry_on_intr(|| {
        rustix::net::sendmsg(socket, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL)
    })?;
    Ok(())
}

/// Receives one packet of at most `limit` bytes as it is, and the fds beside it. `None`: the peer has
/// closed.
///
/// # Errors
/// Those of [`recv`], apart from the codec's.
pub fn recv_packet(
    socket: BorrowedFd<'_>,
    limit: usize,
    max_fds: usize,
) -> Result<Option<Received<Vec<u8>>>, TransportError> {
    let mut bytes = vec![0; limit];
    let Some((length, fds)) = recv_packet_into(socket, &mut bytes, max_fds)? else { return Ok(None) };
    bytes.truncate(length);
    Ok(Some((bytes, fds)))
}

/// Receives one packet into `bytes`, which is as long as a packet may be; says how long it was, and the fds
/// beside it. `None`: the peer has closed.
///
/// # Errors
/// Those of [`recv_packet`].
pub fn recv_packet_into(
    socket: BorrowedFd<'_>,
    bytes: &mut [u8],
    max_fds: usize,
) -> Result<Option<Received<usize>>, TransportError> {
    let limit = bytes.len();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let message = rustix::io::retry_on_intr(|| {
        rustix::net::recvmsg(socket, &mut [IoSliceMut::new(bytes)], &mut control, RecvFlags::CMSG_CLOEXEC)
    })?;
    let mut fds = Vec::new();
    for part in control.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = part {
            fds.extend(received);
        }
    }
    if message.flags.contains(ReturnFlags::TRUNC) {
        return Err(TransportError::PacketTooLong(limit));
    }
    // The kernel itself closes what does not fit into `space`.
    if message.flags.contains(ReturnFlags::CTRUNC) || fds.len() > max_fds {
        return Err(TransportError::TooManyFds(max_fds));
    }
    // A packet of zero bytes can't be told from the end of the stream and means the same to us.
    if message.bytes == 0 {
        return Ok(None);
    }
    Ok(Some((message.bytes, fds)))
}

/// A connected pair, both ends blocking and close-on-exec.
///
/// # Errors
/// If the kernel refuses.
pub fn pair() -> Result<(OwnedFd, OwnedFd), TransportError> {
    Ok(rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, FLAGS, None)?)
}

/// Connects to a listening socket at `path`; blocking and close-on-exec.
///
/// # Errors
/// If nobody listens there or the kernel refuses.
pub fn connect(path: &Path) -> Result<OwnedFd, TransportError> {
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, FLAGS, None)?;
    rustix::net::connect(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(socket)
}

/// Listens at `path`, which must not exist; non-blocking and close-on-exec.
///
/// # Errors
/// If the path is taken, too long or not writable.
pub fn listen(path: &Path) -> Result<OwnedFd, TransportError> {
    let flags = FLAGS | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
    rustix::net::bind(&socket, &SocketAddrUnix::new(path)?)?;
    rustix::net::listen(&socket, 16)?;
    Ok(socket)
}

/// Listens at `path` so that whoever sees the path can connect to it; non-blocking and close-on-exec. What
/// is left there of a process that died is replaced.
///
/// # Errors
/// If the path is too long or not writable.
pub fn publish(path: &Path) -> Result<OwnedFd, TransportError> {
    let mut hidden = path.as_os_str().to_owned();
    hidden.push("~");
    match rustix::fs::unlink(Path::new(&hidden)) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(errno) => return Err(errno.into()),
    }
    let socket = listen(Path::new(&hidden))?;
    rustix::fs::rename(Path::new(&hidden), path)?;
    Ok(socket)
}

/// Takes one connection from a listening socket; non-blocking and close-on-exec. Peers of another
/// user are refused with [`Errno::PERM`].
///
/// # Errors
/// If there is none ([`TransportError::would_block`]) or the peer runs under another uid.
pub fn accept(listener: impl AsFd) -> Result<OwnedFd, TransportError> {
    let socket = rustix::net::accept_with(listener, FLAGS | SocketFlags::NONBLOCK)?;
    let peer = rustix::net::sockopt::socket_peercred(&socket)?;
    if peer.uid != rustix::process::getuid() {
        return Err(TransportError::Io(Errno::PERM));
    }
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::MemfdFlags;
    use serde::Deserialize;

    const MAX_PACKET: usize = 256;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Message {
        number: u32,
    }

    fn memfd() -> OwnedFd {
        rustix::fs::memfd_create("test", MemfdFlags::CLOEXEC).unwrap()
    }

    fn open_fds() -> usize {
        std::fs::read_dir("/proc/self/fd").unwrap().count()
    }

    #[test]
    fn message_and_fd_arrive() {
        let (a, b) = pair().unwrap();
        let message = Message { number: 3 };
        send(&a, &message, &[memfd().as_fd()], MAX_PACKET).unwrap();
        let (got, fds) = recv::<Message>(&b, MAX_PACKET, 1).unwrap().unwrap();
        assert_eq!(got, message);
        assert_eq!(fds.len(), 1);
        let flags = rustix::io::fcntl_getfd(&fds[0]).unwrap();
        assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
        drop(a);
        assert!(recv::<Message>(&b, MAX_PACKET, 1).unwrap().is_none());
    }

    #[test]
    fn a_published_socket_replaces_a_dead_one() {
        let path = std::env::temp_dir().join(format!("cofferdam-publish-{}", std::process::id()));
        for _ in 0..2 {
            let listener = publish(&path).unwrap();
            let _caller = connect(&path).unwrap();
            accept(&listener).unwrap();
        }
        assert!(connect(&path).is_err(), "nobody listens any more");
        rustix::fs::unlink(&path).unwrap();
    }

    #[test]
    fn surplus_is_refused_and_closed() {
        let (a, b) = pair().unwrap();
        let file = memfd();
        let before = open_fds();
        let five = [file.as_fd(); 5];
        assert!(matches!(
            send(&a, &Message { number: 1 }, &five, MAX_PACKET),
            Err(TransportError::TooManyFds(MAX_FDS))
        ));

        // Often enough that a leak stands out from the fds that tests beside this one hold.
        for _ in 0..64 {
            let two = [file.as_fd(), file.as_fd()];
            send(&a, &Message { number: 1 }, &two, MAX_PACKET).unwrap();
            assert!(matches!(recv::<Message>(&b, MAX_PACKET, 1), Err(TransportError::TooManyFds(1))));

            let long = "x".repeat(MAX_PACKET * 2);
            send(&a, &long, &[file.as_fd()], MAX_PACKET * 4).unwrap();
            assert!(matches!(
                recv::<String>(&b, MAX_PACKET, 1),
                Err(TransportError::PacketTooLong(MAX_PACKET))
            ));

            send(&a, &"not a message", &[file.as_fd()], MAX_PACKET).unwrap();
            assert!(matches!(recv::<Message>(&b, MAX_PACKET, 1), Err(TransportError::Codec(_))));
        }
        assert!(open_fds() <= before + 32);
    }
}
