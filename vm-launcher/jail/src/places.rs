// SPDX-License-Identifier: GPL-3.0-or-later
//! What of the file system stays, as data, and how Landlock is told.
//!
//! In: [`Place`]s with their reasons, and where those are on this machine. Out: a domain in which nothing else
//! can be opened, no TCP port and no abstract socket be reached, and no process outside be signalled.

use crate::enter::{JailError, Landlock};
use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, PathBeneath, PathFd,
    Ruleset, RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _, RulesetStatus, Scope,
};
use std::path::{Path, PathBuf};

/// What is known of Landlock here: everything that this version can take away, is. How Unix sockets are
/// connected by path is none of it.
const VERSION: ABI = ABI::V6;

/// What may be done with a place and all below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Folders are listed.
    List,
    /// Files are read, folders listed.
    Read,
    /// The same, and programs started.
    Run,
    /// Files that are there are read and written; devices too.
    Write,
    /// Whatever a person does with files: made, written, moved, removed; none is started.
    Keep,
    /// The same, and programs are started.
    Own,
}

/// One permission about paths.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// A path, or a name for one that only the program knows.
    pub name: &'static str,
    /// What may be done there.
    pub reach: Reach,
    /// Why.
    pub why: &'static str,
}

impl Place {
    /// A permission.
    #[must_use]
    pub const fn new(name: &'static str, reach: Reach, why: &'static str) -> Self {
        Self { name, reach, why }
    }

    /// Whether it is a path itself, the same one on each machine.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        self.name.starts_with('/')
    }
}

impl Reach {
    fn access(self) -> BitFlags<AccessFs> {
        let read = AccessFs::ReadFile | AccessFs::ReadDir;
        let write = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::Truncate | AccessFs::IoctlDev;
        let devices = AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::IoctlDev;
        match self {
            Self::List => AccessFs::ReadDir.into(),
            Self::Read => read,
            Self::Run => read | AccessFs::Execute,
            Self::Write => write,
            Self::Keep => AccessFs::from_all(VERSION) & !devices & !AccessFs::Execute,
            Self::Own => AccessFs::from_all(VERSION),
        }
    }

    /// The word for it in lists.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Read => "read",
            Self::Run => "read and run",
            Self::Write => "write",
            Self::Keep => "keep files",
            Self::Own => "everything",
        }
    }
}

/// Processes and abstract sockets outside.
pub(crate) fn outside(abstract_sockets: bool) -> BitFlags<Scope> {
    if abstract_sockets { Scope::Signal.into() } else { Scope::from_all(VERSION) }
}

/// Takes away from this thread, and from what it will start, every path that is not among `places`.
pub(crate) fn restrict(
    places: &[(Reach, PathBuf)],
    connects: bool,
    scope: BitFlags<Scope>,
) -> Result<Landlock, JailError> {
    let net = if connects { AccessNet::BindTcp.into() } else { AccessNet::from_all(VERSION) };
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(VERSION))?
        .handle_access(net)?
        .scope(scope)?
        .create()?;
    for (reach, path) in places {
        ruleset = allow(ruleset, path, *reach)?;
    }
    Ok(match ruleset.restrict_self()?.ruleset {
        RulesetStatus::FullyEnforced => Landlock::Full,
        RulesetStatus::PartiallyEnforced => Landlock::Partial,
        RulesetStatus::NotEnforced => Landlock::Absent,
    })
}

fn allow(ruleset: RulesetCreated, path: &Path, reach: Reach) -> Result<RulesetCreated, JailError> {
    // What is not there needs no permission; the program itself will say what it misses.
    let Ok(fd) = PathFd::new(path) else { return Ok(ruleset) };
    let access = reach.access();
    let access = if path.is_dir() { access } else { access & AccessFs::from_file(VERSION) };
    Ok(ruleset.add_rule(PathBeneath::new(fd, access))?)
}

