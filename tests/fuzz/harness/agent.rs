// SPDX-License-Identifier: GPL-3.0-or-later
//! In: any bytes. Out: nothing, or a panic if the agent channel's decoder breaks a promise.

use cofferdam_agent_wire::{Decoder, FromGuest, MAX_FRAME, ToGuest, encode};

/// A byte stream of the agent's port, read as either side would, in pieces whose size the first byte says.
pub fn decode(data: &[u8]) {
    let Some((cut, data)) = data.split_first() else { return };
    let size = usize::from(*cut).saturating_mul(64).max(1);
    read::<FromGuest>(data, size);
    read::<ToGuest>(data, size);
}

fn read<M>(data: &[u8], size: usize)
where
    M: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let mut decoder = Decoder::new();
    for chunk in data.chunks(size.min(MAX_FRAME)) {
        decoder.push(chunk);
        loop {
            match decoder.next::<M>() {
                Ok(Some(message)) => round_trip(&message),
                Ok(None) => break,
                Err(_) => return,
            }
        }
    }
}

fn round_trip<M>(message: &M)
where
    M: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let mut decoder = Decoder::new();
    decoder.push(&encode(message).expect("what was decoded can be encoded"));
    let again = decoder.next::<M>().expect("what was encoded can be decoded");
    assert_eq!(again.as_ref(), Some(message));
}
