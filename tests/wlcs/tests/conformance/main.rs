// SPDX-License-Identifier: GPL-3.0-or-later
//! Runs the Wayland conformance suite against the compositor.
//!
//! In: the wlcs binary of the machine, the shim beside this test program, and
//! `expected-failures.toml`. Out: counts on the log, and a failure if a test fails that is not in the
//! list, or passes although it is. With another version of wlcs than the list's, 85 % have to pass and
//! nothing may crash. `WLCS_FILTER` (wlcs' own pattern language) runs a part, for
//! people who mend something; the counts are then not judged.

// Helpers of tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod expected;
mod suite;

use expected::Expected;
use std::collections::BTreeMap;
use suite::{Outcome, Suite};

/// Of the tests for globals that we offer, at least this share passes.
const LEAST_PASSED_PERCENT: usize = 85;

#[test]
fn conformance() {
    let filter = std::env::var("WLCS_FILTER").ok();
    let expected = Expected::read();
    let suite = Suite::find();
    let all = suite.list(filter.as_deref());
    assert!(!all.is_empty(), "wlcs has tests");
    let (excluded, wanted): (Vec<_>, Vec<_>) = all.into_iter().partition(|t| expected.excluded(t));
    let results = suite.run(&wanted);
    let missing: Vec<_> = wanted.iter().filter(|t| !results.contains_key(*t)).collect();
    assert!(missing.is_empty(), "without a result: {missing:#?}");
    let report = Report::new(&results, &expected);
    println!("{report}{} excluded by group\n", excluded.len());
    if !expected.is_for(&suite.version()) {
        println!("the list of expected failures is for another version than {}", suite.version());
        report.judge_unlisted();
    } else if filter.is_none() {
        let stale = expected.unused(wanted.iter().chain(&excluded));
        assert!(stale.is_empty(), "the list names tests that wlcs does not have: {stale:#?}");
        report.judge();
        report.judge_unlisted();
        assert_eq!((report.passed, report.run()), (expected.passed, expected.of), "the counts in the list");
    } else {
        report.judge();
    }
}

/// What came of a run, sorted by what has to be done about it.
struct Report<'a> {
    passed: usize,
    skipped: usize,
    failed_as_expected: usize,
    unexpected: BTreeMap<&'a str, Outcome>,
    repaired: Vec<&'a str>,
}

impl<'a> Report<'a> {
    fn new(results: &'a BTreeMap<String, Outcome>, expected: &Expected) -> Self {
        let mut report = Self {
            passed: 0,
            skipped: 0,
            failed_as_expected: 0,
            unexpected: BTreeMap::new(),
            repaired: Vec::new(),
        };
        for (test, outcome) in results {
            match (outcome, expected.fails(test)) {
                (Outcome::Skipped, _) => report.skipped += 1,
                (Outcome::Passed, false) => report.passed += 1,
                (Outcome::Passed, true) => report.repaired.push(test),
                (Outcome::Failed | Outcome::Crashed | Outcome::TimedOut, false) => {
                    report.unexpected.insert(test, *outcome);
                }
                (Outcome::Failed, true) => report.failed_as_expected += 1,
                // A test that is known to fail may still not take the compositor down with it.
                (Outcome::Crashed | Outcome::TimedOut, true) => {
                    report.unexpected.insert(test, *outcome);
                }
            }
        }
        report
    }

    fn run(&self) -> usize {
        self.passed + self.repaired.len() + self.failed_as_expected + self.unexpected.len()
    }

    /// Every test does what the list says.
    fn judge(&self) {
        assert!(self.unexpected.is_empty(), "failed, and not in the list");
        assert!(self.repaired.is_empty(), "passed, and still in the list");
    }

    /// What holds with any list: most pass, and nothing takes the compositor down.
    fn judge_unlisted(&self) {
        let (passed, run) = (self.passed + self.repaired.len(), self.run());
        let fell = self.unexpected.values().any(|o| *o != Outcome::Failed);
        assert!(!fell, "the compositor crashed or hung");
        assert!(
            passed * 100 >= run * LEAST_PASSED_PERCENT,
            "{passed} of {run} passed, {LEAST_PASSED_PERCENT} % at least"
        );
    }
}

impl std::fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (test, outcome) in &self.unexpected {
            writeln!(f, "unexpected {outcome:?}: {test}")?;
        }
        for test in &self.repaired {
            writeln!(f, "unexpected pass: {test}")?;
        }
        let run = self.run();
        writeln!(
            f,
            "wlcs: {} of {run} passed, {} failed as expected, {} failed unexpectedly, {} passed \
             unexpectedly, {} skipped by wlcs, ",
            self.passed + self.repaired.len(),
            self.failed_as_expected,
            self.unexpected.len(),
            self.repaired.len(),
            self.skipped
        )
    }
}
