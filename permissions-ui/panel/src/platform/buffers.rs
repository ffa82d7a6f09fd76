// SPDX-License-Identifier: GPL-3.0-or-later
//! Two buffers for one surface, in one piece of shared memory that we never map.
//!
//! In: pixels and what of them changed. Out: a buffer that the compositor may read until it gives it
//! back. What changed is written with `pwrite`, so the memory counts once and no pointer into it exists.

use super::Pixel;
use super::session::Wire;
use super::window::Damage;
use rustix::fs::MemfdFlags;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use wayland_client::QueueHandle;
use wayland_client::protocol::wl_buffer::WlBuffer;
use wayland_client::protocol::wl_shm::{Format, WlShm};
use wayland_client::protocol::wl_shm_pool::WlShmPool;

/// Bytes of a pixel.
const DEPTH: usize = 4;

/// One buffer.
#[derive(Debug)]
struct Slot {
    buffer: WlBuffer,
    /// The compositor may be reading it.
    busy: Arc<Busy>,
    /// What changed since it was last written.
    missing: Option<Damage>,
}

/// Whether a buffer is in use; shared with the handler of its `release`.
#[derive(Debug, Default)]
pub(super) struct Busy(AtomicBool);

impl Busy {
    pub(super) fn release(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// The buffers of one surface at one size.
#[derive(Debug)]
pub(super) struct Buffers {
    memory: OwnedFd,
    pool: WlShmPool,
    slots: [Slot; 2],
    width: usize,
    height: usize,
}

impl Buffers {
    pub(super) fn new(
        shm: &WlShm,
        queue: &QueueHandle<Wire>,
        width: usize,
        height: usize,
    ) -> std::io::Result<Self> {
        let too_large = || std::io::Error::other("a surface of that size does not fit into memory");
        let bytes = width.saturating_mul(height).saturating_mul(DEPTH);
        let size = i32::try_from(bytes.saturating_mul(2)).map_err(|_large| too_large())?;
        let [w, h] = [width, height].map(|v| i32::try_from(v).unwrap_or(i32::MAX));
        let memory = rustix::fs::memfd_create("panel", MemfdFlags::CLOEXEC)?;
        rustix::fs::ftruncate(&memory, u64::try_from(size).unwrap_or(0))?;
        let pool = shm.create_pool(memory.as_fd(), size, queue, ());
        let whole = Damage { left: 0, top: 0, right: width, bottom: height };
        let slot = |offset: i32| {
            let busy = Arc::new(Busy::default());
            let stride = w.saturating_mul(4);
            let buffer =
                pool.create_buffer(offset, w, h, stride, Format::Argb8888, queue, Lent(busy.clone()));
            Slot { buffer, busy, missing: Some(whole) }
        };
        let slots = [slot(0), slot(size / 2)];
        Ok(Self { memory, pool, slots, width, height })
    }

    pub(super) fn fits(&self, (width, height): (usize, usize)) -> bool {
        (self.width, self.height) == (width, height)
    }

    /// Whether there is a buffer to draw into.
    pub(super) fn is_free(&self) -> bool {
        self.slots.iter().any(|slot| !slot.busy.0.load(Ordering::Relaxed))
    }

    /// Notes that pixels changed, and writes all that one free buffer lacks.
    pub(super) fn write(&mut self, pixels: &[Pixel], damage: Damage) -> std::io::Result<Option<&WlBuffer>> {
        for slot in &mut self.slots {
            slot.missing = Some(slot.missing.map_or(damage, |missing| missing.with(damage)));
        }
        let bytes = self.width.saturating_mul(self.height).saturating_mul(DEPTH);
        let Some((n, slot)) =
            self.slots.iter_mut().enumerate().find(|(_, slot)| !slot.busy.0.load(Ordering::Relaxed))
        else {
            return Ok(None);
        };
        let missing = slot.missing.take().unwrap_or(damage);
        let base = n.saturating_mul(bytes);
        let mut row_bytes = Vec::with_capacity((missing.right - missing.left).saturating_mul(DEPTH));
        for y in missing.top..missing.bottom {
            let start = y.saturating_mul(self.width).saturating_add(missing.left);
            let end = start.saturating_add(missing.right - missing.left);
            let Some(row) = pixels.get(start..end) else { break };
            row_bytes.clear();
            row_bytes.extend(row.iter().flat_map(|pixel| pixel.0));
            write_at(&self.memory, &row_bytes, base.saturating_add(start.saturating_mul(DEPTH)))?;
        }
        slot.busy.0.store(true, Ordering::Relaxed);
        Ok(Some(&slot.buffer))
    }
}

impl Drop for Buffers {
    fn drop(&mut self) {
        for slot in &self.slots {
            slot.buffer.destroy();
        }
        self.pool.destroy();
    }
}

/// What a buffer object knows about itself: whether the compositor still has it.
#[derive(Debug)]
pub(super) struct Lent(pub(super) Arc<Busy>);

impl Damage {
    /// The smallest rectangle around both.
    pub(super) fn with(self, other: Self) -> Self {
        Self {
            left: self.left.min(other.left),
            top: self.top.min(other.top),
            right: self.right.max(other.right),
            bottom: self.bottom.max(other.bottom),
        }
    }
}

fn write_at(memory: &OwnedFd, mut bytes: &[u8], at: usize) -> std::io::Result<()> {
    let mut at = u64::try_from(at).unwrap_or(u64::MAX);
    while !bytes.is_empty() {
        let n = rustix::io::pwrite(memory, bytes, at)?;
        bytes = bytes.get(n..).unwrap_or_default();
        at = at.saturating_add(u64::try_from(n).unwrap_or(0));
    }
    Ok(())
}
