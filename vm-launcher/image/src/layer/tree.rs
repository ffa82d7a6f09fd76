// SPDX-License-Identifier: GPL-3.0-or-later
//! In: directory trees. Out: files of ours in them, directories that say nothing new removed, and time stamps.

use super::erofs::TIMESTAMP;
use crate::error::{At, Result};
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// Removes empty directories from `tree` that `base` has, too; packages list every directory on the way to
/// their files. Returns whether anything is left.
pub(crate) fn drop_known(tree: &Path, base: &Path) -> Result<bool> {
    let mut left = false;
    for entry in fs::read_dir(tree).at(tree)? {
        let entry = entry.at(tree)?;
        let (path, below) = (entry.path(), base.join(entry.file_name()));
        if !entry.file_type().at(&path)?.is_dir() {
            left = true;
            continue;
        }
        let in_base = fs::symlink_metadata(&below).is_ok_and(|meta| meta.is_dir());
        if drop_known(&path, &below)? || !in_base {
            left = true;
        } else {
            fs::remove_dir(&path).at(&path)?;
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

pub(crate) fn set_mode(path: &Path, mode: u32) -> Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).at(path)
}

/// Gives every file and directory below `tree` the mode that it will have in the guest, whatever the umask of
/// whoever builds, and every directory its time stamp.
pub(crate) fn settle(tree: &Path) -> Result<()> {
    for entry in fs::read_dir(tree).at(tree)? {
        let entry = entry.at(tree)?;
        let (path, kind) = (entry.path(), entry.file_type().at(tree)?);
        if kind.is_dir() {
            settle(&path)?;
        } else if kind.is_file() {
            let executable = entry.metadata().at(&path)?.permissions().mode() & 0o100 != 0;
            set_mode(&path, if executable { 0o755 } else { 0o644 })?;
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
        let (base, tree) = (dir.path().join("base"), dir.path().join("tree"));
        for sub in ["base/usr/lib/deep", "base/etc", "tree/usr/lib/deep", "tree/etc/new", "tree/opt"] {
            fs::create_dir_all(dir.path().join(sub)).unwrap();
        }
        symlink("etc", base.join("link")).unwrap();
        for sub in ["usr/share", "link"] {
            fs::create_dir_all(tree.join(sub)).unwrap();
        }
        fs::write(tree.join("usr/share/a"), "a").unwrap();
        assert!(drop_known(&tree, &base).unwrap());
        for (path, there) in
            [("usr/share/a", true), ("etc/new", true), ("opt", true), ("link", true), ("usr/lib", false)]
        {
            assert_eq!(tree.join(path).exists(), there, "{path}");
        }
    }
}
