// SPDX-License-Identifier: GPL-3.0-or-later
//! In: nothing. Out: what can be wrong with a message. A fault is the peer's, costs it the connection, and is
//! counted; it is never an error of ours.

use crate::interface::Interface;

/// Why bytes are not a message of the expected shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// The size field is below a header, above [`crate::MAX_MESSAGE`] or no multiple of four.
    #[error("message size {0}")]
    Size(u16),
    /// The sender is the null object.
    #[error("null sender")]
    NullSender,
    /// The body ends within an argument.
    #[error("argument {0} is cut off")]
    Truncated(&'static str),
    /// The body goes on after the last argument.
    #[error("{0} bytes after the last argument")]
    Trailing(usize),
    /// A string is not NUL-terminated, has a NUL inside or is not UTF-8.
    #[error("argument {0} is no text")]
    Text(&'static str),
    /// Null where the protocol does not allow it.
    #[error("argument {0} must not be null")]
    Null(&'static str),
}

/// What is wrong with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FaultKind {
    /// Its bytes.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The sender does not exist, or was destroyed.
    #[error("no such sender")]
    Sender,
    /// The interface has no such message.
    #[error("no such opcode")]
    Opcode,
    /// The message is newer than the object.
    #[error("needs version {since}, object has {version}")]
    Since {
        /// First version with it.
        since: u32,
        /// The sender's version.
        version: u32,
    },
    /// An argument names an object that does not exist, or one of another interface.
    #[error("argument {name} names object {id}, which is not there or of another kind")]
    Object {
        /// The argument.
        name: &'static str,
        /// The id.
        id: u32,
    },
    /// A new id is in use, in the wrong range, or leaves a gap.
    #[error("new id {0} is not free, not next or not in the sender's range")]
    NewId(u32),
    /// A value is none of its enum.
    #[error("argument {name} must not be {value:#x}")]
    Value {
        /// The argument.
        name: &'static str,
        /// The value.
        value: u32,
    },
    /// A bind names a global, interface or version that was not announced.
    #[error("bind to global {0}, which was not announced so")]
    Bind(u32),
    /// Fewer descriptors came than the message uses.
    #[error("{need} descriptors needed, {have} there")]
    Fds {
        /// Used by the message.
        need: usize,
        /// Received so far.
        have: usize,
    },
    /// More objects than [`crate::Limits::objects`].
    #[error("too many objects")]
    TooMany,
}

/// A message that ends its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}@{sender}, opcode {opcode}: {kind}", .interface.map_or("?", |interface| interface.name))]
pub struct Fault {
    /// The sender's id.
    pub sender: u32,
    /// The sender's interface, if it exists.
    pub interface: Option<&'static Interface>,
    /// Which message.
    pub opcode: u16,
    /// What is wrong.
    #[source]
    pub kind: FaultKind,
}

impl Fault {
    /// The code of `wl_display.error` that tells a client about it.
    #[must_use]
    pub const fn display_error(&self) -> u32 {
        use crate::protocol::wl_display::error;
        match self.kind {
            FaultKind::Sender | FaultKind::Object { .. } | FaultKind::NewId(_) | FaultKind::Bind(_) => {
                error::INVALID_OBJECT
            }
            FaultKind::TooMany => error::NO_MEMORY,
            FaultKind::Wire(_)
            | FaultKind::Opcode
            | FaultKind::Since { .. }
            | FaultKind::Value { .. }
            | FaultKind::Fds { .. } => error::INVALID_METHOD,
        }
    }
}
