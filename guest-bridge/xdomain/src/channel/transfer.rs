// SPDX-License-Identifier: GPL-3.0-or-later
//! In: the body of SEND, RECEIVE, READ or WRITE. Out: [`Transfer`] or [`Pipe`].

use super::{MAX_IDS, words};
use crate::reader::Reader;
use crate::{DecodeError, EncodeError};

/// What an identifier stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IdKind {
    /// Guest → host: a resource attached to the context. Host → guest: memory to be claimed as a blob.
    Blob,
    /// A pipe that the guest reads.
    ReadPipe,
    /// A pipe that the guest writes.
    WritePipe,
}

impl IdKind {
    /// Its number.
    #[must_use]
    pub const fn wire(self) -> u32 {
        match self {
            Self::Blob => 1,
            Self::ReadPipe => 3,
            Self::WritePipe => 4,
        }
    }

    const fn from_wire(code: u32) -> Result<Self, DecodeError> {
        match code {
            1 => Ok(Self::Blob),
            3 => Ok(Self::ReadPipe),
            4 => Ok(Self::WritePipe),
            code => Err(DecodeError::Unknown { what: "identifier type", code }),
        }
    }
}

/// What travels instead of a file descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identifier {
    /// Resource id, item id or pipe id.
    pub id: u32,
    /// What it is.
    pub kind: IdKind,
    /// Bytes, for memory; 0 for pipes.
    pub size: u32,
}

/// Up to [`MAX_IDS`] identifiers in the order of the descriptors that they replace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdList {
    ids: [Identifier; MAX_IDS],
    len: usize,
}

impl Default for IdList {
    fn default() -> Self {
        Self { ids: [Identifier { id: 0, kind: IdKind::Blob, size: 0 }; MAX_IDS], len: 0 }
    }
}

impl IdList {
    /// An empty list.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The list of these.
    ///
    /// # Errors
    /// [`EncodeError`] above [`MAX_IDS`].
    pub fn from_slice(ids: &[Identifier]) -> Result<Self, EncodeError> {
        let mut list = Self::new();
        for id in ids {
            list.push(*id)?;
        }
        Ok(list)
    }

    /// Adds one.
    ///
    /// # Errors
    /// [`EncodeError`] if the list is full.
    pub fn push(&mut self, id: Identifier) -> Result<(), EncodeError> {
        let Some(slot) = self.ids.get_mut(self.len) else {
            let value = self.len.saturating_add(1);
            return Err(EncodeError::TooLarge { what: "identifiers", value, max: MAX_IDS });
        };
        *slot = id;
        self.len = self.len.saturating_add(1);
        Ok(())
    }

    /// The identifiers.
    #[must_use]
    pub fn as_slice(&self) -> &[Identifier] {
        self.ids.get(..self.len).unwrap_or_default()
    }
}

impl std::ops::Deref for IdList {
    type Target = [Identifier];

    fn deref(&self) -> &[Identifier] {
        self.as_slice()
    }
}

/// SEND or RECEIVE: a piece of the Wayland byte stream and what replaces its descriptors.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Transfer<'a> {
    /// In the order in which the stream's messages use them.
    pub ids: IdList,
    /// Bytes of the stream. Message borders need not match transfer borders.
    pub data: &'a [u8],
}

impl<'a> Transfer<'a> {
    pub(super) fn read(body: &'a [u8], max: usize) -> Result<Self, DecodeError> {
        let mut r = Reader::new("transfer", body);
        let [num_ids, data_size] = r.words()?;
        let (ids, kinds, sizes) = (r.words::<MAX_IDS>()?, r.words::<MAX_IDS>()?, r.words::<MAX_IDS>()?);
        let count = bounded("number of identifiers", num_ids, MAX_IDS)?;
        let len = bounded("data_size", data_size, max)?;
        let mut list = IdList::new();
        for ((id, kind), size) in ids.into_iter().zip(kinds).zip(sizes).take(count) {
            let id = Identifier { id, kind: IdKind::from_wire(kind)?, size };
            list.push(id).map_err(|_full| DecodeError::TooLarge {
                what: "number of identifiers",
                value: num_ids.into(),
                max: MAX_IDS as u64,
            })?;
        }
        Ok(Self { ids: list, data: r.take(len)? })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let count = u32::try_from(self.ids.len()).unwrap_or(u32::MAX);
        words(out, &[count, length(self.data)?]);
        let column = |out: &mut Vec<u8>, field: fn(&Identifier) -> u32| {
            let mut column = [0; MAX_IDS];
            for (to, id) in column.iter_mut().zip(self.ids.as_slice()) {
                *to = field(id);
            }
            words(out, &column);
        };
        column(out, |id| id.id);
        column(out, |id| id.kind.wire());
        column(out, |id| id.size);
        out.extend_from_slice(self.data);
        Ok(())
    }
}

/// READ or WRITE: bytes of a pipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pipe<'a> {
    /// The pipe's id.
    pub id: u32,
    /// The writer has closed it, after these bytes. From the guest, without bytes and for a pipe that it reads:
    /// it reads no more.
    pub hang_up: bool,
    /// The bytes.
    pub data: &'a [u8],
}

impl<'a> Pipe<'a> {
    pub(super) fn read(body: &'a [u8], max: usize) -> Result<Self, DecodeError> {
        let mut r = Reader::new("pipe data", body);
        let [id, hang_up, data_size, _pad] = r.words()?;
        let len = bounded("data_size", data_size, max)?;
        Ok(Self { id, hang_up: hang_up != 0, data: r.take(len)? })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        words(out, &[self.id, self.hang_up.into(), length(self.data)?, 0]);
        out.extend_from_slice(self.data);
        Ok(())
    }
}

fn bounded(what: &'static str, value: u32, max: usize) -> Result<usize, DecodeError> {
    let len = usize::try_from(value).unwrap_or(usize::MAX);
    if len > max {
        let max = u64::try_from(max).unwrap_or(u64::MAX);
        return Err(DecodeError::TooLarge { what, value: value.into(), max });
    }
    Ok(len)
}

fn length(data: &[u8]) -> Result<u32, EncodeError> {
    // Checked again, and exactly, when the size of the whole command is written.
    u32::try_from(data.len()).map_err(|_e| EncodeError::TooLarge {
        what: "data",
        value: data.len(),
        max: usize::from(u16::MAX),
    })
}
