// SPDX-License-Identifier: GPL-3.0-or-later
//! Contents of surfaces. In: commits, and releases of the host. Out: damaged pixels copied into memory that
//! the host sees, and the requests that show it.

use std::collections::BTreeMap;

use cofferdam_agent_wire::BridgeCounters;
use cofferdam_wayland_wire::ObjectId;
use cofferdam_wayland_wire::protocol::wl_surface;

use super::arena::{Arena, Slab};
use super::channel::Channel;
use super::damage::Region;
use super::fatal::Fatal;
use super::host::Host;
use super::layout::Geometry;
use super::relay::Context;
use super::shadows::Shadows;
use super::shm::Buffer;
use super::surface::{Attach, Attached, Surface};

/// First version of `wl_surface` whose damage can be given in the buffer's coordinates.
const DAMAGE_BUFFER_SINCE: u32 = 4;

/// Where a copy lies.
#[derive(Debug)]
struct Place {
    slab: Slab,
    /// The host's `wl_buffer` on it.
    buffer: ObjectId,
}

#[derive(Debug)]
struct Shown {
    state: Surface<Buffer>,
    host: ObjectId,
    version: u32,
    shadows: Shadows<Place>,
    /// The geometry of what the host shows, if it came from a copy.
    geometry: Option<Geometry>,
}

/// All surfaces of one client.
#[derive(Debug, Default)]
pub(crate) struct Pixels {
    surfaces: BTreeMap<ObjectId, Shown>,
    /// Whose copy it is: the host's buffer → the app's surface.
    homes: BTreeMap<ObjectId, ObjectId>,
    /// Copies that are no longer needed but not released, with the surface of the host that they were of.
    retired: BTreeMap<ObjectId, (Place, ObjectId)>,
    /// The memory.
    pub(crate) arena: Arena,
}

impl Pixels {
    /// The app made a surface.
    pub(crate) fn add_surface(&mut self, app: ObjectId, host: ObjectId, version: u32) {
        let shown =
            Shown { state: Surface::default(), host, version, shadows: Shadows::default(), geometry: None };
        self.surfaces.insert(app, shown);
    }

    /// What the app says about a surface.
    pub(crate) fn surface(&mut self, app: ObjectId) -> Option<&mut Surface<Buffer>> {
        self.surfaces.get_mut(&app).map(|shown| &mut shown.state)
    }

    /// A viewport came or went.
    pub(crate) fn set_viewport(&mut self, app: ObjectId, viewport: bool) {
        if let Some(shown) = self.surfaces.get_mut(&app) {
            shown.state.set_viewport(viewport);
        }
    }

    /// The app destroyed a surface.
    pub(crate) fn remove_surface(
        &mut self,
        app: ObjectId,
        host: &mut Host,
        counters: &mut BridgeCounters,
    ) -> Result<(), Fatal> {
        let Some(mut shown) = self.surfaces.remove(&app) else { return Ok(()) };
        let copies = shown.shadows.drain();
        self.retire(copies, shown.host, host, counters)
    }

    /// Gives back copies that are no longer needed, or notes that the host must release them first.
    fn retire(
        &mut self,
        copies: Vec<(Place, bool)>,
        surface: ObjectId,
        host: &mut Host,
        counters: &mut BridgeCounters,
    ) -> Result<(), Fatal> {
        for (place, busy) in copies {
            self.homes.remove(&place.buffer);
            if busy {
                self.retired.insert(place.buffer, (place, surface));
            } else {
                host.destroy_buffer(place.buffer)?;
                self.arena.give(place.slab, host, counters)?;
            }
        }
        Ok(())
    }

    /// The host no longer reads a buffer of ours.
    pub(crate) fn release(
        &mut self,
        buffer: ObjectId,
        host: &mut Host,
        counters: &mut BridgeCounters,
    ) -> Result<(), Fatal> {
        if let Some(shown) = self.homes.get(&buffer).and_then(|app| self.surfaces.get_mut(app)) {
            shown.shadows.release(|place| place.buffer == buffer);
        } else if let Some((place, _)) = self.retired.remove(&buffer) {
            host.destroy_buffer(buffer)?;
            self.arena.give(place.slab, host, counters)?;
        }
        Ok(())
    }

