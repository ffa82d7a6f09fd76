// SPDX-License-Identifier: GPL-3.0-or-later
//! In: a `SUBMIT_3D` payload (guest → host) or the bytes of a channel ring (host → guest). Out:
//! [`GuestCommand`]s, [`HostMessage`]s and replies to queries, and back.
//!
//! Profile XD-1: commands 1 to 7 as every cross-domain peer knows them, plus INIT2 which names a real ring.
//! Everything else is refused, because other dialects give the same numbers other meanings.

mod guest;
mod host;
mod query;
mod transfer;

pub use guest::{Commands, GuestCommand, Init, Init2, commands};
pub use host::HostMessage;
pub use query::{Capset, ImageQuery, ImageRequirements, REQUIREMENTS};
pub use transfer::{IdKind, IdList, Identifier, Pipe, Transfer};

/// Command codes.
pub mod cmd {
    /// Guest: names the two single-message rings.
    pub const INIT: u8 = 1;
    /// Guest: asks for an image's layout.
    pub const GET_IMAGE_REQUIREMENTS: u8 = 2;
    /// Guest: its fence completes when the channel has a message.
    pub const POLL: u8 = 3;
    /// Guest: bytes and identifiers.
    pub const SEND: u8 = 4;
    /// Host: bytes and identifiers.
    pub const RECEIVE: u8 = 5;
    /// Host: bytes of a pipe that the guest reads.
    pub const READ: u8 = 6;
    /// Guest: bytes of a pipe that the guest writes.
    pub const WRITE: u8 = 7;
    /// Guest, XD-1 only: names a real ring.
    pub const INIT2: u8 = 0x80;
}

/// Channel types.
pub mod channel_type {
    /// Wayland, the only one that is served.
    pub const WAYLAND: u32 = 1;
}

/// Timeline of queries: completes when the reply is written.
pub const QUERY_RING: u8 = 0;
/// Timeline of POLLs: completes when the channel has a message.
pub const CHANNEL_RING: u8 = 1;
/// Size of a version-1 ring, which holds one message.
pub const V1_RING: usize = 4096;
/// Size of the header of every cross-domain command.
pub const CMD_HEADER: usize = 8;
/// Identifiers that one SEND or RECEIVE has room for.
pub const MAX_IDS: usize = 28;
/// Offset of a transfer's data.
pub const TRANSFER_HEADER: usize = 352;
/// Most data bytes in a transfer through a version-1 ring.
pub const V1_TRANSFER: usize = V1_RING - TRANSFER_HEADER;
/// Offset of a READ's or WRITE's data.
pub const PIPE_HEADER: usize = 24;
/// Most data bytes of a READ or WRITE through a version-1 ring.
pub const V1_PIPE: usize = V1_RING - PIPE_HEADER;
/// First id that the guest gives to a pipe it reads; it counts upwards and the host does the same.
pub const FIRST_READ_PIPE: u32 = 0x8000_0001;
/// Item that every context may make as many blobs of as its quota allows: empty pixels in the arena. A
/// reply to [`ImageQuery`] names it; who knows the layout already need not ask.
pub const PIXEL_ITEM: u32 = 1;
/// First id that the host gives to an item.
pub const FIRST_HOST_ITEM: u32 = 2;
/// `Capset::version` of plain cross-domain.
pub const VERSION_1: u32 = 1;
/// `Capset::version` that announces profile XD-1.
pub const VERSION_XD1: u32 = 0x100;

/// Appends a command header whose size is filled in by [`finish`].
fn begin(cmd: u8, out: &mut Vec<u8>) -> usize {
    let start = out.len();
    out.extend_from_slice(&[cmd, 0, 0, 0, 0, 0, 0, 0]);
    start
}

/// Pads the command to a multiple of four and writes its size, or takes it back if its body could not be
/// `written` or is too long.
fn finish(
    start: usize,
    written: Result<(), crate::EncodeError>,
    out: &mut Vec<u8>,
) -> Result<(), crate::EncodeError> {
    if let Err(error) = written {
        out.truncate(start);
        return Err(error);
    }
    let len = out.len().saturating_sub(start);
    let size = len.checked_next_multiple_of(4).unwrap_or(usize::MAX);
    let Ok(size16) = u16::try_from(size) else {
        out.truncate(start);
        let max = usize::from(u16::MAX);
        return Err(crate::EncodeError::TooLarge { what: "bytes of a command", value: size, max });
    };
    out.resize(start.saturating_add(size), 0);
    let field = start.saturating_add(2)..start.saturating_add(4);
    if let Some(field) = out.get_mut(field) {
        field.copy_from_slice(&size16.to_le_bytes());
    }
    Ok(())
}

fn words(out: &mut Vec<u8>, words: &[u32]) {
    for word in words {
        out.extend_from_slice(&word.to_le_bytes());
    }
}

/// The header of a cross-domain command and the bytes of the whole command.
struct Framed<'a> {
    cmd: u8,
    /// After the header, up to `cmd_size`.
    body: &'a [u8],
    size: usize,
}

/// Takes one command off `bytes`: its size must cover its header and lie within `bytes`.
fn frame(bytes: &[u8]) -> Result<Framed<'_>, crate::DecodeError> {
    let mut reader = crate::reader::Reader::new("cross-domain command", bytes);
    let cmd = reader.u8()?;
    reader.u8()?;
    let size = usize::from(reader.u16()?);
    reader.u32()?;
    let Some(body_len) = size.checked_sub(CMD_HEADER) else {
        let value = u64::try_from(size).unwrap_or(u64::MAX);
        return Err(crate::DecodeError::Invalid { what: "cmd_size", value });
    };
    Ok(Framed { cmd, body: reader.take(body_len)?, size })
}
