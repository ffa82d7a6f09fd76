// SPDX-License-Identifier: GPL-3.0-or-later
//! The person's home in a scenario. In: files that the scenario wants there. Out: a directory of its own, in
//! which the file chooser looks; what apps did to the files.

#![expect(clippy::disallowed_types, reason = "moves a program to another home")]

use std::fs::{File, FileTimes, create_dir_all, read_to_string, remove_dir_all, write};
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

/// Folders that people have.
const USUAL: [&str; 3] = ["Documents", "Downloads", "Pictures"];
/// When all files were changed, so that pictures of the chooser stay the same: in January 2025.
const CHANGED: Duration = Duration::from_secs(1_736_942_400);

/// A scenario's home.
#[derive(Debug)]
pub struct Home {
    path: PathBuf,
}

impl Home {
    /// At this place; nothing is made yet.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        Self { path: std::path::absolute(path).unwrap_or_else(|_| path.to_owned()) }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes it, empty but for the usual folders. What an earlier run left there is removed.
    pub(crate) fn make(&self) -> Result<(), String> {
        let said = |e: std::io::Error| format!("{}: {e}", self.path.display());
        match remove_dir_all(&self.path) {
            Err(e) if e.kind() != ErrorKind::NotFound => return Err(said(e)),
            _ => {}
        }
        USUAL.iter().try_for_each(|name| create_dir_all(self.path.join(name)).map_err(said))
    }

    /// Puts a file there.
    pub(crate) fn put(&self, path: &str, text: &str) -> Result<(), String> {
        let place = self.path.join(path);
        let times = FileTimes::new().set_modified(SystemTime::UNIX_EPOCH + CHANGED);
        let done = place.parent().map_or(Ok(()), create_dir_all).and_then(|()| write(&place, text));
        done.and_then(|()| File::options().write(true).open(&place)?.set_times(times))
            .map_err(|e| format!("{path}: {e}"))
    }

    /// What is wrong with a file that should have this text, if anything is.
    pub(crate) fn differs(&self, path: &str, text: &str) -> Option<String> {
        match read_to_string(self.path.join(path)) {
            Ok(there) if there == text => None,
            Ok(there) => Some(format!("{path} should hold {text:?}, it holds {there:?}")),
            Err(error) => Some(format!("{path} should hold {text:?}: {error}")),
        }
    }
}

/// Whether a path is one below the home.
pub(crate) fn check(path: &str) -> Result<(), String> {
    let mut parts = Path::new(path).components().peekable();
    if parts.peek().is_some() && parts.all(|part| matches!(part, Component::Normal(_))) {
        return Ok(());
    }
    Err(format!("path is one below the scenario's home, such as Documents/letter.txt, not {path:?}"))
}

/// Has a desktop start with this home. Only that changes: images, settings and records stay where they are.
pub(crate) fn move_to(command: &mut Command, home: &Path) {
    if let Some(own) = std::env::home_dir() {
        for (variable, place) in
            [("XDG_CACHE_HOME", ".cache"), ("XDG_CONFIG_HOME", ".config"), ("XDG_DATA_HOME", ".local/share")]
        {
            if std::env::var_os(variable).is_none_or(|set| set.is_empty()) {
                command.env(variable, own.join(place));
            }
        }
    }
    command.env("HOME", home);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_into_a_home_that_is_new_each_time() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(&dir.path().join("home"));
        home.make().unwrap();
        home.put("Documents/deep/a.txt", "hello").unwrap();
        assert_eq!(home.differs("Documents/deep/a.txt", "hello"), None);
        assert!(home.differs("Documents/deep/a.txt", "other").unwrap().contains("\"hello\""));
        let changed = home.path().join("Documents/deep/a.txt").metadata().unwrap().modified().unwrap();
        assert_eq!(changed, SystemTime::UNIX_EPOCH + CHANGED);
        home.make().unwrap();
        assert!(home.differs("Documents/deep/a.txt", "hello").is_some());
        assert!(home.path().join("Pictures").is_dir());
    }

    #[test]
    fn paths_stay_below_it() {
        for (path, ok) in [
            ("a", true),
            ("a/b.txt", true),
            ("", false),
            ("/etc/passwd", false),
            ("../a", false),
            ("a/../b", false),
        ] {
            assert_eq!(check(path).is_ok(), ok, "{path:?}");
        }
    }

    #[test]
    fn only_the_home_moves() {
        let mut command = Command::new("true");
        move_to(&mut command, Path::new("/there"));
        let set: Vec<_> = command.get_envs().collect();
        assert!(set.contains(&("HOME".as_ref(), Some("/there".as_ref()))));
        assert!(set.iter().all(|(_, value)| value.is_some()));
    }
}
