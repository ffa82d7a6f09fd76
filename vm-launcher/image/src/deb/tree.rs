// SPDX-License-Identifier: GPL-3.0-or-later
//! In: the entries of a package's tar, which anybody may have written. Out: files, directories and links below one
//! directory, placed as the guest would see them; a typed refusal of everything that has no business in a layer.

use super::archive::malformed;
use super::{MERGED, Place};
use crate::error::{At, Error, Refusal, Result};
use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io::Read;
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Component, Path, PathBuf};

/// Deepest chain of symbolic links that is followed inside a tree.
const MAX_LINKS: usize = 16;

/// Most entries and bytes of all packages of one tree. The base has 6,000 files and 600 MB.
const MAX_ENTRIES: u32 = 400_000;
const MAX_BYTES: u64 = 8 << 30;

/// Longest path and link, and most directories in one.
const MAX_PATH: usize = 1024;
const MAX_DEPTH: usize = 40;

/// A tree that packages are written into.
pub(super) struct Tree<'p> {
    place: Place<'p>,
    directories: HashSet<PathBuf>,
    entries: u32,
    bytes: u64,
}

/// One entry, its path cleaned.
struct Entry<'e, 't> {
    tar: &'e mut tar::Entry<'t, &'t [u8]>,
    path: &'e Path,
    package: &'e str,
}

impl Entry<'_, '_> {
    fn refused(&self, why: Refusal) -> Error {
        Error::refused(self.package, self.path.display().to_string(), why)
    }

    fn link(&self) -> Result<PathBuf> {
        let link = self.tar.link_name().map_err(|e| malformed(self.package, e))?;
        let link = link.ok_or_else(|| self.refused(Refusal::Link))?;
        if link.as_os_str().len() > MAX_PATH {
            return Err(self.refused(Refusal::Name));
        }
        Ok(link.into_owned())
    }
}

impl<'p> Tree<'p> {
    pub(super) fn new(place: Place<'p>) -> Self {
        Self { place, directories: HashSet::new(), entries: 0, bytes: 0 }
    }

    pub(super) fn write(
        &mut self,
        tar: &[u8],
        package: &str,
        keep: &(dyn Fn(&str) -> bool + Sync),
    ) -> Result<()> {
        let bad = |e: std::io::Error| malformed(package, e);
        let mut own = HashSet::new();
        for entry in tar::Archive::new(tar).entries().map_err(bad)? {
            let mut entry = entry.map_err(bad)?;
            let raw = entry.path().map_err(bad)?.into_owned();
            let refused = |why| Err(Error::refused(package, raw.display().to_string(), why));
            let Some(path) = clean(&raw) else { return refused(Refusal::Leaves) };
            if raw.as_os_str().len() > MAX_PATH || path.components().count() > MAX_DEPTH {
                return refused(Refusal::Name);
            }
            self.entries += 1;
            if self.entries > MAX_ENTRIES {
                return refused(Refusal::Files);
            }
            if path.as_os_str().is_empty() || MERGED.iter().any(|m| path == Path::new(m)) {
                continue;
            }
            let Some(text) = path.to_str() else { continue };
            if keep(text) {
                self.entry(Entry { tar: &mut entry, path: &path, package }, &mut own)?;
            }
        }
        Ok(())
    }

    /// Writes one entry; `own` are the regular files that the same package has written.
    fn entry(&mut self, entry: Entry<'_, '_>, own: &mut HashSet<PathBuf>) -> Result<()> {
        let kind = entry.tar.header().entry_type();
        if kind.is_dir() {
            return self.directory(&entry, entry.path).map(drop);
        }
        let target = self.target(&entry, entry.path)?;
        let source = kind.is_hard_link().then(|| self.own(&entry, own)).transpose()?;
        self.clear(&entry, &target)?;
        own.remove(&target);
        let target = self.place.root.join(&target);
        if let Some(source) = source {
            fs::hard_link(self.place.root.join(source), &target).at(&target)
        } else if kind.is_symlink() {
            symlink(entry.link()?, &target).at(&target)
        } else if kind.is_file() {
            self.file(entry, &target)?;
            own.insert(target.strip_prefix(self.place.root).unwrap_or(&target).to_path_buf());
            Ok(())
        } else {
            Err(entry.refused(Refusal::Kind))
        }
    }

