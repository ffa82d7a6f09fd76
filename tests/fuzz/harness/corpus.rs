// SPDX-License-Identifier: GPL-3.0-or-later
//! In: a fuzz target's name. Out: its committed inputs, for the tests that replay them without a fuzzer.
//!
//! Inputs are of two kinds: `seed-*`, which a test makes and compares, so that they stay meaningful when a
//! format changes, and those that a fuzzer has found.

use std::path::PathBuf;

/// Set to write seeds instead of comparing them.
const UPDATE: &str = "COFFERDAM_UPDATE_CORPUS";

/// The folder of a target's inputs.
fn folder(target: &str) -> PathBuf {
    // Every crate with such a test lies two levels below the repository.
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus").join(target)
}

/// Runs `harness` over all inputs of `target`; says how many there were.
pub(crate) fn replay(target: &str, harness: fn(&[u8])) -> usize {
    let mut paths: Vec<_> = std::fs::read_dir(folder(target))
        .expect("the corpus is part of the repository")
        .map(|entry| entry.expect("readable").path())
        .collect();
    paths.sort();
    for path in &paths {
        harness(&std::fs::read(path).expect("readable"));
    }
    paths.len()
}

/// Checks that the committed seed is what the test makes today.
pub(crate) fn seed(target: &str, name: &str, bytes: &[u8]) {
    let path = folder(target).join(format!("seed-{name}"));
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, bytes).expect("writable");
    }
    let committed = std::fs::read(&path).unwrap_or_default();
    assert!(committed == bytes, "{} is out of date; run the tests with {UPDATE}=1", path.display());
}
