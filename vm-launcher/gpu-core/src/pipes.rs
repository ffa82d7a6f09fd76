// SPDX-License-Identifier: GPL-3.0-or-later
//! The pipes of one context, counted.
//!
//! In: pipes opened by either side and bytes that pass. Out: whether a pipe may be opened, whether more
//! may be buffered, and which pipes were idle for too long. The shell holds the descriptors.

use super::fault::{Area, Fault};
use super::io::Mono;
use std::collections::BTreeMap;
use std::time::Duration;

/// After this long without a byte a pipe is closed: a peer that stopped reading must not hold it for ever.
pub const IDLE: Duration = Duration::from_secs(60);

/// Who reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The guest reads what the compositor's side writes.
    GuestReads,
    /// The guest writes what the compositor's side reads.
    GuestWrites,
}

#[derive(Debug)]
struct Pipe {
    end: End,
    /// Bytes given to the shell and not yet written.
    buffered: usize,
    /// The guest has written its last byte; closed once everything is written.
    closing: bool,
    last_byte: Mono,
}

/// Limits on pipes.
#[derive(Debug, Clone, Copy)]
pub(super) struct PipeLimits {
    /// Pipes at once.
    pub count: usize,
    /// Bytes buffered for one.
    pub buffer: usize,
}

/// All pipes of a context.
#[derive(Debug)]
pub(super) struct Pipes {
    limits: PipeLimits,
    table: BTreeMap<u32, Pipe>,
}

impl Pipes {
    /// No pipes.
    #[must_use]
    pub(super) const fn new(limits: PipeLimits) -> Self {
        Self { limits, table: BTreeMap::new() }
    }

    /// Opens a pipe.
    ///
    /// # Errors
    /// A [`Fault`] if the id is taken or there are too many.
    pub(super) fn open(&mut self, id: u32, end: End, now: Mono) -> Result<(), Fault> {
        if self.table.contains_key(&id) {
            return Err(Fault::new(Area::Pipe, "pipe_id_taken"));
        }
        if self.table.len() >= self.limits.count {
            return Err(Fault::new(Area::Quota, "pipes"));
        }
        self.table.insert(id, Pipe { end, buffered: 0, closing: false, last_byte: now });
        Ok(())
    }

    /// Whether the pipe exists, with the guest at this end of it.
    #[must_use]
    pub(super) fn has(&self, id: u32, end: End) -> bool {
        self.table.get(&id).is_some_and(|pipe| pipe.end == end)
    }

    /// Notes bytes on their way to the guest.
    pub(super) fn passed(&mut self, id: u32, now: Mono) {
        if let Some(pipe) = self.table.get_mut(&id) {
            pipe.last_byte = now;
        }
    }

    /// Accounts for bytes that the guest writes.
    ///
    /// # Errors
    /// A [`Fault`] if the guest does not write this pipe or has written too far ahead of its reader.
    pub(super) fn write(&mut self, id: u32, bytes: usize, now: Mono) -> Result<(), Fault> {
        let pipe = self.table.get_mut(&id).filter(|pipe| pipe.end == End::GuestWrites && !pipe.closing);
        let Some(pipe) = pipe else { return Err(Fault::new(Area::Pipe, "write_to_unknown_pipe")) };
        let buffered = pipe.buffered.saturating_add(bytes);
        if buffered > self.limits.buffer {
            return Err(Fault::new(Area::Quota, "pipe_buffer"));
        }
        pipe.buffered = buffered;
        pipe.last_byte = now;
        Ok(())
    }

    /// Notes that the reader took bytes. Says whether these were the last ones of a pipe that is to be closed.
    pub(super) fn wrote(&mut self, id: u32, bytes: usize, now: Mono) -> bool {
        let Some(pipe) = self.table.get_mut(&id) else { return false };
        pipe.buffered = pipe.buffered.saturating_sub(bytes);
        pipe.last_byte = now;
        pipe.closing && pipe.buffered == 0
    }

    /// Closes a pipe once its reader has everything. Says whether that is now.
    pub(super) fn finish(&mut self, id: u32) -> bool {
        let Some(pipe) = self.table.get_mut(&id) else { return false };
        pipe.closing = true;
        pipe.buffered == 0
    }

    /// Whether a writer should wait for the reader.
    #[must_use]
    pub(super) fn is_high(&self, id: u32) -> bool {
        self.table.get(&id).is_some_and(|pipe| pipe.buffered > self.limits.buffer / 2)
    }

    /// Forgets a pipe; false if there is none.
    pub(super) fn close(&mut self, id: u32) -> bool {
        self.table.remove(&id).is_some()
    }

    /// Pipes that the guest reads.
    pub(super) fn read_by_guest(&self) -> impl Iterator<Item = u32> {
        self.table.iter().filter(|(_, pipe)| pipe.end == End::GuestReads).map(|(id, _)| *id)
    }

    /// All pipes.
    pub(super) fn ids(&self) -> impl Iterator<Item = u32> {
        self.table.keys().copied()
    }

    /// When the first pipe will have been idle for too long.
    #[must_use]
    pub(super) fn deadline(&self) -> Option<Mono> {
        self.table.values().map(|pipe| pipe.last_byte.plus(IDLE)).min()
    }

    /// Pipes that were idle for too long.
    pub(super) fn expired(&self, now: Mono) -> Vec<u32> {
        let idle = |pipe: &Pipe| now.since(pipe.last_byte) >= IDLE;
        self.table.iter().filter(|(_, pipe)| idle(pipe)).map(|(id, _)| *id).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pipes_expire_when_no_byte_passes() {
        let at = |s| Mono(Duration::from_secs(s));
        let mut pipes = Pipes::new(PipeLimits { count: 3, buffer: 10 });
        pipes.open(1, End::GuestReads, at(0)).unwrap();
        pipes.open(2, End::GuestWrites, at(10)).unwrap();
        assert_eq!(pipes.deadline(), Some(at(60)));
        assert!(pipes.expired(at(59)).is_empty());
        assert_eq!(pipes.expired(at(60)), [1]);
        pipes.passed(1, at(30));
        pipes.write(2, 5, at(40)).unwrap();
        assert!(!pipes.wrote(2, 5, at(50)));
        assert_eq!(pipes.deadline(), Some(at(90)));
        assert_eq!(pipes.expired(at(110)), [1, 2]);
    }

    #[test]
    fn a_closing_pipe_waits_for_its_last_byte_and_takes_no_more() {
        let now = Mono::default();
        let mut pipes = Pipes::new(PipeLimits { count: 1, buffer: 10 });
        pipes.open(2, End::GuestWrites, now).unwrap();
        pipes.write(2, 10, now).unwrap();
        assert_eq!(pipes.write(2, 1, now), Err(Fault::new(Area::Quota, "pipe_buffer")));
        assert!(!pipes.finish(2));
        assert_eq!(pipes.write(2, 0, now), Err(Fault::new(Area::Pipe, "write_to_unknown_pipe")));
        assert!(!pipes.wrote(2, 9, now));
        assert!(pipes.wrote(2, 1, now));
    }
}
