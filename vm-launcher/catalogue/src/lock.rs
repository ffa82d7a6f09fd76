// SPDX-License-Identifier: GPL-3.0-or-later
//! In: the text of the lock file. Out: for every set of packages, which packages were asked for and which versions
//! and hashes that came to. Pure.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Debian release that guests and tools are made of.
pub const RELEASE: &str = "trixie";

/// Which of the two archives a package lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Archive {
    /// The main mirror.
    Debian,
    /// The security mirror.
    Security,
}

/// One package, pinned by its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// Name without architecture.
    pub name: String,
    /// Full version, epoch included.
    pub version: String,
    /// Hash of the `.deb`.
    pub sha256: String,
    /// Length of the `.deb` in bytes.
    pub size: u64,
    /// Where it lies.
    pub archive: Archive,
    /// Path below the address of the archive, as it stands in a URI.
    pub path: String,
}

/// A set of packages.
#[derive(Debug, Clone)]
pub struct Set {
    /// Name in the lock file and in messages.
    pub name: String,
    /// Packages that are asked for.
    pub request: Vec<String>,
    /// Suite whose versions are preferred.
    pub prefer: Option<String>,
    /// Only packages whose name starts so are taken from the closure.
    pub only: Option<&'static str>,
    /// What lies below already.
    pub below: Option<Below>,
}

/// The set a layer is put on.
#[derive(Debug, Clone)]
pub struct Below {
    /// What was asked for there.
    pub request: Vec<String>,
    /// What it really is made of.
    pub packages: Vec<Package>,
}

impl Set {
    /// A set that stands for itself.
    #[must_use]
    pub fn plain(name: &str, request: &[&str]) -> Self {
        let request = request.iter().map(|&s| s.to_owned()).collect();
        Self { name: name.to_owned(), request, prefer: None, only: None, below: None }
    }
}

/// One set: what was asked for and what it resolved to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Locked {
    /// Names that were asked for; the lock counts only while these stay the same.
    pub request: Vec<String>,
    /// The closure, sorted by name.
    pub packages: Vec<Package>,
}

/// All sets, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lock(BTreeMap<String, Locked>);

impl Lock {
    /// Reads the text of a lock file called `name`.
    ///
    /// # Errors
    /// It is not one.
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        serde_json::from_str(text).map_err(|e| Error::malformed(name, e))
    }

    /// The packages locked for `set`, if they were locked for this very request.
    #[must_use]
    pub fn find(&self, set: &str, request: &[String]) -> Option<&[Package]> {
        self.0.get(set).filter(|l| l.request == request).map(|l| l.packages.as_slice())
    }

    /// Sets what `set` resolves to.
    pub fn insert(&mut self, set: String, locked: Locked) {
        self.0.insert(set, locked);
    }

    /// All sets with their names, in order.
    pub fn sets(&self) -> impl Iterator<Item = (&str, &Locked)> {
        self.0.iter().map(|(name, locked)| (name.as_str(), locked))
    }

    /// What the lock says about `set`, to be hashed into a key.
    #[must_use]
    pub fn bytes(&self, set: &Set) -> Vec<u8> {
        let packages = self.find(&set.name, &set.request).unwrap_or_default();
        let lines = packages.iter().map(|p| format!("{} {}\n", p.name, p.sha256));
        lines.chain(set.request.iter().cloned()).collect::<String>().into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_only_for_the_same_request() {
        let mut lock = Lock::default();
        let package = Package {
            name: "a".into(),
            version: "1".into(),
            sha256: "hash".into(),
            size: 1,
            archive: Archive::Debian,
            path: "pool/a".into(),
        };
        lock.insert("base".into(), Locked { request: vec!["a".into()], packages: vec![package] });
        assert!(lock.find("base", &["a".into()]).is_some());
        assert!(lock.find("base", &["a".into(), "b".into()]).is_none());
        assert!(lock.find("other", &["a".into()]).is_none());
        assert_eq!(lock.bytes(&Set::plain("base", &["a"])), b"a hash\na");
        assert_eq!(lock.bytes(&Set::plain("base", &["a", "b"])), b"ab");
    }
}
