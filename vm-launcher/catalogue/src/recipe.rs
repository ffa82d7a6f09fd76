// SPDX-License-Identifier: GPL-3.0-or-later
//! In: the descriptions in `dist/guest` and of the user. Out: what base and apps are made of: their packages, and
//! the keys under which they lie in the cache.

use crate::cache::{Cache, Key};
use crate::error::{At, Error, Result};
use crate::lock::{Below, Lock, Package, Set};
use crate::spec::{AppSpec, BaseSpec};
use cofferdam_ids::AppId;
use std::fs;
use std::path::{Path, PathBuf};

/// Goes into the keys; change it when layers are made differently.
const FORMAT: &[u8] = b"layer 1";

/// The description of the base: `base.toml`, and the files of `rootfs/` that go over the packages.
#[derive(Debug)]
pub struct Base {
    /// What it says.
    pub spec: BaseSpec,
    text: String,
    /// The directory of files.
    pub rootfs: PathBuf,
}

/// The description of an app.
#[derive(Debug)]
pub struct App {
    /// The file's name.
    pub id: AppId,
    /// What it says.
    pub spec: AppSpec,
    text: String,
}

impl Base {
    /// Reads the description in `guest_dir`.
    ///
    /// # Errors
    /// It can't be read or understood.
    pub fn read(guest_dir: &Path) -> Result<Self> {
        let path = guest_dir.join("base.toml");
        let text = fs::read_to_string(&path).at(&path)?;
        let spec = BaseSpec::parse(&path.display().to_string(), &text)?;
        Ok(Self { spec, text, rootfs: guest_dir.join("rootfs") })
    }

    /// Its packages.
    #[must_use]
    pub fn set(&self) -> Set {
        let mut set = Set::plain("base", &[]);
        set.request.clone_from(&self.spec.packages);
        set
    }

    /// Where its layer lies in the cache.
    ///
    /// # Errors
    /// A file of `rootfs/` can't be read.
    pub fn key(&self, lock: &Lock) -> Result<Key> {
        let mut files = Vec::new();
        hash_files(&self.rootfs, Path::new(""), &mut files)?;
        Ok(Key::of(&[FORMAT, self.text.as_bytes(), &files, &lock.bytes(&self.set())]))
    }
}

impl App {
    /// Reads the description in `path`, whose file name is the app's name.
    ///
    /// # Errors
    /// It can't be read or understood.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).at(path)?;
        let file = path.display().to_string();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let id = stem.parse::<AppId>().map_err(|e| Error::malformed(file.as_str(), e))?;
        Ok(Self { id, spec: AppSpec::parse(&file, &text)?, text })
    }

    /// The layer's name in the cache.
    #[must_use]
    pub fn artifact(&self) -> String {
        format!("app-{}", self.id)
    }

    /// Its packages, on top of the base that was built with `below`.
    #[must_use]
    pub fn set(&self, base: &Base, below: Vec<Package>) -> Set {
        let mut set = Set::plain(&format!("app/{}", self.id), &[]);
        set.request.clone_from(&self.spec.packages);
        set.below = Some(Below { request: base.spec.packages.clone(), packages: below });
        set
    }

    /// Where its layer lies in the cache.
    ///
    /// # Errors
    /// A file of the base's `rootfs/` can't be read.
    pub fn key(&self, base: &Base, lock: &Lock) -> Result<Key> {
        let base_key = base.key(lock)?;
        let packages = lock.bytes(&self.set(base, Vec::new()));
        Ok(Key::of(&[
            FORMAT,
            base_key.as_str().as_bytes(),
            self.id.as_str().as_bytes(),
            self.text.as_bytes(),
            &packages,
        ]))
    }

    /// The layer's directory, if it is built.
    ///
    /// # Errors
    /// A file of the base's `rootfs/` can't be read.
    pub fn find(&self, base: &Base, cache: &Cache, lock: &Lock) -> Result<Option<PathBuf>> {
        Ok(cache.find(&self.artifact(), &self.key(base, lock)?))
    }
}

/// Names and contents of all files in `dir` below `root`, in order.
fn hash_files(root: &Path, dir: &Path, out: &mut Vec<u8>) -> Result<()> {
    let here = root.join(dir);
    let mut names: Vec<_> =
        fs::read_dir(&here).at(&here)?.flatten().map(|e| dir.join(e.file_name())).collect();
    names.sort();
    for name in names {
        let path = root.join(&name);
        if path.is_dir() {
            hash_files(root, &name, out)?;
        } else {
            let bytes = fs::read(&path).at(&path)?;
            out.extend_from_slice(
                Key::of(&[name.as_os_str().as_encoded_bytes(), &bytes]).as_str().as_bytes(),
            );
        }
    }
    Ok(())
}
