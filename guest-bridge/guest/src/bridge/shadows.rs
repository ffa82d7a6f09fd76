// SPDX-License-Identifier: GPL-3.0-or-later
//! Pure. In: damage of a surface, and which copies the host still reads. Out: which copy takes the next
//! contents and what has to be copied into it.
//!
//! Each surface has up to [`MAX_SHADOWS`] copies of its contents in memory that the host reads. A copy that
//! was shown some commits ago lacks what was damaged since, so every copy accumulates damage until it is
//! brought up to date.

use super::damage::Region;
use super::layout::Geometry;

/// Copies of one surface. Two are enough for an app that waits for the host; a burst may need more.
const MAX_SHADOWS: usize = 4;

/// One copy; `S` is where it lies.
#[derive(Debug)]
pub(crate) struct Shadow<S> {
    /// Where.
    pub(crate) place: S,
    /// Its size and format.
    pub(crate) geometry: Geometry,
    /// The host has not released it since it was attached.
    busy: bool,
    /// What differs from the surface's contents.
    stale: Region,
    /// When it was attached last.
    turn: u64,
}

/// The copies of one surface.
#[derive(Debug)]
pub(crate) struct Shadows<S> {
    list: Vec<Shadow<S>>,
    turn: u64,
}

impl<S> Default for Shadows<S> {
    fn default() -> Self {
        Self { list: Vec::new(), turn: 0 }
    }
}

impl<S> Shadows<S> {
    /// Takes out the copies that are of another geometry than the next contents, with whether the host still
    /// reads them.
    pub(crate) fn retire(&mut self, keep: Geometry) -> Vec<(S, bool)> {
        let (kept, gone) = std::mem::take(&mut self.list).into_iter().partition(|s| s.geometry == keep);
        self.list = kept;
        gone.into_iter().map(|s| (s.place, s.busy)).collect()
    }

    /// Takes all copies out, with whether the host still reads them.
    pub(crate) fn drain(&mut self) -> Vec<(S, bool)> {
        std::mem::take(&mut self.list).into_iter().map(|s| (s.place, s.busy)).collect()
    }

    /// Notes that the surface's contents changed there.
    pub(crate) fn damage(&mut self, region: &Region) {
        for shadow in &mut self.list {
            shadow.stale.union(region);
        }
    }

    /// Notes that nothing is known about how the next contents differ.
    pub(crate) fn damage_all(&mut self) {
        for shadow in &mut self.list {
            shadow.stale = Region::from_rect(shadow.geometry.bounds());
        }
    }

    /// Whether a new copy is needed: none is free and there may be one more.
    pub(crate) fn needs_new(&self) -> bool {
        self.list.len() < MAX_SHADOWS && self.list.iter().all(|s| s.busy)
    }

    /// Adds a copy with undefined contents.
    pub(crate) fn add(&mut self, place: S, geometry: Geometry) {
        let stale = Region::from_rect(geometry.bounds());
        self.list.push(Shadow { place, geometry, busy: false, stale, turn: 0 });
    }

    /// The copy for the next contents and what has to be copied into it; it counts as up to date and read by
    /// the host from now on. `None` if there are no copies.
    pub(crate) fn take_next(&mut self) -> Option<(&mut Shadow<S>, Region)> {
        self.turn = self.turn.saturating_add(1);
        // The one that lacks least. If the host holds on to all of them, the one it got first: it is the most
        // likely to have been replaced on the screen, and a torn frame harms only this app.
        let next = self.list.iter_mut().min_by_key(|shadow| {
            let lack = if shadow.busy { shadow.turn } else { shadow.stale.area() };
            (shadow.busy, lack)
        })?;
        next.busy = true;
        next.turn = self.turn;
        let stale = std::mem::take(&mut next.stale);
        Some((next, stale))
    }