    /// The host has forgotten an object. If it was a surface, no release of its buffers is owed any more.
    pub(crate) fn surface_gone(
        &mut self,
        surface: ObjectId,
        host: &mut Host,
        counters: &mut BridgeCounters,
    ) -> Result<(), Fatal> {
        let left = self.retired.extract_if(.., |_, (_, of)| *of == surface).collect::<Vec<_>>();
        for (buffer, (place, _)) in left {
            host.destroy_buffer(buffer)?;
            // It may still be on the screen, so its memory is not drawn into again.
            self.arena.doom(place.slab, host, counters)?;
        }
        Ok(())
    }

    /// The app commits. Returns its buffer if it may have it back.
    pub(crate) fn commit(
        &mut self,
        app: ObjectId,
        host: &mut Host,
        cx: &mut Context<'_, impl Channel>,
    ) -> Result<Option<ObjectId>, Fatal> {
        let Some(shown) = self.surfaces.get_mut(&app) else { return Ok(None) };
        let mut commit = shown.state.commit();
        // Damage alone shows nothing: the app got its buffer back, so nothing new can be in it.
        let Some(Attach { what, x, y }) = commit.attach.take() else { return Ok(None) };
        let surface = shown.host;
        match what {
            Attached::Nothing => {
                shown.shadows.damage_all();
                shown.geometry = None;
                host.attach(surface, None, x, y)?;
                Ok(None)
            }
            Attached::Host(buffer) => {
                shown.shadows.damage_all();
                shown.geometry = None;
                host.attach(surface, Some(buffer), x, y)?;
                host.damage_all(surface)?;
                Ok(None)
            }
            Attached::Shm(id, buffer) => {
                let damage = commit.damage(buffer.geometry);
                cx.counters.commits = cx.counters.commits.saturating_add(1);
                let damaged = buffer.geometry.bytes_of(damage.area());
                cx.counters.pixel_bytes_damaged = cx.counters.pixel_bytes_damaged.saturating_add(damaged);
                let place = self.copy(app, &buffer, &damage, host, cx)?;
                host.attach(surface, Some(place), x, y)?;
                self.tell_damage(app, buffer.geometry, &damage, commit.surface_damage(), host)?;
                Ok(Some(id))
            }
        }
    }

    /// Brings a copy up to date; returns the host's buffer on it.
    fn copy(
        &mut self,
        app: ObjectId,
        buffer: &Buffer,
        damage: &Region,
        host: &mut Host,
        cx: &mut Context<'_, impl Channel>,
    ) -> Result<ObjectId, Fatal> {
        let Some(shown) = self.surfaces.get_mut(&app) else { return Err(Fatal::NoMemory) };
        let geometry = buffer.geometry;
        let (old, surface) = (shown.shadows.retire(geometry), shown.host);
        shown.shadows.damage(damage);
        let needs_new = shown.shadows.needs_new();
        self.retire(old, surface, host, cx.counters)?;
        if needs_new {
            let size = geometry.own_size().ok_or(Fatal::NoMemory)?;
            match self.arena.take(size, host, cx.channel, cx.counters) {
                Ok(slab) => {
                    let id = host.create_buffer(slab.pool, geometry)?;
                    self.homes.insert(id, app);
                    if let Some(shown) = self.surfaces.get_mut(&app) {
                        shown.shadows.add(Place { slab, buffer: id }, geometry);
                    }
                }
                // One that the host still reads is better than none.
                Err(Fatal::NoMemory) => {}
                Err(other) => return Err(other),
            }
        }
        let next = self.surfaces.get_mut(&app).and_then(|shown| shown.shadows.take_next());
        let (shadow, stale) = next.ok_or(Fatal::NoMemory)?;
        let bytes = buffer.copy(&stale, &shadow.place.slab.blob.memory)?;
        cx.counters.pixel_bytes_copied = cx.counters.pixel_bytes_copied.saturating_add(bytes);
        Ok(shadow.place.buffer)
    }

    fn tell_damage(
        &mut self,
        app: ObjectId,
        geometry: Geometry,
        damage: &Region,
        surface_damage: &Region,
        host: &mut Host,
    ) -> Result<(), Fatal> {
        let Some(shown) = self.surfaces.get_mut(&app) else { return Ok(()) };
        let same = shown.geometry.replace(geometry) == Some(geometry);
        if !same {
            host.damage_all(shown.host)
        } else if shown.version < DAMAGE_BUFFER_SINCE {
            host.damage_surface(shown.host, surface_damage)
        } else {
            host.damage_buffer(shown.host, damage)
        }
    }
}

const _: () = assert!(wl_surface::INTERFACE.max_version >= DAMAGE_BUFFER_SINCE);
