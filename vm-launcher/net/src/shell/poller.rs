// SPDX-License-Identifier: GPL-3.0-or-later
//! What can wake the gateway beside the guest, by name.
//!
//! In: descriptors. Out: whose they are when they are ready. Flows and questions have numbers that are never used
//! twice, so an event that was collected for a closed one finds nobody.

use cofferdam_device_kit::poller::{Poller as Numbers, Ready, TIMER, WAKE};
use cofferdam_net_core::FlowId;
use core::time::Duration;
use rustix::event::epoll::EventFlags;
use rustix::io::Errno;
use std::os::fd::BorrowedFd;

/// Where in a number the kind of its owner is.
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
    /// The kernel's word about this computer's networks.
    Network,
    /// The gateway's own wish to go on.
    Wake,
    /// The timer.
    Timer,
}

impl Source {
    const fn number(self) -> u64 {
        match self {
            Self::Flow(id) => (1 << KIND) | id.0,
            Self::Question(id) => (2 << KIND) | id,
            Self::Point => 3 << KIND,
            Self::Network => 4 << KIND,
            Self::Wake => WAKE,
            Self::Timer => TIMER,
        }
    }

    const fn numbered(number: u64) -> Option<Self> {
        let rest = number & ((1 << KIND) - 1);
        match number >> KIND {
            _ if number == WAKE => Some(Self::Wake),
            _ if number == TIMER => Some(Self::Timer),
            1 => Some(Self::Flow(FlowId(rest))),
            2 => Some(Self::Question(rest)),
            3 => Some(Self::Point),
            4 => Some(Self::Network),
            _ => None,
        }
    }
}

/// The event loop.
#[derive(Debug)]
pub(super) struct Poller {
    pub(super) numbers: Numbers,
}

impl Poller {
    pub(super) fn new() -> Result<Self, Errno> {
        Ok(Self { numbers: Numbers::new()? })
    }

    /// Watches a descriptor until it is closed.
    pub(super) fn add(&self, fd: BorrowedFd<'_>, source: Source, flags: EventFlags) -> Result<(), Errno> {
        self.numbers.add(fd, source.number(), flags)
    }

    /// Watches the socket of a flow: each change of readiness is told once.
    pub(super) fn add_flow(&self, fd: BorrowedFd<'_>, id: FlowId) -> Result<(), Errno> {
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::PRI | EventFlags::RDHUP | EventFlags::ET;
        self.add(fd, Source::Flow(id), flags)
    }

    /// Changes what a descriptor is watched for.
    pub(super) fn change(&self, fd: BorrowedFd<'_>, source: Source, flags: EventFlags) -> Result<(), Errno> {
        self.numbers.change(fd, source.number(), flags)
    }

    /// What is ready now and whose it is, and whether there may be more. What becomes ready later wakes the
    /// gateway again.
    pub(super) fn ready(&self) -> Result<(Vec<(Source, Ready)>, bool), Errno> {
        let (ready, more) = self.numbers.wait(Some(Duration::ZERO))?;
        let whose = |ready: Ready| Some((Source::numbered(ready.number)?, ready));
        Ok((ready.into_iter().filter_map(whose).collect(), more))
    }
}
