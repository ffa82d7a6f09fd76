// SPDX-License-Identifier: GPL-3.0-or-later
//! The words of `deny.toml`, for machines without `cargo deny`.
//!
//! In: the file, packages as `cargo metadata` lists them, and the registry's own word on them. Out: findings, and
//! an error for any word that is not understood: a rule that is not checked must not look as if it were.

use crate::licences::satisfied;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What the file says.
#[derive(Debug, Default)]
pub(crate) struct Policy {
    /// Platforms that are built for.
    pub(crate) targets: Vec<String>,
    licences: BTreeSet<String>,
    /// `name@version` of what may be there beside a newer one.
    skipped: BTreeSet<String>,
    registries: bool,
    git: bool,
    wildcards: bool,
    wildcard_paths: bool,
    duplicates: bool,
    yanked: bool,
}

fn strings(value: &toml::Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|v| v.as_str().map(str::to_owned)).collect()
}

/// `deny` is all that is ever said here; a weaker word would be no contract.
fn denied(value: &toml::Value) -> Option<bool> {
    (value.as_str()? == "deny").then_some(true)
}

fn skipped(value: &toml::Value) -> Option<BTreeSet<String>> {
    let one = |entry: &toml::Value| {
        let reason = entry.get("reason")?.as_str()?;
        let name = entry.get("crate")?.as_str()?;
        (!reason.is_empty() && name.contains('@')).then(|| name.to_owned())
    };
    value.as_array()?.iter().map(one).collect()
}

impl Policy {
    /// Reads the file.
    pub(crate) fn new(file: &toml::Table) -> Result<Self, String> {
        let mut policy = Self::default();
        for (section, table) in file {
            let table = table.as_table().ok_or_else(|| format!("{section} is no table"))?;
            for (key, value) in table {
                let what = format!("{section}.{key}");
                policy.word(&what, value).ok_or_else(|| format!("{what} is not understood: {value}"))?;
            }
        }
        let asked = [policy.registries, policy.git, policy.wildcards, policy.duplicates, policy.yanked];
        if policy.targets.is_empty() || policy.licences.is_empty() || asked.contains(&false) {
            return Err("something that must be denied is not".to_owned());
        }
        Ok(policy)
    }

    fn word(&mut self, what: &str, value: &toml::Value) -> Option<()> {
        match what {
            "graph.targets" => self.targets = strings(value)?,
            "licenses.allow" => self.licences = strings(value)?.into_iter().collect(),
            // About licences that are found by reading files; here only what packages say of themselves counts.
            "licenses.confidence-threshold" => drop(value.as_float()?),
            "sources.unknown-registry" => self.registries = denied(value)?,
            "sources.unknown-git" => self.git = denied(value)?,
            "bans.multiple-versions" => self.duplicates = denied(value)?,
            "bans.skip" => self.skipped = skipped(value)?,
            "bans.wildcards" => self.wildcards = denied(value)?,
            "bans.allow-wildcard-paths" => self.wildcard_paths = value.as_bool()?,
            "advisories.yanked" => self.yanked = denied(value)?,
            _ => return None,
        }
        Some(())
    }
}

fn name(package: &Value) -> String {
    let word = |key: &str| package[key].as_str().unwrap_or("?").to_owned();
    format!("{}@{}", word("name"), word("version"))
}

/// Packages whose licence is not in the list.
pub(crate) fn licences(packages: &[Value], policy: &Policy) -> Vec<String> {
    let wrong = |p: &Value| {
        let licence = p["license"].as_str().unwrap_or("none stated");
        (!satisfied(licence, &policy.licences)).then(|| format!("{}: {licence}", name(p)))
    };
    packages.iter().filter_map(wrong).collect()
}

/// Packages that come neither from here nor from the one registry.
pub(crate) fn sources(packages: &[Value], policy: &Policy) -> Vec<String> {
    let from = |p: &Value| p["source"].as_str().map(|source| (name(p), source.to_owned()));
    let sources: Vec<_> = packages.iter().filter_map(from).collect();
    let one = sources.iter().map(|(_, source)| source).find(|source| source.starts_with("registry+"));
    let wrong = |source: &String| match source.split_once('+') {
        Some(("git", _)) => policy.git,
        Some(("registry" | "sparse", _)) => policy.registries && Some(source) != one,
        _ => true,
    };
    sources.iter().filter(|(_, s)| wrong(s)).map(|(name, s)| format!("{name} comes from {s}")).collect()
}

/// Dependencies on any version.
pub(crate) fn wildcards(packages: &[Value], policy: &Policy) -> Vec<String> {
    let mut findings = Vec::new();
    for package in packages.iter().filter(|_| policy.wildcards) {
        for on in package["dependencies"].as_array().into_iter().flatten() {
            let path = policy.wildcard_paths && on["path"].is_string();
            if on["req"] == "*" && !path {
                findings.push(format!("{} takes any {}", name(package), on["name"]));
            }
        }
    }
    findings
}

fn versions(packages: &[Value]) -> BTreeMap<String, BTreeSet<String>> {
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in packages {
        let key = package["name"].as_str().unwrap_or("?").to_owned();
        versions.entry(key).or_default().insert(name(package));
    }
    versions
}

/// Packages of which there is more than one version beside those that are known.
pub(crate) fn duplicates(packages: &[Value], policy: &Policy) -> Vec<String> {
    let unknown =
        |all: BTreeSet<String>| -> Vec<String> { all.difference(&policy.skipped).cloned().collect() };
    let all = versions(packages).into_values().filter(|_| policy.duplicates);
    let twice = all.map(unknown).filter(|rest| rest.len() > 1);
    twice.map(|rest| format!("more than one version: {}", rest.join(", "))).collect()
}

