// SPDX-License-Identifier: GPL-3.0-or-later
//! State that waits: damage before a commit, commits before their parent's.
//!
//! In: requests that add to it without end. Out: a bounded amount. Many damage rectangles become one
//! that covers everything; a synchronised subsurface that has committed often enough without its
//! parent collects further changes into the commit after.

use smithay::reexports::wayland_server::protocol::wl_surface::WlSurface;
use smithay::utils::Rectangle;
use smithay::wayland::compositor::{Damage, SurfaceAttributes, is_sync_subsurface, with_states};
use std::sync::atomic::{AtomicU32, Ordering};

/// Damage rectangles that one commit may carry.
const MAX_DAMAGE: usize = 256;
/// Commits of a synchronised subsurface that may wait for its parent.
const MAX_COMMITS: u32 = 64;
/// An edge that covers every buffer.
const EVERYTHING: i32 = 1 << 15;

/// Commits that wait for the parent.
#[derive(Debug, Default)]
struct Waiting(AtomicU32);

/// Whether more damage would say anything new; if it would be too much, all is damaged from now on.
pub(super) fn takes_damage(surface: &WlSurface) -> bool {
    with_states(surface, |states| {
        let mut cached = states.cached_state.get::<SurfaceAttributes>();
        let damage = &mut cached.pending().damage;
        if damage.len() < MAX_DAMAGE {
            return true;
        }
        let all = Rectangle::from_size((EVERYTHING, EVERYTHING).into());
        if damage.last() != Some(&Damage::Buffer(all)) {
            damage.truncate(MAX_DAMAGE.saturating_sub(1));
            damage.push(Damage::Buffer(all));
        }
        false
    })
}

/// Whether a commit may be made now; if not, its state stays pending and goes with a later one.
pub(super) fn takes_commit(surface: &WlSurface) -> bool {
    if !is_sync_subsurface(surface) {
        return true;
    }
    with_states(surface, |states| {
        states.data_map.insert_if_missing_threadsafe(Waiting::default);
        let waiting = states.data_map.get::<Waiting>().map(|w| w.0.fetch_add(1, Ordering::Relaxed));
        waiting.is_some_and(|n| n < MAX_COMMITS)
    })
}

/// What waited has become current.
pub(super) fn applied(surface: &WlSurface) {
    with_states(surface, |states| {
        if let Some(waiting) = states.data_map.get::<Waiting>() {
            waiting.0.store(0, Ordering::Relaxed);
        }
    });
}
