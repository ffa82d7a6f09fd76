// SPDX-License-Identifier: GPL-3.0-or-later
//! State that waits: damage before a commit, commits before their parent's.
//!
//! In: requests that add to it without end, and damage of any size. Out: a bounded amount. Many damage
//! rectangles become one that covers everything, and what is outside of the surface goes before smithay
//! computes with it. A synchronised subsurface that has committed often enough without its parent, or
//! whose VM keeps enough that way, collects further changes into the commit after.

use super::places;
use crate::client;
use cofferdam_admission::{Holding, Share};
use smithay::backend::renderer::buffer_dimensions;
use smithay::backend::renderer::utils::RendererSurfaceStateUserData;
use smithay::reexports::wayland_server::protocol::wl_surface::WlSurface;
use smithay::utils::{Logical, Rectangle, Size};
use smithay::wayland::compositor::{
    BufferAssignment, Damage, RegionAttributes, SurfaceAttributes, SurfaceData, is_sync_subsurface,
    with_states,
};
use smithay::wayland::viewporter::ViewportCachedState;
use std::sync::{Arc, Mutex, PoisonError};
use wayland_server::Client;

/// Damage rectangles that one commit may carry.
const MAX_DAMAGE: usize = 128;
/// Commits of a synchronised subsurface that may wait for its parent.
const MAX_COMMITS: u32 = 16;
/// What a waiting commit costs by itself, in [`cofferdam_admission::CACHED_UNIT`]s: every protocol keeps
/// its part of it.
const COMMIT_UNITS: usize = 32;
/// What a buffer costs that waits: it keeps its pool's memory mapped, even when it is destroyed.
const BUFFER_UNITS: usize = 96;
/// An edge that covers every buffer.
const EVERYTHING: i32 = 1 << 15;

/// Commits that wait for the parent, paid for by the VM until they are applied or forgotten.
#[derive(Debug, Default)]
struct Backlog {
    commits: u32,
    units: u32,
    payer: Option<Arc<Share>>,
}

impl Backlog {
    /// Whether one more may wait that costs this much.
    fn takes(&mut self, client: &Client, units: u32) -> bool {
        let Some(payer) = client::data(client).map(client::ClientState::share) else { return false };
        if self.commits >= MAX_COMMITS || payer.take_many(Holding::Cached, units).is_err() {
            return false;
        }
        self.commits = self.commits.saturating_add(1);
        self.units = self.units.saturating_add(units);
        self.payer = Some(payer);
        true
    }
}

impl Drop for Backlog {
    fn drop(&mut self) {
        if let Some(payer) = &self.payer {
            payer.give_back_many(Holding::Cached, self.units);
        }
    }
}

#[derive(Debug, Default)]
struct Waiting(Mutex<Backlog>);

/// Whether more damage would say anything new; if it would be too much, all is damaged from now on.
pub(super) fn takes_damage(surface: &WlSurface) -> bool {
    with_states(surface, |states| {
        let mut cached = states.cached_state.get::<SurfaceAttributes>();
        let damage = &mut cached.pending().damage;
        damage.len() < MAX_DAMAGE || {
            damage_everything(damage);
            false
        }
    })
}

fn damage_everything(damage: &mut Vec<Damage>) {
    damage.clear();
    damage.push(Damage::Buffer(Rectangle::from_size((EVERYTHING, EVERYTHING).into())));
}

/// Whether a commit may be made now; if not, its state stays pending and goes with a later one.
pub(super) fn takes_commit(client: &Client, surface: &WlSurface) -> bool {
    if !is_sync_subsurface(surface) {
        return true;
    }
    with_states(surface, |states| {
        states.data_map.insert_if_missing_threadsafe(Waiting::default);
        let Some(waiting) = states.data_map.get::<Waiting>() else { return false };
        let units = u32::try_from(weight(states)).unwrap_or(u32::MAX);
        waiting.0.lock().unwrap_or_else(PoisonError::into_inner).takes(client, units)
    })
}

/// Whether a surface whose viewport says no size has one in whole pixels. smithay looks only if the viewport
/// is older than the surface's first commit.
pub(super) fn has_whole_size(surface: &WlSurface) -> bool {
    with_states(surface, |states| {
        let mut cached = states.cached_state.get::<ViewportCachedState>();
        let pending = cached.pending();
        let cut = pending.src.filter(|_| pending.dst.is_none());
        cut.is_none_or(|cut| cut.size.w.fract() == 0.0 && cut.size.h.fract() == 0.0)
    })
}

/// What a surface's pending state takes when it waits.
fn weight(states: &SurfaceData) -> usize {
    let mut cached = states.cached_state.get::<SurfaceAttributes>();
    let pending = cached.pending();
    let rects = |region: &Option<RegionAttributes>| region.as_ref().map_or(0, |region| region.rects.len());
    let buffer = matches!(pending.buffer, Some(BufferAssignment::NewBuffer(_)));
    [
        COMMIT_UNITS,
        if buffer { BUFFER_UNITS } else { 0 },
        rects(&pending.opaque_region),
        rects(&pending.input_region),
        pending.damage.len(),
        pending.frame_callbacks.len(),
        places::wishes(states),
    ]
    .into_iter()
    .fold(0, usize::saturating_add)
}

/// What waited has become current.
pub(super) fn applied(surface: &WlSurface) {
    let paid = with_states(surface, |states| {
        let waiting = states.data_map.get::<Waiting>();
        waiting.map(|waiting| std::mem::take(&mut *waiting.0.lock().unwrap_or_else(PoisonError::into_inner)))
    });
    drop(paid);
}

/// A surface's state became current: cuts its damage to what the surface shows. smithay scales damage by
/// viewport and buffer scale, turns it and adds it up in 32 bits, and keeps it until there is a buffer.
pub(super) fn bound_damage(surface: &WlSurface) {
    with_states(surface, |states| {
        let mut cached = states.cached_state.get::<SurfaceAttributes>();
        let current = cached.current();
        let Some(shown) = shown_size(states, current) else {
            // A surface that shows nothing is drawn anew when it does.
            current.damage.clear();
            return;
        };
        let (shown, all) =
            (Rectangle::from_size(shown), Rectangle::from_size((EVERYTHING, EVERYTHING).into()));
        current.damage.retain_mut(|damage| {
            let cut = match damage {
                Damage::Surface(rect) => rect.intersection(shown).map(Damage::Surface),
                Damage::Buffer(rect) => rect.intersection(all).map(Damage::Buffer),
            };
            cut.map(|cut| *damage = cut).is_some()
        });
        if current.damage.len() > MAX_DAMAGE {
            damage_everything(&mut current.damage);
        }
    });
}

/// How large a surface is with its present state, if it has a buffer.
fn shown_size(states: &SurfaceData, current: &SurfaceAttributes) -> Option<Size<i32, Logical>> {
    let buffer = match &current.buffer {
        Some(BufferAssignment::NewBuffer(buffer)) => {
            buffer_dimensions(buffer)?.to_logical(current.buffer_scale, current.buffer_transform.into())
        }
        Some(BufferAssignment::Removed) => return None,
        None => states.data_map.get::<RendererSurfaceStateUserData>()?.lock().ok()?.buffer_size()?,
    };
    Some(states.cached_state.get::<ViewportCachedState>().current().size().unwrap_or(buffer))
}
