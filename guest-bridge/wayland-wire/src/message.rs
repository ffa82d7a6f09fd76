// SPDX-License-Identifier: GPL-3.0-or-later
//! In: bytes. Out: one whole message, of which only the header has been looked at.

use crate::fault::WireError;
use crate::id::ObjectId;

/// Largest message, header included. The format would allow 65,532; no client needs it, and libwayland's own
/// buffers were this size for a decade.
pub const MAX_MESSAGE: usize = 4096;
/// Bytes of a message's header.
pub const HEADER: usize = 8;

/// A message whose arguments have not been looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawMessage<'a> {
    /// The object that it is addressed to or comes from.
    pub sender: ObjectId,
    /// Its number in the sender's interface.
    pub opcode: u16,
    bytes: &'a [u8],
}

impl<'a> RawMessage<'a> {
    /// The message at the front of `bytes`, `None` if more bytes are needed.
    ///
    /// # Errors
    /// [`WireError::Size`], [`WireError::NullSender`]; as soon as the header is there.
    pub fn decode(bytes: &'a [u8]) -> Result<Option<Self>, WireError> {
        let Some([a, b, c, d, opcode @ .., size_low, size_high]) = bytes.first_chunk::<HEADER>() else {
            return Ok(None);
        };
        let size = u16::from_ne_bytes([*size_low, *size_high]);
        let len = usize::from(size);
        if !(HEADER..=MAX_MESSAGE).contains(&len) || !len.is_multiple_of(4) {
            return Err(WireError::Size(size));
        }
        let sender = ObjectId::new(u32::from_ne_bytes([*a, *b, *c, *d])).ok_or(WireError::NullSender)?;
        let Some(bytes) = bytes.get(..len) else { return Ok(None) };
        Ok(Some(Self { sender, opcode: u16::from_ne_bytes(*opcode), bytes }))
    }

    /// All its bytes, header included.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The bytes of its arguments.
    #[must_use]
    pub fn body(&self) -> &'a [u8] {
        self.bytes.get(HEADER..).unwrap_or_default()
    }
}
