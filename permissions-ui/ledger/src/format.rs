// SPDX-License-Identifier: GPL-3.0-or-later
//! The file's format. In: a slice, or events. Out: events and where the committed part ends, or bytes.
//!
//! ```text
//! file    header frame*
//! header  magic[8] generation:u64 made_at:u64 next_seq:u64 kept_len:u64 link[32] check[32]
//! frame   payload_len:u32 count:u32 seq:u64 at:u64 check[8] payload chain[32]
//! ```
//!
//! Numbers are little-endian. A payload is `count` events in postcard, the first of which has the number
//! `seq`. `chain` is the hash of the chain before it and everything in the frame; the first frame's
//! predecessor is the header's `check`. A frame's own `check` makes its length trustworthy, so that a
//! changed length is not taken for the end of the file. `kept_len` bytes behind the header were written
//! by compaction, which is atomic: they are complete or the file is damaged. `link` is the last chain
//! hash of the file that was compacted.

use crate::error::{Damage, Flaw};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

/// Longest payload of a batch, in bytes.
pub const MAX_BATCH: usize = 4 << 20;

const MAGIC: [u8; 8] = *b"coffled\x01";
/// Bytes of the header.
pub(crate) const HEADER: usize = 104;
const HEAD: usize = 32;
const CHAIN: usize = 32;
/// So many zeros where the end of a chain hash should be were never written; a hash does not end so.
const UNWRITTEN: usize = 8;

/// A chain hash.
pub(crate) type Link = [u8; CHAIN];

/// One event of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<E> {
    /// Its number, from 1, larger than that of all before it.
    pub seq: u64,
    /// When it happened, in the caller's unit.
    pub at: u64,
    /// What happened.
    pub event: E,
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan<E> {
    /// All events that were committed, in order.
    pub entries: Vec<Entry<E>>,
    /// How many bytes at the beginning of the file are good.
    pub committed: u64,
    /// How many bytes after that are the beginning of a batch that was never committed.
    pub torn: u64,
    /// What is wrong with the rest, if it is neither good nor torn.
    pub damage: Option<Damage>,
    pub(crate) header: Option<Header>,
    pub(crate) tip: Link,
    pub(crate) next_seq: u64,
}

/// What stands at the beginning of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) generation: u64,
    pub(crate) made_at: u64,
    pub(crate) next_seq: u64,
    pub(crate) kept_len: u64,
    pub(crate) link: Link,
}

impl Header {
    pub(crate) fn encode(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        let numbers = [self.generation, self.made_at, self.next_seq, self.kept_len];
        let fields = [MAGIC].into_iter().chain(numbers.map(u64::to_le_bytes));
        for (place, field) in bytes.chunks_exact_mut(8).zip(fields) {
            place.copy_from_slice(&field);
        }
        bytes[40..72].copy_from_slice(&self.link);
        let check = digest(b"header", &[&bytes[..72]]);
        bytes[72..].copy_from_slice(&check);
        bytes
    }

    fn decode(bytes: &[u8; HEADER]) -> Result<(Self, Link), Flaw> {
        if bytes[..8] != MAGIC {
            return Err(Flaw::Foreign);
        }
        let check = digest(b"header", &[&bytes[..72]]);
        if bytes[72..] != check {
            return Err(Flaw::Header);
        }
        let mut link = [0; CHAIN];
        link.copy_from_slice(&bytes[40..72]);
        let number = |at: usize| u64_at(bytes, at);
        Ok((
            Self {
                generation: number(8),
                made_at: number(16),
                next_seq: number(24),
                kept_len: number(32),
                link,
            },
            check,
        ))
    }
}

fn digest(what: &[u8], parts: &[&[u8]]) -> Link {
    let mut hash = Sha256::new();
    hash.update(what);
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

/// Eight bytes at `at`; zeros where the slice ends.
fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes.get(at..).and_then(|b| b.first_chunk().copied()).unwrap_or_default())
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes.get(at..).and_then(|b| b.first_chunk().copied()).unwrap_or_default())
}

/// One batch as a frame behind `tip`, and the chain hash behind it. None if it would be too long.
pub(crate) fn frame<E: Serialize>(tip: &Link, seq: u64, at: u64, events: &[E]) -> Option<(Vec<u8>, Link)> {
    let payload = postcard::to_allocvec(events).ok().filter(|p| p.len() <= MAX_BATCH)?;
    let mut bytes = Vec::with_capacity(HEAD + payload.len() + CHAIN);
    bytes.extend(u32::try_from(payload.len()).ok()?.to_le_bytes());
    bytes.extend(u32::try_from(events.len()).ok()?.to_le_bytes());
    bytes.extend(seq.to_le_bytes());
    bytes.extend(at.to_le_bytes());
    let check = head_check(tip, &bytes);
    bytes.extend(check);
    bytes.extend(&payload);
    let chain = digest(b"frame", &[tip, &bytes]);
    bytes.extend(chain);
    Some((bytes, chain))
}

