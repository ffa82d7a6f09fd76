// SPDX-License-Identifier: GPL-3.0-or-later
//! In: trees of unpacked Debian packages in the cache. Out: how to start the programs in them through their own
//! loader and libraries, whatever release the host has.

#![expect(clippy::disallowed_types, reason = "says how its tools are run")]

use crate::cache::Key;
use crate::lock::{Lock, RELEASE, Set};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

const LIBRARIES: &str = "usr/lib/x86_64-linux-gnu";
const LOADER: &str = "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2";

/// Goes into the key of a bundle; change it when bundles are made differently.
const FORMAT: &[u8] = b"tools 1";

/// A program and how to start it: put arguments after `argv` and add `env` to the environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Program {
    /// Loader, library path, program and its fixed arguments.
    pub argv: Vec<String>,
    /// What it needs in the environment.
    pub env: BTreeMap<String, String>,
}

impl Program {
    /// A command with the fixed arguments and the environment set.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut words = self.argv.iter();
        let mut command = Command::new(words.next().map_or("", String::as_str));
        command.args(words).envs(&self.env);
        command
    }

    /// A program of the Debian tree `root`, run through the loader of that tree.
    #[must_use]
    pub fn in_tree(root: &Path, program: &str) -> Self {
        let path = |p: &str| root.join(p).display().to_string();
        // The host's loader cache knows other versions of the same libraries.
        let argv = vec![
            path(LOADER),
            "--inhibit-cache".into(),
            "--library-path".into(),
            path(LIBRARIES),
            path(program),
        ];
        Self { argv, env: BTreeMap::new() }
    }

    /// The tree that it comes from, with its libraries.
    #[must_use]
    pub fn tree(&self) -> &Path {
        let loader = Path::new(self.argv.first().map_or("", String::as_str));
        loader.ancestors().nth(Path::new(LOADER).components().count()).unwrap_or(loader)
    }

    fn arg(mut self, words: &[&str]) -> Self {
        self.argv.extend(words.iter().map(|&w| w.to_owned()));
        self
    }
}

/// The programs that come with Cofferdam.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tools {
    /// `qemu-system-x86_64`, version 11 or newer.
    pub qemu: Program,
    /// What makes layers.
    #[serde(flatten)]
    pub erofs: Erofs,
}

/// What makes layers and takes them apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Erofs {
    /// `mkfs.erofs`.
    #[serde(rename = "mkfs.erofs")]
    pub mkfs: Program,
    /// `fsck.erofs`.
    #[serde(rename = "fsck.erofs")]
    pub fsck: Program,
}

impl Erofs {
    /// The programs in the unpacked bundle.
    #[must_use]
    pub fn of(bundle: &Path) -> Self {
        let program = |name: &str| Program::in_tree(bundle, &format!("usr/bin/{name}"));
        Self { mkfs: program("mkfs.erofs"), fsck: program("fsck.erofs") }
    }
}

impl Tools {
    /// The emulator in the unpacked bundle, and the others.
    #[must_use]
    pub fn of(qemu: &Path, erofs: Erofs) -> Self {
        let share = |name: &str| qemu.join("usr/share").join(name).display().to_string();
        let mut emulator = Program::in_tree(qemu, "usr/bin/qemu-system-x86_64").arg(&[
            "-L",
            &share("qemu"),
            "-L",
            &share("seabios"),
        ]);
        let modules = qemu.join(LIBRARIES).join("qemu").display().to_string();
        emulator.env.insert("QEMU_MODULE_DIR".into(), modules);
        Self { qemu: emulator, erofs }
    }
}

/// A bundle of programs: what it is made of and what is kept of that.
#[derive(Debug)]
pub struct Bundled {
    /// In the cache, the lock and messages.
    pub name: &'static str,
    packages: &'static [&'static str],
    prefer_backports: bool,
    /// Files and directories that are kept.
    pub keep: &'static [&'static str],
}

impl Bundled {
    /// The emulator.
    pub const QEMU: Self = Self {
        name: "qemu",
        packages: &["qemu-system-x86"],
        prefer_backports: true,
        keep: &["usr/bin/qemu-system-x86_64", "usr/lib", "usr/share/qemu", "usr/share/seabios"],
    };

    /// What makes layers.
    pub const EROFS: Self = Self {
        name: "erofs",
        packages: &["erofs-utils"],
        prefer_backports: false,
        keep: &["usr/bin", "usr/lib"],
    };

    /// Its packages.
    #[must_use]
    pub fn set(&self) -> Set {
        let mut set = Set::plain(self.name, self.packages);
        set.prefer = self.prefer_backports.then(|| format!("{RELEASE}-backports"));
        set
    }

    /// Where it lies in the cache.
    #[must_use]
    pub fn key(&self, lock: &Lock) -> Key {
        Key::of(&[FORMAT, self.name.as_bytes(), &lock.bytes(&self.set())])
    }
}
