// SPDX-License-Identifier: GPL-3.0-or-later
//! In: one request of the control queue. Out: a [`Command`] that still points into it.

use super::{HEADER, Header, code};
use crate::reader::Reader;
use crate::{DecodeError, EncodeError, Limits};

/// Size of one extent on the wire.
const ENTRY: usize = 16;
/// Size of a context's debug name.
const NAME: usize = 64;

/// A whole request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request<'a> {
    /// Its header.
    pub header: Header,
    /// What it asks for.
    pub command: Command<'a>,
}

/// One extent of guest memory. Nothing is known about it but that it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemEntry {
    /// Guest physical address.
    pub addr: u64,
    /// Bytes.
    pub len: u32,
}

/// A view of the extents behind a request; their number is within [`Limits::blob_entries`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MemEntries<'a>(&'a [u8]);

impl<'a> MemEntries<'a> {
    /// Reads `count` extents from the front of `reader`.
    fn read(reader: &mut Reader<'a>, count: u32, limits: &Limits) -> Result<Self, DecodeError> {
        if count > limits.blob_entries {
            return Err(DecodeError::TooLarge {
                what: "number of extents",
                value: count.into(),
                max: limits.blob_entries.into(),
            });
        }
        let bytes = usize::try_from(count).unwrap_or(usize::MAX).saturating_mul(ENTRY);
        reader.take(bytes).map(Self)
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len() / ENTRY
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The extents in order.
    pub fn iter(&self) -> impl Iterator<Item = MemEntry> + use<'a> {
        self.0.as_chunks::<ENTRY>().0.iter().map(|chunk| {
            let [a, b, c, d, e, f, g, h, i, j, k, l, ..] = *chunk;
            MemEntry {
                addr: u64::from_le_bytes([a, b, c, d, e, f, g, h]),
                len: u32::from_le_bytes([i, j, k, l]),
            }
        })
    }

    /// Encodes extents in the form that [`Self::from_wire`] takes.
    #[must_use]
    pub fn to_wire(entries: &[MemEntry]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(entries.len().saturating_mul(ENTRY));
        for entry in entries {
            bytes.extend_from_slice(&entry.addr.to_le_bytes());
            bytes.extend_from_slice(&entry.len.to_le_bytes());
            bytes.extend_from_slice(&[0; 4]);
        }
        bytes
    }

    /// Views whole extents; `None` if `bytes` ends within one.
    #[must_use]
    pub const fn from_wire(bytes: &'a [u8]) -> Option<Self> {
        if bytes.len().is_multiple_of(ENTRY) { Some(Self(bytes)) } else { None }
    }
}

/// The parameters of a new blob resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CreateBlob<'a> {
    /// Its id, chosen by the guest.
    pub resource: u32,
    /// One of [`super::blob_mem`].
    pub mem: u32,
    /// [`super::blob_flag`]s.
    pub flags: u32,
    /// The host's item that it stands for, 0 for guest memory.
    pub blob_id: u64,
    /// Bytes.
    pub size: u64,
    /// Its pages, for guest memory.
    pub entries: MemEntries<'a>,
}

/// A context's debug name as the guest sent it: not text until somebody checks it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CtxName<'a>(pub &'a [u8]);

/// A command of the control queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command<'a> {
    /// Which scanouts are there.
    GetDisplayInfo,
    /// Ends a resource.
    ResourceUnref {
        /// Its id.
        resource: u32,
    },
    /// Gives guest pages to a resource.
    AttachBacking {
        /// Its id.
        resource: u32,
        /// The pages.
        entries: MemEntries<'a>,
    },
    /// Takes a resource's pages away.
    DetachBacking {
        /// Its id.
        resource: u32,
    },
    /// Describes a capset.
    GetCapsetInfo {
        /// Which, from 0.
        index: u32,
    },
    /// Reads a capset.
    GetCapset {
        /// Its id.
        id: u32,
        /// Its version.
        version: u32,
    },
    /// Makes a blob resource.
    CreateBlob(CreateBlob<'a>),
    /// Makes the context of the header.
    CtxCreate {
        /// The capset id that it speaks (low 8 bits of `context_init`).
        capset: u8,
        /// Debug name.
        name: CtxName<'a>,
    },
    /// Ends the context of the header.
    CtxDestroy,
    /// Lets the header's context name a resource.
    CtxAttachResource {
        /// Its id.
        resource: u32,
    },
    /// Takes that back.
    CtxDetachResource {
        /// Its id.
        resource: u32,
    },
    /// Cross-domain commands for the header's context.
    Submit3d {
        /// See [`crate::channel::commands`].
        payload: &'a [u8],
    },
    /// Maps a blob into the host-visible region.
    MapBlob {
        /// Its id.
        resource: u32,
        /// Where, in bytes from the region's start.
        offset: u64,
    },
    /// Unmaps a blob.
    UnmapBlob {
        /// Its id.
        resource: u32,
    },
}

