// SPDX-License-Identifier: GPL-3.0-or-later
//! In: `.deb` files, already checked by hash. Out: their files below a directory, without root, without
//! maintainer scripts, never outside that directory.
//!
//! Owners, set-uid bits and device nodes are dropped: every file of a layer belongs to root, and
//! nothing in a guest needs to gain rights.

use crate::error::{At, Error, Result};
use std::collections::HashSet;
use std::fs;
use std::io::Read;
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Component, Path, PathBuf};

/// Directories that are symbolic links into `/usr`.
const MERGED: [&str; 4] = ["bin", "sbin", "lib", "lib64"];

/// Deepest chain of symbolic links that is followed inside a tree.
const MAX_LINKS: usize = 16;

/// Most bytes that one package unpacks to. The largest of Debian's have about a gigabyte.
const MAX_UNPACKED: u64 = 2 << 30;

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

/// Unpacks `debs` in order into `root`; a later package replaces files of an earlier one. Only paths
/// (without leading slash) for which `keep` holds are written. `each` is told about every package.
pub(crate) fn unpack_all(
    debs: &[PathBuf],
    root: &Path,
    keep: &(dyn Fn(&str) -> bool + Sync),
    mut each: impl FnMut(usize),
) -> Result<()> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut tree = Tree { root, directories: HashSet::new() };
    let mut count = 0;
    // Decompression is the slow part and runs in parallel; writing in order keeps the outcome fixed.
    for chunk in debs.chunks(threads) {
        let tars: Vec<Result<Vec<u8>>> = std::thread::scope(|scope| {
            let jobs: Vec<_> = chunk.iter().map(|deb| scope.spawn(move || data_tar(deb))).collect();
            jobs.into_iter()
                .zip(chunk)
                .map(|(job, deb)| job.join().unwrap_or_else(|_| Err(malformed(deb, "the reader crashed"))))
                .collect()
        });
        for (tar, deb) in tars.into_iter().zip(chunk) {
            tree.write(&tar?, deb, keep)?;
            count += 1;
            each(count);
        }
    }
    Ok(())
}

fn malformed(deb: &Path, why: impl ToString) -> Error {
    Error::malformed(deb.display().to_string(), why)
}

/// Finds `data.tar.*` in the ar archive and decompresses it.
fn data_tar(deb: &Path) -> Result<Vec<u8>> {
    let bytes = fs::read(deb).at(deb)?;
    let (name, data) = find_member(&bytes, "data.tar").ok_or_else(|| malformed(deb, "no data.tar inside"))?;
    decompress(name, data).map_err(|e| malformed(deb, e))
}

/// The first member whose name starts with `prefix`.
fn find_member<'a>(bytes: &'a [u8], prefix: &str) -> Option<(&'a str, &'a [u8])> {
    let mut rest = bytes.strip_prefix(b"!<arch>\n")?;
    loop {
        let (header, after) = rest.split_at_checked(60)?;
        let name = std::str::from_utf8(header.get(..16)?).ok()?.trim_end().trim_end_matches('/');
        let size: usize = std::str::from_utf8(header.get(48..58)?).ok()?.trim().parse().ok()?;
        let data = after.get(..size)?;
        if name.starts_with(prefix) {
            return Some((name, data));
        }
        // Members start at even offsets.
        rest = after.get(size.checked_add(size % 2)?..)?;
    }
}

/// Decompresses by the suffix of `name`.
pub(crate) fn decompress(name: &str, data: &[u8]) -> std::io::Result<Vec<u8>> {
    decompress_within(name, data, MAX_UNPACKED)
}