    /// Notes that the host has let go of the copy for which `is` holds; `false` if there is none.
    pub(crate) fn release(&mut self, is: impl Fn(&S) -> bool) -> bool {
        let found = self.list.iter_mut().find(|shadow| is(&shadow.place));
        if let Some(shadow) = found {
            shadow.busy = false;
            return true;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::super::damage::Rect;
    use super::*;
    use proptest::prelude::*;

    const GEOMETRY: Geometry = Geometry { width: 8, height: 8, format: 0 };

    fn rect(x: i32, y: i32, w: i32, h: i32) -> Rect {
        Rect::new(x, y, w, h).unwrap()
    }

    #[test]
    fn a_copy_lacks_what_changed_since_it_was_shown() {
        let mut shadows = Shadows::default();
        let mut commit = |release: Option<u32>, damage: Rect| {
            if let Some(which) = release {
                assert!(shadows.release(|s| *s == which));
            }
            shadows.damage(&Region::from_rect(damage));
            if shadows.needs_new() {
                shadows.add(u32::try_from(shadows.list.len()).unwrap(), GEOMETRY);
            }
            let (shadow, stale) = shadows.take_next().unwrap();
            (shadow.place, stale.area())
        };
        assert_eq!(commit(None, rect(0, 0, 1, 1)), (0, 64), "a new copy gets everything");
        assert_eq!(commit(None, rect(0, 0, 1, 1)), (1, 64), "the first is busy");
        assert_eq!(commit(Some(0), rect(1, 1, 1, 1)), (0, 2), "damage of two commits");
        assert_eq!(commit(Some(0), rect(2, 2, 1, 1)), (0, 1), "the one that lacks least");
        assert_eq!(commit(Some(1), rect(3, 3, 1, 1)), (1, 3));
    }

    #[test]
    fn there_is_an_end_to_copies() {
        let mut shadows = Shadows::default();
        for commit in 0..10u32 {
            shadows.damage(&Region::from_rect(rect(0, 0, 1, 1)));
            if shadows.needs_new() {
                shadows.add(commit, GEOMETRY);
            }
            let (shadow, _) = shadows.take_next().unwrap();
            // Nothing is ever released, so the oldest is taken over and over.
            assert_eq!(shadow.place, commit % 4);
        }
    }

    #[test]
    fn another_geometry_retires_copies() {
        let mut shadows = Shadows::default();
        shadows.add('a', GEOMETRY);
        shadows.take_next().unwrap();
        shadows.add('b', GEOMETRY);
        assert!(shadows.retire(GEOMETRY).is_empty());
        let other = Geometry { width: 9, ..GEOMETRY };
        assert_eq!(shadows.retire(other), [('a', true), ('b', false)]);
        assert!(shadows.take_next().is_none());
        assert!(!shadows.release(|s| *s == 'a'));
    }

    proptest! {
        /// After each commit the chosen copy equals the app's image, whatever was damaged and released.
        #[test]
        fn the_shown_copy_is_always_current(
            steps in prop::collection::vec((0i32..8, 0i32..8, 1i32..5, 1i32..5, any::<u8>(), 0usize..6), 1..60)
        ) {
            let mut app = [[0u8; 8]; 8];
            let mut copies: Vec<[[u8; 8]; 8]> = Vec::new();
            let mut shadows = Shadows::default();
            for (x, y, w, h, value, release) in steps {
                shadows.release(|place| *place == release);
                let damage = Region::from_rect(rect(x, y, w, h)).clipped(GEOMETRY.bounds());
                let fill = |image: &mut [[u8; 8]; 8], from: Option<&[[u8; 8]; 8]>, region: &Region| {
                    for r in region.rects() {
                        for row in r.y0..r.y1 {
                            for column in r.x0..r.x1 {
                                let (row, column) = (usize::try_from(row).unwrap(), usize::try_from(column).unwrap());
                                image[row][column] = from.map_or(value, |from| from[row][column]);
                            }
                        }
                    }
                };
                fill(&mut app, None, &damage);
                shadows.damage(&damage);
                if shadows.needs_new() {
                    shadows.add(copies.len(), GEOMETRY);
                    copies.push([[99; 8]; 8]);
                }
                let (shadow, stale) = shadows.take_next().unwrap();
                fill(&mut copies[shadow.place], Some(&app), &stale);
                prop_assert_eq!(copies[shadow.place], app);
            }
        }
    }
}