impl<'a> Request<'a> {
    /// Decodes a request and says how many of its bytes were used.
    ///
    /// # Errors
    /// [`DecodeError`]; unless the header itself is truncated, the guest gets [`DecodeError::response`].
    pub fn decode(bytes: &'a [u8], limits: &Limits) -> Result<(Self, usize), DecodeError> {
        let header = Header::decode(bytes)?;
        let body = bytes.get(HEADER..).unwrap_or_default();
        let (command, used) = Command::decode(header.kind, body, limits)?;
        Ok((Self { header, command }, used.saturating_add(HEADER)))
    }

    /// Appends the request; the header's `kind` is taken from the command.
    ///
    /// # Errors
    /// [`EncodeError`] if a list is longer than its count field can say.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        Header { kind: self.command.code(), ..self.header }.encode(out);
        self.command.encode(out)
    }
}

impl<'a> Command<'a> {
    /// Decodes the body that follows a header of this `kind`; also says how many bytes were used.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn decode(kind: u32, body: &'a [u8], limits: &Limits) -> Result<(Self, usize), DecodeError> {
        let max = if kind == code::SUBMIT_3D { limits.submit_bytes } else { limits.request_bytes };
        if body.len() > max.saturating_add(8) {
            return Err(DecodeError::TooLarge {
                what: "bytes of a request",
                value: u64::try_from(body.len()).unwrap_or(u64::MAX),
                max: u64::try_from(max).unwrap_or(u64::MAX),
            });
        }
        let mut reader = Reader::new("request body", body);
        let command = Self::read(kind, &mut reader, limits)?;
        Ok((command, body.len().saturating_sub(reader.rest().len())))
    }

    fn read(kind: u32, r: &mut Reader<'a>, limits: &Limits) -> Result<Self, DecodeError> {
        Ok(match kind {
            code::GET_DISPLAY_INFO => Self::GetDisplayInfo,
            code::RESOURCE_UNREF => Self::ResourceUnref { resource: id_pad(r)? },
            code::RESOURCE_ATTACH_BACKING => {
                let [resource, count] = r.words()?;
                Self::AttachBacking { resource, entries: MemEntries::read(r, count, limits)? }
            }
            code::RESOURCE_DETACH_BACKING => Self::DetachBacking { resource: id_pad(r)? },
            code::GET_CAPSET_INFO => Self::GetCapsetInfo { index: id_pad(r)? },
            code::GET_CAPSET => {
                let [id, version] = r.words()?;
                Self::GetCapset { id, version }
            }
            code::RESOURCE_CREATE_BLOB => Self::CreateBlob(CreateBlob::read(r, limits)?),
            code::CTX_CREATE => {
                let [len, init] = r.words()?;
                let name = r.take(NAME)?;
                // The kernel fills all 64 bytes and says how many count; a longer claim means the whole field.
                let len = usize::try_from(len).unwrap_or(NAME).min(NAME);
                let [capset, ..] = init.to_le_bytes();
                Self::CtxCreate { capset, name: CtxName(name.get(..len).unwrap_or_default()) }
            }
            code::CTX_DESTROY => Self::CtxDestroy,
            code::CTX_ATTACH_RESOURCE => Self::CtxAttachResource { resource: id_pad(r)? },
            code::CTX_DETACH_RESOURCE => Self::CtxDetachResource { resource: id_pad(r)? },
            code::SUBMIT_3D => {
                let size = id_pad(r)?;
                let size = usize::try_from(size).unwrap_or(usize::MAX);
                Self::Submit3d { payload: r.take(size)? }
            }
            code::RESOURCE_MAP_BLOB => Self::MapBlob { resource: id_pad(r)?, offset: r.u64()? },
            code::RESOURCE_UNMAP_BLOB => Self::UnmapBlob { resource: id_pad(r)? },
            code => return Err(DecodeError::Unknown { what: "virtio-gpu command", code }),
        })
    }

    /// Its command code.
    #[must_use]
    pub const fn code(&self) -> u32 {
        match self {
            Self::GetDisplayInfo => code::GET_DISPLAY_INFO,
            Self::ResourceUnref { .. } => code::RESOURCE_UNREF,
            Self::AttachBacking { .. } => code::RESOURCE_ATTACH_BACKING,
            Self::DetachBacking { .. } => code::RESOURCE_DETACH_BACKING,
            Self::GetCapsetInfo { .. } => code::GET_CAPSET_INFO,
            Self::GetCapset { .. } => code::GET_CAPSET,
            Self::CreateBlob(_) => code::RESOURCE_CREATE_BLOB,
            Self::CtxCreate { .. } => code::CTX_CREATE,
            Self::CtxDestroy => code::CTX_DESTROY,
            Self::CtxAttachResource { .. } => code::CTX_ATTACH_RESOURCE,
            Self::CtxDetachResource { .. } => code::CTX_DETACH_RESOURCE,
            Self::Submit3d { .. } => code::SUBMIT_3D,
            Self::MapBlob { .. } => code::RESOURCE_MAP_BLOB,
            Self::UnmapBlob { .. } => code::RESOURCE_UNMAP_BLOB,
        }
    }

    /// Appends the body, without header.
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let mut words = |words: &[u32]| {
            for word in words {
                out.extend_from_slice(&word.to_le_bytes());
            }
        };
        match *self {
            Self::GetDisplayInfo | Self::CtxDestroy => {}
            Self::ResourceUnref { resource }
            | Self::DetachBacking { resource }
            | Self::CtxAttachResource { resource }
            | Self::CtxDetachResource { resource }
            | Self::UnmapBlob { resource } => words(&[resource, 0]),
            Self::GetCapsetInfo { index } => words(&[index, 0]),
            Self::GetCapset { id, version } => words(&[id, version]),
            Self::AttachBacking { resource, entries } => {
                words(&[resource, count("extents", entries.len())?]);
                out.extend_from_slice(entries.0);
            }
            Self::CreateBlob(blob) => {
                words(&[blob.resource, blob.mem, blob.flags, count("extents", blob.entries.len())?]);
                out.extend_from_slice(&blob.blob_id.to_le_bytes());
                out.extend_from_slice(&blob.size.to_le_bytes());
                out.extend_from_slice(blob.entries.0);
            }
            Self::CtxCreate { capset, name } => {
                if name.0.len() > NAME {
                    return Err(EncodeError::TooLarge { what: "debug name", value: name.0.len(), max: NAME });
                }
                words(&[count("debug name", name.0.len())?, capset.into()]);
                let mut field = [0; NAME];
                for (to, from) in field.iter_mut().zip(name.0) {
                    *to = *from;
                }
                out.extend_from_slice(&field);
            }
            Self::Submit3d { payload } => {
                words(&[count("payload", payload.len())?, 0]);
                out.extend_from_slice(payload);
            }
            Self::MapBlob { resource, offset } => {
                words(&[resource, 0]);
                out.extend_from_slice(&offset.to_le_bytes());
            }
        }
        Ok(())
    }
}

impl<'a> CreateBlob<'a> {
    fn read(r: &mut Reader<'a>, limits: &Limits) -> Result<Self, DecodeError> {
        let [resource, mem, flags, count] = r.words()?;
        let (blob_id, size) = (r.u64()?, r.u64()?);
        let entries = MemEntries::read(r, count, limits)?;
        // Bytes behind the announced extents would be a second opinion about how many there are.
        if !r.rest().is_empty() {
            let value = u64::try_from(r.rest().len()).unwrap_or(u64::MAX);
            return Err(DecodeError::Invalid { what: "bytes after the extents", value });
        }
        Ok(Self { resource, mem, flags, blob_id, size, entries })
    }
}

/// A 32-bit field followed by padding.
fn id_pad(r: &mut Reader<'_>) -> Result<u32, DecodeError> {
    let [id, _pad] = r.words()?;
    Ok(id)
}

fn count(what: &'static str, value: usize) -> Result<u32, EncodeError> {
    u32::try_from(value).map_err(|_e| EncodeError::TooLarge { what, value, max: usize::MAX })
}