fn decompress_within(name: &str, data: &[u8], limit: u64) -> std::io::Result<Vec<u8>> {
    let mut out = Vec::new();
    let more = limit.saturating_add(1);
    match name.rsplit('.').next() {
        Some("xz") => lzma_rust2::XzReader::new(data, true).take(more).read_to_end(&mut out)?,
        Some("zst") => {
            let reader = ruzstd::decoding::StreamingDecoder::new(data).map_err(std::io::Error::other)?;
            reader.take(more).read_to_end(&mut out)?
        }
        Some("gz") => flate2::read::GzDecoder::new(data).take(more).read_to_end(&mut out)?,
        _ => data.take(more).read_to_end(&mut out)?,
    };
    if u64::try_from(out.len()).unwrap_or(u64::MAX) > limit {
        return Err(std::io::Error::other(format!("it unpacks to more than {limit} bytes")));
    }
    Ok(out)
}

struct Tree<'r> {
    root: &'r Path,
    directories: HashSet<PathBuf>,
}

impl Tree<'_> {
    fn write(&mut self, tar: &[u8], deb: &Path, keep: &(dyn Fn(&str) -> bool + Sync)) -> Result<()> {
        let bad = |e: std::io::Error| malformed(deb, e);
        for entry in tar::Archive::new(tar).entries().map_err(bad)? {
            let mut entry = entry.map_err(bad)?;
            let path =
                clean(&entry.path().map_err(bad)?).ok_or_else(|| malformed(deb, "a path leaves the tree"))?;
            let kind = entry.header().entry_type();
            if path.as_os_str().is_empty() || MERGED.iter().any(|m| path == Path::new(m)) {
                continue;
            }
            let Some(text) = path.to_str() else { continue };
            if !keep(text) {
                continue;
            }
            if kind.is_dir() {
                self.directory(&path)?;
                continue;
            }
            let target = self.place(&path)?;
            remove_old(&target)?;
            if kind.is_symlink() {
                let link =
                    entry.link_name().map_err(bad)?.ok_or_else(|| malformed(deb, "a link to nothing"))?;
                symlink(&link, &target).at(&target)?;
            } else if kind.is_hard_link() {
                let link = entry.link_name().map_err(bad)?.and_then(|l| clean(&l));
                let source = self.place(&link.ok_or_else(|| malformed(deb, "a link out of the tree"))?)?;
                fs::hard_link(&source, &target).at(&target)?;
            } else if kind.is_file() {
                let executable = entry.header().mode().map_err(bad)? & 0o111 != 0;
                let mode = if executable { 0o755 } else { 0o644 };
                let mut file =
                    fs::File::options().write(true).create_new(true).mode(mode).open(&target).at(&target)?;
                std::io::copy(&mut entry, &mut file).at(&target)?;
            }
        }
        Ok(())
    }

    /// Where `path` lies on the host, its parents made.
    fn place(&mut self, path: &Path) -> Result<PathBuf> {
        let parent = self.directory(path.parent().unwrap_or(Path::new("")))?;
        Ok(parent.join(path.file_name().unwrap_or_default()))
    }

    /// Makes the directory `path` below the root and returns it, symbolic links resolved as the
    /// guest would see them.
    fn directory(&mut self, path: &Path) -> Result<PathBuf> {
        if self.directories.contains(path) {
            return Ok(self.root.join(path));
        }
        let mut links = 0;
        let mut todo: Vec<_> = components(path);
        let mut here = PathBuf::new();
        while let Some(name) = todo.pop() {
            let next = here.join(&name);
            let host = self.root.join(&next);
            match fs::symlink_metadata(&host) {
                Ok(meta) if meta.is_symlink() => {
                    links += 1;
                    let target = fs::read_link(&host).at(&host)?;
                    let absolute = if target.is_absolute() { target } else { here.join(target) };
                    here = PathBuf::new();
                    let inside = clean_guest(&absolute).filter(|_| links <= MAX_LINKS);
                    let inside = inside.ok_or_else(|| {
                        Error::malformed(host.display().to_string(), "a link leaves the tree")
                    })?;
                    todo.extend(components(&inside));
                }
                Ok(_) => here = next,
                Err(_) => {
                    fs::create_dir(&host).at(&host)?;
                    here = next;
                }
            }
        }
        if links == 0 {
            self.directories.insert(here.clone());
        }
        Ok(self.root.join(here))
    }
}

