// SPDX-License-Identifier: GPL-3.0-or-later
//! Where `unsafe` may stand, and what stands above it.
//!
//! In: all Rust files. Out: blocks outside the modules that opted in, and blocks without a SAFETY
//! comment. clippy checks the second too; this test also covers crates outside the workspace.

use crate::files::rust;
use crate::none;
use crate::source::code;

/// What opts a module or a function in.
const OPT_IN: &str = "allow(unsafe_code";

/// Attributes whose `unsafe(…)` is the language's way to write them, not a block.
fn opens_block(code_line: &str) -> bool {
    code_line.contains("unsafe {") || code_line.contains("unsafe impl")
}

#[test]
fn unsafe_code_opts_in_and_says_why_it_is_sound() {
    let mut findings = Vec::new();
    for (path, text) in rust() {
        let lines: Vec<&str> = text.lines().collect();
        let opted_in = code(&text).contains(OPT_IN);
        for (n, line) in code(&text).lines().enumerate().filter(|(_, l)| opens_block(l)) {
            if !opted_in {
                findings.push(format!("{path}:{}: unsafe in a module that did not opt in", n + 1));
            }
            // The comment stands directly above the statement that holds the block, or on its line.
            let near = &lines[n.saturating_sub(8)..=n];
            if !near.iter().any(|l| l.contains("SAFETY:")) {
                findings.push(format!("{path}:{}: no SAFETY comment: {}", n + 1, line.trim()));
            }
        }
    }
    none(findings);
}
