// SPDX-License-Identifier: GPL-3.0-or-later
//! In: `.deb` files, already checked by hash. Out: their files below a directory, without root, without
//! maintainer scripts, never outside that directory, and never more or larger ones than the limits say.
//!
//! Owners and set-uid bits are dropped: every file of a layer belongs to root, and nothing in a guest
//! needs to gain rights. Device nodes and the like are refused; no package of Debian's has any.

mod archive;
mod tree;

use crate::error::{At, Error, Refusal, Result};
pub(crate) use archive::decompress;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use tree::Tree;

/// Directories that are symbolic links into `/usr`.
const MERGED: [&str; 4] = ["bin", "sbin", "lib", "lib64"];

/// Makes `root` a tree in which `/bin`, `/sbin`, `/lib` and `/lib64` are links into `/usr`.
pub(crate) fn prepare(root: &Path) -> Result<()> {
    for name in MERGED {
        let target = root.join("usr").join(name);
        fs::create_dir_all(&target).at(&target)?;
        let link = root.join(name);
        symlink(format!("usr/{name}"), &link).at(&link)?;
    }
    Ok(())
}

/// Where packages go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'p> {
    /// Everything is written below this directory.
    pub(crate) root: &'p Path,
    /// What the guest will see under it; looked at, never written.
    pub(crate) below: Option<&'p Path>,
}

/// Unpacks `debs` in order; a later package replaces files of an earlier one. Only paths (without leading
/// slash) for which `keep` holds are written. `each` is told about every package.
#[expect(clippy::disallowed_methods, reason = "packages are unpacked on all cores")]
pub(crate) fn unpack_all(
    debs: &[PathBuf],
    place: Place<'_>,
    keep: &(dyn Fn(&str) -> bool + Sync),
    mut each: impl FnMut(usize),
) -> Result<()> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut tree = Tree::new(place);
    let mut count = 0;
    // Decompression is the slow part and runs in parallel; writing in order keeps the outcome fixed.
    for chunk in debs.chunks(threads) {
        let tars: Vec<Result<Vec<u8>>> = std::thread::scope(|scope| {
            let jobs: Vec<_> = chunk.iter().map(|deb| scope.spawn(move || read(deb))).collect();
            jobs.into_iter()
                .zip(chunk)
                .map(|(job, deb)| {
                    let crashed = || Err(archive::malformed(&name(deb), "the reader crashed"));
                    job.join().unwrap_or_else(|_| crashed())
                })
                .collect()
        });
        for (tar, deb) in tars.into_iter().zip(chunk) {
            tree.write(&tar?, &name(deb), keep)?;
            count += 1;
            each(count);
        }
    }
    Ok(())
}

fn name(deb: &Path) -> String {
    deb.display().to_string()
}

