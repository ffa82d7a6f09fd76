// SPDX-License-Identifier: GPL-3.0-or-later
//! What we build on, measured by `deny.toml`.
//!
//! In: `deny.toml`, `cargo metadata` (offline) and what cargo remembers of the registry. Out: packages that the
//! file forbids. `cargo deny check` says the same where it is installed; one file serves both.

#![expect(clippy::disallowed_types, reason = "asks cargo and git")]

use crate::deny::{self, Policy};
use crate::files::root;
use crate::none;
use serde_json::Value;
use std::path::PathBuf;
use std::process::Command;

fn policy() -> Policy {
    let text = std::fs::read_to_string(root().join("deny.toml")).unwrap();
    Policy::new(&text.parse().unwrap()).unwrap()
}

fn packages(policy: &Policy) -> Vec<Value> {
    let out = Command::new(env!("CARGO"))
        .current_dir(root())
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        // Only what is built: packages of other systems were never downloaded.
        .args(policy.targets.iter().flat_map(|target| ["--filter-platform", target]))
        .output()
        .expect("cargo");
    assert!(out.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&out.stderr));
    let all: Value = serde_json::from_slice(&out.stdout).expect("metadata is JSON");
    let packages = all["packages"].as_array().expect("packages").clone();
    assert!(packages.len() > 100, "this is the whole graph");
    packages
}

#[test]
fn licences_are_compatible() {
    let policy = policy();
    none(deny::licences(&packages(&policy), &policy));
}

#[test]
fn everything_comes_from_the_registry_or_from_here() {
    let policy = policy();
    none(deny::sources(&packages(&policy), &policy));
}

#[test]
fn nothing_is_taken_in_any_version() {
    let policy = policy();
    none(deny::wildcards(&packages(&policy), &policy));
}

#[test]
fn what_comes_in_two_versions_is_known() {
    let policy = policy();
    let packages = packages(&policy);
    // Not a finding: a feature that is switched off elsewhere should not fail here.
    for gone in deny::needless_skips(&packages, &policy) {
        println!("deny.toml may forget {gone}");
    }
    none(deny::duplicates(&packages, &policy));
}

#[test]
fn nothing_was_taken_back_as_far_as_is_known_here() {
    let policy = policy();
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo"))).unwrap();
    let indexes: Vec<PathBuf> = std::fs::read_dir(home.join("registry/index"))
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path().join(".cache"))
        .collect();
    let known = |name: &str| {
        let place = deny::index_place(name);
        indexes.iter().find_map(|index| std::fs::read(index.join(&place)).ok())
    };
    none(deny::yanked(&packages(&policy), &policy, known));
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
