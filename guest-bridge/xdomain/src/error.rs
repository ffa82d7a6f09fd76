// SPDX-License-Identifier: GPL-3.0-or-later
//! In: nothing. Out: the errors of both directions of the wire.

use crate::virtio::ResponseCode;

/// Why bytes are not a command or message. Always the peer's fault, never ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes end before the structure does.
    #[error("{what}: {need} bytes needed, {have} there")]
    Truncated {
        /// Which structure.
        what: &'static str,
        /// Bytes that it needs.
        need: usize,
        /// Bytes that were left.
        have: usize,
    },
    /// A command that this profile does not speak.
    #[error("unknown {what} {code:#x}")]
    Unknown {
        /// Which command set.
        what: &'static str,
        /// The code sent.
        code: u32,
    },
    /// A count or length is above its limit.
    #[error("{what} is {value}, at most {max} is allowed")]
    TooLarge {
        /// Which field.
        what: &'static str,
        /// The value sent.
        value: u64,
        /// The limit.
        max: u64,
    },
    /// A field has a value that it must never have.
    #[error("{what} must not be {value:#x}")]
    Invalid {
        /// Which field.
        what: &'static str,
        /// The value sent.
        value: u64,
    },
}

impl DecodeError {
    /// The response code that tells the guest's driver about it.
    #[must_use]
    pub const fn response(&self) -> ResponseCode {
        match self {
            Self::Unknown { .. } => ResponseCode::ERR_UNSPEC,
            Self::Truncated { .. } | Self::TooLarge { .. } | Self::Invalid { .. } => {
                ResponseCode::ERR_INVALID_PARAMETER
            }
        }
    }
}

/// Why a value does not fit on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// More elements or bytes than the format can carry.
    #[error("{what} is {value}, at most {max} fits")]
    TooLarge {
        /// Which field.
        what: &'static str,
        /// Its size.
        value: usize,
        /// What fits.
        max: usize,
    },
}
