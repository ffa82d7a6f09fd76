// SPDX-License-Identifier: GPL-3.0-or-later
//! An enforcement point, as simple as one can be. In: what the monitor sent it, read one by one, as late as it
//! likes. Out: what lives there.

use cofferdam_monitor_wire::point::{BEFORE, Ticket};
use cofferdam_monitor_wire::screen::PromptId;
use std::collections::{BTreeMap, VecDeque};

/// Something that waits to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Letter {
    /// Yes, or no.
    Decided(Option<Ticket>),
    Cut(u64),
    /// A question for the person.
    Prompt(PromptId),
    Withdraw(PromptId),
    /// The end of the socket.
    Closed,
}

/// Something that is let through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Live {
    pub(crate) socket: u64,
    pub(crate) ticket: Ticket,
}

#[derive(Debug, Default)]
pub(crate) struct Place {
    /// The socket that it reads.
    pub(crate) socket: Option<u64>,
    /// One that it was given and has not noticed yet.
    pub(crate) next: Option<u64>,
    /// What waits in each socket.
    pub(crate) letters: BTreeMap<u64, VecDeque<Letter>>,
    pub(crate) live: Vec<Live>,
    /// In how many answers each ticket came since it was given back.
    given: BTreeMap<u64, u32>,
    /// It waits for an answer.
    pub(crate) asking: bool,
    /// The question that the person looks at.
    pub(crate) prompt: Option<PromptId>,
}

impl Place {
    /// The monitor sends something.
    pub(crate) fn post(&mut self, socket: u64, letter: Letter) {
        self.letters.entry(socket).or_default().push_back(letter);
    }

    pub(crate) fn can_read(&self) -> bool {
        self.socket.is_some_and(|socket| self.letters.get(&socket).is_some_and(|all| !all.is_empty()))
    }

    /// Reads one. The ticket of a cut that was made.
    pub(crate) fn read(&mut self) -> Option<(u64, u64)> {
        let socket = self.socket?;
        match self.letters.get_mut(&socket)?.pop_front()? {
            Letter::Decided(verdict) => {
                self.asking = false;
                if let Some(ticket) = verdict {
                    *self.given.entry(ticket.id).or_default() += 1;
                    self.live.retain(|l| l.ticket.id != ticket.id);
                    self.live.push(Live { socket, ticket });
                }
                None
            }
            Letter::Cut(ticket) => {
                // What was before this socket ended when it was taken up.
                let before = ticket == BEFORE;
                self.live.retain(|l| if before { l.socket == socket } else { l.ticket.id != ticket });
                self.given.remove(&ticket);
                Some((socket, ticket))
            }
            Letter::Prompt(id) => {
                self.prompt = Some(id);
                None
            }
            Letter::Withdraw(id) => {
                self.prompt = self.prompt.filter(|shown| *shown != id);
                None
            }
            Letter::Closed => {
                self.end();
                None
            }
        }
    }

    /// What lives ends by itself, and its ticket is given back: its number, and how often it came.
    pub(crate) fn give_back(&mut self) -> Option<(u64, u64, u32)> {
        let Live { socket, ticket } = self.live.pop()?;
        Some((socket, ticket.id, self.given.remove(&ticket.id)?))
    }

    /// Takes up the socket that it was given; everything of before ends.
    pub(crate) fn take(&mut self) {
        self.end();
        self.socket = self.next.take();
    }

    /// All that it had is gone.
    pub(crate) fn end(&mut self) {
        if let Some(socket) = self.socket.take() {
            self.letters.remove(&socket);
        }
        self.live.clear();
        self.given.clear();
        (self.asking, self.prompt) = (false, None);
    }

    /// It notices that its socket was closed, if it was.
    pub(crate) fn notice(&mut self) {
        let closed = |all: &VecDeque<Letter>| all.contains(&Letter::Closed);
        if self.next.is_some() {
            self.take();
        } else if self.socket.and_then(|socket| self.letters.get(&socket)).is_some_and(closed) {
            self.end();
        }
    }

    /// Whether a cut of this ticket, or the end of its socket, is on its way.
    pub(crate) fn is_ending(&self, live: &Live) -> bool {
        let waiting = self.letters.get(&live.socket).into_iter().flatten();
        let ends = |letter: &Letter| *letter == Letter::Closed || *letter == Letter::Cut(live.ticket.id);
        self.next.is_some() || self.socket != Some(live.socket) || waiting.into_iter().any(ends)
    }
}
