// SPDX-License-Identifier: GPL-3.0-or-later
//! Pixel memory: the guest's pools on its blobs become pools on the arena.
//!
//! In: `wl_shm.create_pool`, `wl_shm_pool.create_buffer` and `resize` of the guest. Out: the same requests
//! with the arena's numbers in them. Every buffer lies inside the blob that its pool was made of, so a guest
//! can neither show nor read a byte of the arena that is not its own surface's.

use super::fault::Fault;
use super::relay::fault;
use super::resources::{Range, Resources, Storage};
use cofferdam_wayland_wire::{Arg, EncodeError, ObjectId, Parsed};
use cofferdam_xdomain::channel::Identifier;
use std::collections::{BTreeMap, BTreeSet};

/// Formats of the arena: 32 bits a pixel, as `wl_shm` numbers them (ARGB, XRGB, and both with red and blue
/// exchanged).
const FORMATS: [u32; 4] = [0, 1, 0x3432_4241, 0x3432_4258];
/// Bytes of a pixel in all of them.
const PIXEL: i64 = 4;
/// Largest width and height.
const SIDE: i64 = 16_384;

#[derive(Debug, Clone, Copy)]
struct Pool {
    resource: u32,
    serial: u64,
    range: Range,
}

/// The pools of a connection.
#[derive(Debug, Default)]
pub(super) struct Pools(BTreeMap<ObjectId, Pool>);

/// A buffer inside its blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    /// Bytes from the blob's start.
    pub offset: i32,
    /// Pixels.
    pub width: i32,
    /// Pixels.
    pub height: i32,
    /// Bytes from row to row.
    pub stride: i32,
    /// `wl_shm` format.
    pub format: u32,
}

impl Geometry {
    /// Whether every byte of the buffer lies within `size` bytes.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn check(&self, size: u64) -> Result<(), &'static str> {
        let Self { offset, width, height, stride, format } = *self;
        let (offset, width, height, stride) =
            (i64::from(offset), i64::from(width), i64::from(height), i64::from(stride));
        if !FORMATS.contains(&format) {
            return Err("buffer_format");
        }
        if !(1..=SIDE).contains(&width) || !(1..=SIDE).contains(&height) {
            return Err("buffer_size");
        }
        if offset < 0 || stride < width.saturating_mul(PIXEL) {
            return Err("buffer_stride");
        }
        // All factors are below 2^31, so nothing saturates. The last row counts whole, as in libwayland.
        let end = stride.saturating_mul(height).saturating_add(offset);
        if u64::try_from(end).is_ok_and(|end| end <= size) { Ok(()) } else { Err("buffer_outside_blob") }
    }
}

impl Pools {
    /// `wl_shm.create_pool`: the blob must be an arena blob of the context, mapped. The compositor is told the
    /// end of its range as the pool's size.
    ///
    /// # Errors
    /// The [`Fault`] that ends the connection.
    pub(super) fn create(
        &mut self,
        parsed: &Parsed<'_>,
        id: Option<Identifier>,
        attached: &BTreeSet<u32>,
        resources: &Resources,
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        let resource = id.map(|id| id.id).filter(|id| attached.contains(id));
        let resource = resource.ok_or(fault("pool_resource_not_attached"))?;
        let blob = resources.get(resource).map_err(|refusal| refusal.fault)?;
        let Storage::Arena { at: Some(offset), .. } = blob.storage else {
            return Err(fault("pool_resource_not_in_arena"));
        };
        let asked = parsed.args.int(2).and_then(|size| u64::try_from(size).ok());
        if asked.is_none_or(|size| size == 0 || size > blob.size) {
            return Err(fault("pool_size"));
        }
        let range = Range { offset, len: blob.size };
        let end = offset.checked_add(blob.size).and_then(|end| i32::try_from(end).ok());
        let end = end.ok_or(fault("pool_size"))?;
        let new = parsed.args.new_id().ok_or(fault("message"))?;
        replace(parsed, out, |index| (index == 2).then_some(Arg::Int(end)))?;
        self.0.insert(new, Pool { resource, serial: blob.serial, range });
        Ok(())
    }

    /// `wl_shm_pool.create_buffer`: the buffer must lie in its blob, and the blob where it was.
    ///
    /// # Errors
    /// The [`Fault`] that ends the connection.
    pub(super) fn create_buffer(
        &self,
        parsed: &Parsed<'_>,
        resources: &Resources,
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        let pool = self.0.get(&parsed.sender).ok_or(fault("unknown_pool"))?;
        let blob = resources.get(pool.resource).map_err(|refusal| refusal.fault)?;
        let same = blob.serial == pool.serial
            && matches!(blob.storage, Storage::Arena { at: Some(at), .. } if at == pool.range.offset);
        if !same {
            return Err(fault("pool_blob_gone"));
        }
        let int = |index| parsed.args.int(index).ok_or(fault("message"));
        let geometry = Geometry {
            offset: int(1)?,
            width: int(2)?,
            height: int(3)?,
            stride: int(4)?,
            format: parsed.args.uint(5).ok_or(fault("message"))?,
        };
        geometry.check(pool.range.len).map_err(fault)?;
        let base = i32::try_from(pool.range.offset).ok();
        let offset = base.and_then(|base| base.checked_add(geometry.offset));
        let offset = offset.ok_or(fault("buffer_outside_blob"))?;
        replace(parsed, out, |index| (index == 1).then_some(Arg::Int(offset)))
    }

    /// `wl_shm_pool.resize`: a pool has its whole blob from the start, so only what fits is believed.
    ///
    /// # Errors
    /// The [`Fault`] that ends the connection.
    pub(super) fn resize(&self, parsed: &Parsed<'_>) -> Result<(), Fault> {
        let pool = self.0.get(&parsed.sender).ok_or(fault("unknown_pool"))?;
        let size = parsed.args.int(0).and_then(|size| u64::try_from(size).ok());
        if size.is_some_and(|size| size > 0 && size <= pool.range.len) {
            Ok(())
        } else {
            Err(fault("pool_size"))
        }
    }

    /// Forgets a destroyed object.
    pub(super) fn forget(&mut self, id: ObjectId) {
        self.0.remove(&id);
    }
}

/// Appends the message with some arguments replaced.
fn replace<'a>(
    parsed: &Parsed<'a>,
    out: &mut Vec<u8>,
    with: impl Fn(usize) -> Option<Arg<'a>>,
) -> Result<(), Fault> {
    parsed
        .rewrite::<EncodeError>(out, parsed.sender, |index, arg| Ok(with(index).unwrap_or(arg)))
        .map_err(|_too_long| fault("message_bytes"))
}
