// SPDX-License-Identifier: GPL-3.0-or-later
//! Bytes of a copy in our memory.
//!
//! In: pieces that a source writes. Out: one immutable [`Snapshot`], at most as long as its kind of
//! content may be. Memory that held such bytes is zeroed before it is given back, also when a buffer
//! grows; each snapshot is a buffer of its own, so no byte of an earlier copy can be in it.

use cofferdam_policy::Content;
use std::fmt;
use zeroize::Zeroizing;

/// Most bytes of one transfer.
#[must_use]
pub const fn limit_of(content: Content) -> usize {
    match content {
        Content::Text | Content::Files => 1 << 20,
        Content::Image => 32 << 20,
    }
}

/// A source wrote more than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is more of it than may cross at once")]
pub struct TooLong;

/// Collects what a source writes.
pub struct Collector {
    limit: usize,
    bytes: Zeroizing<Vec<u8>>,
}

impl Collector {
    /// An empty one for this kind of content.
    #[must_use]
    pub fn new(content: Content) -> Self {
        Self { limit: limit_of(content), bytes: Zeroizing::default() }
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// [`TooLong`]; what was collected so far is of no use then.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), TooLong> {
        let needed = self.bytes.len().checked_add(piece.len()).filter(|n| *n <= self.limit).ok_or(TooLong)?;
        if needed > self.bytes.capacity() {
            // By hand, so that the old buffer is zeroed and not just freed.
            let room = needed.max(self.bytes.capacity().saturating_mul(2)).min(self.limit);
            let mut larger = Zeroizing::new(Vec::with_capacity(room));
            larger.extend_from_slice(&self.bytes);
            self.bytes = larger;
        }
        self.bytes.extend_from_slice(piece);
        Ok(())
    }

    /// All of it.
    #[must_use]
    pub fn finish(self) -> Snapshot {
        Snapshot { bytes: self.bytes }
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collector").field("len", &self.bytes.len()).finish_non_exhaustive()
    }
}

/// What a source wrote, to its end. Zeroed when the last holder lets go of it.
pub struct Snapshot {
    bytes: Zeroizing<Vec<u8>>,
}

impl Snapshot {
    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never the bytes: logs are read by others.
        f.debug_struct("Snapshot").field("len", &self.bytes.len()).finish_non_exhaustive()
    }
}

impl PartialEq for Snapshot {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Snapshot {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits() {
        let mut collector = Collector::new(Content::Text);
        let piece = vec![7; 1 << 16];
        for _ in 0..16 {
            assert_eq!(collector.push(&piece), Ok(()));
        }
        assert_eq!(collector.push(b"x"), Err(TooLong));
        let snapshot = collector.finish();
        assert_eq!(snapshot.bytes().len(), 1 << 20);
        assert!(snapshot.bytes().iter().all(|b| *b == 7));
        assert!(!format!("{snapshot:?}").contains("7, 7"));
    }

    #[test]
    fn pieces_of_any_size_add_up() {
        let mut collector = Collector::new(Content::Image);
        let all: Vec<u8> = (0..50_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        for piece in all.chunks(313) {
            collector.push(piece).unwrap();
        }
        assert_eq!(collector.finish().bytes(), all);
    }
}
