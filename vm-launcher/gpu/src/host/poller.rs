// SPDX-License-Identifier: GPL-3.0-or-later
//! What can wake the device beside the guest, and the timer.
//!
//! In: descriptors under names. Out: the names of those that are ready. Names are given out once, so an event
//! that was already collected for a closed descriptor finds nobody.

use cofferdam_gpu_core::{Mono, PipeKey};
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;
use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};
use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

/// Most events handled before the guest's queue gets its turn again.
const BATCH: usize = 64;

/// Who can wake the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The compositor's socket of a context.
    Client(u32),
    /// A pipe.
    Pipe(PipeKey),
    /// The compositor's channel.
    Channel,
    /// The shepherd's report socket.
    Report,
    /// The mapper thread, or the queue's own wish to go on.
    Wake,
    /// The timer.
    Timer,
}

/// The name of a registered descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(u64);

/// What a ready descriptor is ready for.
#[derive(Debug, Clone, Copy)]
pub struct Ready {
    /// Whose it is.
    pub source: Source,
    /// There is something to read, or an end to notice.
    pub readable: bool,
    /// There is room to write.
    pub writable: bool,
    /// The other end is gone.
    pub hung_up: bool,
}

/// An epoll instance with a timer.
#[derive(Debug)]
pub struct Poller {
    epoll: OwnedFd,
    timer: OwnedFd,
    armed: Option<Mono>,
    sources: BTreeMap<Name, Source>,
    next: u64,
}

impl Poller {
    /// An instance in which only the timer is registered, and not set.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn new() -> Result<Self, Errno> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        let timer = rustix::time::timerfd_create(TimerfdClockId::Monotonic, flags)?;
        let name = Name(0);
        epoll::add(&epoll, &timer, EventData::new_u64(name.0), EventFlags::IN)?;
        let sources = BTreeMap::from([(name, Source::Timer)]);
        Ok(Self { epoll, timer, armed: None, sources, next: 1 })
    }

    /// Registers a descriptor.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn add(&mut self, fd: BorrowedFd<'_>, source: Source, flags: EventFlags) -> Result<Name, Errno> {
        let name = Name(self.next);
        epoll::add(&self.epoll, fd, EventData::new_u64(name.0), flags)?;
        self.next = self.next.wrapping_add(1);
        self.sources.insert(name, source);
        Ok(name)
    }

    /// Changes what a descriptor is watched for.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn change(&self, fd: BorrowedFd<'_>, name: Name, flags: EventFlags) -> Result<(), Errno> {
        epoll::modify(&self.epoll, fd, EventData::new_u64(name.0), flags)
    }

    /// Stops watching a descriptor.
    pub fn remove(&mut self, fd: BorrowedFd<'_>, name: Name) {
        if self.sources.remove(&name).is_some() {
            // Cannot fail for a registered descriptor; if it did, its name would find nobody.
            let _ = epoll::delete(&self.epoll, fd);
        }
    }

    /// Sets the timer for `deadline`, if it is not.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn arm(&mut self, deadline: Option<Mono>, now: Mono) -> Result<(), Errno> {
        if deadline == self.armed {
            return Ok(());
        }
        self.armed = deadline;
        // Zero would disarm the timer instead of firing it at once.
        let span = deadline.map(|at| at.since(now).max(Duration::from_nanos(1)));
        let value = Timespec::try_from(span.unwrap_or_default()).map_err(|_too_far| Errno::INVAL)?;
        let spec = Itimerspec { it_interval: Timespec::default(), it_value: value };
        rustix::time::timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &spec)?;
        Ok(())
    }

    /// Notes that the timer fired.
    pub fn acknowledge_timer(&mut self) {
        self.armed = None;
        // Empty if another thread of events was faster; there is only one.
        let _ = rustix::io::read(&self.timer, &mut [0; 8]);
    }

    /// What is ready, waiting for at most `timeout` (`None` waits for ever).
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn wait(&mut self, timeout: Option<Duration>) -> Result<Vec<Ready>, Errno> {
        let timeout = timeout.map(|span| Timespec::try_from(span).unwrap_or_default());
        let mut events = Vec::with_capacity(BATCH);
        match epoll::wait(&self.epoll, spare_capacity(&mut events), timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
        let ready = |event: &Event| {
            let (data, flags) = (event.data, event.flags);
            let source = *self.sources.get(&Name(data.u64()))?;
            Some(Ready {
                source,
                readable: flags
                    .intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR | EventFlags::RDHUP),
                writable: flags.contains(EventFlags::OUT),
                hung_up: flags.intersects(EventFlags::HUP | EventFlags::ERR),
            })
        };
        Ok(events.iter().filter_map(ready).collect())
    }
}

impl AsFd for Poller {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}
