// SPDX-License-Identifier: GPL-3.0-or-later
//! In: the entries of packages. Out: a cache and descriptions in which those packages are locked and already there,
//! so that layers are built of them as of any others.

use crate::tool;
use cofferdam_catalogue::cache::hex;
use cofferdam_catalogue::{Options, Program};
use cofferdam_image::{Images, Progress};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use tar::EntryType;

pub(crate) const LIBRARIES: &str = "usr/lib/x86_64-linux-gnu";
pub(crate) const MODULES_DIR: &str = "usr/lib/x86_64-linux-gnu/gio/modules";

/// One entry of a package.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    path: String,
    kind: EntryType,
    content: Vec<u8>,
}

impl Entry {
    pub(crate) fn file(path: &str, content: &[u8]) -> Self {
        Self { path: path.into(), kind: EntryType::Regular, content: content.to_vec() }
    }

    pub(crate) fn link(path: &str, target: &str) -> Self {
        Self { path: path.into(), kind: EntryType::Symlink, content: target.into() }
    }

    pub(crate) fn hard(path: &str, target: &str) -> Self {
        Self { path: path.into(), kind: EntryType::Link, content: target.into() }
    }

    pub(crate) fn kind(path: &str, kind: EntryType) -> Self {
        Self { path: path.into(), kind, content: Vec::new() }
    }
}

/// A package with these entries, whatever they are.
fn deb(entries: &[Entry]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for Entry { path, kind, content } in entries {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_mode(0o4755);
        let data = if kind.is_file() { content.as_slice() } else { b"" };
        header.set_size(data.len() as u64);
        if kind.is_symlink() || kind.is_hard_link() {
            header.set_link_name_literal(content).unwrap();
        }
        // As it stands there: the proper way would refuse some of these.
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_cksum();
        builder.append(&header, data).unwrap();
    }
    let tar = builder.into_inner().unwrap();
    let mut out = b"!<arch>\n".to_vec();
    for (name, data) in [("debian-binary", b"2.0\n".as_slice()), ("data.tar", &tar)] {
        out.extend(format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, 644, data.len()).bytes());
        out.extend(data);
    }
    out
}

/// A base whose tools are this program, with the libraries that it needs.
fn base() -> Vec<Entry> {
    let mut entries = vec![
        Entry::file(&format!("usr/bin/{}", tool::MIME), &tool::program(false)),
        Entry::file(&format!("{LIBRARIES}/glib-2.0/{}", tool::MODULES), &tool::program(false)),
        Entry::file("usr/bin/victim", b"the base's own"),
        Entry::file("usr/share/mime/packages/base.xml", b"<base/>"),
        Entry::file(&format!("{MODULES_DIR}/base.so"), b"a module of the base"),
    ];
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let mut libraries: Vec<&str> = maps
        .lines()
        .filter_map(|line| line.split_whitespace().nth(5))
        .filter(|p| p.contains(".so"))
        .collect();
    libraries.dedup();
    for path in libraries {
        let name = Path::new(path).file_name().unwrap().to_str().unwrap();
        entries.push(Entry::file(&format!("{LIBRARIES}/{name}"), &fs::read(path).unwrap()));
    }
    entries
}

/// A cache and descriptions of a test's own.
pub(crate) struct World(tempfile::TempDir);

impl World {
    /// A world with a base and these apps.
    pub(crate) fn new<'a>(apps: impl IntoIterator<Item = (&'a str, Vec<Entry>)>) -> Self {
        let world = Self(tempfile::tempdir().unwrap());
        let (guest, debs) = (world.guest_dir(), world.cache().join("debs"));
        for dir in [guest.join("apps"), guest.join("rootfs"), debs.clone()] {
            fs::create_dir_all(dir).unwrap();
        }
        let keys = "omit = []\nstrip = []\nkeep = []\ndirectories = [\"etc\"]\n[links]\n[environment]\n";
        fs::write(guest.join("base.toml"), format!("packages = [\"the-base\"]\n{keys}")).unwrap();
        let real = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dist/guest/lock.json");
        let real: Value = serde_json::from_slice(&fs::read(real).unwrap()).unwrap();
        let mut lock = json!({"erofs": real["erofs"]});
        let mut add = |set: String, package: &str, entries: &[Entry]| {
            let deb = deb(entries);
            let sha256 = hex(&Sha256::digest(&deb));
            fs::write(debs.join(format!("{sha256}.deb")), &deb).unwrap();
            let package = json!({"name": package, "version": "1", "sha256": sha256, "size": deb.len(),
                "archive": "debian", "path": package});
            lock[set] = json!({"request": [package["name"]], "packages": [package]});
        };
        add("base".into(), "the-base", &base());
        for (app, entries) in apps {
            add(format!("app/{app}"), app, &entries);
            let text = format!("name = \"{app}\"\npackages = [\"{app}\"]\ncommand = [\"{app}\"]\n");
            fs::write(guest.join(format!("apps/{app}.toml")), text).unwrap();
        }
        fs::write(guest.join("lock.json"), lock.to_string()).unwrap();
        let mkfs = Images::open(&Options::default(), Progress::quiet()).unwrap().ensure_erofs().unwrap().mkfs;
        symlink(mkfs.tree(), world.cache().join(mkfs.tree().file_name().unwrap())).unwrap();
        world
    }

    pub(crate) fn cache(&self) -> PathBuf {
        self.0.path().join("cache")
    }

    pub(crate) fn guest_dir(&self) -> PathBuf {
        self.0.path().join("guest")
    }

    /// Whether anything finished is in the cache under that name.
    pub(crate) fn has(&self, artifact: &str) -> bool {
        fs::read_dir(self.cache()).unwrap().flatten().any(|entry| {
            let name = entry.file_name().into_string().unwrap();
            name.starts_with(artifact) && !name.ends_with(".partial")
        })
    }

    /// The files of a layer.
    pub(crate) fn contents(&self, images: &Images, layer: &Path) -> BTreeMap<String, Vec<u8>> {
        let fsck: Program = images.ensure_erofs().unwrap().fsck;
        let to = self.0.path().join("contents");
        let _ = fs::remove_dir_all(&to);
        let extract = format!("--extract={}", to.display());
        let image = layer.join(cofferdam_catalogue::LAYER_IMAGE);
        let done = fsck.command().args(["-d0", &extract]).arg(image).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let mut files = BTreeMap::new();
        collect(&to, &to, &mut files);
        files
    }
}

fn collect(root: &Path, dir: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        if kind.is_dir() {
            collect(root, &path, files);
        } else if kind.is_file() {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            files.insert(name, fs::read(&path).unwrap());
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "its answer")]
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
