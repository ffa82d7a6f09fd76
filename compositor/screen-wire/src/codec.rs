// SPDX-License-Identifier: GPL-3.0-or-later
//! Packets to messages and back. One packet is one message; bytes left over are an error, and so is every
//! number that is out of its range.

use crate::limits::PACKET;
use crate::{ToFront, ToScreen};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why a packet is no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Not the expected message.
    #[error("the packet is not understood")]
    Malformed,
    /// More than one message, or rubbish behind it.
    #[error("{0} bytes are left over behind the message")]
    Surplus(usize),
    /// Longer than [`PACKET`].
    #[error("a packet of {0} bytes is too long")]
    TooLong(usize),
    /// A number that means nothing.
    #[error("the packet has {0}")]
    Value(&'static str),
    /// Another number of fds than the message has.
    #[error("there are {0} fds beside the message")]
    Fds(usize),
}

/// Why a message can't be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the message would take more than {PACKET} bytes")]
pub struct EncodeError;

/// A message as one packet.
///
/// # Errors
/// If it would be longer than [`PACKET`].
pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, EncodeError> {
    let bytes = postcard::to_allocvec(message).map_err(|_odd| EncodeError)?;
    if bytes.len() > PACKET { Err(EncodeError) } else { Ok(bytes) }
}

/// One packet of a front, with so many fds beside it.
///
/// # Errors
/// See [`DecodeError`].
pub fn decode_to_screen(packet: &[u8], fds: usize) -> Result<ToScreen, DecodeError> {
    let message: ToScreen = decode(packet)?;
    message.check()?;
    if message.fds() == fds { Ok(message) } else { Err(DecodeError::Fds(fds)) }
}

/// One packet of the compositor, with so many fds beside it.
///
/// # Errors
/// See [`DecodeError`].
pub fn decode_to_front(packet: &[u8], fds: usize) -> Result<ToFront, DecodeError> {
    let message: ToFront = decode(packet)?;
    message.check()?;
    if message.fds() == fds { Ok(message) } else { Err(DecodeError::Fds(fds)) }
}

fn decode<T: DeserializeOwned>(packet: &[u8]) -> Result<T, DecodeError> {
    if packet.len() > PACKET {
        return Err(DecodeError::TooLong(packet.len()));
    }
    let (message, rest) = postcard::take_from_bytes(packet).map_err(|_why| DecodeError::Malformed)?;
    if rest.is_empty() { Ok(message) } else { Err(DecodeError::Surplus(rest.len())) }
}
