// SPDX-License-Identifier: GPL-3.0-or-later
//! In: any text. Out: nothing, or a panic if the reader of rule files breaks a promise.

use cofferdam_monitor::rules::parse;
use cofferdam_policy::{AdminRules, Origin};

/// A rule file, the administrator's or the person's.
pub fn file(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let lines = text.bytes().filter(|b| *b == b'\n').count().saturating_add(1);
    let [admin, person] = [Origin::Admin, Origin::Person].map(|origin| parse("a.toml", origin, text));
    match (admin, person) {
        (Ok(admin), Ok(person)) => {
            assert_eq!(admin.len(), person.len());
            assert!(admin.iter().all(|p| (1..=lines).contains(&p.line)), "lines are those of the file");
            let rules: Vec<_> = admin.into_iter().map(|parsed| parsed.rule).collect();
            let count = rules.len();
            match AdminRules::new(rules) {
                Ok(taken) => assert_eq!(taken.len(), count),
                Err(error) => assert!(error.index < count),
            }
        }
        (Err(admin), Err(person)) => {
            assert_eq!(admin, person);
            assert!((1..=lines).contains(&admin.line), "{admin}");
            // It goes into logs and onto terminals.
            assert!(!admin.reason.chars().any(char::is_control), "{:?}", admin.reason);
        }
        (admin, person) => panic!("the same text is good and bad: {admin:?} {person:?}"),
    }
}
