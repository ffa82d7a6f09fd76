// SPDX-License-Identifier: GPL-3.0-or-later
//! What a guest can do wrong on the agent link. Each costs it that one request and is counted.

use rustix::io::Errno;

/// A broken rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// More wishes than anybody can mean.
    Flood,
    /// A text that is too long.
    TooLong,
    /// An address that is none.
    NoAddress,
    /// The number of a wish that is open already.
    SerialInUse,
    /// A file that was never handed over.
    UnknownFile,
    /// A handle that is not open, or of another file.
    UnknownHandle,
    /// A path that is empty inside, leads up, or is too long.
    BadPath,
    /// More bytes in one message than agreed.
    TooMuch,
    /// More file operations at one time than agreed.
    TooManyOps,
    /// More open files than agreed.
    TooManyHandles,
    /// More was written than a person can have meant.
    Quota,
}

impl Fault {
    /// For the console and the log.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Flood => "too many requests",
            Self::TooLong => "a text is too long",
            Self::NoAddress => "not an address",
            Self::SerialInUse => "a number is used twice",
            Self::UnknownFile => "no such file was handed over",
            Self::UnknownHandle => "no such file is open",
            Self::BadPath => "not a path",
            Self::TooMuch => "too many bytes in one request",
            Self::TooManyOps => "too many file requests at one time",
            Self::TooManyHandles => "too many open files",
            Self::Quota => "too much was written",
        }
    }

    /// What the app sees, where it was about a file.
    pub(crate) const fn errno(self) -> Errno {
        match self {
            Self::UnknownFile => Errno::IO,
            Self::UnknownHandle => Errno::BADF,
            Self::TooManyHandles => Errno::MFILE,
            Self::TooManyOps | Self::Flood => Errno::AGAIN,
            Self::Quota => Errno::NOSPC,
            _ => Errno::INVAL,
        }
    }
}
