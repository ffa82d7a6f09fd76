// SPDX-License-Identifier: GPL-3.0-or-later
//! Framing and the total decoder.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Largest frame after its length field, in bytes.
pub const MAX_FRAME: usize = 64 * 1024;

const LEN: usize = 4;

/// Why bytes are not a message. The port is of no use afterwards.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The length field is 0 or above [`MAX_FRAME`].
    #[error("frame of {0} bytes; allowed are 1 to {MAX_FRAME}")]
    Length(u32),
    /// The frame is not a known message.
    #[error("frame is no known message")]
    Malformed,
    /// A message was followed by other bytes within its frame.
    #[error("{0} bytes after the message in its frame")]
    Trailing(usize),
}

/// Encodes one message with its length field.
///
/// # Errors
/// [`DecodeError::Length`] if the message is larger than a frame may be.
pub fn encode<M: Serialize>(message: &M) -> Result<Vec<u8>, DecodeError> {
    let body = postcard::to_allocvec(message).map_err(|_e| DecodeError::Malformed)?;
    let len = u32::try_from(body.len()).map_err(|_e| DecodeError::Length(u32::MAX))?;
    if body.is_empty() || body.len() > MAX_FRAME {
        return Err(DecodeError::Length(len));
    }
    let mut out = Vec::with_capacity(body.len().saturating_add(LEN));
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(&body);
    Ok(out)
}

/// Collects bytes and gives back whole messages. Holds at most one frame plus what was pushed last.
#[derive(Debug, Default)]
pub struct Decoder {
    buf: Vec<u8>,
}

impl Decoder {
    /// An empty decoder.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in what was read. Push at most [`MAX_FRAME`] bytes, then drain [`Self::next`].
    pub fn push(&mut self, bytes: &[u8]) {
        self.buf.extend_from_slice(bytes);
    }

    /// The next whole message, `None` when more bytes are needed.
    ///
    /// # Errors
    /// See [`DecodeError`]; after one the decoder must not be used again.
    #[expect(clippy::should_implement_trait, reason = "the message's type is the caller's to say, each time")]
    pub fn next<M: DeserializeOwned>(&mut self) -> Result<Option<M>, DecodeError> {
        let Some((head, rest)) = self.buf.split_first_chunk::<LEN>() else { return Ok(None) };
        let len = u32::from_le_bytes(*head);
        let size = usize::try_from(len).unwrap_or(usize::MAX);
        if size == 0 || size > MAX_FRAME {
            return Err(DecodeError::Length(len));
        }
        let Some(body) = rest.get(..size) else { return Ok(None) };
        let (message, left) = postcard::take_from_bytes::<M>(body).map_err(|_e| DecodeError::Malformed)?;
        if !left.is_empty() {
            return Err(DecodeError::Trailing(left.len()));
        }
        self.buf.drain(..size.saturating_add(LEN));
        Ok(Some(message))
    }
}
