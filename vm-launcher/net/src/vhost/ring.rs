// SPDX-License-Identifier: GPL-3.0-or-later
//! Frames in and out of the guest's two rings.
//!
//! In: descriptor chains that the guest wrote, with any addresses, lengths and order. Out: frames that were
//! copied once, bounded before a byte is copied; frames put into the guest's buffers, published whole.

use super::header::{HEADER, Offload};
use cofferdam_net_core::Fault;
use std::sync::MutexGuard;
use std::sync::atomic::{Ordering, fence};
use vhost_user_backend::VringState;
use virtio_queue::{DescriptorChain, QueueOwnedT, QueueT};
use vm_memory::{Address, Bytes, GuestAddress, GuestMemoryAtomic, GuestMemoryMmap};

/// Largest frame either way: the largest IP packet and its Ethernet header.
pub const FRAME: usize = 65_535 + 14;
/// Most descriptors of one chain that are looked at.
const DESCRIPTORS: usize = 64;
/// Most buffers that one frame is spread over.
const BUFFERS: usize = 64;

/// A ring, locked for a batch.
pub(super) type Locked<'a> = MutexGuard<'a, VringState<GuestMemoryAtomic<GuestMemoryMmap>>>;

/// Reads the frame in a chain of the guest's, without its header.
///
/// # Errors
/// [`Fault::Chain`] if it is none.
pub(super) fn read(
    chain: DescriptorChain<&GuestMemoryMmap>,
    memory: &GuestMemoryMmap,
    into: &mut Vec<u8>,
) -> Result<(), Fault> {
    into.clear();
    for (index, descriptor) in chain.enumerate() {
        let len = usize::try_from(descriptor.len()).unwrap_or(usize::MAX);
        let start = into.len();
        let end = start.saturating_add(len);
        if descriptor.is_write_only() || index >= DESCRIPTORS || end > HEADER.saturating_add(FRAME) {
            return Err(Fault::Chain);
        }
        into.resize(end, 0);
        let part = into.get_mut(start..).unwrap_or(&mut []);
        memory.read_slice(part, descriptor.addr()).map_err(|_unmapped| Fault::Chain)?;
    }
    if into.len() <= HEADER {
        return Err(Fault::Chain);
    }
    // What the header promises (a partial checksum, a segment size) matters to a wire; here is none.
    into.drain(..HEADER);
    Ok(())
}

/// A buffer of the guest's, taken from the ring.
struct Buffer {
    head: u16,
    parts: Vec<(GuestAddress, usize)>,
    room: usize,
}

/// The ring that frames to the guest go into, for one batch. Buffers that stay unused go back at its end.
pub(super) struct Outgoing<'a> {
    ring: Locked<'a>,
    memory: &'a GuestMemoryMmap,
    merge: bool,
    taken: std::collections::VecDeque<Buffer>,
    room: usize,
    /// Where the used ring was when the guest was last told.
    told: u16,
    /// Chains that are no buffers.
    pub(super) faults: u64,
    /// A frame found no room.
    pub(super) starved: bool,
}

impl<'a> Outgoing<'a> {
    /// Begins a batch.
    #[must_use]
    pub(super) fn new(ring: Locked<'a>, memory: &'a GuestMemoryMmap, merge: bool) -> Self {
        let told = ring.get_queue().next_used();
        let taken = std::collections::VecDeque::new();
        Self { ring, memory, merge, taken, room: 0, told, faults: 0, starved: false }
    }

    /// Whether a frame of this many bytes has a place; takes buffers until it has.
    pub(super) fn has_room(&mut self, bytes: usize) -> bool {
        let wanted = bytes.saturating_add(HEADER);
        let mut refused = 0;
        while self.room < wanted {
            let enough = if self.merge { self.taken.len() >= BUFFERS } else { !self.taken.is_empty() };
            if enough {
                // A guest that gives smaller buffers than it must gets smaller frames, or none.
                return true;
            }
            let Some(buffer) = self.pop() else {
                self.starved = true;
                return false;
            };
            if buffer.room < HEADER {
                self.faults = self.faults.saturating_add(1);
                refused = usize::saturating_add(refused, 1);
                self.publish(&[(buffer.head, 0)]);
                // Not more of them in one batch than a ring can hold.
                if refused > usize::from(self.ring.get_queue().size()) {
                    self.starved = true;
                    return false;
                }
                continue;
            }
            self.room = self.room.saturating_add(buffer.room);
            self.taken.push_back(buffer);
        }
        true
    }

    fn pop(&mut self) -> Option<Buffer> {
        let chain = self.ring.get_queue_mut().pop_descriptor_chain(self.memory)?;
        let mut buffer = Buffer { head: chain.head_index(), parts: Vec::new(), room: 0 };
        for descriptor in chain.take(DESCRIPTORS) {
            if descriptor.is_write_only() {
                let len = usize::try_from(descriptor.len()).unwrap_or(usize::MAX).min(FRAME);
                buffer.parts.push((descriptor.addr(), len));
                buffer.room = buffer.room.saturating_add(len);
            }
        }
        Some(buffer)
    }