fn read(deb: &Path) -> Result<Vec<u8>> {
    if fs::metadata(deb).at(deb)?.len() > archive::MAX_PACKED {
        return Err(Error::refused(name(deb), "", Refusal::Bytes));
    }
    archive::data_tar(&name(deb), &fs::read(deb).at(deb)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deb(entries: &[(&str, tar::EntryType, &str)]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, kind, content) in entries {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(*kind);
            header.set_mode(0o4755);
            if kind.is_file() {
                header.set_size(content.len() as u64);
            } else {
                header.set_size(0);
                if !kind.is_dir() {
                    header.set_link_name_literal(content).unwrap();
                }
            }
            let raw = header.as_old_mut();
            raw.name[..path.len()].copy_from_slice(path.as_bytes());
            header.set_cksum();
            builder.append(&header, if kind.is_file() { content.as_bytes() } else { b"" }).unwrap();
        }
        let tar = builder.into_inner().unwrap();
        let mut out = b"!<arch>\n".to_vec();
        for (name, data) in [("debian-binary", b"2.0".as_slice()), ("data.tar", &tar)] {
            out.extend(format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, 644, data.len()).bytes());
            out.extend(data);
            if data.len() % 2 == 1 {
                out.push(b'\n');
            }
        }
        out
    }

    /// Unpacks one package into an empty tree, or over a base that has a file and a link.
    fn unpack(entries: &[(&str, tar::EntryType, &str)]) -> (tempfile::TempDir, Result<()>) {
        let dir = tempfile::tempdir().unwrap();
        let done = unpack_in(dir.path(), false, &[entries]);
        (dir, done)
    }

    fn unpack_in(dir: &Path, over_base: bool, packages: &[&[(&str, tar::EntryType, &str)]]) -> Result<()> {
        let (root, base) = (dir.join("root"), dir.join("base"));
        if over_base {
            prepare(&base).unwrap();
            fs::create_dir_all(base.join("usr/share/deep")).unwrap();
            fs::write(base.join("usr/bin/tool"), "the base's").unwrap();
            symlink("share/deep", base.join("usr/link")).unwrap();
            fs::create_dir(&root).unwrap();
        } else {
            prepare(&root).unwrap();
        }
        let files = packages.iter().enumerate().map(|(n, entries)| {
            let file = dir.join(format!("{n}.deb"));
            fs::write(&file, deb(entries)).unwrap();
            file
        });
        let place = Place { root: &root, below: over_base.then_some(&base) };
        let keep = |path: &str| !path.starts_with("usr/share/doc");
        unpack_all(&files.collect::<Vec<_>>(), place, &keep, |_| {})
    }

    fn refusal(done: Result<()>) -> Option<Refusal> {
        match done {
            Ok(()) => None,
            Err(Error::Refused { why, .. }) => Some(why),
            Err(other) => panic!("{other}"),
        }
    }

    use tar::EntryType as T;

    #[test]
    fn files_links_and_filters() {
        let (dir, done) = unpack(&[
            ("./", T::Directory, ""),
            ("./lib/a.so", T::Regular, "elf"),
            ("./usr/share/doc/x", T::Regular, "text"),
            ("./usr/share/link", T::Symlink, "/etc/real"),
            ("./usr/share/link/inner", T::Regular, "in etc"),
            ("./usr/lib/b.so", T::Link, "./usr/lib/a.so"),
        ]);
        done.unwrap();
        let root = dir.path().join("root");
        assert_eq!(fs::read(root.join("usr/lib/a.so")).unwrap(), b"elf");
        assert_eq!(fs::read(root.join("usr/lib/b.so")).unwrap(), b"elf");
        assert!(!root.join("usr/share/doc").exists());
        assert_eq!(fs::read(root.join("etc/real/inner")).unwrap(), b"in etc");
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(root.join("usr/lib/a.so")).unwrap().permissions().mode();
        assert_eq!(mode & 0o7000, 0, "set-uid is dropped");
    }

    #[test]
    fn nothing_leaves_the_tree() {
        let long = "d/".repeat(64);
        for (entries, why) in [
            ([("../evil", T::Regular, "x"), ("a", T::Directory, "")], Refusal::Leaves),
            ([("/evil", T::Regular, "x"), ("a", T::Directory, "")], Refusal::Leaves),
            ([("a/../../evil", T::Regular, "x"), ("a", T::Directory, "")], Refusal::Leaves),
            ([("d", T::Symlink, "../../.."), ("d/evil", T::Regular, "x")], Refusal::Link),
            ([("d", T::Symlink, "d"), ("d/evil", T::Regular, "x")], Refusal::Link),
            ([("d", T::Link, "../0.deb"), ("a", T::Directory, "")], Refusal::HardLink),
            ([("d", T::Link, "/etc/passwd"), ("a", T::Directory, "")], Refusal::HardLink),
            ([("d", T::Block, ""), ("a", T::Directory, "")], Refusal::Kind),
            ([("d", T::Char, ""), ("a", T::Directory, "")], Refusal::Kind),
            ([("d", T::Fifo, ""), ("a", T::Directory, "")], Refusal::Kind),
            ([("d", T::Regular, "x"), ("d/evil", T::Regular, "x")], Refusal::InTheWay),
            ([("usr/bin", T::Regular, "x"), ("a", T::Directory, "")], Refusal::InTheWay),
            ([("a", T::Directory, ""), (&long[..99], T::Directory, "")], Refusal::Name),
        ] {
            let (dir, done) = unpack(&entries);
            assert_eq!(refusal(done), Some(why), "{entries:?}");
            assert!(!dir.path().join("evil").exists());
        }
    }

    #[test]
    fn what_lies_below_is_never_touched() {
        let entries: &[&[(&str, tar::EntryType, &str)]] = &[
            &[
                ("usr/bin/tool", T::Regular, "another"),
                ("usr/link/new", T::Regular, "through a link of the base"),
            ],
            &[("bin/tool", T::Regular, "and another"), ("usr/share/deep", T::Directory, "")],
        ];
        let dir = tempfile::tempdir().unwrap();
        unpack_in(dir.path(), true, entries).unwrap();
        let read = |path: &str| fs::read_to_string(dir.path().join(path)).unwrap();
        assert_eq!(read("base/usr/bin/tool"), "the base's");
        assert_eq!(read("root/usr/bin/tool"), "and another");
        assert_eq!(read("root/usr/share/deep/new"), "through a link of the base");
        assert!(!dir.path().join("base/usr/share/deep/new").exists());
    }

    #[test]
    fn a_package_links_its_own_files_only() {
        let own: &[_] = &[("usr/bin/a", T::Regular, "a"), ("usr/bin/b", T::Link, "usr/bin/a")];
        for (packages, why) in [
            (&[own][..], None),
            (&[&[("usr/bin/b", T::Link, "usr/bin/tool")]], Some(Refusal::HardLink)),
            (&[&[("usr/bin/b", T::Link, "bin/tool")]], Some(Refusal::HardLink)),
            (&[own, &[("usr/bin/c", T::Link, "usr/bin/a")]], Some(Refusal::HardLink)),
            (&[&[("s", T::Symlink, "usr/bin/tool"), ("usr/bin/c", T::Link, "s")]], Some(Refusal::HardLink)),
        ] {
            let dir = tempfile::tempdir().unwrap();
            assert_eq!(refusal(unpack_in(dir.path(), true, packages)), why, "{packages:?}");
            assert_eq!(fs::read(dir.path().join("base/usr/bin/tool")).unwrap(), b"the base's");
        }
    }

    #[test]
    fn broken_archives_are_errors() {
        let good = deb(&[("./a", T::Regular, "x")]);
        let dir = tempfile::tempdir().unwrap();
        for len in [0, 4, 8, 30, 68, 75, 140, good.len() / 2] {
            let file = dir.path().join(format!("{len}.deb"));
            fs::write(&file, &good[..len]).unwrap();
            assert!(
                unpack_all(&[file], Place { root: dir.path(), below: None }, &|_| true, |_| {}).is_err(),
                "{len}"
            );
        }
    }
}
