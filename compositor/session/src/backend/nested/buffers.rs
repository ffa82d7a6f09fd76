// SPDX-License-Identifier: GPL-3.0-or-later
//! Two buffers in shared memory, which the outer desktop reads in turn.
//!
//! In: rectangles of the picture that changed. Out: a buffer that has all of them. The memory is written with
//! `pwrite` and never mapped: no pointer into it exists here.

use rustix::fs::MemfdFlags;
use smithay::utils::{Physical, Rectangle, Size};
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use wayland_client::protocol::wl_buffer::WlBuffer;
use wayland_client::protocol::wl_shm::{Format, WlShm};
use wayland_client::protocol::wl_shm_pool::WlShmPool;
use wayland_client::{Dispatch, QueueHandle};

/// Bytes of a pixel.
const DEPTH: i32 = 4;
/// Rectangles that are remembered one by one; more become one that holds them all.
const MAX_RECTS: usize = 32;

/// Whether the outer desktop may be reading a buffer; shared with the handler of its `release`.
#[derive(Debug, Clone, Default)]
pub(super) struct Busy(Arc<AtomicBool>);

impl Busy {
    pub(super) fn release(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Debug)]
struct Slot {
    buffer: WlBuffer,
    busy: Busy,
    offset: u64,
    /// What changed since it was last written.
    missing: Vec<Rectangle<i32, Physical>>,
}

/// A buffer, and what of it was written for the next frame.
pub(super) type Written<'a> = (&'a WlBuffer, Vec<Rectangle<i32, Physical>>);

/// The buffers of the window at one size.
#[derive(Debug)]
pub(super) struct Buffers {
    memory: OwnedFd,
    pool: WlShmPool,
    slots: [Slot; 2],
    pub(super) size: Size<i32, Physical>,
}

impl Buffers {
    pub(super) fn new<D>(
        shm: &WlShm,
        queue: &QueueHandle<D>,
        size: Size<i32, Physical>,
    ) -> std::io::Result<Self>
    where
        D: Dispatch<WlShmPool, ()> + Dispatch<WlBuffer, Busy> + 'static,
    {
        let too_large = || std::io::Error::other("a window of that size does not fit into memory");
        let stride = size.w.checked_mul(DEPTH).ok_or_else(too_large)?;
        let one = stride.checked_mul(size.h).filter(|bytes| *bytes > 0).ok_or_else(too_large)?;
        let all = one.checked_mul(2).ok_or_else(too_large)?;
        let memory = rustix::fs::memfd_create("nested", MemfdFlags::CLOEXEC)?;
        rustix::fs::ftruncate(&memory, u64::from(all.unsigned_abs()))?;
        let pool = shm.create_pool(memory.as_fd(), all, queue, ());
        let slot = |offset: i32| {
            let busy = Busy::default();
            let buffer =
                pool.create_buffer(offset, size.w, size.h, stride, Format::Xrgb8888, queue, busy.clone());
            let missing = vec![Rectangle::from_size(size)];
            Slot { buffer, busy, offset: u64::from(offset.unsigned_abs()), missing }
        };
        let slots = [slot(0), slot(one)];
        Ok(Self { memory, pool, slots, size })
    }

    /// This changed.
    pub(super) fn damage(&mut self, rects: &[Rectangle<i32, Physical>]) {
        let whole = Rectangle::from_size(self.size);
        for slot in &mut self.slots {
            slot.missing.extend(rects.iter().filter_map(|rect| rect.intersection(whole)));
            if slot.missing.len() > MAX_RECTS {
                let all = slot.missing.iter().copied().reduce(Rectangle::merge).unwrap_or(whole);
                slot.missing = vec![all];
            }
        }
    }

    /// Writes all that a free buffer lacks, as `copy` gives it in tightly packed rows; the buffer and what was
    /// written. None while the outer desktop reads both.
    pub(super) fn write(
        &mut self,
        mut copy: impl FnMut(Rectangle<i32, Physical>) -> Result<Vec<u8>, String>,
    ) -> Result<Option<Written<'_>>, String> {
        let Some(slot) = self.slots.iter_mut().find(|slot| !slot.busy.get()) else { return Ok(None) };
        let written = std::mem::take(&mut slot.missing);
        for rect in &written {
            let rows = copy(*rect)?;
            let unsigned = |v: i32| u64::from(v.max(0).unsigned_abs());
            let row_bytes = usize::try_from(rect.size.w.saturating_mul(DEPTH)).unwrap_or(0).max(1);
            for (row, y) in rows.chunks_exact(row_bytes).zip(rect.loc.y..) {
                let pixel =
                    unsigned(y).saturating_mul(unsigned(self.size.w)).saturating_add(unsigned(rect.loc.x));
                let at = slot.offset.saturating_add(pixel.saturating_mul(unsigned(DEPTH)));
                write_at(&self.memory, row, at).map_err(|e| e.to_string())?;
            }
        }
        slot.busy.0.store(true, Ordering::Relaxed);
        Ok(Some((&slot.buffer, written)))
    }
}

fn write_at(memory: &OwnedFd, mut bytes: &[u8], mut at: u64) -> rustix::io::Result<()> {
    while !bytes.is_empty() {
        let n = rustix::io::retry_on_intr(|| rustix::io::pwrite(memory, bytes, at))?;
        bytes = bytes.get(n..).unwrap_or_default();
        at = at.saturating_add(u64::try_from(n).unwrap_or(0));
    }
    Ok(())
}

impl Drop for Buffers {
    fn drop(&mut self) {
        self.slots.iter().for_each(|slot| slot.buffer.destroy());
        self.pool.destroy();
    }
}
