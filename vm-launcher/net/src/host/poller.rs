// SPDX-License-Identifier: GPL-3.0-or-later
//! What can wake the gateway beside the guest, and the timer.
//!
//! In: descriptors under names. Out: the names of those that are ready. Flows and questions have numbers that
//! are never used twice, so an event that was collected for a closed one finds nobody.

use cofferdam_net_core::FlowId;
use core::time::Duration;
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{EventfdFlags, eventfd};
use rustix::io::Errno;
use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

/// Most events handled before the guest's rings get their turn again.
const BATCH: usize = 128;
/// Where in a name its kind is.
const KIND: u32 = 60;

/// Who can wake the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// The socket of a flow.
    Flow(FlowId),
    /// The socket of a name question.
    Question(u64),
    /// The monitor.
    Point,
    /// The shepherd.
    Control,
    /// The kernel's word about this computer's networks.
    Network,
    /// The gateway's own wish to go on.
    Wake,
    /// The timer.
    Timer,
}

impl Source {
    const fn name(self) -> u64 {
        match self {
            Self::Flow(id) => (1 << KIND) | id.0,
            Self::Question(id) => (2 << KIND) | id,
            Self::Point => 3 << KIND,
            Self::Control => 4 << KIND,
            Self::Wake => 5 << KIND,
            Self::Timer => 6 << KIND,
            Self::Network => 7 << KIND,
        }
    }

    const fn named(name: u64) -> Option<Self> {
        let rest = name & ((1 << KIND) - 1);
        match name >> KIND {
            1 => Some(Self::Flow(FlowId(rest))),
            2 => Some(Self::Question(rest)),
            3 => Some(Self::Point),
            4 => Some(Self::Control),
            5 => Some(Self::Wake),
            6 => Some(Self::Timer),
            7 => Some(Self::Network),
            _ => None,
        }
    }
}

/// What a ready descriptor is ready for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ready {
    /// Whose it is.
    pub(super) source: Source,
    /// There is something to read, or an end to notice.
    pub(super) readable: bool,
    /// There is room to write.
    pub(super) writable: bool,
    /// It is more than bytes: an end, an error, urgent data. One read may then not be all there is.
    pub(super) special: bool,
}

/// An epoll instance with a timer and a wake-up.
#[derive(Debug)]
pub(super) struct Poller {
    epoll: OwnedFd,
    timer: OwnedFd,
    wake: OwnedFd,
    armed: Option<Duration>,
}

impl Poller {
    pub(super) fn new() -> Result<Self, Errno> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        let timer = rustix::time::timerfd_create(TimerfdClockId::Monotonic, flags)?;
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let poller = Self { epoll, timer, wake, armed: None };
        poller.add(poller.timer.as_fd(), Source::Timer, EventFlags::IN)?;
        poller.add(poller.wake.as_fd(), Source::Wake, EventFlags::IN)?;
        Ok(poller)
    }

    /// Watches a descriptor until it is closed.
    pub(super) fn add(&self, fd: BorrowedFd<'_>, source: Source, flags: EventFlags) -> Result<(), Errno> {
        epoll::add(&self.epoll, fd, EventData::new_u64(source.name()), flags)
    }

    /// Watches the socket of a flow: each change of readiness is told once.
    pub(super) fn add_flow(&self, fd: BorrowedFd<'_>, id: FlowId) -> Result<(), Errno> {
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::PRI | EventFlags::RDHUP | EventFlags::ET;
        self.add(fd, Source::Flow(id), flags)
    }

    /// Changes what a descriptor is watched for.
    pub(super) fn change(&self, fd: BorrowedFd<'_>, source: Source, flags: EventFlags) -> Result<(), Errno> {
        epoll::modify(&self.epoll, fd, EventData::new_u64(source.name()), flags)
    }

    /// Makes [`Self::wait`] tell of [`Source::Wake`].
    pub(super) fn wake(&self) {
        // A full counter is a wake-up as well.
        let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
    }

    /// Takes wake-ups back.
    pub(super) fn acknowledge_wake(&self) {
        // Empty if two wake-ups were one.
        let _ = rustix::io::read(&self.wake, &mut [0; 8]);
    }

    /// Has the timer fire at `deadline` at the latest. One that was set for an earlier time stays: firing once
    /// for nothing is cheaper than setting it anew with every packet.
    pub(super) fn arm(&mut self, deadline: Option<Duration>, now: Duration) -> Result<(), Errno> {
        let Some(at) = deadline.filter(|at| self.armed.is_none_or(|armed| *at < armed)) else {
            return Ok(());
        };
        self.armed = deadline;
        // Zero would disarm the timer instead of firing it at once.
        let span = at.saturating_sub(now).max(Duration::from_nanos(1));
        let value = Timespec::try_from(span).map_err(|_too_far| Errno::INVAL)?;
        let spec = Itimerspec { it_interval: Timespec::default(), it_value: value };
        rustix::time::timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &spec)?;
        Ok(())
    }

    /// Notes that the timer fired.
    pub(super) fn acknowledge_timer(&mut self) {
        self.armed = None;
        // Empty if it was set anew in between.
        let _ = rustix::io::read(&self.timer, &mut [0; 8]);
    }

    /// What is ready now, and whether there may be more. What becomes ready later wakes the gateway again.
    pub(super) fn ready(&self) -> Result<(Vec<Ready>, bool), Errno> {
        let mut events = Vec::with_capacity(BATCH);
        match epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&Timespec::default())) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
        let special = EventFlags::HUP | EventFlags::ERR | EventFlags::RDHUP | EventFlags::PRI;
        let over = EventFlags::IN | special;
        let ready = |event: &epoll::Event| {
            let flags = event.flags;
            Some(Ready {
                source: Source::named(event.data.u64())?,
                readable: flags.intersects(over),
                writable: flags.intersects(EventFlags::OUT | EventFlags::HUP | EventFlags::ERR),
                special: flags.intersects(special),
            })
        };
        Ok((events.iter().filter_map(ready).collect(), events.len() >= BATCH))
    }
}

impl AsRawFd for Poller {
    fn as_raw_fd(&self) -> RawFd {
        self.epoll.as_raw_fd()
    }
}
