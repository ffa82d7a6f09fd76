// SPDX-License-Identifier: GPL-3.0-or-later
//! One feature set: a library is compiled once for the desktop, its tests and the programs of guests.
//!
//! In: `cargo tree`, offline, for what `dist/run` compiles, and for what is compiled beside it. Out: libraries that
//! the latter has with other features, so that cargo would compile them, and all that stands on them, again.
//! `dist/features` is where they are made equal.

#![expect(clippy::disallowed_types, reason = "asks cargo")]

use crate::files::root;
use crate::none;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Two versions of one crate can't be told apart by those who ask for it, and this one is small.
const TWICE: [&str; 1] = ["hashbrown v0.14.5"];

/// Features by package, as cargo would compile them; a package has several sets if it is needed for the machine
/// that compiles, too.
fn features(arguments: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
    let out = Command::new(env!("CARGO"))
        .current_dir(root())
        .args(["tree", "--locked", "--offline", "--prefix", "none", "--format", "{p}|{f}"])
        .args(arguments)
        .output()
        .expect("cargo");
    assert!(out.status.success(), "cargo tree: {}", String::from_utf8_lossy(&out.stderr));
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in String::from_utf8_lossy(&out.stdout).lines() {
        let Some((package, features)) = line.split_once('|') else { continue };
        // Ours have a path behind the version; macros are marked.
        let package = package.trim_end_matches(" (proc-macro)");
        if !package.contains('(') && !package.is_empty() {
            let features = features.trim_end_matches(" (*)").to_owned();
            all.entry(package.to_owned()).or_default().insert(features);
        }
    }
    assert!(all.len() > 20, "{arguments:?}: cargo tree says {} packages", all.len());
    all
}

#[test]
fn nothing_is_compiled_twice_for_its_features() {
    let desktop = features(&["--edges", "normal,build"]);
    let beside: [&[&str]; 5] = [
        &["--workspace", "--edges", "normal,build,dev"],
        &["-p", "cofferdam-guest", "--features", "one-feature-set", "--edges", "normal,build"],
        &["-p", "cofferdam-asker", "--features", "one-feature-set", "--edges", "normal,build"],
        &["-p", "cofferdam-doors", "--features", "one-feature-set", "--edges", "normal,build"],
        &["-p", "cofferdam-hostile", "--features", "one-feature-set", "--edges", "normal,build"],
    ];
    let mut findings = Vec::new();
    for arguments in beside {
        for (package, sets) in features(arguments) {
            let Some(known) = desktop.get(&package).filter(|_| !TWICE.contains(&package.as_str())) else {
                continue;
            };
            for set in sets.difference(known) {
                findings
                    .push(format!("{package} with {set:?} in {arguments:?}, with {known:?} in the desktop"));
            }
        }
    }
    none(findings);
}

#[test]
fn profiles_name_packages_that_exist() {
    let manifest: toml::Table = std::fs::read_to_string(root().join("Cargo.toml")).unwrap().parse().unwrap();
    let lock: toml::Table = std::fs::read_to_string(root().join("Cargo.lock")).unwrap().parse().unwrap();
    let known: BTreeSet<&str> =
        lock["package"].as_array().unwrap().iter().map(|p| p["name"].as_str().unwrap()).collect();
    let named = manifest["profile"]["release"]["package"].as_table().unwrap();
    let strangers = named.keys().filter(|name| !known.contains(name.as_str()));
    none(strangers.map(|name| format!("Cargo.toml: no package {name} in Cargo.lock")).collect());
}
