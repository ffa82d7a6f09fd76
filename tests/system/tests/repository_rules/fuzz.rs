// SPDX-License-Identifier: GPL-3.0-or-later
//! Every fuzz target has inputs, a floor of coverage, and a line for people; and it reads the code that is shipped.
//!
//! In: the manifest of `tests/fuzz`, its lock file, its corpus, `coverage.toml`, the README. Out: targets that lack
//! one of them, lines about targets that are not there, and where the lock file says other than the workspace's.

use crate::files::{root, shipped};
use crate::none;
use std::collections::{BTreeMap, BTreeSet};

fn table(name: &str) -> toml::Table {
    std::fs::read_to_string(root().join("tests/fuzz").join(name)).unwrap().parse().unwrap()
}

/// What a fuzzer needs and we do not.
const FUZZER: [&str; 3] = ["arbitrary", "cofferdam-fuzz", "libfuzzer-sys"];

/// The packages of a lock file.
fn locked(name: &str) -> Vec<toml::Table> {
    let packages = table(name)["package"].as_array().unwrap().clone();
    packages.into_iter().map(|package| package.as_table().unwrap().clone()).collect()
}

/// What a manifest's crate always needs, except by its tests, and what it may need.
fn needs(manifest: &toml::Table) -> [BTreeSet<String>; 2] {
    let kinds = ["dependencies", "build-dependencies"];
    let all: Vec<_> = kinds.iter().filter_map(|k| manifest.get(*k)?.as_table()).flatten().collect();
    let optional = |value: &toml::Value| value.get("optional").and_then(toml::Value::as_bool) == Some(true);
    let always = all.iter().filter(|(_, value)| !optional(value)).map(|(name, _)| (*name).clone());
    [always.collect(), all.iter().map(|(name, _)| (*name).clone()).collect()]
}

#[test]
fn every_target_has_a_floor_and_inputs() {
    let manifest = table("Cargo.toml");
    let targets =
        manifest["bin"].as_array().unwrap().iter().map(|bin| bin["name"].as_str().unwrap().to_owned());
    let targets: BTreeSet<String> = targets.collect();
    let floor = table("coverage.toml");
    let readme = std::fs::read_to_string(root().join("tests/fuzz/README.md")).unwrap();
    let all = shipped();
    let mut findings = Vec::new();
    for name in &targets {
        let inputs = all.iter().filter(|f| f.path.starts_with(&format!("tests/fuzz/corpus/{name}/"))).count();
        if inputs == 0 {
            findings.push(format!("{name}: no corpus"));
        }
        if !readme.contains(&format!("| `{name}` |")) {
            findings.push(format!("{name}: not in the README"));
        }
        match floor.get(name) {
            Some(toml::Value::Integer(edges)) if *edges > 0 => {}
            // "unmeasured", too: that is only for the time until `tests/fuzz/measure --raise` has run.
            other => findings.push(format!("{name}: its floor is {other:?}")),
        }
    }
    findings.extend(
        floor.keys().filter(|k| !targets.contains(*k)).map(|k| format!("{k}: a floor without a target")),
    );
    none(findings);
}

#[test]
fn what_is_fuzzed_is_what_is_shipped() {
    // `cargo metadata --locked` would say more, but only where the fuzzer has been downloaded.
    let part = |package: &toml::Table| {
        ["name", "version", "checksum"].map(|key| package.get(key).map(toml::Value::to_string))
    };
    let ours: BTreeSet<_> = locked("../../Cargo.lock").iter().map(part).collect();
    let manifests: BTreeMap<String, toml::Table> = shipped()
        .into_iter()
        .filter(|f| f.path.ends_with("/Cargo.toml"))
        .map(|f| f.text.unwrap().parse::<toml::Table>().unwrap())
        .map(|manifest| (manifest["package"]["name"].as_str().unwrap().to_owned(), manifest))
        .collect();
    let mut findings = Vec::new();
    for package in locked("Cargo.lock") {
        let name = package["name"].as_str().unwrap();
        if !FUZZER.contains(&name) && !ours.contains(&part(&package)) {
            findings.push(format!("{name} {}: not what the workspace has", package["version"]));
        }
        let Some(manifest) = manifests.get(name) else { continue };
        let named = package.get("dependencies").and_then(toml::Value::as_array).into_iter().flatten();
        // A version stands behind the name where there are two of them.
        let named = named.map(|d| d.as_str().unwrap().split(' ').next().unwrap().to_owned());
        let (named, [always, at_most]) = (named.collect::<BTreeSet<_>>(), needs(manifest));
        findings.extend(always.difference(&named).map(|d| format!("{name}: {d} is not locked")));
        findings.extend(named.difference(&at_most).map(|d| format!("{name}: {d} is locked, but not needed")));
    }
    // To mend it: cargo update --workspace --offline --manifest-path tests/fuzz/Cargo.toml
    none(findings);
}
