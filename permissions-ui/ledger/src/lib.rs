// SPDX-License-Identifier: GPL-3.0-or-later
//! The record of all permissions: append-only, crash-safe, hash-chained.
//!
//! In: events of any serialisable type, in batches. Out: the same events after any crash, in order, and
//! a [`Report`] of what was found. A batch is in the file as a whole or not at all, and it is on the disk
//! before [`Ledger::append`] returns.
//!
//! What fails, fails closed. Half a batch at the end is what a crash leaves: it is cut off and reported.
//! Anything else that is wrong makes the ledger read-only: what stands before the damage is loaded, every
//! append is refused, and the file stays as it is until [`Ledger::repair`] puts it aside.
//!
//! | module | job |
//! |---|---|
//! | `format` | bytes to events and back; reads nothing but slices |
//! | `ledger` | the file: lock, append, compaction, repair |

#![forbid(unsafe_code)]

mod error;
mod files;
mod format;
mod ledger;

pub use error::{Damage, Flaw, LedgerError};
pub use format::{Entry, MAX_BATCH, Scan, scan};
pub use ledger::{Compacted, Ledger, Report};
