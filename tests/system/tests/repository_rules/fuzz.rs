// SPDX-License-Identifier: GPL-3.0-or-later
//! Every fuzz target has inputs, a floor of coverage, and a line for people.
//!
//! In: the manifest of `tests/fuzz`, its corpus, `coverage.toml`, the README. Out: targets that lack one of them,
//! and lines about targets that are not there.

use crate::files::{root, shipped};
use crate::none;
use std::collections::BTreeSet;

fn table(name: &str) -> toml::Table {
    std::fs::read_to_string(root().join("tests/fuzz").join(name)).unwrap().parse().unwrap()
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
            Some(toml::Value::String(word)) if word == "unmeasured" => {}
            other => findings.push(format!("{name}: its floor is {other:?}")),
        }
    }
    findings.extend(
        floor.keys().filter(|k| !targets.contains(*k)).map(|k| format!("{k}: a floor without a target")),
    );
    none(findings);
}
