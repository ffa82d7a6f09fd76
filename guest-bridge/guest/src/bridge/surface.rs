// SPDX-License-Identifier: GPL-3.0-or-later
//! Pure. In: what an app says about one `wl_surface` until it commits. Out: what that commit has to copy
//! and what the host is told.
//!
//! Attach and damage are held back until the commit, because the host gets another buffer than the one the
//! app names and damage in that buffer's coordinates. All other state goes to the host as it comes.

use cofferdam_wayland_wire::ObjectId;

use super::damage::{Rect, Region};
use super::layout::Geometry;

/// What an app attached.
#[derive(Debug, Clone)]
pub(crate) enum Attached<B> {
    /// Nothing: the surface shall vanish.
    Nothing,
    /// A buffer of the app's shared memory, with the app's id for it.
    Shm(ObjectId, B),
    /// A buffer that exists on the host (of a single pixel), by its id there.
    Host(ObjectId),
}

/// An attach request.
#[derive(Debug, Clone)]
pub(crate) struct Attach<B> {
    /// What.
    pub(crate) what: Attached<B>,
    /// Offset to the former place.
    pub(crate) x: i32,
    /// Offset to the former place.
    pub(crate) y: i32,
}

/// `wl_output.transform.normal`.
const NORMAL: i32 = 0;

/// One surface of an app.
#[derive(Debug)]
pub(crate) struct Surface<B> {
    attach: Option<Attach<B>>,
    surface_damage: Region,
    buffer_damage: Region,
    scale: i32,
    transform: i32,
    /// A viewport crops or scales.
    viewport: bool,
}

/// What a commit means.
#[derive(Debug)]
pub(crate) struct Commit<B> {
    /// The new contents, if there are any.
    pub(crate) attach: Option<Attach<B>>,
    damage: Damage,
}

/// Damage that has not been fitted to a buffer yet.
#[derive(Debug)]
struct Damage {
    /// As the app said it, in the surface's coordinates.
    surface: Region,
    /// All of it in the buffer's coordinates.
    region: Region,
    /// Part of it could not be converted, so it may be anywhere.
    anywhere: bool,
}

impl<B> Default for Surface<B> {
    fn default() -> Self {
        Self {
            attach: None,
            surface_damage: Region::default(),
            buffer_damage: Region::default(),
            scale: 1,
            transform: NORMAL,
            viewport: false,
        }
    }
}

impl<B> Surface<B> {
    /// `wl_surface.attach`; the last one before a commit counts.
    pub(crate) fn attach(&mut self, attach: Attach<B>) {
        self.attach = Some(attach);
    }

    /// `wl_surface.damage`.
    pub(crate) fn damage_surface(&mut self, rect: Option<Rect>) {
        rect.into_iter().for_each(|rect| self.surface_damage.add(rect));
    }

    /// `wl_surface.damage_buffer`.
    pub(crate) fn damage_buffer(&mut self, rect: Option<Rect>) {
        rect.into_iter().for_each(|rect| self.buffer_damage.add(rect));
    }

    /// `wl_surface.set_buffer_scale`. It counts from the next commit on, like the buffer it describes.
    pub(crate) fn set_scale(&mut self, scale: i32) {
        self.scale = scale;
    }

    /// `wl_surface.set_buffer_transform`.
    pub(crate) fn set_transform(&mut self, transform: i32) {
        self.transform = transform;
    }

    /// Whether a viewport may crop or scale the buffer.
    pub(crate) fn set_viewport(&mut self, viewport: bool) {
        self.viewport = viewport;
    }

    /// `wl_surface.commit`.
    pub(crate) fn commit(&mut self) -> Commit<B> {
        let mut region = std::mem::take(&mut self.buffer_damage);
        let mut anywhere = false;
        if !self.surface_damage.is_empty() {
            // Turned, cropped or stretched surfaces are rare; copying too much is always right.
            if self.transform == NORMAL && !self.viewport && self.scale >= 1 {
                for rect in self.surface_damage.rects() {
                    region.add(rect.scaled(self.scale));
                }
            } else {
                anywhere = true;
            }
        }
        let surface = std::mem::take(&mut self.surface_damage);
        Commit { attach: self.attach.take(), damage: Damage { surface, region, anywhere } }
    }
}

impl<B> Commit<B> {
    /// What the app said in the surface's coordinates; for surfaces that know no others.
    pub(crate) fn surface_damage(&self) -> &Region {
        &self.damage.surface
    }

    /// The damage, in the coordinates of a buffer of this geometry.
    pub(crate) fn damage(&self, geometry: Geometry) -> Region {
        if self.damage.anywhere {
            Region::from_rect(geometry.bounds())
        } else {
            self.damage.region.clipped(geometry.bounds())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GEOMETRY: Geometry = Geometry { width: 100, height: 50, format: 0 };

    fn rect(x: i32, y: i32, w: i32, h: i32) -> Option<Rect> {
        Rect::new(x, y, w, h)
    }

    fn check(prepare: impl FnOnce(&mut Surface<()>), area: u64) {
        let mut surface = Surface::default();
        prepare(&mut surface);
        let commit = surface.commit();
        assert_eq!(commit.damage(GEOMETRY).area(), area);
        let next = surface.commit();
        assert!(next.damage(GEOMETRY).is_empty(), "damage is spent by a commit");
        assert!(next.surface_damage().is_empty());
    }

    #[test]
    fn damage_is_converted_and_clipped() {
        check(|_| {}, 0);
        check(|s| s.damage_buffer(rect(0, 0, 10, 10)), 100);
        check(|s| s.damage_surface(rect(0, 0, 10, 10)), 100);
        check(|s| s.damage_surface(rect(0, 0, i32::MAX, i32::MAX)), 5000);
        check(|s| s.damage_surface(rect(-10, -10, 15, 15)), 25);
        check(|s| s.damage_surface(rect(200, 0, 15, 15)), 0);
        let scaled = |s: &mut Surface<()>| {
            s.damage_surface(rect(5, 5, 10, 10));
            s.damage_buffer(rect(0, 0, 1, 1));
            s.set_scale(2);
        };
        check(scaled, 401);
    }

    #[test]
    fn doubt_means_everything() {
        check(|s| (s.set_transform(1), s.damage_surface(rect(0, 0, 1, 1))).1, 5000);
        check(|s| (s.set_viewport(true), s.damage_surface(rect(0, 0, 1, 1))).1, 5000);
        check(|s| (s.set_viewport(true), s.damage_buffer(rect(0, 0, 1, 1))).1, 1);
    }

    #[test]
    fn the_last_attach_counts_once() {
        let mut surface = Surface::<()>::default();
        surface.attach(Attach { what: Attached::Nothing, x: 1, y: 1 });
        surface.attach(Attach { what: Attached::Nothing, x: 2, y: 3 });
        assert_eq!(surface.commit().attach.map(|a| (a.x, a.y)), Some((2, 3)));
        assert!(surface.commit().attach.is_none());
    }
}