    /// What a hard link is to: a file of the same package. The inodes of others are theirs alone.
    fn own(&mut self, entry: &Entry<'_, '_>, own: &HashSet<PathBuf>) -> Result<PathBuf> {
        let link = clean(&entry.link()?).ok_or_else(|| entry.refused(Refusal::HardLink))?;
        let source = self.target(entry, &link)?;
        if own.contains(&source) { Ok(source) } else { Err(entry.refused(Refusal::HardLink)) }
    }

    fn file(&mut self, entry: Entry<'_, '_>, target: &Path) -> Result<()> {
        let size = entry.tar.size();
        self.bytes = self.bytes.saturating_add(size);
        if self.bytes > MAX_BYTES {
            return Err(entry.refused(Refusal::Bytes));
        }
        let executable = entry.tar.header().mode().map_err(|e| malformed(entry.package, e))? & 0o111 != 0;
        let mode = if executable { 0o755 } else { 0o644 };
        let mut file = fs::File::options().write(true).create_new(true).mode(mode).open(target).at(target)?;
        let written = std::io::copy(&mut entry.tar.take(size), &mut file).at(target)?;
        if written == size { Ok(()) } else { Err(entry.refused(Refusal::Cut)) }
    }

    /// Where `path` goes below the root; its parents are made.
    fn target(&mut self, entry: &Entry<'_, '_>, path: &Path) -> Result<PathBuf> {
        let parent = self.directory(entry, path.parent().unwrap_or(Path::new("")))?;
        Ok(parent.join(path.file_name().unwrap_or_default()))
    }

    /// What the guest would find at `path`, whose parents are no links, and where that lies.
    fn look(&self, path: &Path) -> Option<(PathBuf, Metadata)> {
        let places = [Some(self.place.root), self.place.below];
        places.into_iter().flatten().find_map(|place| {
            let host = place.join(path);
            fs::symlink_metadata(&host).ok().map(|meta| (host, meta))
        })
    }

    /// Makes the directory `path` below the root and returns it, symbolic links resolved as the
    /// guest would see them.
    fn directory(&mut self, entry: &Entry<'_, '_>, path: &Path) -> Result<PathBuf> {
        if self.directories.contains(path) {
            return Ok(path.to_path_buf());
        }
        let mut links = 0;
        let mut todo: Vec<_> = components(path);
        let mut here = PathBuf::new();
        while let Some(name) = todo.pop() {
            let next = here.join(&name);
            match self.look(&next) {
                Some((host, meta)) if meta.is_symlink() => {
                    links += 1;
                    let target = fs::read_link(&host).at(&host)?;
                    let absolute = if target.is_absolute() { target } else { here.join(target) };
                    here = PathBuf::new();
                    let inside = clean_guest(&absolute).filter(|_| links <= MAX_LINKS);
                    todo.extend(components(&inside.ok_or_else(|| entry.refused(Refusal::Link))?));
                }
                Some((_, meta)) if !meta.is_dir() => return Err(entry.refused(Refusal::InTheWay)),
                found => {
                    let host = self.place.root.join(&next);
                    if found.is_none_or(|(at, _)| at != host) {
                        fs::create_dir(&host).at(&host)?;
                    }
                    here = next;
                }
            }
        }
        if links == 0 {
            self.directories.insert(here.clone());
        }
        Ok(here)
    }

    /// Makes room at `target`. A directory stays, also one that lies below.
    fn clear(&self, entry: &Entry<'_, '_>, target: &Path) -> Result<()> {
        match self.look(target) {
            Some((_, meta)) if meta.is_dir() => Err(entry.refused(Refusal::InTheWay)),
            Some((host, _)) if host.starts_with(self.place.root) => fs::remove_file(&host).at(&host),
            _ => Ok(()),
        }
    }
}

/// The components in reverse, to be popped from the end.
fn components(path: &Path) -> Vec<OsString> {
    path.components().rev().map(|c| c.as_os_str().to_owned()).collect()
}

/// A path of an archive: relative, without `.` and `..`.
fn clean(path: &Path) -> Option<PathBuf> {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => out.push(name),
            Component::CurDir => {}
            _ => return None,
        }
    }
    Some(out)
}

/// A path inside the guest; `..` goes up, but not out.
fn clean_guest(path: &Path) -> Option<PathBuf> {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => out.push(name),
            Component::ParentDir if !out.pop() => return None,
            _ => {}
        }
    }
    Some(out)
}
