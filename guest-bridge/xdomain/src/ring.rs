// SPDX-License-Identifier: GPL-3.0-or-later
//! In: the two counters of a shared ring, at least one of which the other side wrote. Out: offsets into the
//! ring's blob that are certainly inside it.
//!
//! The blob that INIT2 names:
//!
//! | bytes | what | written by |
//! |---|---|---|
//! | [`PRODUCED`] | `u32`, bytes ever appended, modulo 2³² | host |
//! | [`CONSUMED`] | `u32`, bytes ever taken, modulo 2³² | guest |
//! | [`DATA`]… | `capacity` bytes, a power of two | host |
//!
//! A record is one [`crate::channel::HostMessage`], padded to [`ALIGN`] bytes so that the header of a record
//! never wraps; its data may, hence [`Spans`]. Each side keeps its own counter privately and reads only the
//! other's from memory: a hostile counter can make the ring look fuller or emptier than it is, or yields
//! [`RingError::Counters`], but never an offset outside the data area.
//!
//! The host appends as long as there is room, then completes one outstanding POLL, if any. The guest drains,
//! then POLLs; the host completes a POLL at once when the ring is not empty. So nobody sleeps on a full ring
//! with data in it, and no wake-up is lost.
//!
//! Order for the shells: producers write the data and then store `produced` with release; consumers load
//! `produced` with acquire, copy the record out once, parse the copy, and store `consumed` with release.

use crate::Limits;
use crate::channel::CMD_HEADER;

/// Offset of the host's counter.
pub const PRODUCED: usize = 0;
/// Offset of the guest's counter, on another cache line.
pub const CONSUMED: usize = 64;
/// Offset of the data area, on another page.
pub const DATA: usize = 4096;
/// Records begin at multiples of this.
pub const ALIGN: u32 = 8;

/// Why a ring cannot be used (any longer).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RingError {
    /// The capacity is not a power of two within the limits.
    #[error("ring capacity {0} is not a power of two between the limits")]
    Capacity(u32),
    /// The blob is smaller than counters and data area.
    #[error("ring of {capacity} bytes does not fit into a blob of {blob}")]
    Blob {
        /// Bytes asked for.
        capacity: u32,
        /// Bytes of the blob.
        blob: u64,
    },
    /// The other side's counter contradicts ours.
    #[error("ring counters are {produced} and {consumed}, which cannot be")]
    Counters {
        /// Bytes ever appended.
        produced: u32,
        /// Bytes ever taken.
        consumed: u32,
    },
    /// A record is empty or larger than the ring.
    #[error("record of {0} bytes cannot be in the ring")]
    Record(usize),
}

/// A piece of the blob.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    /// From the start of the blob, at least [`DATA`].
    pub offset: usize,
    /// Bytes.
    pub len: usize,
}

/// The one or two pieces that a record occupies; the second is empty unless the record wraps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spans {
    /// Up to the end of the data area.
    pub first: Span,
    /// From the start of the data area.
    pub second: Span,
}

impl Spans {
    /// Bytes in both.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.first.len.saturating_add(self.second.len)
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A checked ring size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RingLayout {
    capacity: u32,
}

impl RingLayout {
    /// A ring of `capacity` data bytes in a blob of `blob` bytes.
    ///
    /// # Errors
    /// [`RingError::Capacity`], [`RingError::Blob`].
    pub fn new(capacity: u32, blob: u64, limits: &Limits) -> Result<Self, RingError> {
        let within = (limits.ring_min..=limits.ring_max).contains(&capacity);
        if !within || !capacity.is_power_of_two() || capacity < ALIGN {
            return Err(RingError::Capacity(capacity));
        }
        let layout = Self { capacity };
        if blob < layout.blob_size() {
            return Err(RingError::Blob { capacity, blob });
        }
        Ok(layout)
    }

    /// Bytes that the blob must have.
    #[must_use]
    pub const fn blob_size(&self) -> u64 {
        (self.capacity as u64).saturating_add(DATA as u64)
    }

    /// Bytes of the data area.
    #[must_use]
    pub const fn capacity(&self) -> u32 {
        self.capacity
    }

    /// Bytes in the ring.
    ///
    /// # Errors
    /// [`RingError::Counters`] if that would be more than its capacity or no whole records.
    pub const fn used(&self, produced: u32, consumed: u32) -> Result<u32, RingError> {
        let used = produced.wrapping_sub(consumed);
        if used > self.capacity || !used.is_multiple_of(ALIGN) {
            return Err(RingError::Counters { produced, consumed });
        }
        Ok(used)
    }

