// SPDX-License-Identifier: GPL-3.0-or-later
//! What tests and code must not do.
//!
//! In: all Rust files and scripts. Out: tests that are skipped or expect a panic, and waits that are
//! not for anything.

use crate::files::{rust, shipped};
use crate::none;
use crate::source::code;

/// Ways to have a test that says nothing.
const BANNED: [&str; 4] = ["#[ignore", "#[should_panic", "todo!(", "unimplemented!("];

/// Waits without a condition: a folder or file that may have them, and why.
const MAY_SLEEP: [(&str, &str); 1] = [(
    "vm-launcher/daemon/src/shepherd/counters.rs",
    "a task that is nothing but a deadline; nobody waits for it",
)];

fn sleeps(line: &str) -> bool {
    line.contains("thread::sleep(") || line.contains("time::sleep(") || line.contains(" sleep(")
}

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
fn nothing_sleeps_where_it_should_wait_for_something() {
    let excused = |path: &str| MAY_SLEEP.iter().any(|(at, _)| path.starts_with(at));
    let mut findings = Vec::new();
    for (path, text) in rust().into_iter().filter(|(p, _)| !excused(p)) {
        for (n, line) in code(&text).lines().enumerate().filter(|(_, l)| sleeps(l)) {
            findings.push(format!("{path}:{}: {}", n + 1, line.trim()));
        }
    }
    for f in shipped().into_iter().filter(|f| !f.path.ends_with(".rs") && !excused(&f.path)) {
        let Some(text) =
            f.text.filter(|t| t.starts_with("#!") && t.lines().next().is_some_and(|l| l.contains("sh")))
        else {
            continue;
        };
        for (n, line) in text.lines().enumerate().filter(|(_, l)| l.trim_start().starts_with("sleep ")) {
            findings.push(format!("{}:{}: {}", f.path, n + 1, line.trim()));
        }
    }
    none(findings);
}
