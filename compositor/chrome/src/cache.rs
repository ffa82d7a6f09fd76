// SPDX-License-Identifier: GPL-3.0-or-later
//! In: a key and how to draw it. Out: the picture, drawn once; the least used go when the byte
//! budget is full.

use crate::raster::Raster;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

pub(crate) struct Cache<K> {
    entries: HashMap<K, (Arc<Raster>, u64)>,
    /// Counts uses; the smallest number was used longest ago.
    clock: u64,
    bytes: usize,
    budget: usize,
    drawn: u64,
}

impl<K: Hash + Eq + Clone> Cache<K> {
    pub(crate) fn new(budget: usize) -> Self {
        Self { entries: HashMap::new(), clock: 0, bytes: 0, budget, drawn: 0 }
    }

    pub(crate) fn get(&mut self, key: &K) -> Option<Arc<Raster>> {
        self.clock += 1;
        let (raster, used) = self.entries.get_mut(key)?;
        *used = self.clock;
        Some(Arc::clone(raster))
    }

    pub(crate) fn put(&mut self, key: K, raster: Arc<Raster>) -> Arc<Raster> {
        self.clock += 1;
        self.drawn += 1;
        self.bytes += raster.pixels().len();
        if let Some((old, _)) = self.entries.insert(key, (Arc::clone(&raster), self.clock)) {
            self.bytes -= old.pixels().len();
        }
        while self.bytes > self.budget && self.entries.len() > 1 {
            let Some(oldest) = self.entries.iter().min_by_key(|(_, (_, used))| *used).map(|(k, _)| k.clone())
            else {
                break;
            };
            if let Some((gone, _)) = self.entries.remove(&oldest) {
                self.bytes -= gone.pixels().len();
            }
        }
        raster
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.bytes = 0;
    }

    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many pictures were drawn so far.
    pub(crate) const fn drawn(&self) -> u64 {
        self.drawn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raster(bytes: u32) -> Arc<Raster> {
        Raster::new(bytes / 4, 1, vec![0; crate::px::index(bytes)])
    }

    #[test]
    fn least_used_goes_first() {
        let mut cache = Cache::new(300);
        for key in ["a", "b", "c"] {
            cache.put(key, raster(100));
        }
        assert!(cache.get(&"a").is_some());
        cache.put("d", raster(100));
        assert!(cache.get(&"b").is_none());
        assert!(["a", "c", "d"].iter().all(|k| cache.get(k).is_some()));
        assert_eq!((cache.bytes(), cache.drawn()), (300, 4));
    }

    #[test]
    fn one_too_large_is_kept_until_the_next() {
        let mut cache = Cache::new(300);
        cache.put("huge", raster(4000));
        assert!(cache.get(&"huge").is_some());
        cache.put("next", raster(100));
        assert!(cache.get(&"huge").is_none());
        assert_eq!(cache.bytes(), 100);
    }
}
