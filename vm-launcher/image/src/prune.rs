// SPDX-License-Identifier: GPL-3.0-or-later
//! In: how long something must have been of no use. Out: a cache without it.
//!
//! An artifact's last use is the time of an empty file in `used/`, because the artifact itself never changes.
//! While a desktop runs, or anything is built, nothing is removed.

#![expect(clippy::disallowed_methods, reason = "an image is old by the clock")]

use crate::error::{At, Result};
use cofferdam_catalogue::{Cache, cache};
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// What became of a wish to prune.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pruned {
    /// Somebody uses the cache; nothing was touched.
    InUse,
    /// These were removed.
    Removed(Vec<String>),
}

/// Removes artifacts of `cache` that nobody has looked for since `before`.
///
/// # Errors
/// The cache can't be read or changed.
pub fn prune(cache: &Cache, before: SystemTime) -> Result<Pruned> {
    let Some(_mine) = cache.try_own()? else { return Ok(Pruned::InUse) };
    let root = cache.root();
    let mut removed = Vec::new();
    for entry in fs::read_dir(root).at(root)? {
        let path = entry.at(root)?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()).filter(|n| is_artifact(n)) else {
            continue;
        };
        if !path.is_dir() || last_use(cache, &path).at(&path)? >= before {
            continue;
        }
        // What an interrupted removal leaves does not look finished.
        let gone = root.join(format!("{}.partial", name.trim_end_matches(".partial")));
        if gone != path {
            cache::remove(&gone)?;
            fs::rename(&path, &gone).at(&path)?;
        }
        cache::remove(&gone)?;
        // It may never have had one.
        let _ = fs::remove_file(cache.stamp(&path));
        removed.push(name.to_owned());
    }
    removed.sort_unstable();
    Ok(Pruned::Removed(removed))
}

fn last_use(cache: &Cache, artifact: &Path) -> std::io::Result<SystemTime> {
    let made = fs::metadata(artifact)?.modified()?;
    let used = fs::metadata(cache.stamp(artifact)).and_then(|meta| meta.modified());
    Ok(used.map_or(made, |used| used.max(made)))
}

/// So many days ago.
#[must_use]
pub fn days_ago(days: u32) -> SystemTime {
    let span = Duration::from_secs(u64::from(days).saturating_mul(86_400));
    SystemTime::now().checked_sub(span).unwrap_or(SystemTime::UNIX_EPOCH)
}

/// `base-0123456789abcdef`, or what is left of one that was not finished.
fn is_artifact(name: &str) -> bool {
    let name = name.strip_suffix(".partial").unwrap_or(name);
    name.rsplit_once('-').is_some_and(|(kind, key)| {
        !kind.is_empty() && key.len() == 16 && key.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use cofferdam_catalogue::Key;
    use std::fs::File;
    use std::path::PathBuf;

    fn built(cache: &Cache, name: &str) -> PathBuf {
        let key = Key::of(&[name.as_bytes()]);
        cache.ensure(name, &key, |out| fs::write(out.join("f"), b"1").at(out)).unwrap()
    }

    /// Nobody has used it since that day.
    fn abandon(cache: &Cache, path: &Path, days: u32) {
        for file in [path.to_owned(), cache.stamp(path)] {
            File::open(file).unwrap().set_modified(days_ago(days)).unwrap();
        }
    }

    fn removed(names: &[&Path]) -> Pruned {
        let name = |path: &&Path| path.file_name().unwrap().to_str().unwrap().to_owned();
        Pruned::Removed(names.iter().map(name).collect())
    }

    #[test]
    fn what_nobody_uses_goes_and_the_rest_stays() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(dir.path(), false).unwrap();
        let [old, used, new] = ["app-old", "app-used", "app-new"].map(|name| built(&cache, name));
        for other in ["debs", "rust", "locks", "app-x-0123", "x-0123456789ABCDEF"] {
            fs::create_dir_all(dir.path().join(other)).unwrap();
            File::open(dir.path().join(other)).unwrap().set_modified(days_ago(900)).unwrap();
        }
        for path in [&old, &used] {
            abandon(&cache, path, 31);
        }
        assert!(cache.find("app-used", &Key::of(&[b"app-used"])).is_some());
        assert_eq!(prune(&cache, days_ago(32)).unwrap(), removed(&[]));
        assert_eq!(prune(&cache, days_ago(30)).unwrap(), removed(&[&old]));
        assert!(!old.exists() && used.join("f").is_file() && new.join("f").is_file());
        assert!(!cache.stamp(&old).exists());
        assert!(["debs", "rust", "app-x-0123"].iter().all(|other| dir.path().join(other).is_dir()));
        assert!(built(&cache, "app-old").is_dir(), "it can be built again");
    }

    #[test]
    fn nothing_goes_while_a_desktop_runs() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(dir.path(), false).unwrap();
        let old = built(&cache, "app-old");
        abandon(&cache, &old, 400);
        let desktops = [cache.hold().unwrap(), Cache::open(dir.path(), false).unwrap().hold().unwrap()];
        for desktop in desktops {
            assert_eq!(prune(&cache, days_ago(1)).unwrap(), Pruned::InUse);
            assert!(old.is_dir());
            drop(desktop);
        }
        assert_eq!(prune(&cache, days_ago(1)).unwrap(), removed(&[&old]));
    }

    #[test]
    fn what_was_interrupted_goes_too() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(dir.path(), false).unwrap();
        let half = dir.path().join("base-0123456789abcdef.partial");
        fs::create_dir(&half).unwrap();
        fs::write(half.join("f"), b"1").unwrap();
        assert_eq!(prune(&cache, days_ago(1)).unwrap(), removed(&[]), "somebody may be at it");
        File::open(&half).unwrap().set_modified(days_ago(2)).unwrap();
        assert_eq!(prune(&cache, days_ago(1)).unwrap(), removed(&[&half]));
    }
}
