// SPDX-License-Identifier: GPL-3.0-or-later
//! What can wake the device beside the guest, by name.
//!
//! In: descriptors. Out: whose they are when they are ready. Names are given out once, so an event that was
//! already collected for a closed descriptor finds nobody.

use cofferdam_device_kit::poller::{Poller as Numbers, Ready, TIMER, WAKE};
use cofferdam_gpu_core::PipeKey;
use rustix::event::epoll::EventFlags;
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::os::fd::BorrowedFd;
use std::time::Duration;

/// Who can wake the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The compositor's socket of a context.
    Client(u32),
    /// A pipe.
    Pipe(PipeKey),
    /// The compositor's channel.
    Channel,
    /// The mapper thread, or the queue's own wish to go on.
    Wake,
    /// The timer.
    Timer,
}

/// The name of a registered descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(u64);

/// The event loop, and who is watched in it.
#[derive(Debug)]
pub struct Poller {
    pub(super) numbers: Numbers,
    sources: BTreeMap<Name, Source>,
    next: u64,
}

impl Poller {
    /// A loop in which nothing is watched yet.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn new() -> Result<Self, Errno> {
        let sources = BTreeMap::from([(Name(TIMER), Source::Timer), (Name(WAKE), Source::Wake)]);
        Ok(Self { numbers: Numbers::new()?, sources, next: 0 })
    }

    /// Registers a descriptor.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn add(&mut self, fd: BorrowedFd<'_>, source: Source, flags: EventFlags) -> Result<Name, Errno> {
        let name = Name(self.next);
        self.numbers.add(fd, name.0, flags)?;
        self.next = self.next.wrapping_add(1);
        self.sources.insert(name, source);
        Ok(name)
    }

    /// Changes what a descriptor is watched for.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn change(&self, fd: BorrowedFd<'_>, name: Name, flags: EventFlags) -> Result<(), Errno> {
        self.numbers.change(fd, name.0, flags)
    }

    /// Stops watching a descriptor.
    pub fn remove(&mut self, fd: BorrowedFd<'_>, name: Name) {
        if self.sources.remove(&name).is_some() {
            self.numbers.remove(fd);
        }
    }

    /// What is ready and whose it is, waiting for at most `timeout` (`None` waits for ever).
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn wait(&self, timeout: Option<Duration>) -> Result<Vec<(Source, Ready)>, Errno> {
        let (ready, _) = self.numbers.wait(timeout)?;
        let whose = |ready: Ready| Some((*self.sources.get(&Name(ready.number))?, ready));
        Ok(ready.into_iter().filter_map(whose).collect())
    }
}
