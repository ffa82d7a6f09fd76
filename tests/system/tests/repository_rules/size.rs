// SPDX-License-Identifier: GPL-3.0-or-later
//! Sizes that keep the code readable.
//!
//! In: all Rust files. Out: those that are too long, and functions that are.

use crate::files::rust;
use crate::none;
use crate::source::{code, functions, without_tests};

/// Lines of a file, its `#[cfg(test)]` parts not counted.
const FILE: usize = 600;
/// Lines of a function from its name to its closing brace.
const FUNCTION: usize = 80;

#[test]
fn files_are_short() {
    let lines = |(path, text): (String, String)| {
        let n = without_tests(&code(&text)).lines().count();
        (n > FILE).then(|| format!("{path}: {n} lines without tests, {FILE} at most"))
    };
    none(rust().into_iter().filter_map(lines).collect());
}

#[test]
fn functions_are_short() {
    let mut findings = Vec::new();
    for (path, text) in rust() {
        for f in functions(&code(&text)).into_iter().filter(|f| f.lines > FUNCTION) {
            findings
                .push(format!("{path}:{}: fn {} has {} lines, {FUNCTION} at most", f.line, f.name, f.lines));
        }
    }
    none(findings);
}
