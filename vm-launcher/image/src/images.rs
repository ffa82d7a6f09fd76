// SPDX-License-Identifier: GPL-3.0-or-later
//! In: where the cache, the descriptions and the guest's binary are. Out: everything this crate
//! makes, in the order in which one thing needs the other.

use crate::cache::Cache;
use crate::error::{At, Error, Result};
use crate::kernel;
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

/// What boots a guest.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Kernel {
    /// The uncompressed kernel.
    pub kernel: PathBuf,
    /// Modules and PID 1.
    pub initramfs: PathBuf,
}

/// Builds and finds what VMs are made of.
#[derive(Debug)]
pub struct Images {
    cache: Cache,
    guest_dir: PathBuf,
    guest_binary: Option<PathBuf>,
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
        Ok(Self { cache, guest_dir, guest_binary: options.guest_binary.clone(), lock, progress })
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

    /// Kernel and initramfs, built if need be.
    ///
    /// # Errors
    /// The package can't be downloaded or read, or the guest's binary is missing or not static.
    pub fn ensure_kernel(&self) -> Result<Kernel> {
        let dir = kernel::ensure(&self.cache, &self.supply(), &self.progress)?;
        let initramfs = kernel::ensure_initramfs(&self.cache, &dir, &self.guest_binary()?, &self.progress)?;
        Ok(Kernel { kernel: dir.join("vmlinux"), initramfs })
    }

    /// `--guest-binary`, `$COFFERDAM_GUEST_BINARY`, or `cofferdam-guest` beside this program.
    fn guest_binary(&self) -> Result<PathBuf> {
        if let Some(path) = &self.guest_binary {
            return Ok(path.clone());
        }
        if let Some(path) = std::env::var_os("COFFERDAM_GUEST_BINARY") {
            return Ok(path.into());
        }
        let exe = std::env::current_exe().at("/proc/self/exe")?;
        let beside = exe.with_file_name("cofferdam-guest");
        // Cargo puts what was built for an explicit target into a directory of its own.
        let profile = exe.parent().and_then(Path::file_name).unwrap_or_default();
        let target = exe.ancestors().nth(2).map(|t| t.join("x86_64-unknown-linux-gnu").join(profile));
        let places = [target.map(|t| t.join("cofferdam-guest")), Some(beside)];
        places.into_iter().flatten().find(|p| p.is_file()).ok_or_else(|| {
            Error::malformed("cofferdam-guest", "not found: build it, or name it with --guest-binary")
        })
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
