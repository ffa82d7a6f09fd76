// SPDX-License-Identifier: GPL-3.0-or-later
//! What a random test once found is tried first from then on.
//!
//! In: all Rust files, git's view of where proptest writes, and proptest as it is built here. Out: tests that
//! would forget the seeds of their failures.

#![expect(clippy::disallowed_types, reason = "asks git")]

use crate::files::{root, rust};
use crate::none;
use crate::source::code;
use std::process::Command;

/// How a test would forget.
const FORGETFUL: [&str; 3] = [
    concat!("failure_persistence", ": None"),
    concat!("FileFailurePersistence", "::Off"),
    "TestRunner::new(",
];

#[test]
fn every_random_test_keeps_its_seeds() {
    let mut findings = Vec::new();
    for (path, text) in rust() {
        for (n, line) in code(&text).lines().enumerate() {
            if let Some(word) = FORGETFUL.iter().find(|w| line.contains(*w)) {
                findings.push(format!("{path}:{}: {word}", n + 1));
            }
        }
    }
    none(findings);
}

#[test]
fn seeds_are_written_and_not_ignored() {
    // Without its `std` feature, proptest keeps nothing, and says nothing.
    let config = proptest::test_runner::Config::default();
    assert!(config.failure_persistence.is_some(), "proptest keeps no seeds");
    // Beside a crate's sources, beside a test that is a folder, beside one that is a file.
    for place in [
        "themes/proptest-regressions/x.txt",
        "themes/tests/proptest-regressions/x.txt",
        "themes/tests/x.proptest-regressions",
    ] {
        let ignored = Command::new("git")
            .arg("-C")
            .arg(root())
            .args(["check-ignore", "--quiet", place])
            .status()
            .unwrap();
        assert_eq!(ignored.code(), Some(1), "{place} would not be committed");
    }
}