    /// Where the `len` bytes at counter `at` lie; `len` must not exceed the capacity.
    fn spans(&self, at: u32, len: u32) -> Spans {
        let start = at & self.capacity.saturating_sub(1);
        let first = len.min(self.capacity.saturating_sub(start));
        let second = len.saturating_sub(first).min(start);
        let span = |offset: u32, len: u32| Span {
            offset: DATA.saturating_add(to_usize(offset)),
            len: to_usize(len),
        };
        Spans { first: span(start, first), second: span(0, second) }
    }

    /// Bytes that a record of `len` bytes takes up, with padding.
    ///
    /// # Errors
    /// [`RingError::Record`] if no ring of this size can hold it.
    fn padded(&self, len: usize) -> Result<u32, RingError> {
        u32::try_from(len)
            .ok()
            .and_then(|len| len.checked_next_multiple_of(ALIGN))
            .filter(|padded| len >= CMD_HEADER && *padded <= self.capacity)
            .ok_or(RingError::Record(len))
    }
}

/// The host's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Producer {
    layout: RingLayout,
    produced: u32,
}

/// Room for one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a reserved record becomes visible only by Producer::commit"]
pub struct Reservation {
    /// Where the record's bytes go (without padding).
    pub spans: Spans,
    padded: u32,
}

impl Producer {
    /// The host's end of a new ring; the shell stores 0 at [`PRODUCED`].
    #[must_use]
    pub const fn new(layout: RingLayout) -> Self {
        Self { layout, produced: 0 }
    }

    /// Its ring.
    #[must_use]
    pub const fn layout(&self) -> RingLayout {
        self.layout
    }

    /// Whether everything was taken, as far as the guest's counter says.
    ///
    /// # Errors
    /// [`RingError::Counters`].
    pub fn is_empty(&self, consumed: u32) -> Result<bool, RingError> {
        Ok(self.layout.used(self.produced, consumed)? == 0)
    }

    /// Room for a record of `len` bytes, `None` while the ring is too full.
    ///
    /// # Errors
    /// [`RingError::Counters`], [`RingError::Record`].
    pub fn reserve(&self, consumed: u32, len: usize) -> Result<Option<Reservation>, RingError> {
        let padded = self.layout.padded(len)?;
        let used = self.layout.used(self.produced, consumed)?;
        if padded > self.layout.capacity.saturating_sub(used) {
            return Ok(None);
        }
        let len = u32::try_from(len).map_err(|_e| RingError::Record(len))?;
        Ok(Some(Reservation { spans: self.layout.spans(self.produced, len), padded }))
    }

    /// Makes a written record count; the result is what the shell stores at [`PRODUCED`].
    #[must_use = "the guest sees the record only when the counter is stored"]
    pub const fn commit(&mut self, reservation: Reservation) -> u32 {
        self.produced = self.produced.wrapping_add(reservation.padded);
        self.produced
    }
}

/// The guest's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Consumer {
    layout: RingLayout,
    consumed: u32,
}

/// A record to take out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// Its bytes (without padding).
    pub spans: Spans,
    padded: u32,
}

impl Consumer {
    /// The guest's end of a new ring.
    #[must_use]
    pub const fn new(layout: RingLayout) -> Self {
        Self { layout, consumed: 0 }
    }

    /// Where the next record's [`CMD_HEADER`] bytes are (never wrapped), `None` if the ring is empty.
    ///
    /// # Errors
    /// [`RingError::Counters`].
    pub fn header(&self, produced: u32) -> Result<Option<Span>, RingError> {
        if self.layout.used(produced, self.consumed)? == 0 {
            return Ok(None);
        }
        Ok(Some(self.layout.spans(self.consumed, ALIGN).first))
    }

    /// The record that begins with `header`, as copied from [`Self::header`]'s span.
    ///
    /// # Errors
    /// [`RingError::Counters`]; [`RingError::Record`] if the record would reach past what was produced.
    pub fn record(&self, produced: u32, header: [u8; CMD_HEADER]) -> Result<Record, RingError> {
        let [_cmd, _ring, low, high, ..] = header;
        let len = u16::from_le_bytes([low, high]);
        let padded = self.layout.padded(len.into())?;
        if padded > self.layout.used(produced, self.consumed)? {
            return Err(RingError::Record(len.into()));
        }
        Ok(Record { spans: self.layout.spans(self.consumed, len.into()), padded })
    }

    /// Gives a copied record's room back; the result is what the shell stores at [`CONSUMED`].
    #[must_use = "the host sees the room only when the counter is stored"]
    pub const fn consume(&mut self, record: Record) -> u32 {
        self.consumed = self.consumed.wrapping_add(record.padded);
        self.consumed
    }
}

fn to_usize(value: u32) -> usize {
    // Lossless on every target of ours; were it not, the shells' own bounds check would refuse the offset.
    usize::try_from(value).unwrap_or(usize::MAX)
}
