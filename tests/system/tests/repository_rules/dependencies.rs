// SPDX-License-Identifier: GPL-3.0-or-later
//! What we build on: licences and sources of every dependency.
//!
//! In: `deny.toml` and `cargo metadata`, offline. Out: packages whose licence is not in the list, or
//! that do not come from the registry. The same rules as `cargo deny check`, for machines without it;
//! one list serves both.

use crate::files::root;
use crate::none;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

fn packages() -> Vec<Value> {
    let out = Command::new(env!("CARGO"))
        .current_dir(root())
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        // Only what is built: packages of other systems were never downloaded.
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .output()
        .expect("cargo");
    assert!(out.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&out.stderr));
    let all: Value = serde_json::from_slice(&out.stdout).expect("metadata is JSON");
    all["packages"].as_array().expect("packages").clone()
}

fn deny() -> toml::Table {
    std::fs::read_to_string(root().join("deny.toml")).unwrap().parse().unwrap()
}

fn strings(value: &toml::Value) -> BTreeSet<String> {
    value.as_array().unwrap().iter().map(|v| v.as_str().unwrap().to_owned()).collect()
}

/// Whether an SPDX expression can be satisfied with the allowed licences. Also takes the old form
/// `MIT/Apache-2.0`.
fn satisfied(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    any_of(&words, &mut at, allowed) && at == words.len()
}

fn any_of(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut ok = all_of(words, at, allowed);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        ok |= all_of(words, at, allowed);
    }
    ok
}

fn all_of(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut ok = one(words, at, allowed);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        ok &= one(words, at, allowed);
    }
    ok
}

fn one(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let Some(word) = words.get(*at) else { return false };
    *at += 1;
    if *word == "(" {
        let ok = any_of(words, at, allowed);
        let closed = words.get(*at) == Some(&")");
        *at += 1;
        return ok && closed;
    }
    if words.get(*at) == Some(&"WITH") {
        let with = words.get(*at + 1).map(|e| format!("{word} WITH {e}"));
        *at += 2;
        return with.is_some_and(|w| allowed.contains(&w));
    }
    allowed.contains(*word)
}

#[test]
fn licences_are_compatible() {
    let allowed = strings(&deny()["licenses"]["allow"]);
    let wrong = |p: &Value| {
        let licence = p["license"].as_str().unwrap_or("none stated");
        (!satisfied(licence, &allowed)).then(|| format!("{} {}: {licence}", p["name"], p["version"]))
    };
    none(packages().iter().filter_map(wrong).collect());
}

#[test]
fn everything_comes_from_the_registry_or_from_here() {
    let sources: BTreeSet<String> =
        packages().iter().filter_map(|p| p["source"].as_str()).map(str::to_owned).collect();
    let foreign = sources.iter().filter(|s| !s.starts_with("registry+")).cloned();
    assert!(sources.len() <= 1, "one registry: {sources:?}");
    none(foreign.collect());
}

#[test]
fn duplicates_are_known() {
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for p in packages() {
        let (name, version) = (p["name"].as_str().unwrap(), p["version"].as_str().unwrap());
        versions.entry(name.to_owned()).or_default().insert(version.to_owned());
    }
    // A warning in cargo-deny's words too: printed, so that a new one is seen in the log of a run.
    for (name, v) in versions.iter().filter(|(_, v)| v.len() > 1) {
        println!("twice: {name} {v:?}");
    }
    let most = versions.values().map(BTreeSet::len).max().unwrap_or(0);
    assert!(most <= 3, "no package comes in more than three versions");
}

#[test]
fn every_version_stands_in_one_place() {
    let out = Command::new("git").arg("-C").arg(root()).args(["ls-files", "*Cargo.toml"]).output().unwrap();
    let mut findings = Vec::new();
    for path in String::from_utf8(out.stdout).unwrap().lines().filter(|p| *p != "Cargo.toml") {
        // The fuzz crate is no member of the workspace and can't inherit from it.
        if path.starts_with("tests/fuzz/") {
            continue;
        }
        let manifest: toml::Table = std::fs::read_to_string(root().join(path)).unwrap().parse().unwrap();
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let Some(table) = manifest.get(kind).and_then(toml::Value::as_table) else { continue };
            for (name, value) in table {
                if value.get("workspace").and_then(toml::Value::as_bool) != Some(true) {
                    findings.push(format!("{path}: {name} does not say workspace = true"));
                }
            }
        }
        if manifest.get("lints").and_then(|l| l.get("workspace")).and_then(toml::Value::as_bool) != Some(true)
        {
            findings.push(format!("{path}: does not take the workspace's lints"));
        }
    }
    none(findings);
}

#[test]
fn expressions() {
    let allowed: BTreeSet<String> =
        ["MIT", "BSD-3-Clause", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned).into();
    for (expression, expected) in [
        ("MIT", true),
        ("MIT/Apache-2.0", true),
        ("Apache-2.0 OR MIT", true),
        ("Apache-2.0 AND MIT", false),
        ("(Apache-2.0 OR MIT) AND BSD-3-Clause", true),
        ("(Apache-2.0 OR MIT) AND Unicode-3.0", false),
        ("Apache-2.0 WITH LLVM-exception OR Apache-2.0", true),
        ("Apache-2.0 WITH Other-exception", false),
        ("MIT OR", true),
        ("MIT MIT", false),
        ("", false),
    ] {
        assert_eq!(satisfied(expression, &allowed), expected, "{expression}");
    }
}
