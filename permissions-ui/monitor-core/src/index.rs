// SPDX-License-Identifier: GPL-3.0-or-later
//! A hash map that prints its entries in order: two minds in the same state print the same, which is how the
//! exhaustive search of the tests tells states apart.

use std::collections::HashMap;
use std::fmt::{Debug, Formatter, Result};
use std::ops::{Deref, DerefMut};

/// A map to look things up in.
pub(crate) struct Index<K, V>(HashMap<K, V>);

impl<K, V> Default for Index<K, V> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K, V> Deref for Index<K, V> {
    type Target = HashMap<K, V>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<K, V> DerefMut for Index<K, V> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl<K: Debug, V: Debug> Debug for Index<K, V> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let mut entries: Vec<String> = self.0.iter().map(|entry| format!("{entry:?}")).collect();
        entries.sort_unstable();
        f.debug_list().entries(entries).finish()
    }
}