/// Known second versions that are not there.
pub(crate) fn needless_skips(packages: &[Value], policy: &Policy) -> Vec<String> {
    let all: BTreeSet<String> = packages.iter().map(name).collect();
    policy.skipped.difference(&all).cloned().collect()
}

/// Where cargo's cache of an index keeps a package, relative to the cache.
pub(crate) fn index_place(name: &str) -> String {
    let name = name.to_lowercase();
    match name.len() {
        1 => format!("1/{name}"),
        2 => format!("2/{name}"),
        3 => format!("3/{}/{name}", &name[..1]),
        _ => format!("{}/{}/{name}", &name[..2], &name[2..4]),
    }
}

/// Packages that their authors took back, by what `known` has of the registry's index for each name.
pub(crate) fn yanked(
    packages: &[Value],
    policy: &Policy,
    known: impl Fn(&str) -> Option<Vec<u8>>,
) -> Vec<String> {
    let is_yanked = |p: &Value| {
        // Each line of the index is kept between two zeros, after its version.
        let bytes = known(p["name"].as_str()?)?;
        let lines = bytes.split(|b| *b == 0).filter_map(|line| serde_json::from_slice::<Value>(line).ok());
        lines.into_iter().find(|line| line["vers"] == p["version"])?["yanked"].as_bool()
    };
    let foreign = packages.iter().filter(|p| policy.yanked && p["source"].is_string());
    foreign.filter(|p| is_yanked(p) == Some(true)).map(|p| format!("{} was taken back", name(p))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const FILE: &str = r#"
        [graph]
        targets = ["x86_64-unknown-linux-gnu"]
        [licenses]
        allow = ["MIT"]
        confidence-threshold = 0.9
        [sources]
        unknown-registry = "deny"
        unknown-git = "deny"
        [bans]
        multiple-versions = "deny"
        skip = [{ crate = "old@1.0.0", reason = "of a toolkit" }]
        wildcards = "deny"
        allow-wildcard-paths = true
        [advisories]
        yanked = "deny"
    "#;

    fn policy(text: &str) -> Result<Policy, String> {
        Policy::new(&text.parse().unwrap())
    }

    fn package(name: &str, version: &str) -> Value {
        json!({ "name": name, "version": version, "license": "MIT", "source": "registry+one", "dependencies": [] })
    }

    #[test]
    fn a_word_that_is_not_checked_is_no_rule() {
        assert!(policy(FILE).is_ok());
        for (right, wrong) in [
            ("wildcards = \"deny\"", "wildcards = \"warn\""),
            ("yanked = \"deny\"", ""),
            ("unknown-git = \"deny\"", "unknown-git = \"allow\""),
            ("allow = [\"MIT\"]", "allow = []"),
            ("confidence-threshold", "private"),
            (", reason = \"of a toolkit\"", ""),
            ("old@1.0.0", "old"),
        ] {
            assert!(FILE.contains(right) && policy(&FILE.replace(right, wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn each_rule_finds_what_it_is_for() {
        let policy = policy(FILE).unwrap();
        let good = [package("a", "1.0.0"), package("old", "1.0.0"), package("old", "2.0.0")];
        let with = |key: &str, value: Value| {
            let mut bad = package("bad", "1.0.0");
            bad[key] = value;
            let mut all = good.to_vec();
            all.push(bad);
            all
        };
        let any = |path: Value| json!([{ "name": "x", "req": "*", "path": path }]);
        let index = br#"junk#1.0.0#{"vers":"1.0.0","yanked":true}#1.0.1#{"vers":"1.0.1","yanked":false}"#;
        let index: Vec<u8> = index.iter().map(|b| if *b == b'#' { 0 } else { *b }).collect();
        let taken_back = |p: &[Value]| yanked(p, &policy, |name| (name == "bad").then(|| index.clone()));
        for (packages, findings) in [
            (good.to_vec(), [0; 5]),
            (with("license", json!("LGPL-2.1-only")), [1, 0, 0, 0, 1]),
            (with("license", Value::Null), [1, 0, 0, 0, 1]),
            (with("source", json!("git+somewhere")), [0, 1, 0, 0, 1]),
            (with("source", json!("registry+two")), [0, 1, 0, 0, 1]),
            (with("source", Value::Null), [0; 5]),
            (with("dependencies", any(Value::Null)), [0, 0, 1, 0, 1]),
            (with("dependencies", any(json!("/here"))), [0, 0, 0, 0, 1]),
            (with("name", json!("a")), [0; 5]),
            (with("version", json!("1.0.1")), [0; 5]),
            ([good.to_vec(), vec![package("a", "2.0.0")]].concat(), [0, 0, 0, 1, 0]),
            ([good.to_vec(), vec![package("old", "3.0.0")]].concat(), [0, 0, 0, 1, 0]),
        ] {
            let got = [
                licences(&packages, &policy),
                sources(&packages, &policy),
                wildcards(&packages, &policy),
                duplicates(&packages, &policy),
                taken_back(&packages),
            ];
            assert_eq!(got.each_ref().map(Vec::len), findings, "{got:?}");
        }
        assert_eq!(needless_skips(&good[..1], &policy), ["old@1.0.0"]);
    }

    #[test]
    fn places_in_the_index() {
        for (name, place) in [("a", "1/a"), ("cc", "2/cc"), ("syn", "3/s/syn"), ("Serde", "se/rd/serde")] {
            assert_eq!(index_place(name), place);
        }
    }
}
