// SPDX-License-Identifier: GPL-3.0-or-later
//! The monitor's end of a point socket: a test says what it decides.
//!
//! In: questions, use, refusals. Out: answers, cuts, levels.

use cofferdam_kit::transport;
use cofferdam_monitor_wire::point::{FromPoint, Ticket, ToPoint};
use cofferdam_monitor_wire::{MAX_PACKET, decode, encode};
use cofferdam_policy::{Contact, Level, Refusal, Resource};
use rustix::io::Errno;
use std::collections::VecDeque;
use std::os::fd::{AsFd, OwnedFd};

/// The monitor's end.
pub struct Monitor {
    socket: OwnedFd,
    next: u64,
    kept: VecDeque<FromPoint>,
}

impl Monitor {
    /// A monitor, and the gateway's end of its socket.
    #[must_use]
    pub fn new() -> (Self, OwnedFd) {
        let (socket, theirs) = transport::pair().unwrap();
        (Self { socket, next: 1, kept: VecDeque::new() }, theirs)
    }

    /// Says something.
    pub fn say(&self, message: &ToPoint) {
        transport::send_packet(self.socket.as_fd(), &encode(message).unwrap(), &[]).unwrap();
    }

    /// Sets the level.
    pub fn level(&self, level: Level) {
        self.say(&ToPoint::Level(level));
    }

    /// The next message, if it is there already.
    pub fn try_hear(&mut self) -> Option<FromPoint> {
        if let Some(message) = self.kept.pop_front() {
            return Some(message);
        }
        rustix::io::ioctl_fionbio(&self.socket, true).unwrap();
        let message = self.receive();
        rustix::io::ioctl_fionbio(&self.socket, false).unwrap();
        message
    }

    fn receive(&self) -> Option<FromPoint> {
        match transport::recv_packet(self.socket.as_fd(), MAX_PACKET, 0) {
            Ok(packet) => packet.map(|(bytes, _)| decode(&bytes).unwrap()),
            Err(error) if error.would_block() => None,
            // What was on its way when the gateway ended.
            Err(transport::TransportError::Io(Errno::CONNRESET)) => None,
            Err(error) => panic!("the gateway's socket: {error}"),
        }
    }

    /// The next message, whenever it comes; none once the gateway has hung up.
    pub fn hear(&mut self) -> Option<FromPoint> {
        self.kept.pop_front().or_else(|| self.receive())
    }

    /// The next message that `f` wants; the others are kept.
    ///
    /// # Panics
    /// If there is none.
    pub fn find<T>(&mut self, what: &str, mut f: impl FnMut(&FromPoint) -> Option<T>) -> T {
        let mut others = VecDeque::new();
        loop {
            if self.kept.is_empty() {
                cofferdam_patience::readable(&self.socket, what);
            }
            let message = self.try_hear();
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

    /// The first question among what is there already.
    pub fn try_asked(&mut self) -> Option<(u32, Contact)> {
        let mut others = VecDeque::new();
        let mut found = None;
        while found.is_none()
            && let Some(message) = self.try_hear()
        {
            match message {
                FromPoint::Ask { serial, resource: Resource::Network(contact) } => {
                    found = Some((serial, contact));
                }
                other => others.push_back(other),
            }
        }
        others.append(&mut self.kept);
        self.kept = others;
        found
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