/// Folders of the root that hold the system and nothing of a person.
const SYSTEM: [&str; 18] = [
    "bin",
    "boot",
    "dev",
    "etc",
    "lib",
    "lib32",
    "lib64",
    "libx32",
    "lost+found",
    "opt",
    "proc",
    "run",
    "sbin",
    "snap",
    "sys",
    "usr",
    "var",
    "nix",
];

/// Where files of persons are: the home, and every folder of the root that is not the system's.
#[must_use]
pub fn personal() -> Vec<PathBuf> {
    let root = std::fs::read_dir("/").into_iter().flatten().flatten();
    let folders = root.filter(|entry| entry.path().is_dir());
    let theirs = folders.filter(|entry| !SYSTEM.iter().any(|name| entry.file_name() == *name));
    let removable = ["/run/media", "/var/tmp"].map(PathBuf::from);
    let home = std::env::home_dir().filter(|home| home.is_absolute() && home.parent().is_some());
    theirs.map(|entry| entry.path()).chain(removable).chain(home).collect()
}

/// Of what is [`personal`], what a person sees: nothing hidden in the home, where keys, programs' settings and the
/// desktop's own record are. What appears later at the top of a home is not in it.
#[must_use]
pub fn visible() -> Vec<PathBuf> {
    let home =
        std::env::home_dir().filter(|home| home.is_absolute()).and_then(|home| home.canonicalize().ok());
    let mut seen = Vec::new();
    // Rules are about what a path leads to: by its other names a home would be there as a whole.
    for place in personal().into_iter().filter_map(|place| place.canonicalize().ok()) {
        match &home {
            Some(home) => look(&place, home, &mut seen),
            None => seen.push(place),
        }
    }
    seen
}

/// Puts `place` to what is seen; a home, and what leads to it, only in parts.
fn look(place: &Path, home: &Path, seen: &mut Vec<PathBuf>) {
    if !home.starts_with(place) {
        return seen.push(place.to_owned());
    }
    for entry in std::fs::read_dir(place).into_iter().flatten().flatten() {
        let path = entry.path();
        // Where a link leads is seen in its own place, or is hidden there.
        if entry.file_type().is_ok_and(|kind| kind.is_symlink()) {
            continue;
        }
        if home.starts_with(&path) {
            look(&path, home, seen);
        } else if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            seen.push(path);
        }
    }
}

/// The newest version of Landlock that this kernel offers, as far as it is known here; 0 if there is none.
#[must_use]
pub fn offered() -> u8 {
    let all = [ABI::V1, ABI::V2, ABI::V3, ABI::V4, ABI::V5, ABI::V6];
    // Asking for a rule set changes nothing about this process until it is enforced.
    let works = |abi: ABI| {
        let hard = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
        let files = hard.handle_access(AccessFs::from_all(abi));
        let scoped = files.and_then(|r| if abi >= ABI::V6 { r.scope(Scope::from_all(abi)) } else { Ok(r) });
        scoped.and_then(|r| r.create()).is_ok()
    };
    (1..).zip(all).filter(|(_, abi)| works(*abi)).map(|(number, _)| number).last().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hidden_in_a_home_is_not_seen() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("people/anna");
        for folder in ["Documents/deep", ".ssh", ".local/share/cofferdam"] {
            std::fs::create_dir_all(home.join(folder)).unwrap();
        }
        std::fs::create_dir_all(dir.path().join("shared/films")).unwrap();
        std::fs::write(home.join("letter.txt"), "x").unwrap();
        std::fs::write(home.join(".profile"), "x").unwrap();
        for (target, link) in [(home.join(".ssh"), home.join("keys")), (home.clone(), dir.path().join("me"))]
        {
            std::os::unix::fs::symlink(target, link).unwrap();
        }
        let mut seen = Vec::new();
        look(dir.path(), &home, &mut seen);
        seen.sort();
        let wanted = ["people/anna/Documents", "people/anna/letter.txt", "shared"];
        assert_eq!(seen, wanted.map(|path| dir.path().join(path)));
    }
}
