// SPDX-License-Identifier: GPL-3.0-or-later
//! How large a program may be, and whom it may be made of.
//!
//! In: cargo's view of the workspace. Out: programs that are made of more lines of ours than somebody could review,
//! and programs that contain other programs. `cofferdam-lines` prints the table.

use crate::files::root;
use crate::none;
use cofferdam_system_tests::lines::Crates;
use std::collections::BTreeSet;

/// Most lines of ours that a program may be made of. Whoever needs more says why in the same commit.
const MOST: [(&str, usize); 13] = [
    ("coffer", 20_600),
    // Every program carries the rules of every role: 2,200 lines of data that a reader skips.
    ("cofferdam-compositor", 32_700),
    ("cofferdam-enclose", 4_500),
    ("cofferdam-gpu", 15_500),
    ("cofferdam-guest", 12_500),
    ("cofferdam-image", 8_500),
    ("cofferdam-kvm-probe", 500),
    ("cofferdam-launcherd", 17_000),
    ("cofferdam-monitord", 15_000),
    ("cofferdam-net", 15_000),
    ("cofferdam-panel", 13_000),
    ("cofferdam-rng", 6_500),
    ("cofferdam-shepherd", 17_000),
];

#[test]
fn programs_are_made_of_little() {
    let crates = Crates::of(&root()).unwrap();
    let programs = crates.programs();
    let mut findings = Vec::new();
    for (program, names) in &programs {
        let lines = crates.lines(names);
        match MOST.iter().find(|(name, _)| name == program) {
            Some((_, most)) if lines > *most => {
                findings.push(format!("{program} is made of {lines} lines, {most} at most"));
            }
            Some(_) => {}
            None => findings.push(format!("{program} has {lines} lines and no bound")),
        }
    }
    let gone = MOST.iter().filter(|(name, _)| !programs.contains_key(name));
    findings.extend(gone.map(|(name, _)| format!("{name} is bounded but not built")));
    none(findings);
}

#[test]
fn no_program_contains_another() {
    let crates = Crates::of(&root()).unwrap();
    let with_programs: BTreeSet<&str> =
        crates.iter().filter(|(_, one)| !one.programs.is_empty()).map(|(name, _)| name).collect();
    assert!(with_programs.len() > 5, "programs are found: {with_programs:?}");
    // Tests run what they test.
    let shipped = crates.iter().filter(|(_, one)| !one.is_for_tests());
    let wrong = shipped.flat_map(|(name, one)| {
        let programs = one.needs.iter().filter(|need| with_programs.contains(need.as_str()));
        programs.map(move |need| format!("{name} depends on {need}, which is a program"))
    });
    none(wrong.collect());
}
