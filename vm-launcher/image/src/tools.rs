// SPDX-License-Identifier: GPL-3.0-or-later
//! In: Debian packages of programs. Out: bundles in the cache from which they run: no root, no chroot, nothing
//! installed.

use crate::deb::{self, Place};
use crate::error::Result;
use crate::progress::Progress;
use crate::supply::Supply;
use cofferdam_catalogue::{Bundled, Catalogue, Set};
use std::path::{Path, PathBuf};

/// The sets of the lock file that are tools.
pub(crate) fn sets() -> Vec<Set> {
    [Bundled::QEMU, Bundled::EROFS].iter().map(Bundled::set).collect()
}

/// Builds the bundle `kind` if need be; returns its directory.
pub(crate) fn ensure(
    kind: &Bundled,
    catalogue: &Catalogue,
    supply: &Supply<'_>,
    progress: &Progress,
) -> Result<PathBuf> {
    catalogue.cache().ensure(kind.name, &kind.key(catalogue.lock()), |out| {
        let supplied = supply.get(&kind.set())?;
        let step = progress.step(format!("{}: unpacking", kind.name));
        deb::prepare(out)?;
        let keep = |path: &str| {
            kind.keep.iter().any(|k| Path::new(path).starts_with(k) || Path::new(k).starts_with(path))
        };
        let total = supplied.debs.len() as u64;
        let place = Place { root: out, below: None };
        deb::unpack_all(&supplied.debs, place, &keep, |n| step.bytes(n as u64, total))?;
        step.done();
        Ok(())
    })
}
