// SPDX-License-Identifier: GPL-3.0-or-later
//! In: the text of the lock file. Out: for every set of packages, which packages were asked for and
//! which versions and hashes that came to; and the text again, one package a line so that a diff
//! reads like a change log.

use crate::apt::Package;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One set: what was asked for and what it resolved to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Locked {
    /// Names that were asked for; the lock counts only while these stay the same.
    pub(crate) request: Vec<String>,
    /// The closure, sorted by name.
    pub(crate) packages: Vec<Package>,
}

/// All sets, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Lock(BTreeMap<String, Locked>);

impl Lock {
    /// Reads the text of a lock file called `name`.
    pub(crate) fn parse(name: &str, text: &str) -> Result<Self> {
        serde_json::from_str(text).map_err(|e| Error::malformed(name, e))
    }

    /// The packages locked for `set`, if they were locked for this very request.
    pub(crate) fn find(&self, set: &str, request: &[String]) -> Option<&[Package]> {
        self.0.get(set).filter(|l| l.request == request).map(|l| l.packages.as_slice())
    }

    /// Sets what `set` resolves to.
    pub(crate) fn insert(&mut self, set: String, locked: Locked) {
        self.0.insert(set, locked);
    }

    /// Names of the sets.
    #[cfg(test)]
    pub(crate) fn sets(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The text of the lock file.
    pub(crate) fn text(&self) -> Result<String> {
        let mut out = String::from("{\n");
        for (n, (set, locked)) in self.0.iter().enumerate() {
            let head = if n == 0 { "" } else { ",\n" };
            out += &format!(
                "{head}{}: {{\n  \"request\": {},\n  \"packages\": [\n",
                json(set.as_str())?,
                json(&locked.request)?
            );
            for (n, package) in locked.packages.iter().enumerate() {
                let head = if n == 0 { "" } else { ",\n" };
                out += &format!("{head}    {}", json(package)?);
            }
            out += "\n  ]\n}";
        }
        out += "\n}\n";
        Ok(out)
    }
}

fn json<T: Serialize + ?Sized>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|e| Error::malformed("lock file", e))
}

/// Says in a few words how `now` differs from `then`; empty if it doesn't.
pub(crate) fn difference(then: &[Package], now: &[Package]) -> String {
    let index = |list: &[Package]| -> BTreeMap<String, (String, String)> {
        list.iter().map(|p| (p.name.clone(), (p.version.clone(), p.sha256.clone()))).collect()
    };
    let (then, now) = (index(then), index(now));
    let mut changes = Vec::new();
    for (name, (version, hash)) in &now {
        match then.get(name) {
            Some((old, _)) if old != version => changes.push(format!("{name} {old} → {version}")),
            Some((_, old)) if old != hash => changes.push(format!("{name} {version} rebuilt")),
            Some(_) => {}
            None => changes.push(format!("+{name} {version}")),
        }
    }
    changes.extend(then.keys().filter(|n| !now.contains_key(*n)).map(|n| format!("-{n}")));
    let more = changes.len().saturating_sub(4);
    changes.truncate(4);
    if more > 0 {
        changes.push(format!("and {more} more"));
    }
    changes.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apt::Archive;

    fn package(name: &str, version: &str) -> Package {
        Package {
            name: name.into(),
            version: version.into(),
            sha256: format!("hash of {version}"),
            size: 1,
            archive: Archive::Security,
            path: format!("pool/{name}"),
        }
    }

    #[test]
    fn text_comes_back() {
        let mut lock = Lock::default();
        assert_eq!(Lock::parse("x", &lock.text().unwrap()).unwrap(), lock);
        for set in ["base", "app/foot"] {
            let packages = vec![package("a", "1"), package("b", "2:3~x")];
            lock.insert(set.into(), Locked { request: vec!["a".into()], packages });
        }
        let text = lock.text().unwrap();
        assert_eq!(Lock::parse("x", &text).unwrap(), lock);
        assert_eq!(text.lines().filter(|l| l.contains("pool/")).count(), 4, "one package a line");
        assert_eq!(lock.sets().collect::<Vec<_>>(), ["app/foot", "base"]);
    }

    #[test]
    fn counts_only_for_the_same_request() {
        let mut lock = Lock::default();
        lock.insert("base".into(), Locked { request: vec!["a".into()], packages: vec![package("a", "1")] });
        assert!(lock.find("base", &["a".into()]).is_some());
        assert!(lock.find("base", &["a".into(), "b".into()]).is_none());
        assert!(lock.find("other", &["a".into()]).is_none());
    }

    #[test]
    fn differences_in_words() {
        let old = [package("a", "1"), package("b", "1"), package("gone", "1")];
        for (now, words) in [
            (old.to_vec(), ""),
            (vec![package("a", "2"), package("b", "1"), package("c", "1")], "a 1 → 2, +c 1, -gone"),
            ((0..9).map(|n| package(&n.to_string(), "1")).collect(), "+0 1, +1 1, +2 1, +3 1, and 8 more"),
        ] {
            assert_eq!(difference(&old, &now), words);
        }
    }
}
