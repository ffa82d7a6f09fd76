// SPDX-License-Identifier: GPL-3.0-or-later
//! What can be wrong with a ledger. In: nothing. Out: errors whose text is for a person.

use std::io;
use std::path::PathBuf;

/// Why a ledger can't be opened or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// The system refused.
    #[error("{path}: {what}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// Another process has it open.
    #[error("{0} is in use by another monitor")]
    InUse(PathBuf),
    /// The file is damaged: it can be read up to there and is not written any more.
    #[error("the record is damaged and nothing is added to it: {0}")]
    Damaged(Damage),
    /// Nothing was recorded; the file is as it was before. A later append may succeed.
    #[error("nothing was recorded: {0}")]
    NotWritten(#[source] io::Error),
    /// The disk failed in a way that leaves unknown what is on it. Nothing is written until the ledger
    /// is opened again.
    #[error("the disk failed, nothing more is recorded: {0}")]
    Failed(String),
    /// An event can't be written: the batch would be longer than [`crate::MAX_BATCH`].
    #[error("a batch of events is too long to be recorded")]
    TooLong,
    /// There is nothing to repair.
    #[error("the record is not damaged")]
    NotDamaged,
}

/// Where a file stops being a ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{flaw} at byte {offset}, after entry {after}")]
pub struct Damage {
    /// Where in the file.
    pub offset: u64,
    /// The last entry before it; 0 for none.
    pub after: u64,
    /// What is wrong.
    pub flaw: Flaw,
}

/// What is wrong with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// It is too short to have ever been a ledger.
    #[error("the beginning is missing")]
    NoHeader,
    /// It begins like something else, or like a later version.
    #[error("this is not a ledger of this version")]
    Foreign,
    /// The header is not what was written.
    #[error("the header was changed")]
    Header,
    /// What compaction kept is not complete.
    #[error("a part of what compaction kept is missing")]
    Kept,
    /// The head of a record is not what was written.
    #[error("the head of a record was changed")]
    Head,
    /// A record is not what was written behind the one before it.
    #[error("the chain is broken")]
    Chain,
    /// Numbers of entries are out of order.
    #[error("entries are out of order")]
    Order,
    /// A record was written well and can't be understood.
    #[error("a record can't be understood")]
    Payload,
}
