// SPDX-License-Identifier: GPL-3.0-or-later
//! In: `expected-failures.toml`. Out: whether a test is in a group that does not concern us, or is
//! known to fail. Patterns may hold `*`.

use serde::Deserialize;

/// The list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expected {
    /// The version of wlcs that the list was written for.
    wlcs: String,
    /// How many pass.
    pub(crate) passed: usize,
    /// How many are run.
    pub(crate) of: usize,
    exclude: Vec<Entry>,
    fail: Vec<Entry>,
}

/// Tests with one reason.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    reason: String,
    tests: Vec<String>,
}

impl Expected {
    pub(crate) fn read() -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/expected-failures.toml");
        let text = std::fs::read_to_string(path).expect("the list is there");
        let list: Self = toml::from_str(&text).expect("the list can be read");
        for entry in list.exclude.iter().chain(&list.fail) {
            assert!(entry.reason.len() >= 20, "a reason is a sentence: {entry:?}");
            assert!(!entry.tests.is_empty(), "{entry:?}");
        }
        list
    }

    /// Whether the list was written for this version, such as `1.5.0`. Releases add and mend tests.
    pub(crate) fn is_for(&self, version: &str) -> bool {
        version.split('.').take(2).eq(self.wlcs.split('.').take(2))
    }

    pub(crate) fn excluded(&self, test: &str) -> bool {
        any(&self.exclude, test)
    }

    pub(crate) fn fails(&self, test: &str) -> bool {
        any(&self.fail, test)
    }

    /// Patterns that match nothing.
    pub(crate) fn unused<'a>(&self, tests: impl Iterator<Item = &'a String>) -> Vec<&str> {
        let tests: Vec<&String> = tests.collect();
        let patterns = self.exclude.iter().chain(&self.fail).flat_map(|e| &e.tests).map(String::as_str);
        patterns.filter(|p| !tests.iter().any(|t| matches(p, t))).collect()
    }
}

fn any(entries: &[Entry], test: &str) -> bool {
    entries.iter().flat_map(|e| &e.tests).any(|p| matches(p, test))
}

/// `*` stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[test]
fn patterns() {
    for (pattern, text, expected) in [
        ("A.b", "A.b", true),
        ("A.b", "A.bc", false),
        ("A.*", "A.bc", true),
        ("*/A.b/*", "X/A.b/3", true),
        ("*/A.b/*", "A.b", false),
        ("A*b*c", "AxxbyyC", false),
        ("A*b*c", "Axxbyyc", true),
        ("*ab", "ab", true),
    ] {
        assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
    }
}
