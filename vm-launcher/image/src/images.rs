// SPDX-License-Identifier: GPL-3.0-or-later
//! In: where the cache, the descriptions and the guest's binary are. Out: everything this crate
//! makes, in the order in which one thing needs the other.

use crate::apt::State;
use crate::error::{At, Result};
use crate::kernel;
use crate::layer::{self, Builder, Tree};
use crate::lock;
use crate::progress::Progress;
use crate::supply::Supply;
use crate::tools;
use cofferdam_catalogue::kernel::VMLINUX;
use cofferdam_catalogue::{
    Bundle, Bundled, Catalogue, Erofs, Kernel, Layer, Lock, Locked, Options, Package, Set, Tools,
};
use std::cell::OnceCell;
use std::path::PathBuf;

/// Builds what VMs are made of.
#[derive(Debug)]
pub struct Images {
    catalogue: Catalogue,
    progress: Progress,
    /// Opened when something has to be downloaded.
    apt: OnceCell<State>,
    /// Unpacked when an app is built.
    pristine: OnceCell<Tree>,
}

impl Images {
    /// Opens the cache and reads the lock file.
    ///
    /// # Errors
    /// The cache can't be made, or the descriptions can't be found or read.
    pub fn open(options: &Options, progress: Progress) -> Result<Self> {
        Ok(Self {
            catalogue: Catalogue::open(options)?,
            progress,
            apt: OnceCell::new(),
            pristine: OnceCell::new(),
        })
    }

    /// What is finished.
    #[must_use]
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    fn supply(&self) -> Supply<'_> {
        Supply::new(self.catalogue.cache(), self.catalogue.lock(), self.progress, &self.apt)
    }

    /// The programs, built if need be.
    ///
    /// # Errors
    /// They can't be downloaded or unpacked.
    pub fn ensure_tools(&self) -> Result<Tools> {
        let qemu = tools::ensure(&Bundled::QEMU, &self.catalogue, &self.supply(), &self.progress)?;
        Ok(Tools::of(&qemu, self.ensure_erofs()?))
    }

    /// What makes layers, built if need be.
    ///
    /// # Errors
    /// It can't be downloaded or unpacked.
    pub fn ensure_erofs(&self) -> Result<Erofs> {
        Ok(Erofs::of(&tools::ensure(&Bundled::EROFS, &self.catalogue, &self.supply(), &self.progress)?))
    }

    /// Kernel and initramfs, built if need be.
    ///
    /// # Errors
    /// The package can't be downloaded or read, or the guest's binary is missing or not static.
    pub fn ensure_kernel(&self) -> Result<Kernel> {
        let dir = kernel::ensure(&self.catalogue, &self.supply(), &self.progress)?;
        let guest = self.catalogue.guest_binary()?;
        let initramfs = kernel::ensure_initramfs(self.catalogue.cache(), &dir, &guest, &self.progress)?;
        Ok(Kernel { kernel: dir.join(VMLINUX), initramfs })
    }

    /// Everything that `app` (a name, or the path of a TOML file) needs to boot, built if need be.
    ///
    /// # Errors
    /// There is no such app, its description is wrong, or something can't be downloaded or built.
    pub fn ensure(&self, app: &str) -> Result<Bundle> {
        self.catalogue.app(app)?;
        self.ensure_tools()?;
        let kernel = self.ensure_kernel()?;
        let [base, app] = self.ensure_layers(app)?;
        Ok(Bundle::read(kernel, &base, &app)?)
    }

    /// The base layer, built if need be.
    ///
    /// # Errors
    /// Its packages can't be downloaded or unpacked.
    pub fn ensure_base(&self) -> Result<Layer> {
        let (supply, erofs) = (self.supply(), self.ensure_erofs()?);
        let base = layer::ensure_base(&self.catalogue.base()?, self.builder(&supply, &erofs))?;
        Ok(cofferdam_catalogue::load_layer(&base)?)
    }

    /// The directories of the base layer and of the layer of `app`, built if need be.
    ///
    /// # Errors
    /// There is no such app, its description is wrong, or something can't be downloaded or built.
    pub fn ensure_layers(&self, app: &str) -> Result<[PathBuf; 2]> {
        let app = self.catalogue.app(app)?;
        let (supply, erofs) = (self.supply(), self.ensure_erofs()?);
        let builder = self.builder(&supply, &erofs);
        let base = self.catalogue.base()?;
        let base_dir = layer::ensure_base(&base, builder)?;
        let app_dir = layer::ensure_app(&app, &base, &base_dir, builder)?;
        Ok([base_dir, app_dir])
    }

    fn builder<'b>(&'b self, supply: &'b Supply<'b>, erofs: &'b Erofs) -> Builder<'b> {
        let Self { catalogue, progress, pristine, .. } = self;
        Builder { catalogue, supply, progress, erofs, pristine }
    }

    /// Resolves every set of the lock file anew. Returns one line for each that changed and, if
    /// `write`, puts what it found into `lock.json`.
    ///
    /// # Errors
    /// The lists of packages can't be had, a set can't be resolved, or the file can't be written.
    pub fn renew_lock(&self, write: bool) -> Result<Vec<String>> {
        let supply = self.supply();
        let base = self.catalogue.base()?;
        let mut sets = tools::sets();
        sets.push(kernel::set());
        let mut new = Lock::default();
        let mut changes = Vec::new();
        let mut renew = |set: &Set| -> Result<Vec<Package>> {
            let packages = supply.current(set)?;
            match self.catalogue.lock().find(&set.name, &set.request) {
                None => changes.push(format!("{}: not locked yet", set.name)),
                Some(old) if old != packages => {
                    changes.push(format!("{}: {}", set.name, lock::difference(old, &packages)));
                }
                Some(_) => {}
            }
            new.insert(set.name.clone(), Locked { request: set.request.clone(), packages: packages.clone() });
            Ok(packages)
        };
        for set in &sets {
            renew(set)?;
        }
        let below = renew(&base.set())?;
        for app in self.catalogue.shipped_apps()? {
            renew(&app.set(&base, below.clone()))?;
        }
        if write {
            let path = self.catalogue.guest_dir().join("lock.json");
            std::fs::write(&path, lock::text(&new)?).at(&path)?;
        }
        Ok(changes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// Whoever adds a package or an app also runs `cofferdam-image lock --update`.
    #[test]
    fn everything_shipped_is_locked() {
        let guest_dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dist/guest");
        let cache = tempfile::tempdir().unwrap();
        let options =
            Options { cache: Some(cache.path().into()), guest_dir: Some(guest_dir), ..Options::default() };
        let images = Images::open(&options, Progress::quiet()).unwrap();
        let base = images.catalogue.base().unwrap();
        let mut sets = tools::sets();
        sets.extend([kernel::set(), base.set()]);
        sets.extend(images.catalogue.shipped_apps().unwrap().iter().map(|a| a.set(&base, Vec::new())));
        for set in &sets {
            let locked = images.catalogue.lock().find(&set.name, &set.request);
            assert!(locked.is_some_and(|l| !l.is_empty()), "{} is not locked as requested", set.name);
        }
        assert_eq!(images.catalogue.lock().sets().count(), sets.len(), "the lock holds what nobody asks for");
    }
}