    /// Puts a frame into the ring. False if there is no room, which [`Self::has_room`] says before.
    pub(super) fn send(&mut self, frame: &[u8], offload: Offload) -> bool {
        if !self.has_room(frame.len()) {
            return false;
        }
        let total = frame.len().saturating_add(HEADER);
        let (mut count, mut sum) = (0_usize, 0_usize);
        while sum < total
            && let Some(buffer) = self.taken.get(count)
        {
            sum = sum.saturating_add(buffer.room);
            count = count.saturating_add(1);
        }
        if sum < total {
            // Too small for this frame, whatever comes: the frame is lost as on a bad wire.
            self.faults = self.faults.saturating_add(1);
            return true;
        }
        let header = offload.header(u16::try_from(count).unwrap_or(1));
        let (mut front, mut rest) = (&header[..], frame);
        let mut used = Vec::with_capacity(count);
        for buffer in self.taken.drain(..count) {
            self.room = self.room.saturating_sub(buffer.room);
            let mut written = 0_usize;
            for (addr, len) in buffer.parts {
                let (mut at, mut left) = (addr, len);
                for source in [&mut front, &mut rest] {
                    let (now, later) = source.split_at(source.len().min(left));
                    if now.is_empty() {
                        continue;
                    }
                    // Outside of memory: the guest loses the bytes that it has no place for.
                    let _ = self.memory.write_slice(now, at);
                    let n = now.len();
                    written = written.saturating_add(n);
                    left = left.saturating_sub(n);
                    at = at.unchecked_add(u64::try_from(n).unwrap_or(0));
                    *source = later;
                }
            }
            used.push((buffer.head, u32::try_from(written).unwrap_or(u32::MAX)));
        }
        self.publish(&used);
        true
    }

    /// Hands used buffers over, all at once: a guest never sees half of a frame.
    fn publish(&mut self, used: &[(u16, u32)]) {
        let Some(((head, len), before)) = used.split_last() else { return };
        let queue = self.ring.get_queue();
        let (next, size, base) = (queue.next_used(), queue.size(), queue.used_ring());
        for (index, (head, len)) in (0_u16..).zip(before) {
            let slot = u64::from(next.wrapping_add(index) % size.max(1));
            let at = GuestAddress(base.saturating_add(4).saturating_add(slot.saturating_mul(8)));
            // Rings outside of memory deliver nothing.
            let entry = u64::from(*head) | u64::from(*len) << 32;
            let _ = self.memory.write_obj(entry.to_le(), at);
        }
        let before = u16::try_from(before.len()).unwrap_or(0);
        self.ring.get_queue_mut().set_next_used(next.wrapping_add(before));
        if let Err(error) = self.ring.add_used(*head, *len) {
            tracing::debug!("used ring: {error}");
        }
    }

    /// Ends the batch: buffers go back, the guest is told of frames if it wants to be. True if it was starved
    /// and there are more buffers already.
    pub(super) fn finish(mut self, event_idx: bool) -> bool {
        if !self.ring.get_queue().ready() {
            return false;
        }
        let now = self.ring.get_queue().next_used();
        if now != self.told && self.wants_to_know(now, event_idx) {
            // Without a call descriptor there is nobody to tell.
            let _ = self.ring.signal_used_queue();
        }
        // Before the buffers go back: a starved batch has taken all, and wants to hear of the next one only.
        let more = if self.starved {
            self.ring.enable_notification().unwrap_or(false) && self.is_sane()
        } else {
            let _ = self.ring.disable_notification();
            false
        };
        for _ in 0..self.taken.len() {
            self.ring.get_queue_mut().go_to_previous_position();
        }
        more
    }

    /// Whether the ring promises no more than it can hold; otherwise what it promises never comes.
    fn is_sane(&self) -> bool {
        let queue = self.ring.get_queue();
        let available = queue.avail_idx(self.memory, Ordering::Acquire).map_or(0, |index| index.0);
        available.wrapping_sub(queue.next_avail()) <= queue.size()
    }

    fn wants_to_know(&self, now: u16, event_idx: bool) -> bool {
        // The guest's wish is read only after all used buffers are visible.
        fence(Ordering::SeqCst);
        let queue = self.ring.get_queue();
        let base = queue.avail_ring();
        if !event_idx {
            let flags: u16 = self.memory.load(GuestAddress(base), Ordering::Relaxed).unwrap_or(0);
            return u16::from_le(flags) & 1 == 0;
        }
        let size = u64::from(queue.size());
        let at = GuestAddress(base.saturating_add(4).saturating_add(size.saturating_mul(2)));
        let event = u16::from_le(self.memory.load(at, Ordering::Relaxed).unwrap_or(0));
        now.wrapping_sub(event).wrapping_sub(1) < now.wrapping_sub(self.told)
    }
}
