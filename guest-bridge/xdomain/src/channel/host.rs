// SPDX-License-Identifier: GPL-3.0-or-later
//! In: the bytes of a channel ring. Out: the host's messages. The device encodes them, the bridge decodes.

use super::{Pipe, Transfer, begin, cmd, finish, frame};
use crate::{DecodeError, EncodeError, Limits};

/// A message from host to guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[expect(
    clippy::large_enum_variant,
    reason = "decoded on the stack, one at a time; a box would allocate per message"
)]
pub enum HostMessage<'a> {
    /// Bytes and identifiers from the peer. Without either, the peer is gone.
    Receive(Transfer<'a>),
    /// Bytes of a pipe that the guest reads.
    Read(Pipe<'a>),
}

impl<'a> HostMessage<'a> {
    /// The message which says that the channel is closed.
    #[must_use]
    pub fn closed() -> Self {
        Self::Receive(Transfer::default())
    }

    /// Whether this is [`Self::closed`].
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Receive(transfer) if transfer.ids.is_empty() && transfer.data.is_empty())
    }

    /// Decodes the message at the front of `bytes` and says how many bytes it takes.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn decode(bytes: &'a [u8], limits: &Limits) -> Result<(Self, usize), DecodeError> {
        let framed = frame(bytes)?;
        let message = match framed.cmd {
            cmd::RECEIVE => Self::Receive(Transfer::read(framed.body, limits.transfer_bytes)?),
            cmd::READ => Self::Read(Pipe::read(framed.body, limits.pipe_write_bytes)?),
            code => return Err(DecodeError::Unknown { what: "cross-domain message", code: code.into() }),
        };
        Ok((message, framed.size))
    }

    /// Appends the message.
    ///
    /// # Errors
    /// [`EncodeError`] if it does not fit into a command; `out` is then unchanged.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let start = match self {
            Self::Receive(_) => begin(cmd::RECEIVE, out),
            Self::Read(_) => begin(cmd::READ, out),
        };
        let written = match self {
            Self::Receive(transfer) => transfer.write(out),
            Self::Read(pipe) => pipe.write(out),
        };
        finish(start, written, out)
    }

    /// Bytes that [`Self::encode`] appends.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        let (header, data) = match self {
            Self::Receive(transfer) => (super::TRANSFER_HEADER, transfer.data.len()),
            Self::Read(pipe) => (super::PIPE_HEADER, pipe.data.len()),
        };
        header.saturating_add(data).checked_next_multiple_of(4).unwrap_or(usize::MAX)
    }
}
