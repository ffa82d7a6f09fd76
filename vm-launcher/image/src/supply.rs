// SPDX-License-Identifier: GPL-3.0-or-later
//! In: a set of packages. Out: their `.deb` files, at the locked versions while the mirror has them,
//! at the current ones (with one line that says so) when it has not.

use crate::apt::{self, State, deb_path};
use crate::error::{Error, Result};
use crate::lock;
use crate::progress::Progress;
use cofferdam_catalogue::{Cache, Lock, Package, Set};
use std::cell::OnceCell;
use std::collections::HashSet;
use std::path::PathBuf;

/// Packages and where their files are.
#[derive(Debug)]
pub(crate) struct Supplied {
    /// Sorted by name.
    pub(crate) packages: Vec<Package>,
    /// In the same order.
    pub(crate) debs: Vec<PathBuf>,
}

/// Gets packages through the machine's apt.
#[derive(Debug)]
pub(crate) struct Supply<'c> {
    cache: &'c Cache,
    lock: &'c Lock,
    progress: Progress,
    state: &'c OnceCell<State>,
}

impl<'c> Supply<'c> {
    pub(crate) fn new(
        cache: &'c Cache,
        lock: &'c Lock,
        progress: Progress,
        state: &'c OnceCell<State>,
    ) -> Self {
        Self { cache, lock, progress, state }
    }

    fn state(&self) -> Result<&State> {
        if let Some(state) = self.state.get() {
            return Ok(state);
        }
        let state = State::open(&self.cache.root().join("apt"))?;
        Ok(self.state.get_or_init(|| state))
    }

    /// The packages of `set` with their files.
    pub(crate) fn get(&self, set: &Set) -> Result<Supplied> {
        // Two builders must not write the same lists and files at once.
        let _guard = self.cache.lock("apt")?;
        let debs = self.cache.root().join("debs");
        let fetch = |packages: &[Package]| {
            if packages.iter().all(|package| deb_path(&debs, package).is_file()) {
                return Ok(0);
            }
            apt::fetch(self.state()?, &debs, packages, &set.name, &self.progress).map(|g| g.len())
        };
        let locked = self.locked(set);
        if let Some(locked) = locked
            && fetch(locked)? == 0
        {
            return Ok(supplied(locked.to_vec(), &debs));
        }
        let current = self.current(set)?;
        if fetch(&current)? > 0 {
            let why = "the mirror lists packages it does not have".into();
            return Err(Error::Download { what: set.name.clone(), why });
        }
        if let Some(locked) = locked {
            let changes = lock::difference(locked, &current);
            self.progress
                .note(&format!("{}: the mirror no longer has the locked versions: {changes}", set.name));
        }
        Ok(supplied(current, &debs))
    }

    /// What the lock says, as long as what lies below is locked too.
    fn locked(&self, set: &Set) -> Option<&'c [Package]> {
        if let Some(below) = &set.below
            && self.lock.find("base", &below.request) != Some(&below.packages)
        {
            return None;
        }
        self.lock.find(&set.name, &set.request)
    }

    /// What the mirror has now.
    pub(crate) fn current(&self, set: &Set) -> Result<Vec<Package>> {
        let state = self.state()?;
        state.update(&self.progress)?;
        let mut request = set.request.clone();
        let mut have = HashSet::new();
        if let Some(below) = &set.below {
            request.splice(0..0, below.request.iter().cloned());
            have = below.packages.iter().map(|p| (p.name.as_str(), p.version.as_str())).collect();
        }
        let mut packages = apt::resolve(state, &request, set.prefer.as_deref())?;
        if packages.is_empty() {
            return Err(Error::malformed(&set.name, "apt found nothing to install"));
        }
        // A newer version of what lies below goes into the upper layer and covers the older one.
        packages.retain(|p| !have.contains(&(p.name.as_str(), p.version.as_str())));
        if let Some(prefix) = set.only {
            packages.retain(|p| p.name.starts_with(prefix));
        }
        Ok(packages)
    }
}

fn supplied(packages: Vec<Package>, debs: &std::path::Path) -> Supplied {
    let debs = packages.iter().map(|p| deb_path(debs, p)).collect();
    Supplied { packages, debs }
}
