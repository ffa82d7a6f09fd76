// SPDX-License-Identifier: GPL-3.0-or-later
//! In: what every set of packages was and is now. Out: the text of the lock file, one package a line so that a diff
//! reads like a change log, and the difference in a few words. Pure.

use crate::error::{Error, Result};
use cofferdam_catalogue::{Lock, Package};
use serde::Serialize;
use std::collections::BTreeMap;

/// The text of the lock file.
pub(crate) fn text(lock: &Lock) -> Result<String> {
    let mut out = String::from("{\n");
    for (n, (set, locked)) in lock.sets().enumerate() {
        let head = if n == 0 { "" } else { ",\n" };
        out += &format!(
            "{head}{}: {{\n  \"request\": {},\n  \"packages\": [\n",
            json(set)?,
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
    use cofferdam_catalogue::{Archive, Locked};

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
        assert_eq!(Lock::parse("x", &text(&lock).unwrap()).unwrap(), lock);
        for set in ["base", "app/foot"] {
            let packages = vec![package("a", "1"), package("b", "2:3~x")];
            lock.insert(set.into(), Locked { request: vec!["a".into()], packages });
        }
        let text = text(&lock).unwrap();
        assert_eq!(Lock::parse("x", &text).unwrap(), lock);
        assert_eq!(text.lines().filter(|l| l.contains("pool/")).count(), 4, "one package a line");
        assert_eq!(lock.sets().map(|(name, _)| name).collect::<Vec<_>>(), ["app/foot", "base"]);
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
