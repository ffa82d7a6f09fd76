// SPDX-License-Identifier: GPL-3.0-or-later
//! In: file descriptors with a number each. Out: the numbers of those that are ready.
//!
//! A thin layer over epoll that keeps the three interests the guest's loops have.

use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::{Timespec, epoll};
use rustix::io::Errno;

/// What a descriptor waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interest {
    /// Bytes to read, or an end.
    pub(crate) read: bool,
    /// Room to write.
    pub(crate) write: bool,
}

impl Interest {
    /// Only reading.
    pub(crate) const READ: Self = Self { read: true, write: false };

    fn flags(self) -> epoll::EventFlags {
        let mut flags = epoll::EventFlags::empty();
        flags.set(epoll::EventFlags::IN, self.read);
        flags.set(epoll::EventFlags::OUT, self.write);
        flags
    }
}

/// One descriptor that is ready.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ready {
    /// The number it was added with.
    pub(crate) token: u64,
    /// Readable; also set on an error, so that the reader meets it.
    pub(crate) read: bool,
    /// Writable; also set on an error.
    pub(crate) write: bool,
    /// The other side is gone.
    pub(crate) hang_up: bool,
}

/// A set of descriptors.
#[derive(Debug)]
pub(crate) struct Reactor {
    epoll: OwnedFd,
}

impl Reactor {
    /// An empty set.
    pub(crate) fn new() -> Result<Self, Errno> {
        Ok(Self { epoll: epoll::create(epoll::CreateFlags::CLOEXEC)? })
    }

    /// Watches `fd`, level-triggered.
    pub(crate) fn add(&self, fd: impl AsFd, token: u64, interest: Interest) -> Result<(), Errno> {
        epoll::add(&self.epoll, fd, epoll::EventData::new_u64(token), interest.flags())
    }

    /// Watches `fd` for changes only: for a port that stays hung up until the host opens it.
    pub(crate) fn add_edge(&self, fd: impl AsFd, token: u64) -> Result<(), Errno> {
        let flags = Interest { read: true, write: true }.flags() | epoll::EventFlags::ET;
        epoll::add(&self.epoll, fd, epoll::EventData::new_u64(token), flags)
    }

    /// Changes what `fd` waits for.
    pub(crate) fn set(&self, fd: impl AsFd, token: u64, interest: Interest) -> Result<(), Errno> {
        epoll::modify(&self.epoll, fd, epoll::EventData::new_u64(token), interest.flags())
    }

    /// Stops watching `fd`. A descriptor that was shared must be removed before it is closed.
    pub(crate) fn remove(&self, fd: impl AsFd) -> Result<(), Errno> {
        epoll::delete(&self.epoll, fd)
    }

    /// Waits until something is ready or `timeout` is over; fills `ready`.
    pub(crate) fn wait(&self, ready: &mut Vec<Ready>, timeout: Option<Duration>) -> Result<(), Errno> {
        ready.clear();
        let timeout = timeout.and_then(|t| Timespec::try_from(t).ok());
        let mut events = [const { std::mem::MaybeUninit::uninit() }; 32];
        let (events, _) = match epoll::wait(&self.epoll, &mut events, timeout.as_ref()) {
            Err(Errno::INTR) => return Ok(()),
            other => other?,
        };
        ready.extend(events.iter().map(|event| {
            let flags = event.flags;
            let data = event.data;
            let broken = flags.intersects(epoll::EventFlags::ERR | epoll::EventFlags::HUP);
            Ready {
                token: data.u64(),
                read: broken || flags.contains(epoll::EventFlags::IN),
                write: broken || flags.contains(epoll::EventFlags::OUT),
                hang_up: flags.contains(epoll::EventFlags::HUP),
            }
        }));
        Ok(())
    }
}
