// SPDX-License-Identifier: GPL-3.0-or-later
//! In: the name of an artifact, the hash of its inputs and a function that builds it. Out: a
//! finished directory that appears in one step and is never changed afterwards.
//!
//! Builders hold a lock per artifact, so clones that share the cache wait for each other instead of
//! doing the work twice. What an interrupted builder left is removed by the next one.

#![expect(clippy::disallowed_methods, reason = "an image is used when it is used")]

use crate::error::{At, Error, Result};
use rustix::fs::{FlockOperation, flock};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::SystemTime;

/// The lock of everybody who uses what is in the cache.
const HELD: &str = "held";

/// The directory in which everything that was built is kept.
#[derive(Debug)]
pub struct Cache {
    root: PathBuf,
    /// `Some` when what is there already is to be ignored; holds what this process has rebuilt.
    fresh: Option<Mutex<BTreeSet<String>>>,
}

/// Held while a thing is being built or used; released when dropped, also by a crash.
#[derive(Debug)]
pub struct Guard(#[expect(dead_code, reason = "the open file is the lock")] File);

impl Cache {
    /// Opens (and creates) the cache at `root`.
    ///
    /// # Errors
    /// The directory can't be made.
    pub fn open(root: impl Into<PathBuf>, fresh: bool) -> Result<Self> {
        let root = root.into();
        fs::create_dir_all(&root).at(&root)?;
        Ok(Self { root, fresh: fresh.then(Mutex::default) })
    }

    /// `${XDG_CACHE_HOME:-~/.cache}/cofferdam`.
    #[must_use]
    pub fn default_root() -> PathBuf {
        xdg("XDG_CACHE_HOME", ".cache").join("cofferdam")
    }

    /// Where the cache lies.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where the artifact `name` with inputs `key` lies or would lie.
    #[must_use]
    pub fn path(&self, name: &str, key: &Key) -> PathBuf {
        self.root.join(format!("{name}-{}", key.short()))
    }

    /// The artifact, if it is finished.
    #[must_use]
    pub fn find(&self, name: &str, key: &Key) -> Option<PathBuf> {
        let path = self.path(name, key);
        self.mark(&path);
        path.is_dir().then_some(path)
    }

    /// Returns the artifact and builds it first if need be. `build` fills an empty directory, which
    /// then takes its final name in one step.
    ///
    /// # Errors
    /// What `build` says, or the cache can't be changed.
    pub fn ensure<E: From<Error>>(
        &self,
        name: &str,
        key: &Key,
        build: impl FnOnce(&Path) -> Result<(), E>,
    ) -> Result<PathBuf, E> {
        let path = self.path(name, key);
        self.mark(&path);
        if path.is_dir() && !self.must_rebuild(&path) {
            return Ok(path);
        }
        let _guard = self.lock(name)?;
        if path.is_dir() && !self.must_rebuild(&path) {
            return Ok(path);
        }
        let partial = self.root.join(format!("{name}-{}.partial", key.short()));
        remove(&partial)?;
        fs::create_dir_all(&partial).at(&partial)?;
        build(&partial)?;
        remove(&path)?;
        fs::rename(&partial, &path).at(&path)?;
        if let Some(Ok(mut rebuilt)) = self.fresh.as_ref().map(|f| f.lock()) {
            rebuilt.insert(path.display().to_string());
        }
        Ok(path)
    }

    fn must_rebuild(&self, path: &Path) -> bool {
        match self.fresh.as_ref().map(|f| f.lock()) {
            Some(Ok(rebuilt)) => !rebuilt.contains(&path.display().to_string()),
            _ => false,
        }
    }

    /// Waits for the lock called `name`.
    ///
    /// # Errors
    /// The lock can't be made.
    pub fn lock(&self, name: &str) -> Result<Guard> {
        let (path, file) = self.lock_file(name)?;
        flock(&file, FlockOperation::LockExclusive).map_err(std::io::Error::from).at(&path)?;
        Ok(Guard(file))
    }

    /// From now on nothing is pruned, until what this gives is dropped.
    ///
    /// # Errors
    /// The lock can't be made.
    pub fn hold(&self) -> Result<Guard> {
        let (path, file) = self.lock_file(HELD)?;
        flock(&file, FlockOperation::LockShared).map_err(std::io::Error::from).at(&path)?;
        Ok(Guard(file))
    }

    /// The right to prune; none while somebody holds the cache.
    ///
    /// # Errors
    /// The lock can't be made.
    pub fn try_own(&self) -> Result<Option<Guard>> {
        let (path, file) = self.lock_file(HELD)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Guard(file))),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(errno) => Err(std::io::Error::from(errno)).at(&path),
        }
    }

    /// Notes that somebody wants an artifact. Without a note it only seems older.
    fn mark(&self, artifact: &Path) {
        let stamp = self.stamp(artifact);
        let _ = fs::create_dir_all(self.root.join("used"));
        let _ = File::options()
            .create(true)
            .append(true)
            .open(stamp)
            .and_then(|file| file.set_modified(SystemTime::now()));
    }

    /// The empty file whose time is that of an artifact's last use; the artifact itself never changes.
    #[must_use]
    pub fn stamp(&self, artifact: &Path) -> PathBuf {
        self.root.join("used").join(artifact.file_name().unwrap_or_default())
    }

    fn lock_file(&self, name: &str) -> Result<(PathBuf, File)> {
        let dir = self.root.join("locks");
        fs::create_dir_all(&dir).at(&dir)?;
        let path = dir.join(name);
        let file = File::options().create(true).append(true).open(&path).at(&path)?;
        Ok((path, file))
    }
}

