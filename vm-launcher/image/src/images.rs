// SPDX-License-Identifier: GPL-3.0-or-later
//! In: where the cache, the descriptions and the guest's binary are. Out: everything this crate
//! makes, in the order in which one thing needs the other.

use crate::cache::Cache;
use crate::error::{At, Error, Result};
use crate::lock::Lock;
use crate::progress::Progress;
use crate::supply::Supply;
use crate::tools::{self, Tools};
use std::path::{Path, PathBuf};

/// Where things are.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The cache; by default `${XDG_CACHE_HOME:-~/.cache}/cofferdam`.
    pub cache: Option<PathBuf>,
    /// The directory with `base.toml`, `lock.json` and `apps/`.
    pub guest_dir: Option<PathBuf>,
    /// The guest's static binary.
    pub guest_binary: Option<PathBuf>,
    /// Build again even what is there.
    pub fresh: bool,
}

/// Builds and finds what VMs are made of.
#[derive(Debug)]
pub struct Images {
    cache: Cache,
    guest_dir: PathBuf,
    lock: Lock,
    progress: Progress,
}

impl Images {
    /// Opens the cache and reads the lock file.
    ///
    /// # Errors
    /// The cache can't be made, or the descriptions can't be found or read.
    pub fn open(options: &Options, progress: Progress) -> Result<Self> {
        let cache = Cache::open(options.cache.clone().unwrap_or_else(Cache::default_root), options.fresh)?;
        let guest_dir = match &options.guest_dir {
            Some(dir) => dir.clone(),
            None => find_guest_dir()?,
        };
        let path = guest_dir.join("lock.json");
        let lock = match std::fs::read_to_string(&path) {
            Ok(text) => Lock::parse(&path.display().to_string(), &text)?,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Lock::default(),
            Err(e) => return Err(Error::io(&path, e)),
        };
        Ok(Self { cache, guest_dir, lock, progress })
    }

    fn supply(&self) -> Supply<'_> {
        Supply::new(&self.cache, &self.lock, self.progress)
    }

    /// The programs, built if need be.
    ///
    /// # Errors
    /// They can't be downloaded or unpacked.
    pub fn ensure_tools(&self) -> Result<Tools> {
        tools::ensure(&self.cache, &self.supply(), &self.progress)
    }

    /// The programs, if they are built.
    ///
    /// # Errors
    /// They are not.
    pub fn load_tools(&self) -> Result<Tools> {
        tools::load(&self.cache, &self.supply())
    }
}

/// `$COFFERDAM_GUEST_DIR`, the installed place, or the source tree this was built from.
fn find_guest_dir() -> Result<PathBuf> {
    let mut places: Vec<PathBuf> = std::env::var_os("COFFERDAM_GUEST_DIR").map(PathBuf::from).into_iter().collect();
    let exe = std::env::current_exe().at("/proc/self/exe")?;
    if let Some(prefix) = exe.parent().and_then(Path::parent) {
        places.push(prefix.join("share/cofferdam/guest"));
    }
    places.push(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dist/guest"));
    let found = places.iter().find(|p| p.join("base.toml").is_file());
    found
        .map(|p| p.canonicalize().unwrap_or_else(|_| p.clone()))
        .ok_or_else(|| Error::malformed("dist/guest", "not found: set COFFERDAM_GUEST_DIR"))
}
