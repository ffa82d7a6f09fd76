// SPDX-License-Identifier: GPL-3.0-or-later
//! In: what a guest asks about the channel and about images. Out: the replies' bytes, and back.

use super::{VERSION_1, channel_type, words};
use crate::DecodeError;
use crate::reader::Reader;

/// The capset: what this cross-domain endpoint can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capset {
    /// [`super::VERSION_XD1`] or [`VERSION_1`].
    pub version: u32,
    /// Bit `n` for channel type `n`.
    pub channels: u32,
    /// Images can be dmabufs; never, here.
    pub dmabuf: bool,
    /// Host memory can be mapped into the guest.
    pub external_gpu_memory: bool,
}

impl Capset {
    /// Size on the wire.
    pub const SIZE: usize = 16;
    /// What our device announces.
    pub const XD1: Self = Self {
        version: super::VERSION_XD1,
        channels: 1 << channel_type::WAYLAND,
        dmabuf: false,
        external_gpu_memory: true,
    };

    /// Whether the host understands INIT2.
    #[must_use]
    pub const fn has_ring(&self) -> bool {
        self.version >= super::VERSION_XD1
    }

    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        let fields = [self.version, self.channels, self.dmabuf.into(), self.external_gpu_memory.into()];
        for (to, field) in bytes.chunks_exact_mut(4).zip(fields) {
            to.copy_from_slice(&field.to_le_bytes());
        }
        bytes
    }

    /// Reads what the driver returned.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let [version, channels, dmabuf, external] = Reader::new("capset", bytes).words()?;
        if version < VERSION_1 {
            return Err(DecodeError::Invalid { what: "capset version", value: version.into() });
        }
        Ok(Self { version, channels, dmabuf: dmabuf != 0, external_gpu_memory: external != 0 })
    }
}

/// GET_IMAGE_REQUIREMENTS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageQuery {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// DRM fourcc.
    pub format: u32,
    /// gbm flags; of no effect, images are always linear.
    pub flags: u32,
}

impl ImageQuery {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let [width, height, format, flags] = r.words()?;
        Ok(Self { width, height, format, flags })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        words(out, &[self.width, self.height, self.format, self.flags]);
    }
}

/// Size of [`ImageRequirements`] on the wire.
pub const REQUIREMENTS: usize = 64;

/// The reply to [`ImageQuery`], at offset 0 of the query ring.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ImageRequirements {
    /// Bytes per row of each plane.
    pub strides: [u32; 4],
    /// Offset of each plane.
    pub offsets: [u32; 4],
    /// DRM modifier, 0 for linear.
    pub modifier: u64,
    /// Bytes of the blob.
    pub size: u64,
    /// Id to make the blob with.
    pub blob_id: u32,
    /// Caching, as in [`crate::virtio::MapCache`].
    pub map_info: u32,
}

impl ImageRequirements {
    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; REQUIREMENTS] {
        let mut out = Vec::with_capacity(REQUIREMENTS);
        words(&mut out, &self.strides);
        words(&mut out, &self.offsets);
        out.extend_from_slice(&self.modifier.to_le_bytes());
        out.extend_from_slice(&self.size.to_le_bytes());
        // No Vulkan memory stands behind the image: both indices are -1.
        words(&mut out, &[self.blob_id, self.map_info, u32::MAX, u32::MAX]);
        let mut bytes = [0; REQUIREMENTS];
        for (to, from) in bytes.iter_mut().zip(out) {
            *to = from;
        }
        bytes
    }

    /// Reads a reply.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new("image requirements", bytes);
        let (strides, offsets) = (r.words()?, r.words()?);
        let (modifier, size) = (r.u64()?, r.u64()?);
        let [blob_id, map_info] = r.words()?;
        let _memory_and_device_index = (r.i32()?, r.i32()?);
        Ok(Self { strides, offsets, modifier, size, blob_id, map_info })
    }
}
