// SPDX-License-Identifier: GPL-3.0-or-later
//! What can wake a device beside the guest, and a timer.
//!
//! In: descriptors under numbers of the device's choice. Out: the numbers of those that are ready. A number that is
//! never used twice makes an event that was already collected for a closed descriptor find nobody.

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{EventfdFlags, eventfd};
use rustix::io::Errno;
use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

/// Most events handled before the guest's queues get their turn again.
const BATCH: usize = 128;
/// The number of the timer.
pub const TIMER: u64 = u64::MAX;
/// The number of the waker.
pub const WAKE: u64 = u64::MAX - 1;

/// What a ready descriptor is ready for.
#[derive(Debug, Clone, Copy)]
pub struct Ready {
    /// Its number.
    pub number: u64,
    flags: EventFlags,
}

impl Ready {
    /// There is something to read, or an end to notice.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        self.flags.contains(EventFlags::IN) || self.is_special()
    }

    /// There is room to write.
    #[must_use]
    pub const fn is_writable(&self) -> bool {
        self.flags.contains(EventFlags::OUT)
    }

    /// The other end is gone.
    #[must_use]
    pub const fn is_hung_up(&self) -> bool {
        self.flags.intersects(EventFlags::HUP.union(EventFlags::ERR))
    }

    /// It is more than bytes: an end, an error, urgent data. One read may then not be all there is.
    #[must_use]
    pub const fn is_special(&self) -> bool {
        self.is_hung_up() || self.flags.intersects(EventFlags::RDHUP.union(EventFlags::PRI))
    }
}

/// Wakes a device, also from another thread.
#[derive(Debug, Clone)]
pub struct Waker(Arc<OwnedFd>);

impl Waker {
    /// Has [`WAKE`] told.
    pub fn wake(&self) {
        match rustix::io::write(&*self.0, &1_u64.to_ne_bytes()) {
            // A full counter is a wake-up as well.
            Ok(_) | Err(Errno::AGAIN) => {}
            Err(error) => tracing::error!("wake-up failed: {error}"),
        }
    }
}

/// An epoll instance with a timer and a waker.
#[derive(Debug)]
pub struct Poller {
    epoll: OwnedFd,
    timer: OwnedFd,
    waker: Waker,
    armed: Option<Duration>,
}

impl Poller {
    /// An instance in which only timer and waker are registered, and the timer is not set.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn new() -> Result<Self, Errno> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        let timer = rustix::time::timerfd_create(TimerfdClockId::Monotonic, flags)?;
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let poller = Self { epoll, timer, waker: Waker(Arc::new(wake)), armed: None };
        poller.add(poller.timer.as_fd(), TIMER, EventFlags::IN)?;
        poller.add(poller.waker.0.as_fd(), WAKE, EventFlags::IN)?;
        Ok(poller)
    }

    /// Watches a descriptor until it is closed everywhere, or removed.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn add(&self, fd: BorrowedFd<'_>, number: u64, flags: EventFlags) -> Result<(), Errno> {
        epoll::add(&self.epoll, fd, EventData::new_u64(number), flags)
    }

    /// Changes what a descriptor is watched for.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn change(&self, fd: BorrowedFd<'_>, number: u64, flags: EventFlags) -> Result<(), Errno> {
        epoll::modify(&self.epoll, fd, EventData::new_u64(number), flags)
    }

    /// Stops watching a descriptor.
    pub fn remove(&self, fd: BorrowedFd<'_>) {
        // Cannot fail for a registered descriptor.
        let _ = epoll::delete(&self.epoll, fd);
    }

    /// What wakes this device.
    #[must_use]
    pub const fn waker(&self) -> &Waker {
        &self.waker
    }

    /// Takes wake-ups back.
    pub fn acknowledge_wake(&self) {
        // Empty if two wake-ups were one.
        let _ = rustix::io::read(&*self.waker.0, &mut [0; 8]);
    }

    /// Has the timer fire at `deadline` at the latest. One that was set for an earlier time stays: firing once
    /// for nothing is cheaper than setting it anew with every packet.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn arm(&mut self, deadline: Option<Duration>, now: Duration) -> Result<(), Errno> {
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
    pub fn acknowledge_timer(&mut self) {
        self.armed = None;
        // Empty if it was set anew in between.
        let _ = rustix::io::read(&self.timer, &mut [0; 8]);
    }

    /// What is ready, waiting for at most `timeout` (`None` waits for ever), and whether there may be more. What
    /// becomes ready later makes the poller's own descriptor readable again.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn wait(&self, timeout: Option<Duration>) -> Result<(Vec<Ready>, bool), Errno> {
        let timeout = timeout.map(|span| Timespec::try_from(span).unwrap_or_default());
        let mut events = Vec::with_capacity(BATCH);
        match epoll::wait(&self.epoll, spare_capacity(&mut events), timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
        let ready = |event: &epoll::Event| Ready { number: event.data.u64(), flags: event.flags };
        Ok((events.iter().map(ready).collect(), events.len() >= BATCH))
    }
}

impl AsRawFd for Poller {
    fn as_raw_fd(&self) -> RawFd {
        self.epoll.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_that_is_set_for_an_earlier_time_stays() {
        let mut poller = Poller::new().unwrap();
        let ready = |poller: &Poller, timeout| -> Vec<u64> {
            poller.wait(timeout).unwrap().0.iter().map(|ready| ready.number).collect()
        };
        assert!(ready(&poller, Some(Duration::ZERO)).is_empty());
        poller.arm(Some(Duration::from_secs(1)), Duration::from_secs(1)).unwrap();
        poller.arm(Some(Duration::from_secs(999)), Duration::from_secs(1)).unwrap();
        poller.arm(None, Duration::from_secs(1)).unwrap();
        assert_eq!(ready(&poller, None), [TIMER]);
        poller.acknowledge_timer();
        poller.waker().clone().wake();
        assert_eq!(ready(&poller, None), [WAKE]);
        poller.acknowledge_wake();
        assert!(ready(&poller, Some(Duration::ZERO)).is_empty());
    }
}