/// Removes a directory tree; it is fine if there is none.
///
/// # Errors
/// It can't be removed.
pub fn remove(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e).at(path),
        _ => Ok(()),
    }
}

/// `$variable`, or `fallback` below the home directory.
pub(crate) fn xdg(variable: &str, fallback: &str) -> PathBuf {
    match std::env::var_os(variable).map(PathBuf::from).filter(|p| p.is_absolute()) {
        Some(path) => path,
        None => std::env::home_dir().unwrap_or_else(|| "/".into()).join(fallback),
    }
}

/// Hash of everything that goes into an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// Hashes the parts; their lengths go in too, so that no two lists of parts collide.
    #[must_use]
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        Self(hex(&hash.finalize()))
    }

    /// The whole hash in hexadecimal.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn short(&self) -> &str {
        self.0.get(..16).unwrap_or(&self.0)
    }
}

/// Lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut out, b| {
        let _ = write!(out, "{b:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builds_once_and_again_when_fresh() {
        let dir = tempfile::tempdir().unwrap();
        let key = Key::of(&[b"a", b"b"]);
        let count = std::cell::Cell::new(0);
        let build = |cache: &Cache| {
            cache.ensure("x", &key, |out| {
                count.set(count.get() + 1);
                fs::write(out.join("f"), b"1").at(out)
            })
        };
        let cache = Cache::open(dir.path(), false).unwrap();
        assert!(build(&cache).unwrap().join("f").is_file());
        build(&cache).unwrap();
        assert_eq!(count.get(), 1);
        let fresh = Cache::open(dir.path(), true).unwrap();
        build(&fresh).unwrap();
        build(&fresh).unwrap();
        assert_eq!(count.get(), 2);
    }

    #[test]
    fn a_failed_build_leaves_nothing_that_looks_finished() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(dir.path(), false).unwrap();
        let key = Key::of(&[b"a"]);
        let failed = cache.ensure("x", &key, |out| {
            fs::write(out.join("half"), b"").at(out)?;
            Err(Error::malformed("x", "broken"))
        });
        assert!(failed.is_err());
        assert!(cache.find("x", &key).is_none());
        let built = cache.ensure("x", &key, |_| -> Result<()> { Ok(()) }).unwrap();
        assert!(!built.join("half").exists());
    }

    #[test]
    fn parts_do_not_run_together() {
        assert_ne!(Key::of(&[b"ab", b"c"]), Key::of(&[b"a", b"bc"]));
    }
}
