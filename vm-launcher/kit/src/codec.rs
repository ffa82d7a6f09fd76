// SPDX-License-Identifier: GPL-3.0-or-later
//! Packets to messages and back.
//!
//! In: the bytes of one packet, already bounded by the transport. Out: a typed message, or why it
//! is none. Nothing here does I/O.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why bytes are not a message, or a message does not fit a packet.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The bytes are not the expected JSON document.
    #[error("the packet is not understood: {0}")]
    Malformed(#[source] serde_json::Error),
    /// The message can't be written as JSON.
    #[error("the message can't be encoded: {0}")]
    Unencodable(#[source] serde_json::Error),
    /// The packet would be larger than the wire allows.
    #[error("the packet has {size} bytes, the wire carries at most {limit}")]
    TooLarge {
        /// Bytes needed.
        size: usize,
        /// Bytes allowed.
        limit: usize,
    },
}

/// Writes `message` as one packet of at most `limit` bytes.
///
/// # Errors
/// [`CodecError::Unencodable`] or [`CodecError::TooLarge`].
pub fn encode<T: Serialize>(message: &T, limit: usize) -> Result<Vec<u8>, CodecError> {
    let bytes = serde_json::to_vec(message).map_err(CodecError::Unencodable)?;
    if bytes.len() > limit {
        return Err(CodecError::TooLarge { size: bytes.len(), limit });
    }
    Ok(bytes)
}

/// Reads one message; trailing bytes and unknown fields are refused.
///
/// # Errors
/// [`CodecError::Malformed`].
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    serde_json::from_slice(bytes).map_err(CodecError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    const LIMIT: usize = 64;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Message {
        number: u32,
    }

    #[test]
    fn messages_survive_the_wire() {
        let message = Message { number: 7 };
        let bytes = encode(&message, LIMIT).unwrap();
        assert_eq!(decode::<Message>(&bytes).unwrap(), message);
        assert!(matches!(encode(&message, 4), Err(CodecError::TooLarge { limit: 4, .. })));
    }

    #[test]
    fn refuses() {
        for bad in [
            &b""[..],
            b"{}",
            b"{\"number\":1,\"extra\":1}",
            b"{\"number\":-1}",
            b"{\"number\":1} {}",
            b"\xff\xff",
        ] {
            assert!(matches!(decode::<Message>(bad), Err(CodecError::Malformed(_))), "{bad:?}");
        }
    }
}
