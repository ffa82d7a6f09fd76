// SPDX-License-Identifier: GPL-3.0-or-later
//! In: directory trees. Out: copies made of hard links, differences between trees, and time stamps.
//!
//! An app's files are unpacked over a hard-linked copy of the base, so that the base's own programs
//! can compute caches over both; what is still linked to the base afterwards is not the app's.

use super::erofs::TIMESTAMP;
use crate::error::{At, Result};
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

/// Copies `from` to `to`: directories are made, everything else is linked.
pub(crate) fn link(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir(to).at(to)?;
    for entry in fs::read_dir(from).at(from)? {
        let entry = entry.at(from)?;
        let target = to.join(entry.file_name());
        if entry.file_type().at(from)?.is_dir() {
            link(&entry.path(), &target)?;
        } else {
            fs::hard_link(entry.path(), &target).at(&target)?;
        }
    }
    Ok(())
}

/// Removes from `tree` what is the very same file in `base`, and the directories that only held such
/// files. Returns whether anything is left.
pub(crate) fn subtract(tree: &Path, base: &Path) -> Result<bool> {
    let mut left = false;
    for entry in fs::read_dir(tree).at(tree)? {
        let entry = entry.at(tree)?;
        let (path, below) = (entry.path(), base.join(entry.file_name()));
        let meta = fs::symlink_metadata(&path).at(&path)?;
        let old = fs::symlink_metadata(&below).ok();
        if meta.is_dir() {
            let in_base = old.is_some_and(|o| o.is_dir());
            if subtract(&path, &below)? || !in_base {
                left = true;
            } else {
                fs::remove_dir(&path).at(&path)?;
            }
        } else if old.is_some_and(|o| (o.dev(), o.ino()) == (meta.dev(), meta.ino())) {
            fs::remove_file(&path).at(&path)?;
        } else {
            left = true;
        }
    }
    Ok(left)
}

/// Copies a directory of the source tree over `to`; later files win.
pub(crate) fn overlay(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).at(to)?;
    for entry in fs::read_dir(from).at(from)? {
        let entry = entry.at(from)?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().at(&path)?;
        if kind.is_dir() {
            overlay(&path, &target)?;
            continue;
        }
        if fs::symlink_metadata(&target).is_ok() {
            fs::remove_file(&target).at(&target)?;
        }
        if kind.is_symlink() {
            symlink(fs::read_link(&path).at(&path)?, &target).at(&target)?;
        } else {
            // Not a plain copy: a clone's umask must not decide what a layer looks like.
            let bytes = fs::read(&path).at(&path)?;
            fs::write(&target, bytes).at(&target)?;
            set_mode(&target, 0o644)?;
        }
    }
    Ok(())
}

/// Makes room for a file of ours at `path` in `tree` and says where that is. What packages put there goes, above
/// all links: written through one, the file would land on the host.
pub(crate) fn own_file(tree: &Path, path: &Path) -> Result<PathBuf> {
    let mut here = tree.to_path_buf();
    for name in path.parent().unwrap_or(Path::new("")).components() {
        here.push(name);
        let meta = fs::symlink_metadata(&here).ok();
        if meta.as_ref().is_some_and(|meta| !meta.is_dir()) {
            fs::remove_file(&here).at(&here)?;
        }
        if meta.is_none_or(|meta| !meta.is_dir()) {
            fs::create_dir(&here).at(&here)?;
        }
    }
    here.push(path.file_name().unwrap_or_default());
    match fs::symlink_metadata(&here) {
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(&here).at(&here)?,
        Ok(_) => fs::remove_file(&here).at(&here)?,
        Err(_) => {}
    }
    Ok(here)
}

fn set_mode(path: &Path, mode: u32) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).at(path)
}

/// Gives every directory below `tree` its final mode and the time stamp it will have in the guest.
pub(crate) fn settle(tree: &Path) -> Result<()> {
    for entry in fs::read_dir(tree).at(tree)? {
        let entry = entry.at(tree)?;
        if entry.file_type().at(tree)?.is_dir() {
            settle(&entry.path())?;
        }
    }
    set_mode(tree, 0o755)?;
    let stamp = Timespec { tv_sec: i64::try_from(TIMESTAMP).unwrap_or_default(), tv_nsec: 0 };
    let times = Timestamps { last_access: stamp, last_modification: stamp };
    utimensat(CWD, tree, &times, AtFlags::empty()).map_err(std::io::Error::from).at(tree)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_ours_follows_no_link_of_a_package() {
        let dir = tempfile::tempdir().unwrap();
        let host = dir.path().join("host");
        fs::create_dir(&host).unwrap();
        fs::write(host.join("app.json"), "the host's").unwrap();
        let path = Path::new("usr/share/cofferdam/app.json");
        for (n, link) in
            ["usr", "usr/share", "usr/share/cofferdam", "usr/share/cofferdam/app.json"].iter().enumerate()
        {
            let tree = dir.path().join(n.to_string());
            let at = tree.join(link);
            fs::create_dir_all(at.parent().unwrap()).unwrap();
            let target = if link.ends_with("json") { host.join("app.json") } else { host.clone() };
            symlink(target, at).unwrap();
            let file = own_file(&tree, path).unwrap();
            fs::write(&file, "ours").unwrap();
            assert_eq!(fs::read(tree.join(path)).unwrap(), b"ours", "{link}");
            assert!(file.canonicalize().unwrap().starts_with(tree.canonicalize().unwrap()), "{link}");
        }
        assert_eq!(fs::read_dir(&host).unwrap().count(), 1);
        assert_eq!(fs::read(host.join("app.json")).unwrap(), b"the host's");
    }

    #[test]
    fn what_the_app_added_is_what_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let (base, merged) = (dir.path().join("base"), dir.path().join("merged"));
        for sub in ["usr/lib", "usr/share", "etc"] {
            fs::create_dir_all(base.join(sub)).unwrap();
        }
        for file in ["usr/lib/a", "usr/share/b", "etc/c"] {
            fs::write(base.join(file), file).unwrap();
        }
        symlink("a", base.join("usr/lib/link")).unwrap();
        link(&base, &merged).unwrap();
        // New, replaced, and an empty directory of its own.
        fs::write(merged.join("usr/share/new"), "new").unwrap();
        fs::remove_file(merged.join("etc/c")).unwrap();
        fs::write(merged.join("etc/c"), "etc/c").unwrap();
        fs::create_dir(merged.join("opt")).unwrap();
        assert!(subtract(&merged, &base).unwrap());
        for (path, there) in [
            ("usr/share/new", true),
            ("etc/c", true),
            ("opt", true),
            ("usr/share/b", false),
            ("usr/lib", false),
        ] {
            assert_eq!(merged.join(path).exists(), there, "{path}");
        }
        assert_eq!(fs::read(base.join("usr/lib/a")).unwrap(), b"usr/lib/a");
    }
}
