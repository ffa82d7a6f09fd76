// SPDX-License-Identifier: GPL-3.0-or-later
//! Every kind of process of a desktop and the wall that it stands behind.
//!
//! In: nothing. Out: one [`Role`] for each, and [`ALL`] of them, so that a test can walk through. A role that
//! starts others names them: what they need is taken from their own tables, never copied.

pub mod common;
pub mod compositor;
pub mod desktop;
pub mod device;
pub mod gpu;
pub mod image_tool;
pub mod launcherd;
pub mod machine;
pub mod monitord;
pub mod net;
pub mod panel;
pub mod rng;
pub mod shepherd;
mod vm_places;

pub use compositor::{COMPOSITOR, NESTED};
pub use desktop::{BUS, DESKTOP};
pub use gpu::GPU;
pub use image_tool::IMAGE_TOOL;
pub use launcherd::{LAUNCHERD, VOLUME};
pub use machine::MACHINE;
pub use monitord::MONITORD;
pub use net::NET;
pub use panel::PANEL;
pub use rng::RNG;
pub use shepherd::SHEPHERD;

use crate::wall::Role;
use vm_places::places;

/// All of them.
pub static ALL: [&Role; 14] = [
    &DESKTOP,
    &BUS,
    &COMPOSITOR,
    &NESTED,
    &MONITORD,
    &PANEL,
    &LAUNCHERD,
    &VOLUME,
    &SHEPHERD,
    &GPU,
    &NET,
    &RNG,
    &MACHINE,
    &IMAGE_TOOL,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{Pids, Rule};
    use crate::wall::{Stage, Table};
    use std::collections::BTreeMap;

    fn tables() -> impl Iterator<Item = &'static Table> {
        ALL.into_iter().flat_map(|role| role.before.iter().chain(role.stages.iter().flat_map(Stage::tables)))
    }

    #[test]
    fn every_rule_has_a_reason_and_none_is_redundant_in_its_table() {
        for table in tables() {
            let mut calls: BTreeMap<i64, Vec<&Rule>> = BTreeMap::new();
            for rule in table.rules {
                assert!(!rule.why.is_empty(), "{}: call {} has no reason", table.name, rule.call);
                assert!(rule.rare.is_none_or(|why| !why.is_empty()), "{}: {}", table.name, rule.call);
                calls.entry(rule.call).or_default().push(rule);
            }
            for (call, rules) in calls {
                let wide = rules.iter().any(|rule| rule.is_unconditional());
                assert!(!wide || rules.len() == 1, "{}: call {call} is allowed twice", table.name);
            }
        }
    }

    #[test]
    fn every_place_has_a_reason() {
        for place in ALL.into_iter().flat_map(|role| role.places) {
            assert!(!place.why.is_empty(), "{}", place.name);
        }
    }

    #[test]
    fn every_filter_compiles() {
        for role in ALL {
            for stage in 0..role.stages.len() {
                role.filter(stage, &Pids { own: Some(1), children: vec![2, 3] }).unwrap();
            }
            assert!(role.filter(role.stages.len(), &Pids::default()).is_err(), "{}", role.name);
        }
    }

    #[test]
    fn a_parent_may_do_what_its_children_need() {
        let pids = Pids { own: Some(1), children: Vec::new() };
        for role in ALL {
            for (stage, it) in role.stages.iter().enumerate() {
                let all = role.rules(stage, &pids);
                let has = |rule: &Rule| all.iter().any(|(r, _)| r.call == rule.call && r.why == rule.why);
                for child in it.starts {
                    for (rule, _) in (0..child.stages.len()).flat_map(|own| child.rules(own, &pids)) {
                        assert!(has(rule), "{} lacks call {} of {}", role.name, rule.call, child.name);
                    }
                }
            }
        }
    }

    #[test]
    fn what_a_later_stage_needs_an_earlier_one_lets_through() {
        // Filters stack: the strictest answer wins.
        let pids = Pids { own: Some(1), children: Vec::new() };
        for role in ALL {
            for later in 1..role.stages.len() {
                let first = role.rules(0, &pids);
                for (rule, _) in role.rules(later, &pids) {
                    let same = |(r, _): &(&Rule, Pids)| {
                        r.call == rule.call && (r.is_unconditional() || r.why == rule.why)
                    };
                    let covered = first.iter().any(same) || rule.call == libc::SYS_kill;
                    assert!(
                        covered,
                        "{}: call {} ({}) is not in the first stage",
                        role.name, rule.call, rule.why
                    );
                }
            }
        }
    }

    #[test]
    fn later_stages_start_nothing() {
        for role in ALL.into_iter().filter(|role| role.stages.len() > 1) {
            let last = role.stages.len() - 1;
            assert!(role.stages[last].starts.is_empty());
            let pids = Pids::here();
            for call in
                [libc::SYS_execve, libc::SYS_bind, libc::SYS_listen, libc::SYS_seccomp, libc::SYS_vfork]
            {
                assert!(!role.admits(last, call, &[0; 6], &pids), "{}: call {call}", role.name);
            }
        }
    }
}
