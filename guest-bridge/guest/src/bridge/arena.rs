// SPDX-License-Identifier: GPL-3.0-or-later
//! Memory for pixels of one client. In: sizes. Out: blobs with a `wl_shm_pool` of the host on each, used
//! again when a window of about the same size needs one.

use std::collections::BTreeMap;

use cofferdam_agent_wire::BridgeCounters;
use cofferdam_wayland_wire::ObjectId;

use super::channel::{Blob, Channel};
use super::fatal::Fatal;
use super::host::Host;
use super::layout::size_class;

/// Bytes that may lie unused, ready for the next window or size.
const SPARE: u64 = 16 * 1024 * 1024;

/// One blob and its pool on the host.
#[derive(Debug)]
pub(crate) struct Slab {
    /// The memory.
    pub(crate) blob: Blob,
    /// The pool that covers it.
    pub(crate) pool: ObjectId,
    size: u64,
}

/// The blobs of one client.
#[derive(Debug, Default)]
pub(crate) struct Arena {
    spare: BTreeMap<u64, Vec<Slab>>,
    spare_bytes: u64,
    /// Bytes of all blobs, spare or in use.
    total: u64,
    /// No longer named by anything, once the requests that end their pools are submitted.
    doomed: Vec<Blob>,
}

impl Arena {
    /// A slab of at least `bytes`.
    pub(crate) fn take(
        &mut self,
        bytes: u64,
        host: &mut Host,
        channel: &mut impl Channel,
        counters: &mut BridgeCounters,
    ) -> Result<Slab, Fatal> {
        let size = size_class(bytes).ok_or(Fatal::NoMemory)?;
        if let Some(slab) = self.spare.get_mut(&size).and_then(Vec::pop) {
            self.spare_bytes = self.spare_bytes.saturating_sub(size);
            return Ok(slab);
        }
        let blob = match channel.pixels(size) {
            Ok(blob) => blob,
            // The driver does not tell a full arena from a refusal of the device.
            Err(_) if self.spare_bytes > 0 => {
                // What lies unused here may be what is missing.
                self.trim(0, host, counters)?;
                submit(host, channel)?;
                self.free_doomed(channel);
                channel.pixels(size).map_err(|_e| Fatal::NoMemory)?
            }
            Err(_) => return Err(Fatal::NoMemory),
        };
        self.total = self.total.saturating_add(size);
        counters.arena_bytes = counters.arena_bytes.saturating_add(size);
        let pool = host.create_pool(blob.resource, size)?;
        Ok(Slab { blob, pool, size })
    }

    /// Takes a slab back whose memory the host no longer reads.
    pub(crate) fn give(
        &mut self,
        slab: Slab,
        host: &mut Host,
        counters: &mut BridgeCounters,
    ) -> Result<(), Fatal> {
        self.spare_bytes = self.spare_bytes.saturating_add(slab.size);
        self.spare.entry(slab.size).or_default().push(slab);
        self.trim(SPARE, host, counters)
    }

    /// Takes a slab back which the host may still read, so that it must not be used again.
    pub(crate) fn doom(
        &mut self,
        slab: Slab,
        host: &mut Host,
        counters: &mut BridgeCounters,
    ) -> Result<(), Fatal> {
        host.destroy_pool(slab.pool)?;
        self.total = self.total.saturating_sub(slab.size);
        counters.arena_bytes = counters.arena_bytes.saturating_sub(slab.size);
        self.doomed.push(slab.blob);
        Ok(())
    }

    /// Gives spare memory up, the largest first, until at most `keep` bytes are left.
    fn trim(&mut self, keep: u64, host: &mut Host, counters: &mut BridgeCounters) -> Result<(), Fatal> {
        while self.spare_bytes > keep {
            let Some(mut largest) = self.spare.last_entry() else { return Ok(()) };
            match largest.get_mut().pop() {
                Some(slab) => {
                    self.spare_bytes = self.spare_bytes.saturating_sub(slab.size);
                    self.doom(slab, host, counters)?;
                }
                None => drop(largest.remove()),
            }
        }
        Ok(())
    }

    /// Lets blobs go after the requests about them were submitted.
    pub(crate) fn free_doomed(&mut self, channel: &mut impl Channel) {
        for blob in self.doomed.drain(..) {
            channel.release(blob);
        }
    }

    /// Bytes of all blobs.
    pub(crate) const fn total(&self) -> u64 {
        self.total
    }
}

/// Submits what waits for the host.
pub(crate) fn submit(host: &mut Host, channel: &mut impl Channel) -> Result<(), Fatal> {
    for commands in host.out.take()? {
        channel.submit(&commands, false)?;
    }
    Ok(())
}
