// SPDX-License-Identifier: GPL-3.0-or-later
//! In: the base's layer and the files of an app. Out: two trees that are thrown away afterwards and share no inode
//! with anything: the base as its layer has it, to run its programs from, and the base with the app over it, for
//! those programs to look at and write into.
//!
//! Both are unpacked from the layer file, whose every block was compared with the root hash first: whatever an
//! earlier app's packages did, they are what was built. No link in the view leads out of it.

use super::run::{Room, run};
use crate::error::{At, Error, Result};
use cofferdam_catalogue::{Layer, Program, cache};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Component, Path, PathBuf};

/// A tree that is gone when this is dropped.
#[derive(Debug)]
pub(crate) struct Tree(PathBuf);

impl Tree {
    /// The files of `layer` in the new directory `dir`.
    pub(crate) fn extract(fsck: &Program, layer: &Layer, dir: PathBuf) -> Result<Self> {
        layer.verify()?;
        fs::create_dir(&dir).at(&dir)?;
        let tree = Self(dir);
        let mut command = fsck.command();
        // As it is in the layer, whoever builds and whatever their umask.
        command.args(["-d0", "--preserve-perms", "--no-preserve-owner", "--overwrite"]);
        let mut extract = std::ffi::OsString::from("--extract=");
        extract.push(&tree.0);
        command.arg(extract).arg(&layer.path);
        let room = Room { programs: fsck.tree(), read: &[&layer.path], write: &[&tree.0] };
        run(room, command, "fsck.erofs")?;
        Ok(tree)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        // Whatever is left is removed by the next builder.
        let _ = cache::remove(&self.0);
    }
}

/// Copies the files of an app over a tree of the base. They are data here: nothing in them runs, and links that
/// could lead out of the tree, where the host follows them, are left out.
pub(crate) fn put_over(app: &Path, tree: &Path) -> Result<()> {
    copy(app, tree)?;
    confine(tree, 0)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from).at(from)? {
        let entry = entry.at(from)?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().at(&source)?;
        let old = fs::symlink_metadata(&target).ok();
        if kind.is_dir() && old.as_ref().is_some_and(fs::Metadata::is_dir) {
            copy(&source, &target)?;
            continue;
        }
        match old {
            Some(old) if old.is_dir() => fs::remove_dir_all(&target).at(&target)?,
            Some(_) => fs::remove_file(&target).at(&target)?,
            None => {}
        }
        if kind.is_dir() {
            fs::create_dir(&target).at(&target)?;
            copy(&source, &target)?;
        } else if kind.is_symlink() {
            symlink(fs::read_link(&source).at(&source)?, &target).at(&target)?;
        } else if kind.is_file() {
            fs::copy(&source, &target).at(&target)?;
        } else {
            return Err(Error::malformed(source.display().to_string(), "neither file, directory nor link"));
        }
    }
    Ok(())
}

/// Rewrites every link in `dir`, which lies `depth` directories deep, so that the host finds what the guest would.
fn confine(dir: &Path, depth: usize) -> Result<()> {
    for entry in fs::read_dir(dir).at(dir)? {
        let entry = entry.at(dir)?;
        let path = entry.path();
        let kind = entry.file_type().at(&path)?;
        if kind.is_dir() {
            confine(&path, depth + 1)?;
        } else if kind.is_symlink() {
            let old = fs::read_link(&path).at(&path)?;
            let new = confined(&old, depth);
            if new.as_ref() != Some(&old) {
                fs::remove_file(&path).at(&path)?;
                new.map_or(Ok(()), |new| symlink(new, &path)).at(&path)?;
            }
        }
    }
    Ok(())
}

/// The target of a link `depth` directories below the root, such that it stays below it; `None` if it may not.
///
/// `..` counts only at the start: the directory of the link is no link, but what comes after a name may be.
fn confined(target: &Path, depth: usize) -> Option<PathBuf> {
    let mut up = 0;
    let mut names: Vec<&OsStr> = Vec::new();
    for part in target.components() {
        match part {
            Component::RootDir => up = depth,
            Component::ParentDir if names.is_empty() && !target.is_absolute() => up += 1,
            Component::ParentDir | Component::Prefix(_) => return None,
            Component::CurDir => {}
            Component::Normal(name) => names.push(name),
        }
    }
    if up > depth {
        return None;
    }
    if !target.is_absolute() {
        return Some(target.to_path_buf());
    }
    let ups = std::iter::repeat_n(OsStr::new(".."), up);
    let path: PathBuf = ups.chain(names).collect();
    Some(if path.as_os_str().is_empty() { ".".into() } else { path })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_stay_inside() {
        for (target, depth, expected) in [
            ("a", 0, Some("a")),
            ("a/b", 2, Some("a/b")),
            ("../a", 1, Some("../a")),
            ("../a", 0, None),
            ("../../../a", 2, None),
            ("/a/b", 0, Some("a/b")),
            ("/a/b", 2, Some("../../a/b")),
            ("/", 0, Some(".")),
            ("/", 1, Some("..")),
            // What `a` is a link to decides where its parent is.
            ("a/..", 5, None),
            ("../a/../../b", 5, None),
            ("/a/../b", 5, None),
            ("/../b", 5, None),
        ] {
            assert_eq!(
                confined(Path::new(target), depth),
                expected.map(PathBuf::from),
                "{target} at {depth}"
            );
        }
    }

    #[test]
    fn the_host_is_not_reached_through_a_view() {
        let dir = tempfile::tempdir().unwrap();
        let [app, view, host] = ["app", "view", "host"].map(|name| dir.path().join(name));
        for made in ["app/usr/share/mime", "app/usr/file", "view/usr/share/mime", "view/usr/link"] {
            fs::create_dir_all(dir.path().join(made)).unwrap();
        }
        fs::write(&host, "the host's").unwrap();
        fs::write(view.join("usr/share/real"), "the base's").unwrap();
        fs::write(view.join("usr/file"), "will be a directory").unwrap();
        fs::write(app.join("usr/link"), "was a directory").unwrap();
        let mime = "usr/share/mime";
        for (name, target) in [
            ("absolute", host.display().to_string()),
            ("relative", "../../../../host".into()),
            ("through", "up/../../../../../host".into()),
            ("up", "../..".into()),
            ("inside", "/usr/share/real".into()),
        ] {
            symlink(target, app.join(mime).join(name)).unwrap();
        }
        put_over(&app, &view).unwrap();
        for name in ["absolute", "relative", "through"] {
            assert!(fs::read(view.join(mime).join(name)).is_err(), "{name}");
            // Opened for writing, one that leads nowhere would make a file inside at most.
            let _ = fs::write(view.join(mime).join(name), "written");
        }
        assert_eq!(fs::read(&host).unwrap(), b"the host's");
        assert_eq!(fs::read(view.join(mime).join("inside")).unwrap(), b"the base's");
        assert!(view.join("usr/file").is_dir() && view.join("usr/link").is_file());
        assert!(app.join(mime).join("relative").is_symlink(), "the app's own files stay as they are");
    }
}
