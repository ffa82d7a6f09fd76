// SPDX-License-Identifier: GPL-3.0-or-later
//! The kernel's word about the networks that this computer is in, then and whenever they change.
//!
//! In: a socket that was opened before the jail closed. Out: what it says. The socket can ask and listen; to
//! change anything it would need rights that nobody in the jail has.

use cofferdam_net_core::nets::{Nets, question};
use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

/// Changes of IPv4 and of IPv6 addresses.
const GROUPS: u32 = 0x10 | 0x100;
/// Longest packet: the kernel writes at most this much at a time to somebody who reads so much.
const PACKET: usize = 32 * 1024;

/// A line to the kernel.
#[derive(Debug)]
pub struct Network {
    socket: OwnedFd,
    nets: Nets,
}

impl Network {
    /// Opens it. Call it before the jail closes.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn open() -> Result<Self, Errno> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)?;
        rustix::net::bind(&socket, &SocketAddrNetlink::new(0, GROUPS))?;
        let network = Self { socket, nets: Nets::default() };
        network.ask()?;
        Ok(network)
    }

    fn ask(&self) -> Result<(), Errno> {
        rustix::net::send(&self.socket, &question(), SendFlags::NOSIGNAL).map(|_| ())
    }

    /// What the kernel says; whether something is different now.
    pub(super) fn read(&mut self) -> bool {
        let mut changed = false;
        let mut bytes = vec![0; PACKET];
        loop {
            match rustix::net::recv(&self.socket, bytes.as_mut_slice(), RecvFlags::empty()) {
                Ok((n, _)) => {
                    let packet = bytes.get(..n).unwrap_or(&[]);
                    if Nets::is_refusal(packet) {
                        tracing::warn!("the kernel does not tell its addresses");
                    }
                    changed |= self.nets.read(packet);
                }
                Err(Errno::INTR) => {}
                // More happened than there was room for. Without an answer the old ones stand: to forget a
                // network is to call whoever is in it the Internet.
                Err(Errno::NOBUFS) => match self.ask() {
                    Ok(()) => {
                        self.nets.clear();
                        changed = true;
                    }
                    Err(error) => tracing::error!("this computer's networks: {error}"),
                },
                Err(Errno::AGAIN) => return changed,
                Err(error) => {
                    tracing::error!("this computer's networks: {error}");
                    return changed;
                }
            }
        }
    }

    pub(super) const fn nets(&self) -> &Nets {
        &self.nets
    }
}

impl AsFd for Network {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for Network {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_tells_its_networks() {
        let mut network = Network::open().unwrap();
        assert!(network.read());
        let ranges = network.nets().ranges();
        let probe = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
        let mut own = vec!["127.0.0.1".parse().unwrap()];
        // Nothing is sent. Without a network there is only loopback.
        if probe.connect("192.0.2.1:9").is_ok() {
            own.push(probe.local_addr().unwrap().ip());
        }
        for addr in own {
            assert!(ranges.iter().any(|range| range.contains(addr)), "{addr} of {ranges:?}");
        }
    }
}
