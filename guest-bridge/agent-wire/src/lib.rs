// SPDX-License-Identifier: GPL-3.0-or-later
//! Pure: the framed protocol between the guest's agent and the launcher.
//!
//! In: bytes of a virtio-serial port, from a guest that may be hostile. Out: typed messages, or a
//! [`DecodeError`] after which the port is closed. A frame is a little-endian `u32` length (of what
//! follows, 1 to [`MAX_FRAME`]) and one postcard-encoded message.

#![forbid(unsafe_code)]

mod codec;
mod message;
mod portal;

pub use codec::{DecodeError, Decoder, MAX_FRAME, encode};
pub use message::{BridgeCounters, Exit, FromGuest, Stream, ToGuest, VERSION};
pub use portal::{
    Appearance, FileAnswer, FileKind, FileOp, FileStat, MAX_DATA, MAX_ENTRIES, MAX_PATH, MAX_TEXT,
    PortalOutcome, PortalWish,
};
