// SPDX-License-Identifier: GPL-3.0-or-later
//! Pure: the virtio-gpu control queue and its cross-domain context, both sides of the wire.
//!
//! In: bytes of the control queue, of a `SUBMIT_3D` payload or of a shared ring, written by a peer that may
//! be hostile. Out: typed values, or a [`DecodeError`] that says which response code the peer gets. The other
//! way round: typed values in, bytes out. Nothing here allocates on behalf of the bytes it reads: lists stay
//! views into the input or fixed arrays.
//!
//! - [`virtio`]: control header, commands, responses (the device decodes commands, tests encode them);
//! - [`channel`]: the cross-domain commands of profile XD-1, guest → host and host → guest;
//! - [`ring`]: arithmetic of the shared single-producer, single-consumer ring. It only ever yields offsets; the
//!   memory itself is touched by the shells.
//! - [`limits`]: every number that bounds a guest, in one struct.

#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::indexing_slicing))]

pub mod channel;
mod error;
pub mod limits;
mod reader;
pub mod ring;
pub mod virtio;

pub use error::{DecodeError, EncodeError};
pub use limits::Limits;
