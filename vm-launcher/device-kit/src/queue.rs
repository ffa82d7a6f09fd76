// SPDX-License-Identifier: GPL-3.0-or-later
//! Taking what a guest offers, and telling it what came of it.
//!
//! In: a virtqueue of a guest that may lie about it. Out: its chains, so many and no more; an interrupt if the
//! guest wants one.

use vhost_user_backend::{VringMutex, VringT};
use virtio_queue::{DescriptorChain, QueueT};
use vm_memory::GuestMemoryMmap;

/// Takes chains until there are none, or `most` for one go; true then, and the rest has to be taken later. With
/// EVENT_IDX a kick comes only if notifications were enabled after the last look, so: disable, drain, enable, and
/// look again if something came in between.
pub fn drain<'m>(
    queue: &VringMutex,
    memory: &'m GuestMemoryMmap,
    most: usize,
    mut take: impl FnMut(DescriptorChain<&'m GuestMemoryMmap>),
) -> bool {
    if !queue.get_ref().get_queue().ready() {
        return false;
    }
    let mut left = most;
    let mut promised = false;
    while queue.disable_notification().is_ok() {
        let before = left;
        while left > 0 {
            let Some(chain) = queue.get_mut().get_queue_mut().pop_descriptor_chain(memory) else { break };
            left = left.saturating_sub(1);
            take(chain);
        }
        if left == 0 {
            return true;
        }
        // A ring whose index promises more than it can hold has nothing to take, however often we look.
        let empty = promised && left == before;
        promised = queue.enable_notification().unwrap_or(false);
        if !promised || empty {
            break;
        }
    }
    false
}

/// Gives a chain back, of which `written` bytes are new to the guest. False if the guest has no ring for that.
pub fn give_back(queue: &VringMutex, head: u16, written: u32) -> bool {
    let given = queue.add_used(head, written);
    if let Err(error) = &given {
        tracing::debug!("used ring: {error}");
    }
    given.is_ok()
}

/// Interrupts the guest if it wants to hear of what was given back. True if it was.
pub fn tell(queue: &VringMutex) -> bool {
    // Without a call descriptor there is nobody to tell.
    queue.needs_notification().unwrap_or(true) && queue.signal_used_queue().is_ok()
}
