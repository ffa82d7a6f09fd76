// SPDX-License-Identifier: GPL-3.0-or-later
//! What tests and code must not do.
//!
//! In: all Rust files and scripts. Out: tests that are skipped or expect a panic, and scripts that wait for
//! nothing. What Rust must not wait for is clippy's to find; see `rooms`.

use crate::files::{rust, shipped};
use crate::none;
use crate::source::code;

/// Ways to have a test that says nothing.
const BANNED: [&str; 4] = ["#[ignore", "#[should_panic", "todo!(", "unimplemented!("];

#[test]
fn no_test_is_skipped_or_expects_a_panic() {
    let mut findings = Vec::new();
    for (path, text) in rust() {
        for (n, line) in code(&text).lines().enumerate() {
            if let Some(word) = BANNED.iter().find(|w| line.contains(*w)) {
                findings.push(format!("{path}:{}: {word}", n + 1));
            }
        }
    }
    none(findings);
}

#[test]
fn no_script_sleeps_where_it_should_wait_for_something() {
    let mut findings = Vec::new();
    for f in shipped() {
        let script = |t: &String| t.starts_with("#!") && t.lines().next().is_some_and(|l| l.contains("sh"));
        let Some(text) = f.text.filter(script) else { continue };
        for (n, line) in text.lines().enumerate().filter(|(_, l)| l.trim_start().starts_with("sleep ")) {
            findings.push(format!("{}:{}: {}", f.path, n + 1, line.trim()));
        }
    }
    none(findings);
}
