// SPDX-License-Identifier: GPL-3.0-or-later
//! A kernel without Landlock: an emulator could open any file, so it does not start.
//!
//! In: a filter around this test that knows no call of Landlock. Out: one line that says what to do.
#![allow(clippy::unwrap_used)] // A test that can't begin has nothing to go on with.
#![expect(clippy::disallowed_types, reason = "starts the program under test")]

use cofferdam_jail::roles::SHEPHERD;
use cofferdam_jail::{Answer, Filter, Pids};
use std::process::Command;

#[test]
fn an_emulator_does_not_start_without_landlock() {
    let landlock =
        [libc::SYS_landlock_create_ruleset, libc::SYS_landlock_add_rule, libc::SYS_landlock_restrict_self];
    let here = Pids::here();
    let rules = SHEPHERD.rules(0, &here);
    let known = rules.iter().filter(|(rule, _)| !landlock.contains(&rule.call));
    let filter = Filter::of(known.map(|(rule, pids)| (*rule, pids)), Answer::Refuse).unwrap();
    rustix::thread::set_no_new_privs(true).unwrap();
    filter.install().unwrap();
    let parent = std::process::id().to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_cofferdam-enclose"))
        .args(["--role", "machine", "--parent", &parent, "--at", "program", "/usr", "--", "/usr/bin/true"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("no Landlock") && said.lines().count() == 1, "{said}");
}
