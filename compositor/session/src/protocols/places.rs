// SPDX-License-Identifier: GPL-3.0-or-later
//! Places of subsurfaces: they change when the *parent* commits, as `wl_subsurface` has it. smithay
//! changes them with the subsurface's own commit.
//!
//! In: `set_position` requests. Out: the place that smithay reads, set when the parent's state of that
//! moment becomes current. The wish is kept with the parent's double-buffered state, so it waits as
//! long as that state does, also for a parent which is itself synchronised.

use smithay::reexports::wayland_server::protocol::wl_surface::WlSurface;
use smithay::utils::{Logical, Point};
use smithay::wayland::compositor::{Cacheable, SubsurfaceCachedState, SurfaceData, get_parent, with_states};
use std::sync::{Mutex, PoisonError};
use wayland_server::{DisplayHandle, Resource, Weak};

type Place = Point<i32, Logical>;

/// Wishes of one parent's children; the last one of each child counts.
#[derive(Debug, Default)]
struct Wishes(Vec<(Weak<WlSurface>, Place)>);

/// Wishes since the parent's last commit. Not double-buffered by smithay, which takes the pending state
/// of synchronised subsurfaces also when only their parent commits.
#[derive(Debug, Default)]
struct Fresh(Mutex<Wishes>);

impl Wishes {
    fn set(&mut self, child: Weak<WlSurface>, place: Place) {
        self.0.retain(|(known, _)| *known != child);
        self.0.push((child, place));
    }
}

impl Cacheable for Wishes {
    fn commit(&mut self, _: &DisplayHandle) -> Self {
        std::mem::take(self)
    }

    fn merge_into(self, into: &mut Self, _: &DisplayHandle) {
        for (child, place) in self.0 {
            into.set(child, place);
        }
    }
}

/// Where a subsurface is by its parent's last commit.
#[derive(Debug, Default)]
struct Settled(Mutex<Place>);

/// A client wants a subsurface somewhere.
pub(super) fn wish(child: &WlSurface, place: Place) {
    // Without a parent the subsurface is dead, and so is its place.
    let Some(parent) = get_parent(child) else { return };
    with_states(&parent, |states| {
        states.data_map.insert_if_missing_threadsafe(Fresh::default);
        if let Some(fresh) = states.data_map.get::<Fresh>() {
            let mut wishes = fresh.0.lock().unwrap_or_else(PoisonError::into_inner);
            // At most one entry a child, and the number of children is bounded; the dead ones go.
            wishes.0.retain(|(child, _)| child.upgrade().is_ok());
            wishes.set(child.downgrade(), place);
        }
    });
}

/// How many wishes wait for a surface's next commit.
pub(super) fn wishes(parent: &SurfaceData) -> usize {
    let fresh = parent.data_map.get::<Fresh>();
    fresh.map_or(0, |fresh| fresh.0.lock().unwrap_or_else(PoisonError::into_inner).0.len())
}

/// A client commits a surface: what it wished for that surface's children goes with this commit.
pub(super) fn commit(parent: &WlSurface) {
    with_states(parent, |states| {
        let Some(fresh) = states.data_map.get::<Fresh>() else { return };
        let wishes = std::mem::take(&mut *fresh.0.lock().unwrap_or_else(PoisonError::into_inner));
        let mut cached = states.cached_state.get::<Wishes>();
        for (child, place) in wishes.0 {
            cached.pending().set(child, place);
        }
    });
}

/// A surface's state became current: its children go where they were wanted, and it stays where its
/// own parent put it.
pub(super) fn settle(surface: &WlSurface) {
    let wishes = with_states(surface, |states| {
        keep(states);
        std::mem::take(states.cached_state.get::<Wishes>().current())
    });
    for (child, place) in wishes.0 {
        let Ok(child) = child.upgrade() else { continue };
        with_states(&child, |states| {
            states.data_map.insert_if_missing_threadsafe(Settled::default);
            if let Some(settled) = states.data_map.get::<Settled>() {
                *settled.0.lock().unwrap_or_else(PoisonError::into_inner) = place;
            }
            states.cached_state.get::<SubsurfaceCachedState>().pending().location = place;
            keep(states);
        });
    }
}

/// State that waited in a queue carries the place of when it was committed; it is not to count.
fn keep(states: &SurfaceData) {
    if let Some(settled) = states.data_map.get::<Settled>() {
        let place = *settled.0.lock().unwrap_or_else(PoisonError::into_inner);
        states.cached_state.get::<SubsurfaceCachedState>().current().location = place;
    }
}
