// SPDX-License-Identifier: GPL-3.0-or-later
//! The monitor's end of a point socket: a test says what it decides.
//!
//! In: questions, use, refusals. Out: answers, cuts, levels.

use cofferdam_kit::transport;
use cofferdam_monitor_wire::point::{FromPoint, Ticket, ToPoint};
use cofferdam_monitor_wire::{MAX_PACKET, decode, encode};
use cofferdam_policy::{Contact, Level, Refusal, Resource};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::collections::VecDeque;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

/// The monitor's end.
pub struct Monitor {
    socket: OwnedFd,
    next: u64,
    kept: VecDeque<FromPoint>,
    /// Messages that were passed over.
    passed: Vec<FromPoint>,
}

impl Monitor {
    /// A monitor, and the gateway's end of its socket.
    #[must_use]
    pub fn new() -> (Self, OwnedFd) {
        let (socket, theirs) = transport::pair().unwrap();
        (Self { socket, next: 1, kept: VecDeque::new(), passed: Vec::new() }, theirs)
    }

    /// Says something.
    pub fn say(&self, message: &ToPoint) {
        transport::send_packet(self.socket.as_fd(), &encode(message).unwrap(), &[]).unwrap();
    }

    /// Sets the level.
    pub fn level(&self, level: Level) {
        self.say(&ToPoint::Level(level));
    }

    /// The next message, if there is one within `patience`.
    pub fn hear(&mut self, patience: Duration) -> Option<FromPoint> {
        if let Some(message) = self.kept.pop_front() {
            return Some(message);
        }
        let span = Timespec::try_from(patience).unwrap();
        let n =
            poll(&mut [PollFd::from_borrowed_fd(self.socket.as_fd(), PollFlags::IN)], Some(&span)).unwrap();
        if n == 0 {
            return None;
        }
        let (bytes, _) = transport::recv_packet(self.socket.as_fd(), MAX_PACKET, 0).unwrap()?;
        Some(decode(&bytes).unwrap())
    }

    /// The next message that `f` wants, within ten seconds; the others are kept.
    ///
    /// # Panics
    /// If there is none.
    pub fn find<T>(&mut self, what: &str, mut f: impl FnMut(&FromPoint) -> Option<T>) -> T {
        let mut others = VecDeque::new();
        loop {
            let message = self.hear(Duration::from_secs(10));
            let message = message.unwrap_or_else(|| panic!("{what} did not come; instead {others:?}"));
            if let Some(found) = f(&message) {
                others.append(&mut self.kept);
                self.kept = others;
                return found;
            }
            others.push_back(message);
        }
    }

    /// The next question.
    pub fn asked(&mut self) -> (u32, Contact) {
        self.find("a question", |message| match message {
            FromPoint::Ask { serial, resource: Resource::Network(contact) } => {
                Some((*serial, contact.clone()))
            }
            _ => None,
        })
    }

    /// The next question, if it is there already.
    pub fn try_asked(&mut self) -> Option<(u32, Contact)> {
        while let Some(message) = self.hear(Duration::ZERO) {
            match message {
                FromPoint::Ask { serial, resource: Resource::Network(contact) } => {
                    self.kept.extend(self.passed.drain(..));
                    return Some((serial, contact));
                }
                other => self.passed.push(other),
            }
        }
        self.kept.extend(self.passed.drain(..));
        None
    }

    /// What is there to hear now.
    pub fn heard(&mut self, patience: Duration) -> Vec<FromPoint> {
        std::iter::from_fn(|| self.hear(patience)).collect()
    }

    /// Says yes; the ticket's number.
    pub fn allow(&mut self, serial: u32, once: bool) -> u64 {
        let id = self.next;
        self.next += 1;
        let ticket = Ticket { id, grant: None, until: None, once };
        self.say(&ToPoint::Decided { serial, verdict: Ok(ticket) });
        id
    }

    /// Says no.
    pub fn deny(&self, serial: u32) {
        self.say(&ToPoint::Decided { serial, verdict: Err(Refusal::Answered) });
    }

    /// Cuts a ticket, and waits until nothing lives under it.
    pub fn cut(&mut self, ticket: u64) {
        self.say(&ToPoint::Cut { ticket });
        self.find("the end of a cut", |message| (*message == FromPoint::CutDone { ticket }).then_some(()));
    }
}
