// SPDX-License-Identifier: GPL-3.0-or-later
//! What is never handed over to an app, whatever the person clicks: a whole home, what is above one, and the
//! desktop's own record, rules and sockets. In: an open file or folder. Out: whether it is one of those.
//!
//! Compared by what things are, not by names, so that no second path leads around it.

use crate::paths::Paths;
use rustix::fs::{CWD, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};

/// Folders that a path can have above it before it is taken for one of ours.
const DEEPEST: usize = 256;

/// Why something is not handed over.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GuardError {
    /// Everything that the person has, or more.
    #[error("A whole home is not handed over. Choose a folder in it.")]
    TooMuch,
    /// Whoever changes it changes what apps may.
    #[error("It belongs to the desktop itself and is not handed over.")]
    Ours,
    /// The kernel does not say what it is.
    #[error("It can't be looked at: {0}.")]
    System(#[from] Errno),
}

/// The places that are kept from apps.
#[derive(Debug, Clone, Default)]
pub struct Guarded {
    home: Option<PathBuf>,
    ours: Vec<PathBuf>,
}

impl Guarded {
    /// Keeps `home` and all above it, and `ours` with all above and below them.
    #[must_use]
    pub fn new(home: Option<PathBuf>, ours: Vec<PathBuf>) -> Self {
        Self { home, ours }
    }

    /// The person's home, and the places of all desktops in this environment.
    #[must_use]
    pub fn here() -> Self {
        let rules = Paths::user_rules().and_then(|rules| rules.parent().map(Path::to_owned));
        let paths = Paths::of(crate::paths::DEFAULT_DESKTOP).ok();
        let kept = paths.iter().flat_map(|p| [&p.runtime, &p.data]).filter_map(|path| path.parent());
        let ours = kept.map(Path::to_owned).chain(rules).collect();
        Self::new(std::env::home_dir().filter(|home| home.is_absolute()), ours)
    }

    /// Whether an open file or folder may be handed over.
    ///
    /// # Errors
    /// [`GuardError`]: it may not.
    pub fn check(&self, file: impl AsFd) -> Result<(), GuardError> {
        let file = file.as_fd();
        let stat = rustix::fs::fstat(file)?;
        let folder = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
        if folder {
            let above = |path: &Path| path.ancestors().skip(1).any(|place| is(place, &stat));
            let is_or_above = |path: &Path| is(path, &stat) || above(path);
            if is(Path::new("/"), &stat)
                || self.home.as_deref().is_some_and(|home| reaches(home, is_or_above))
            {
                return Err(GuardError::TooMuch);
            }
            if self.ours.iter().any(|path| reaches(path, is_or_above)) {
                return Err(GuardError::Ours);
            }
        }
        self.check_place(if folder { rustix::io::fcntl_dupfd_cloexec(file, 0)? } else { folder_of(file)? })
    }

    /// Whether something new may be put into a folder and handed over.
    ///
    /// # Errors
    /// [`GuardError`]: it may not.
    pub fn check_place(&self, folder: impl AsFd) -> Result<(), GuardError> {
        let mut here = rustix::io::fcntl_dupfd_cloexec(folder, 0)?;
        for _ in 0..DEEPEST {
            let stat = rustix::fs::fstat(&here)?;
            if self.ours.iter().any(|path| is(path, &stat)) {
                return Err(GuardError::Ours);
            }
            let up = folder_at(&here, "..")?;
            if same(&rustix::fs::fstat(&up)?, &stat) {
                return Ok(());
            }
            here = up;
        }
        Err(GuardError::Ours)
    }
}

fn same(a: &Stat, b: &Stat) -> bool {
    (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino)
}

fn is(path: &Path, stat: &Stat) -> bool {
    rustix::fs::stat(path).is_ok_and(|there| same(&there, stat))
}

/// Asks about a path, and about where its links lead.
fn reaches(path: &Path, ask: impl Fn(&Path) -> bool) -> bool {
    ask(path) || path.canonicalize().is_ok_and(|real| ask(&real))
}

fn folder_at(from: impl AsFd, path: &str) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::openat(from, path, flags, Mode::empty())
}

/// The folder that a file is in; for one without a name, where nothing is ours.
fn folder_of(file: impl AsFd) -> Result<OwnedFd, Errno> {
    let link = format!("/proc/self/fd/{}", file.as_fd().as_raw_fd());
    let path = rustix::fs::readlinkat(CWD, link, Vec::new())?;
    let path = path.to_string_lossy();
    let named = rustix::fs::fstat(&file)?.st_nlink > 0 && path.starts_with('/');
    let folder = path.rsplit_once('/').filter(|_| named).map_or("/", |(folder, _)| folder);
    folder_at(CWD, if folder.is_empty() { "/" } else { folder })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn open(path: impl AsRef<Path>) -> OwnedFd {
        fs::File::open(path).unwrap().into()
    }

    struct Home {
        _dir: tempfile::TempDir,
        path: PathBuf,
        guarded: Guarded,
    }

    fn home() -> Home {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("home/anna");
        let (config, data, runtime) = (
            path.join(".config/cofferdam"),
            path.join(".local/share/cofferdam"),
            dir.path().join("run/ours"),
        );
        for folder in [&config.join("policy.d"), &data.join("main/ledger"), &runtime.join("main/vm")] {
            fs::create_dir_all(folder).unwrap();
        }
        fs::create_dir_all(path.join("Documents/deep")).unwrap();
        fs::create_dir_all(path.join(".config/autostart")).unwrap();
        for file in ["Documents/a.txt", ".config/cofferdam/policy.d/10.toml", ".bashrc"] {
            fs::write(path.join(file), "x").unwrap();
        }
        std::os::unix::fs::symlink(&path, dir.path().join("me")).unwrap();
        // As the environment names it: through a link.
        let guarded = Guarded::new(Some(dir.path().join("me")), vec![config, data, runtime]);
        Home { path, guarded, _dir: dir }
    }

    #[test]
    fn a_home_and_what_is_above_it_stay() {
        let home = home();
        for path in [&home.path, home.path.parent().unwrap(), home._dir.path(), Path::new("/")] {
            let checked = home.guarded.check(open(path));
            assert!(matches!(checked, Err(GuardError::TooMuch)), "{path:?}: {checked:?}");
        }
    }

    #[test]
    fn the_desktops_own_places_stay_with_all_above_and_below() {
        let home = home();
        for path in [
            ".config",
            ".config/cofferdam",
            ".config/cofferdam/policy.d",
            ".config/cofferdam/policy.d/10.toml",
            ".local",
            ".local/share",
            ".local/share/cofferdam/main/ledger",
        ] {
            let checked = home.guarded.check(open(home.path.join(path)));
            assert!(matches!(checked, Err(GuardError::Ours)), "{path:?}: {checked:?}");
        }
        assert!(matches!(home.guarded.check(open(home._dir.path().join("run"))), Err(GuardError::Ours)));
    }

    #[test]
    fn what_a_person_keeps_may_go() {
        let home = home();
        for path in ["Documents", "Documents/deep", "Documents/a.txt", ".config/autostart", ".bashrc"] {
            home.guarded.check(open(home.path.join(path))).unwrap();
        }
        // A file that nobody can name any more is in nobody's place.
        home.guarded.check(OwnedFd::from(tempfile::tempfile().unwrap())).unwrap();
        assert!(Guarded::default().check(open("/")).is_err(), "not even without a home");
    }
}
