// SPDX-License-Identifier: GPL-3.0-or-later
//! Packets to messages and back. One packet is one message; bytes left over are an error.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Largest packet on any of these wires, in bytes.
pub const MAX_PACKET: usize = 32 * 1024;

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
    /// Longer than [`MAX_PACKET`].
    #[error("a packet of {0} bytes is too long")]
    TooLong(usize),
}

/// Why a message can't be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the message would take more than {MAX_PACKET} bytes")]
pub struct EncodeError;

/// A message as one packet.
///
/// # Errors
/// If it would be longer than [`MAX_PACKET`].
pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, EncodeError> {
    let bytes = postcard::to_allocvec(message).map_err(|_odd| EncodeError)?;
    if bytes.len() > MAX_PACKET { Err(EncodeError) } else { Ok(bytes) }
}

/// One packet as a message.
///
/// # Errors
/// See [`DecodeError`].
pub fn decode<T: DeserializeOwned>(packet: &[u8]) -> Result<T, DecodeError> {
    if packet.len() > MAX_PACKET {
        return Err(DecodeError::TooLong(packet.len()));
    }
    let (message, rest) = postcard::take_from_bytes(packet).map_err(|_why| DecodeError::Malformed)?;
    if rest.is_empty() { Ok(message) } else { Err(DecodeError::Surplus(rest.len())) }
}
