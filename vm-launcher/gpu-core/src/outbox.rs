// SPDX-License-Identifier: GPL-3.0-or-later
//! What waits for one context's guest: Wayland bytes, pipe bytes, the end.
//!
//! In: filtered bytes from the compositor and from pipes. Out: [`HostMessage`]s, each small enough for
//! the channel that carries it. The order of arrival is kept; neighbouring Wayland bytes travel together.

use cofferdam_xdomain::channel::{HostMessage, IdList, Identifier, MAX_IDS, Pipe, Transfer};
use std::collections::VecDeque;

/// How much one message may carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Carry {
    /// Wayland bytes.
    pub transfer: usize,
    /// Pipe bytes.
    pub pipe: usize,
}

#[derive(Debug)]
enum Item {
    Wayland { data: Vec<u8>, ids: Vec<Identifier> },
    Pipe { id: u32, data: Vec<u8>, hang_up: bool },
    Closed,
}

/// What a message costs beside its payload, so that empty ones cannot pile up either.
const OVERHEAD: usize = 64;

/// A queue of messages and how much stands in it.
#[derive(Debug)]
pub(super) struct Outbox {
    carry: Carry,
    items: VecDeque<Item>,
    bytes: usize,
    closed: bool,
}

impl Outbox {
    /// An empty queue whose messages fit `carry`.
    #[must_use]
    pub(super) const fn new(carry: Carry) -> Self {
        Self { carry, items: VecDeque::new(), bytes: 0, closed: false }
    }

    /// What waits: bytes, and a little for each message.
    #[must_use]
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether nothing waits.
    #[cfg(test)]
    #[must_use]
    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Queues whole Wayland messages and the identifiers that they use.
    pub(super) fn push_wayland(&mut self, data: &[u8], ids: &[Identifier]) {
        if self.closed {
            return;
        }
        let mut data = data;
        let mut ids = ids;
        if let Some(Item::Wayland { data: last, ids: last_ids }) = self.items.back_mut() {
            let room = self.carry.transfer.saturating_sub(last.len());
            if last_ids.len().saturating_add(ids.len()) <= MAX_IDS && data.len() <= room {
                last.extend_from_slice(data);
                last_ids.extend_from_slice(ids);
                self.bytes = self.bytes.saturating_add(data.len());
                return;
            }
        }
        // Identifiers must not come later than the message that uses them, so they lead.
        while !data.is_empty() || !ids.is_empty() {
            let (now, later) = data.split_at(data.len().min(self.carry.transfer));
            let (ids_now, ids_later) = ids.split_at(ids.len().min(MAX_IDS));
            self.push(Item::Wayland { data: now.to_vec(), ids: ids_now.to_vec() });
            (data, ids) = (later, ids_later);
        }
    }

    /// Queues bytes of a pipe, and its end.
    pub(super) fn push_pipe(&mut self, id: u32, data: &[u8], hang_up: bool) {
        if self.closed {
            return;
        }
        let mut chunks = data.chunks(self.carry.pipe).peekable();
        if chunks.peek().is_none() {
            self.push(Item::Pipe { id, data: Vec::new(), hang_up });
        }
        while let Some(chunk) = chunks.next() {
            let hang_up = hang_up && chunks.peek().is_none();
            self.push(Item::Pipe { id, data: chunk.to_vec(), hang_up });
        }
    }

    /// Queues the end; nothing comes after it.
    pub(super) fn push_closed(&mut self) {
        if !self.closed {
            self.closed = true;
            self.push(Item::Closed);
        }
    }

    /// The first message, if any.
    #[must_use]
    pub(super) fn front(&self) -> Option<HostMessage<'_>> {
        Some(match self.items.front()? {
            Item::Wayland { data, ids } => {
                // `push_wayland` never puts more than MAX_IDS into one item.
                HostMessage::Receive(Transfer { ids: IdList::from_slice(ids).unwrap_or_default(), data })
            }
            Item::Pipe { id, data, hang_up } => HostMessage::Read(Pipe { id: *id, hang_up: *hang_up, data }),
            Item::Closed => HostMessage::closed(),
        })
    }

    /// Takes the first message out.
    pub(super) fn pop(&mut self) {
        if let Some(item) = self.items.pop_front() {
            self.bytes = self.bytes.saturating_sub(item.cost());
        }
    }

    fn push(&mut self, item: Item) {
        self.bytes = self.bytes.saturating_add(item.cost());
        self.items.push_back(item);
    }
}

impl Item {
    const fn cost(&self) -> usize {
        let payload = match self {
            Self::Wayland { data, .. } | Self::Pipe { data, .. } => data.len(),
            Self::Closed => 0,
        };
        payload.saturating_add(OVERHEAD)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cofferdam_xdomain::channel::IdKind;

    fn drain(outbox: &mut Outbox) -> Vec<(usize, usize)> {
        let mut seen = Vec::new();
        while let Some(message) = outbox.front() {
            seen.push(match message {
                HostMessage::Receive(t) => (t.data.len(), t.ids.len()),
                HostMessage::Read(p) => (p.data.len(), 1000 + usize::from(p.hang_up)),
                _ => (0, 0),
            });
            outbox.pop();
        }
        seen
    }

    #[test]
    fn splits_joins_and_counts() {
        let id = Identifier { id: 2, kind: IdKind::Blob, size: 1 };
        let mut outbox = Outbox::new(Carry { transfer: 100, pipe: 50 });
        outbox.push_wayland(&[0; 60], &[]);
        outbox.push_wayland(&[0; 40], &[id]); // joins
        outbox.push_wayland(&[0; 250], &[id, id]); // splits, ids lead
        outbox.push_pipe(7, &[0; 120], true);
        outbox.push_pipe(8, &[], true);
        assert_eq!(outbox.bytes(), 470 + 8 * OVERHEAD);
        outbox.push_closed();
        outbox.push_wayland(&[0; 8], &[]);
        outbox.push_pipe(9, &[0; 8], false);
        outbox.push_closed();
        assert_eq!(outbox.bytes(), 470 + 9 * OVERHEAD);
        let expected =
            [(100, 1), (100, 2), (100, 0), (50, 0), (50, 1000), (50, 1000), (20, 1001), (0, 1001), (0, 0)];
        assert_eq!(drain(&mut outbox), expected);
        assert_eq!((outbox.bytes(), outbox.is_empty()), (0, true));
    }

    #[test]
    fn ids_never_exceed_one_message() {
        let id = Identifier { id: 2, kind: IdKind::Blob, size: 1 };
        let mut outbox = Outbox::new(Carry { transfer: 100, pipe: 50 });
        outbox.push_wayland(&[0; 10], &[id; 20]);
        outbox.push_wayland(&[0; 10], &[id; 20]);
        outbox.push_wayland(&[0; 10], &[id; 40]);
        assert_eq!(drain(&mut outbox), [(10, 20), (10, 20), (10, 28), (0, 12)]);
    }
}