/// The components in reverse, to be popped from the end.
fn components(path: &Path) -> Vec<std::ffi::OsString> {
    path.components().rev().map(|c| c.as_os_str().to_owned()).collect()
}

fn remove_old(target: &Path) -> Result<()> {
    match fs::symlink_metadata(target) {
        Ok(meta) if meta.is_dir() => {
            Err(Error::malformed(target.display().to_string(), "a directory is in the way"))
        }
        Ok(_) => fs::remove_file(target).at(target),
        Err(_) => Ok(()),
    }
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

    fn unpack(entries: &[(&str, tar::EntryType, &str)]) -> (tempfile::TempDir, Result<()>) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x.deb");
        fs::write(&file, deb(entries)).unwrap();
        let root = dir.path().join("root");
        prepare(&root).unwrap();
        let done = unpack_all(&[file], &root, &|p| !p.starts_with("usr/share/doc"), |_| {});
        (dir, done)
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
        for entries in [
            [("../evil", T::Regular, "x"), ("a", T::Directory, "")],
            [("/evil", T::Regular, "x"), ("a", T::Directory, "")],
            [("d", T::Symlink, "../../.."), ("d/evil", T::Regular, "x")],
            [("d", T::Link, "../x.deb"), ("a", T::Directory, "")],
        ] {
            let (dir, done) = unpack(&entries);
            assert!(done.is_err(), "{entries:?}");
            assert!(!dir.path().join("evil").exists());
        }
    }

    #[test]
    fn what_swells_without_end_is_refused() {
        let plain = vec![0; 65_536];
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        std::io::Write::write_all(&mut gz, &plain).unwrap();
        let gz = gz.finish().unwrap();
        // 65,536 zeros, by zstd(1) and xz(1).
        let zst = b"\x28\xb5\x2f\xfd\x04\x68\x4d\x00\x00\x08\x00\x01\x00\xfc\x7f\x1d\x08\x01\xa4\x15\x57\xf1";
        let xz = b"\xfd\x37\x7a\x58\x5a\x00\x00\x04\xe6\xd6\xb4\x46\x02\x00\x21\x01\x1c\x00\x00\x00\x10\xcf\x58\xcc\xe0\xff\xff\x00\x4c\x5d\x00\x00\x6f\xfd\xff\xff\xa3\xb7\xff\x47\x3e\x48\x15\x72\x39\x61\x51\xb8\x92\x28\xe6\xa3\x86\x07\xf9\xee\xe4\x1e\x82\xd3\x2f\xc5\x3a\x3c\x01\x4b\xb1\x7e\xc9\x8a\x8a\x4d\x2f\xa3\x0d\xd9\x7f\xa6\xe3\x8c\x23\x11\x53\xe0\x59\x18\xc5\x75\x8a\xe2\x77\xf8\xb6\x94\x7f\x0c\x6a\xc0\xde\x74\x49\x64\x5c\x9e\x3a\xd1\x00\x00\x5e\x65\x4f\x49\xca\x09\xaf\x26\x00\x01\x68\x80\x80\x04\x00\x00\x9f\xf7\x44\x7c\xb1\xc4\x67\xfb\x02\x00\x00\x00\x00\x04\x59\x5a";
        for (name, data) in [("a.gz", &gz[..]), ("a.zst", zst), ("a.xz", xz), ("a", &plain)] {
            assert_eq!(decompress_within(name, data, 65_536).unwrap(), plain, "{name}");
            let error = decompress_within(name, data, 65_535).unwrap_err().to_string();
            assert!(error.contains("more than 65535 bytes"), "{name}: {error}");
        }
    }

    #[test]
    fn broken_archives_are_errors() {
        let good = deb(&[("./a", T::Regular, "x")]);
        let dir = tempfile::tempdir().unwrap();
        for len in [0, 4, 8, 30, 68, 75, 140, good.len() / 2] {
            let file = dir.path().join(format!("{len}.deb"));
            fs::write(&file, &good[..len]).unwrap();
            assert!(unpack_all(&[file], dir.path(), &|_| true, |_| {}).is_err(), "{len}");
        }
    }
}
