// SPDX-License-Identifier: GPL-3.0-or-later
//! In: bytes of a virtio-gpu control queue. Out: [`Header`], [`Command`] and [`Response`], and back.
//!
//! Only what a render-only device with blob resources and contexts needs is known here; 2D and virgl
//! commands are [`DecodeError::Unknown`] on purpose.

mod command;
mod response;

pub use command::{Command, CreateBlob, CtxName, MemEntries, MemEntry, Request};
pub use response::{CapsetInfo, DisplayMode, MapCache, Response, ResponseCode, SCANOUTS};

use crate::DecodeError;
use crate::reader::Reader;

/// Feature bits (as shift counts) of the device.
pub mod feature {
    /// Mandatory although no virgl is spoken: the guest's driver gates contexts on it.
    pub const VIRGL: u32 = 0;
    /// EDID of scanouts; not offered.
    pub const EDID: u32 = 1;
    /// Sharing with other virtio devices; not offered.
    pub const RESOURCE_UUID: u32 = 2;
    /// Blob resources.
    pub const RESOURCE_BLOB: u32 = 3;
    /// Typed contexts with rings.
    pub const CONTEXT_INIT: u32 = 4;
    /// Alignment of blobs is in the config space; not offered.
    pub const BLOB_ALIGNMENT: u32 = 5;
    /// Indirect descriptors: one queue slot per command.
    pub const RING_INDIRECT_DESC: u32 = 28;
    /// Fewer kicks and interrupts.
    pub const RING_EVENT_IDX: u32 = 29;
    /// Required by every driver.
    pub const VERSION_1: u32 = 32;
    /// The set that the device offers, as a mask.
    pub const OFFERED: u64 = 1 << VIRGL
        | 1 << RESOURCE_BLOB
        | 1 << CONTEXT_INIT
        | 1 << RING_INDIRECT_DESC
        | 1 << RING_EVENT_IDX
        | 1 << VERSION_1;
}

/// Command codes.
pub mod code {
    /// Scanouts; answered with none enabled.
    pub const GET_DISPLAY_INFO: u32 = 0x100;
    /// Ends a resource.
    pub const RESOURCE_UNREF: u32 = 0x102;
    /// Gives guest pages to a resource.
    pub const RESOURCE_ATTACH_BACKING: u32 = 0x106;
    /// Takes them away.
    pub const RESOURCE_DETACH_BACKING: u32 = 0x107;
    /// Describes one capset.
    pub const GET_CAPSET_INFO: u32 = 0x108;
    /// Reads one capset.
    pub const GET_CAPSET: u32 = 0x109;
    /// Makes a blob resource.
    pub const RESOURCE_CREATE_BLOB: u32 = 0x10c;
    /// Makes a context.
    pub const CTX_CREATE: u32 = 0x200;
    /// Ends a context.
    pub const CTX_DESTROY: u32 = 0x201;
    /// Lets a context name a resource.
    pub const CTX_ATTACH_RESOURCE: u32 = 0x202;
    /// Takes that back.
    pub const CTX_DETACH_RESOURCE: u32 = 0x203;
    /// Carries cross-domain commands.
    pub const SUBMIT_3D: u32 = 0x207;
    /// Maps a host blob into the host-visible region.
    pub const RESOURCE_MAP_BLOB: u32 = 0x208;
    /// Unmaps it.
    pub const RESOURCE_UNMAP_BLOB: u32 = 0x209;
}

/// Where a blob's bytes live.
pub mod blob_mem {
    /// In pages of the guest.
    pub const GUEST: u32 = 1;
    /// On the host: in the arena.
    pub const HOST3D: u32 = 2;
    /// Both; refused.
    pub const HOST3D_GUEST: u32 = 3;
}