fn head_check(tip: &Link, head: &[u8]) -> [u8; 8] {
    digest(b"head", &[tip, head]).first_chunk().copied().unwrap_or_default()
}

/// What follows in a file.
enum Next<'a> {
    /// A batch.
    Frame { seq: u64, at: u64, count: u32, payload: &'a [u8], chain: Link, len: usize },
    /// Bytes that a crash left.
    Torn,
    /// Something else.
    Bad(Flaw),
}

fn next<'a>(tip: &Link, rest: &'a [u8]) -> Next<'a> {
    let Some((head, body)) = rest.split_first_chunk::<HEAD>() else { return Next::Torn };
    if head[24..] != head_check(tip, &head[..24]) {
        // A file that grew without its bytes having been written reads as zeros.
        return if rest.iter().all(|b| *b == 0) { Next::Torn } else { Next::Bad(Flaw::Head) };
    }
    let Some(payload_len) = usize::try_from(u32_at(head, 0)).ok().filter(|len| *len <= MAX_BATCH) else {
        return Next::Bad(Flaw::Head);
    };
    let (Some(payload), Some(chain)) =
        (body.get(..payload_len), body.get(payload_len..).and_then(|b| b.first_chunk::<CHAIN>()))
    else {
        return Next::Torn;
    };
    if *chain != digest(b"frame", &[tip, head, payload]) {
        let end = &body[payload_len + CHAIN - UNWRITTEN..];
        return if end.iter().all(|b| *b == 0) { Next::Torn } else { Next::Bad(Flaw::Chain) };
    }
    Next::Frame {
        seq: u64_at(head, 8),
        at: u64_at(head, 16),
        count: u32_at(head, 4),
        payload,
        chain: *chain,
        len: HEAD + payload_len + CHAIN,
    }
}

/// Reads a file. Total: any bytes give a result, and events come out of it only if every byte before
/// them is what was written.
#[must_use]
pub fn scan<E: DeserializeOwned>(file: &[u8]) -> Scan<E> {
    let mut scan = Scan {
        entries: Vec::new(),
        committed: 0,
        torn: 0,
        damage: None,
        header: None,
        tip: [0; CHAIN],
        next_seq: 1,
    };
    let read = file.first_chunk::<HEADER>().ok_or(Flaw::NoHeader).and_then(Header::decode);
    match read {
        Ok((header, check)) => {
            scan.header = Some(header);
            scan.tip = check;
            scan.committed = HEADER as u64;
            if let Err(flaw) = scan.frames(file, &header) {
                scan.damaged(flaw);
            }
        }
        Err(flaw) => scan.damaged(flaw),
    }
    scan
}

impl<E: DeserializeOwned> Scan<E> {
    fn damaged(&mut self, flaw: Flaw) {
        let after = self.entries.last().map_or(0, |e| e.seq);
        self.damage = Some(Damage { offset: self.committed, after, flaw });
    }

    fn frames(&mut self, file: &[u8], header: &Header) -> Result<(), Flaw> {
        let kept_end = (HEADER as u64).saturating_add(header.kept_len);
        let len = file.len() as u64;
        loop {
            let in_kept = self.committed < kept_end;
            if self.committed == kept_end {
                if self.next_seq > header.next_seq {
                    return Err(Flaw::Order);
                }
                self.next_seq = header.next_seq;
            }
            let rest = usize::try_from(self.committed).ok().and_then(|at| file.get(at..)).unwrap_or_default();
            if rest.is_empty() && !in_kept {
                return Ok(());
            }
            match next(&self.tip, rest) {
                Next::Torn if in_kept => return Err(Flaw::Kept),
                Next::Torn => {
                    self.torn = len - self.committed;
                    return Ok(());
                }
                Next::Bad(flaw) => return Err(flaw),
                Next::Frame { seq, at, count, payload, chain, len } => {
                    let end = self.committed.saturating_add(len as u64);
                    if in_kept && end > kept_end {
                        return Err(Flaw::Kept);
                    }
                    if seq < self.next_seq || (!in_kept && seq != self.next_seq) {
                        return Err(Flaw::Order);
                    }
                    self.take(seq, at, count, payload)?;
                    (self.tip, self.committed) = (chain, end);
                }
            }
        }
    }

    fn take(&mut self, seq: u64, at: u64, count: u32, payload: &[u8]) -> Result<(), Flaw> {
        let (events, rest): (Vec<E>, _) = postcard::take_from_bytes(payload).map_err(|_why| Flaw::Payload)?;
        let next_seq = seq.checked_add(u64::from(count)).ok_or(Flaw::Order)?;
        if !rest.is_empty() || count == 0 || u32::try_from(events.len()) != Ok(count) {
            return Err(Flaw::Payload);
        }
        self.entries.extend((seq..next_seq).zip(events).map(|(seq, event)| Entry { seq, at, event }));
        self.next_seq = next_seq;
        Ok(())
    }
}
