// SPDX-License-Identifier: GPL-3.0-or-later
//! Pure: what may cross from one VM to another by clipboard, primary selection or drag, and when.
//!
//! In: copies and drags of clients, the person's paste gestures, bytes that a source wrote, verdicts of
//! the permission monitor, the time. Out: [`Offer`]s and [`Effect`]s: what to offer to whom, what to
//! read from whom, what to ask, whom to feed with what. Nothing here holds an fd or reads a clock.
//!
//! A target learns nothing of another VM's copy, not even that there is one, until the person makes a
//! paste gesture in it. Bytes cross only when the monitor said yes *and* the source's bytes were read to
//! their end and found to be what was announced; each copy is a new object with a number of its own.

#![forbid(unsafe_code)]

mod check;
mod content;
mod gesture;
mod machine;
mod snapshot;

pub use check::{MAX_PIXELS, Mismatch, image_header, text};
pub use content::{Kinds, MAX_KINDS, announced, content_of};
pub use gesture::{Board, Gesture, PasteKey, Stroke};
pub use machine::{
    Copied, Dropped, Effect, Event, Limits, Mono, Offer, SinkId, SourceRef, TransferId, Transfers,
};
pub use snapshot::{Collector, Snapshot, TooLong, limit_of};
