// SPDX-License-Identifier: GPL-3.0-or-later
//! In: a condition on /sys or /dev. Out: that it holds, or that the time is over.
//!
//! Waits on the kernel's device events instead of looking again and again.

#![expect(clippy::disallowed_methods, reason = "waits for a device until its deadline")]

use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, bind, recv, socket_with};

/// A subscription to device events. Open it before the event that matters can happen.
#[derive(Debug)]
pub(crate) struct Devices {
    socket: OwnedFd,
}

impl Devices {
    /// Subscribes.
    pub(crate) fn subscribe() -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket =
            socket_with(AddressFamily::NETLINK, SocketType::DGRAM, flags, Some(netlink::KOBJECT_UEVENT))?;
        // Group 1 is the kernel's own events.
        bind(&socket, &SocketAddrNetlink::new(0, 1))?;
        Ok(Self { socket })
    }

    /// Calls `find` now and after each device event until it gives something or `limit` is over.
    pub(crate) fn wait_for<T>(
        &self,
        limit: Duration,
        mut find: impl FnMut() -> io::Result<Option<T>>,
    ) -> io::Result<Option<T>> {
        let end = Instant::now() + limit;
        loop {
            if let Some(found) = find()? {
                return Ok(Some(found));
            }
            let left = end.saturating_duration_since(Instant::now());
            let timeout = Timespec::try_from(left).map_err(io::Error::other)?;
            let mut fds = [PollFd::new(&self.socket, PollFlags::IN)];
            match poll(&mut fds, Some(&timeout)) {
                Ok(0) => return Ok(None),
                Ok(_) => self.drain()?,
                Err(Errno::INTR) => {}
                Err(e) => return Err(e.into()),
            }
        }
    }

    fn drain(&self) -> io::Result<()> {
        let mut buf = [0u8; 4096];
        loop {
            match recv(&self.socket, &mut buf[..], RecvFlags::empty()) {
                // An overflow loses events, which is fine: the condition is looked at afresh.
                Ok(_) | Err(Errno::NOBUFS) => {}
                Err(Errno::AGAIN) => return Ok(()),
                Err(e) => return Err(e.into()),
            }
        }
    }
}
