// SPDX-License-Identifier: GPL-3.0-or-later
//! Sockets of this computer, made only after a yes.
//!
//! In: an address. Out: a socket that never blocks, or why not.

use core::net::{IpAddr, SocketAddr};
use rustix::io::Errno;
use rustix::net::{AddressFamily, Protocol, SocketFlags, SocketType, ipproto};
use std::os::fd::OwnedFd;

const FLAGS: SocketFlags = SocketFlags::CLOEXEC.union(SocketFlags::NONBLOCK);

const fn family(addr: IpAddr) -> AddressFamily {
    match addr {
        IpAddr::V4(_) => AddressFamily::INET,
        IpAddr::V6(_) => AddressFamily::INET6,
    }
}

fn connect(fd: &OwnedFd, to: SocketAddr) -> Result<(), Errno> {
    match rustix::net::connect(fd, &to) {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(()),
        Err(error) => Err(error),
    }
}

/// A TCP connection that is under way.
pub(super) fn tcp(to: SocketAddr) -> Result<OwnedFd, Errno> {
    let fd = rustix::net::socket_with(family(to.ip()), SocketType::STREAM, FLAGS, None)?;
    rustix::net::sockopt::set_tcp_nodelay(&fd, true)?;
    connect(&fd, to)?;
    Ok(fd)
}

/// A UDP socket that only hears its other end.
pub(super) fn udp(to: SocketAddr) -> Result<OwnedFd, Errno> {
    let fd = rustix::net::socket_with(family(to.ip()), SocketType::DGRAM, FLAGS, None)?;
    connect(&fd, to)?;
    Ok(fd)
}

/// A socket that pings and hears the answers to its own pings, where the system lets users have one.
pub(super) fn ping(to: IpAddr) -> Result<OwnedFd, Errno> {
    let protocol: Option<Protocol> = match to {
        IpAddr::V4(_) => Some(ipproto::ICMP),
        IpAddr::V6(_) => Some(ipproto::ICMPV6),
    };
    let fd = rustix::net::socket_with(family(to), SocketType::DGRAM, FLAGS, protocol)?;
    connect(&fd, SocketAddr::new(to, 0))?;
    Ok(fd)
}

/// Whether an address is this computer's own: what is sent there comes from there. Nothing is sent.
pub(super) fn is_own(addr: IpAddr) -> bool {
    let probe = udp(SocketAddr::new(addr, 9));
    let local = probe.and_then(|fd| rustix::net::getsockname(&fd)).ok();
    local.and_then(|local| SocketAddr::try_from(local).ok()).is_some_and(|local| local.ip() == addr)
}

/// The message of a ping for a ping socket; the kernel fills in number and checksum.
pub(super) fn ping_message(to: IpAddr, seq: u16, data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![if to.is_ipv4() { 8 } else { 128 }, 0, 0, 0, 0, 0];
    bytes.extend(seq.to_be_bytes());
    bytes.extend(data);
    bytes
}

/// The sequence number and data of an echo reply.
pub(super) fn pong(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (header, data) = bytes.split_first_chunk::<8>()?;
    let [kind, 0, _, _, _, _, high, low] = *header else { return None };
    (kind == 0 || kind == 129).then_some((u16::from_be_bytes([high, low]), data))
}
