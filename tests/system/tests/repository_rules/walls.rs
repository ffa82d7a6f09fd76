// SPDX-License-Identifier: GPL-3.0-or-later
//! There is one wall.
//!
//! In: all Rust files. Out: code that builds a wall of its own.

use crate::files::rust;
use crate::none;
use crate::source::code;

/// Where walls are made.
const HOME: &str = "vm-launcher/jail/";

/// What would be a wall of one's own.
const OWN: [&str; 4] = ["seccompiler::", "landlock::", "Ruleset::default", "apply_filter"];

#[test]
fn nobody_builds_a_wall_of_their_own() {
    let mut findings = Vec::new();
    for (path, text) in rust().into_iter().filter(|(path, _)| !path.starts_with(HOME)) {
        for (n, line) in code(&text).lines().enumerate() {
            if let Some(word) = OWN.iter().find(|word| line.contains(**word)) {
                findings.push(format!("{path}:{}: {word}", n + 1));
            }
        }
    }
    none(findings);
}