/// Flags of a blob.
pub mod blob_flag {
    /// The guest may map it.
    pub const MAPPABLE: u32 = 1;
    /// It may be shared between contexts.
    pub const SHAREABLE: u32 = 2;
    /// It may be shared with other devices.
    pub const CROSS_DEVICE: u32 = 4;
    /// All that exist.
    pub const ALL: u32 = MAPPABLE | SHAREABLE | CROSS_DEVICE;
}

/// The request wants a fence.
pub const FLAG_FENCE: u32 = 1;
/// The fence belongs to the timeline of the header's `ring_idx`.
pub const FLAG_RING_IDX: u32 = 2;
/// Size of [`Header`] on the wire.
pub const HEADER: usize = 24;
/// Capset id of cross-domain.
pub const CAPSET_CROSS_DOMAIN: u32 = 5;
/// Id of the host-visible shared-memory region.
pub const SHM_HOST_VISIBLE: u8 = 1;
/// Size of the config space without blob alignment.
pub const CONFIG_SIZE: usize = 20;

/// The config space: no events, one scanout (Linux 6.1 refuses to probe with none), one capset.
#[must_use]
pub fn config_space() -> [u8; CONFIG_SIZE] {
    let mut space = [0; CONFIG_SIZE];
    let words: [u32; 5] = [0, 0, 1, 1, 0];
    for (to, word) in space.chunks_exact_mut(4).zip(words) {
        to.copy_from_slice(&word.to_le_bytes());
    }
    space
}

/// The control header that begins every request and every response.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Header {
    /// Command or response code.
    pub kind: u32,
    /// [`FLAG_FENCE`] and [`FLAG_RING_IDX`].
    pub flags: u32,
    /// The fence, if asked for.
    pub fence_id: u64,
    /// The context, 0 for none.
    pub ctx_id: u32,
    /// The timeline, with [`FLAG_RING_IDX`].
    pub ring_idx: u8,
}

/// To which timeline a fence belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Timeline {
    /// The device's own: completes at once.
    Global,
    /// One of a context's rings.
    Ring {
        /// The context.
        ctx_id: u32,
        /// [`crate::channel::QUERY_RING`] or [`crate::channel::CHANNEL_RING`].
        ring_idx: u8,
    },
}

impl Header {
    /// A header without fence.
    #[must_use]
    pub const fn new(kind: u32, ctx_id: u32) -> Self {
        Self { kind, flags: 0, fence_id: 0, ctx_id, ring_idx: 0 }
    }

    /// Reads the header. Device code does this first of all, since even an error response needs its fence.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`]: then no response can be made.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new("control header", bytes);
        let [kind, flags] = reader.words()?;
        let fence_id = reader.u64()?;
        let ctx_id = reader.u32()?;
        let ring_idx = reader.u8()?;
        reader.take(3)?;
        Ok(Self { kind, flags, fence_id, ctx_id, ring_idx })
    }

    /// Appends the header.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.kind.to_le_bytes());
        out.extend_from_slice(&self.flags.to_le_bytes());
        out.extend_from_slice(&self.fence_id.to_le_bytes());
        out.extend_from_slice(&self.ctx_id.to_le_bytes());
        out.extend_from_slice(&[self.ring_idx, 0, 0, 0]);
    }

    /// The timeline of the fence, `None` if no fence is asked for.
    #[must_use]
    pub const fn timeline(&self) -> Option<Timeline> {
        if self.flags & FLAG_FENCE == 0 {
            None
        } else if self.flags & FLAG_RING_IDX == 0 {
            Some(Timeline::Global)
        } else {
            Some(Timeline::Ring { ctx_id: self.ctx_id, ring_idx: self.ring_idx })
        }
    }

    /// The header of the response to this request: fence fields come back, also when the response is an
    /// error, because the guest signals fences from nothing else.
    #[must_use]
    pub const fn reply(&self, code: ResponseCode) -> Self {
        if self.flags & FLAG_FENCE == 0 { Self::new(code.0, 0) } else { Self { kind: code.0, ..*self } }
    }
}
