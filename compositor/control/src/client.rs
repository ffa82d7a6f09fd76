// SPDX-License-Identifier: GPL-3.0-or-later
//! A blocking client of the desktop control wire.
//!
//! In: requests of `coffer`, the launcher and the scenario runner. Out: the compositor's replies, and
//! its events in the order in which they came. Identity and rights are those of the process: the
//! compositor admits its own uid only.

#![expect(clippy::disallowed_methods, reason = "a caller waits for its answer until its own deadline")]

use crate::desktop::{Answer, Call, Event, FromCompositor, MAX_PACKET, Reply, Request};
use cofferdam_kit::transport::{self, MAX_FDS, Received, TransportError};
use rustix::event::{PollFd, PollFlags, Timespec};
use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a call may take unless [`Client::set_call_timeout`] says otherwise.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// Events kept for [`Client::next_event`] while calls are under way; the oldest are dropped.
const MAX_QUEUED_EVENTS: usize = 4096;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The wire broke or carried nonsense.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The compositor has ended.
    #[error("the desktop has ended")]
    Closed,
    /// No answer in time.
    #[error("the desktop did not answer within {0:?}")]
    TimedOut(Duration),
    /// The compositor refused, in its own words.
    #[error("{0}")]
    Refused(String),
}

/// One connection to a desktop.
#[derive(Debug)]
pub struct Client {
    socket: OwnedFd,
    next_serial: u64,
    call_timeout: Duration,
    events: VecDeque<Event>,
}

impl Client {
    /// Connects to `RUNTIME/compositor.sock`.
    ///
    /// # Errors
    /// If no desktop listens there.
    pub fn connect(path: &Path) -> Result<Self, ClientError> {
        Ok(Self::from_socket(transport::connect(path)?))
    }

    /// Speaks over a socket that is connected already.
    #[must_use]
    pub fn from_socket(socket: OwnedFd) -> Self {
        Self { socket, next_serial: 1, call_timeout: CALL_TIMEOUT, events: VecDeque::new() }
    }

    /// Changes how long a call may take.
    pub fn set_call_timeout(&mut self, timeout: Duration) {
        self.call_timeout = timeout;
    }

    /// Asks, and waits for the answer. Events that come in between are kept.
    ///
    /// # Errors
    /// [`ClientError::Refused`] if the compositor says no, the others if it says nothing.
    pub fn call(
        &mut self,
        request: Request,
        fds: &[BorrowedFd<'_>],
    ) -> Result<(Reply, Vec<OwnedFd>), ClientError> {
        let serial = self.next_serial;
        self.next_serial = serial.wrapping_add(1);
        transport::send(&self.socket, &Call { serial, request }, fds, MAX_PACKET)?;
        let deadline = Instant::now() + self.call_timeout;
        loop {
            let Some((packet, fds)) = self.packet(deadline)? else {
                return Err(ClientError::TimedOut(self.call_timeout));
            };
            match packet {
                // An answer to a call that timed out earlier is of no use any more.
                FromCompositor::Answer(Answer { serial: s, .. }) if s != serial => {}
                FromCompositor::Answer(Answer { result, .. }) => {
                    return result.map(|reply| (reply, fds)).map_err(ClientError::Refused);
                }
                FromCompositor::Event(event) => self.keep(*event),
            }
        }
    }

    /// The next event, or `None` once `deadline` has passed. Needs [`Request::Subscribe`] first.
    ///
    /// # Errors
    /// If the desktop ended or the wire broke.
    pub fn next_event(&mut self, deadline: Instant) -> Result<Option<Event>, ClientError> {
        if let Some(event) = self.events.pop_front() {
            return Ok(Some(event));
        }
        loop {
            match self.packet(deadline)? {
                None => return Ok(None),
                Some((FromCompositor::Event(event), _)) => return Ok(Some(*event)),
                Some((FromCompositor::Answer(_), _)) => {}
            }
        }
    }

    fn keep(&mut self, event: Event) {
        if self.events.len() == MAX_QUEUED_EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }

    fn packet(&self, deadline: Instant) -> Result<Option<Received<FromCompositor>>, ClientError> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let timeout = Timespec::try_from(left).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 });
            let mut poll = [PollFd::new(&self.socket, PollFlags::IN)];
            match rustix::event::poll(&mut poll, Some(&timeout)) {
                Ok(0) => return Ok(None),
                Ok(_) => break,
                Err(rustix::io::Errno::INTR) => {}
                Err(errno) => return Err(TransportError::Io(errno).into()),
            }
        }
        transport::recv(&self.socket, MAX_PACKET, MAX_FDS)?.map(Some).ok_or(ClientError::Closed)
    }
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desktop::{Counters, WindowId};

    fn answer(socket: &OwnedFd, result: Result<Reply, String>) {
        let (call, _) = transport::recv::<Call>(socket, MAX_PACKET, 0).unwrap().unwrap();
        let stale = FromCompositor::Answer(Answer { serial: call.serial + 99, result: Ok(Reply::Done) });
        let event = FromCompositor::Event(Box::new(Event::WindowClosed { id: WindowId(4), vm: None }));
        let answer = FromCompositor::Answer(Answer { serial: call.serial, result });
        for packet in [stale, event, answer] {
            transport::send(socket, &packet, &[], MAX_PACKET).unwrap();
        }
    }

    #[test]
    fn answers_find_their_call_and_events_wait() {
        let (ours, theirs) = transport::pair().unwrap();
        let server = std::thread::spawn(move || {
            answer(&theirs, Ok(Reply::Counters(Counters { frames: 3, ..Counters::default() })));
            answer(&theirs, Err("no such window".into()));
        });
        let mut client = Client::from_socket(ours);
        let (reply, _) = client.call(Request::Counters, &[]).unwrap();
        assert_eq!(reply, Reply::Counters(Counters { frames: 3, ..Counters::default() }));
        let refused = client.call(Request::Sync, &[]);
        assert!(matches!(refused, Err(ClientError::Refused(why)) if why == "no such window"));
        server.join().unwrap();
        let now = Instant::now();
        for _ in 0..2 {
            assert!(matches!(client.next_event(now), Ok(Some(Event::WindowClosed { id: WindowId(4), .. }))));
        }
        assert!(matches!(client.next_event(now), Err(ClientError::Closed)));
    }

    #[test]
    fn silence_is_a_timeout() {
        let (ours, _theirs) = transport::pair().unwrap();
        let mut client = Client::from_socket(ours);
        client.set_call_timeout(Duration::from_millis(1));
        assert!(matches!(client.call(Request::Sync, &[]), Err(ClientError::TimedOut(_))));
        assert!(matches!(client.next_event(Instant::now()), Ok(None)));
    }
}
