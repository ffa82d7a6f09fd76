// SPDX-License-Identifier: GPL-3.0-or-later
//! In: Debian packages of programs. Out: programs that run from the cache through their own loader
//! and libraries, whatever release the host has: no root, no chroot, nothing installed.

use crate::apt;
use crate::cache::{Cache, Key};
use crate::deb;
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::supply::{Set, Supply};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
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
    pub(crate) fn in_tree(root: &Path, program: &str) -> Self {
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
    /// `mkfs.erofs`.
    #[serde(rename = "mkfs.erofs")]
    pub mkfs_erofs: Program,
}

/// Which bundle.
struct Kind {
    name: &'static str,
    packages: &'static [&'static str],
    prefer_backports: bool,
    keep: &'static [&'static str],
}

const QEMU: Kind = Kind {
    name: "qemu",
    packages: &["qemu-system-x86"],
    prefer_backports: true,
    keep: &["usr/bin/qemu-system-x86_64", "usr/lib", "usr/share/qemu", "usr/share/seabios"],
};

const EROFS: Kind = Kind {
    name: "erofs",
    packages: &["erofs-utils"],
    prefer_backports: false,
    keep: &["usr/bin", "usr/lib"],
};

impl Kind {
    fn set(&self) -> Set {
        let mut set = Set::plain(self.name, self.packages);
        set.prefer = self.prefer_backports.then(|| format!("{}-backports", apt::RELEASE));
        set
    }

    fn key(&self, lock: &[u8]) -> Key {
        Key::of(&[FORMAT, self.name.as_bytes(), lock])
    }
}

/// The sets of the lock file that are tools.
pub(crate) fn sets() -> Vec<Set> {
    [QEMU, EROFS].iter().map(Kind::set).collect()
}

/// Builds what is missing and says how to start it.
pub(crate) fn ensure(cache: &Cache, supply: &Supply<'_>, progress: &Progress) -> Result<Tools> {
    let root = |kind: &Kind| -> Result<PathBuf> {
        let set = kind.set();
        cache.ensure(kind.name, &kind.key(&supply.lock_bytes(&set)), |out| {
            let supplied = supply.get(&set)?;
            let step = progress.step(format!("{}: unpacking", kind.name));
            deb::prepare(out)?;
            let keep = |path: &str| {
                kind.keep.iter().any(|k| Path::new(path).starts_with(k) || Path::new(k).starts_with(path))
            };
            let total = supplied.debs.len() as u64;
            deb::unpack_all(&supplied.debs, out, &keep, |n| step.bytes(n as u64, total))?;
            step.done();
            Ok(())
        })
    };
    Ok(programs(&root(&QEMU)?, &root(&EROFS)?))
}

/// The tools, if they are built.
pub(crate) fn load(cache: &Cache, supply: &Supply<'_>) -> Result<Tools> {
    let root = |kind: &Kind| {
        cache
            .find(kind.name, &kind.key(&supply.lock_bytes(&kind.set())))
            .ok_or_else(|| Error::NotBuilt { what: kind.name.to_owned(), app: "foot".to_owned() })
    };
    Ok(programs(&root(&QEMU)?, &root(&EROFS)?))
}

fn programs(qemu: &Path, erofs: &Path) -> Tools {
    let share = |name: &str| qemu.join("usr/share").join(name).display().to_string();
    let mut emulator = Program::in_tree(qemu, "usr/bin/qemu-system-x86_64").arg(&[
        "-L",
        &share("qemu"),
        "-L",
        &share("seabios"),
    ]);
    let modules = qemu.join(LIBRARIES).join("qemu").display().to_string();
    emulator.env.insert("QEMU_MODULE_DIR".into(), modules);
    Tools { qemu: emulator, mkfs_erofs: Program::in_tree(erofs, "usr/bin/mkfs.erofs") }
}
