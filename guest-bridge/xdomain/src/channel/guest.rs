// SPDX-License-Identifier: GPL-3.0-or-later
//! In: a `SUBMIT_3D` payload. Out: the guest's commands, one after the other.

use super::{ImageQuery, Pipe, Transfer, begin, cmd, finish, frame, words};
use crate::reader::Reader;
use crate::{DecodeError, EncodeError, Limits};

/// INIT: two blobs that hold one message each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Init {
    /// Resource for replies to queries.
    pub query_ring: u32,
    /// Resource for messages; `None` in the oldest dialect, where one ring serves both.
    pub channel_ring: Option<u32>,
    /// One of [`super::channel_type`].
    pub channel_type: u32,
}

/// INIT2: one blob with a ring as in [`crate::ring`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Init2 {
    /// Resource for replies to queries, `None` if the guest will not ask.
    pub query_ring: Option<u32>,
    /// Resource of the ring.
    pub channel_ring: u32,
    /// One of [`super::channel_type`].
    pub channel_type: u32,
    /// Bytes of the ring's data area; see [`crate::ring::RingLayout::new`].
    pub capacity: u32,
}

/// A command from guest to host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[expect(
    clippy::large_enum_variant,
    reason = "decoded on the stack, one at a time; a box would allocate per message"
)]
pub enum GuestCommand<'a> {
    /// Opens the channel with single-message rings.
    Init(Init),
    /// Opens the channel with a real ring.
    Init2(Init2),
    /// Asks for an image's layout.
    ImageRequirements(ImageQuery),
    /// Its fence completes when the channel has a message.
    Poll,
    /// Bytes and identifiers for the peer.
    Send(Transfer<'a>),
    /// Bytes for a pipe.
    Write(Pipe<'a>),
}

impl<'a> GuestCommand<'a> {
    /// Decodes the first command of `bytes` and says how many bytes it takes.
    ///
    /// # Errors
    /// [`DecodeError`]; the commands behind it are then not looked at.
    pub fn decode(bytes: &'a [u8], limits: &Limits) -> Result<(Self, usize), DecodeError> {
        let framed = frame(bytes)?;
        let mut r = Reader::new("cross-domain command", framed.body);
        let command = match framed.cmd {
            cmd::INIT => Self::Init(Init::read(&mut r)?),
            cmd::INIT2 => Self::Init2(Init2::read(&mut r)?),
            cmd::GET_IMAGE_REQUIREMENTS => Self::ImageRequirements(ImageQuery::read(&mut r)?),
            cmd::POLL => Self::Poll,
            cmd::SEND => Self::Send(Transfer::read(framed.body, limits.transfer_bytes)?),
            cmd::WRITE => Self::Write(Pipe::read(framed.body, limits.pipe_write_bytes)?),
            code => return Err(DecodeError::Unknown { what: "cross-domain command", code: code.into() }),
        };
        Ok((command, framed.size))
    }

    /// Appends the command.
    ///
    /// # Errors
    /// [`EncodeError`] if it does not fit into a command; `out` is then unchanged.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let start = begin(self.code(), out);
        let written = match self {
            Self::Init(init) => {
                init.write(out);
                Ok(())
            }
            Self::Init2(init) => {
                let query = init.query_ring.unwrap_or(0);
                words(out, &[query, init.channel_ring, init.channel_type, init.capacity]);
                Ok(())
            }
            Self::ImageRequirements(query) => {
                query.write(out);
                Ok(())
            }
            Self::Poll => Ok(()),
            Self::Send(transfer) => transfer.write(out),
            Self::Write(pipe) => pipe.write(out),
        };
        finish(start, written, out)
    }

    const fn code(&self) -> u8 {
        match self {
            Self::Init(_) => cmd::INIT,
            Self::Init2(_) => cmd::INIT2,
            Self::ImageRequirements(_) => cmd::GET_IMAGE_REQUIREMENTS,
            Self::Poll => cmd::POLL,
            Self::Send(_) => cmd::SEND,
            Self::Write(_) => cmd::WRITE,
        }
    }
}

impl Init {
    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        // Three sizes exist: 16 with one ring, 20 with two, 36 with a session's uuid behind them.
        match r.rest().len() {
            8 => {
                let [query_ring, channel_type] = r.words()?;
                Ok(Self { query_ring, channel_ring: None, channel_type })
            }
            12 | 28 => {
                let [query_ring, channel_ring, channel_type] = r.words()?;
                Ok(Self { query_ring, channel_ring: Some(channel_ring), channel_type })
            }
            len => Err(DecodeError::Invalid {
                what: "size of INIT",
                value: u64::try_from(len).unwrap_or(u64::MAX),
            }),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self.channel_ring {
            Some(ring) => words(out, &[self.query_ring, ring, self.channel_type]),
            None => words(out, &[self.query_ring, self.channel_type]),
        }
    }
}

impl Init2 {
    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let [query, channel_ring, channel_type, capacity] = r.words()?;
        let query_ring = (query != 0).then_some(query);
        Ok(Self { query_ring, channel_ring, channel_type, capacity })
    }
}

/// The commands of a `SUBMIT_3D` payload; ends after the last one or after the first error.
#[derive(Debug, Clone)]
pub struct Commands<'a> {
    rest: &'a [u8],
    left: usize,
    limits: Limits,
}

/// Walks `payload`. Each step takes at least a header's eight bytes, so it ends.
#[must_use]
pub const fn commands<'a>(payload: &'a [u8], limits: &Limits) -> Commands<'a> {
    Commands { rest: payload, left: limits.commands_per_submit, limits: *limits }
}

impl<'a> Iterator for Commands<'a> {
    type Item = Result<GuestCommand<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let result = match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                GuestCommand::decode(self.rest, &self.limits)
            }
            None => Err(too_many(&self.limits)),
        };
        self.rest = match &result {
            Ok((_, used)) => self.rest.get(*used..).unwrap_or_default(),
            Err(_) => &[],
        };
        Some(result.map(|(command, _)| command))
    }
}

fn too_many(limits: &Limits) -> DecodeError {
    let max = u64::try_from(limits.commands_per_submit).unwrap_or(u64::MAX);
    DecodeError::TooLarge { what: "number of commands", value: max.saturating_add(1), max }
}
