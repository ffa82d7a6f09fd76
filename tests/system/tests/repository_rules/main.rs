// SPDX-License-Identifier: GPL-3.0-or-later
//! Rules that the whole repository keeps.
//!
//! In: the files that git would ship, and cargo's view of the dependencies. Out: one test per rule,
//! each of which lists every place that breaks it. A rule that has exceptions names them here, with
//! the reason, so that an exception is a decision in a diff.

// Helpers of tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod deny;
mod dependencies;
mod features;
mod files;
mod fuzz;
mod licences;
mod lines;
mod purity;
mod rooms;
mod seeds;
mod size;
mod style;
mod unsafety;
mod walls;

use cofferdam_system_tests::source;

/// Fails with all findings at once: fixing them one by one would cost a build each.
fn none(findings: Vec<String>) {
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}
