// SPDX-License-Identifier: GPL-3.0-or-later
//! From rules to BPF programs.
//!
//! In: [`Rule`]s, the processes they speak of, and the [`Answer`] to everything else. Out: a [`Filter`]. A call
//! of another table of numbers (32-bit programs, x32) is never in the list, so no rule can let it through.

use crate::rules::{Pids, Rule, When};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch,
};
use std::collections::BTreeMap;

/// A filter could not be built or installed.
#[derive(Debug, thiserror::Error)]
pub enum FilterError {
    /// The tables do not compile to a program.
    #[error("seccomp rules do not compile: {0}")]
    Build(#[from] seccompiler::BackendError),
    /// The kernel refused the program.
    #[error("seccomp filter not installed: {0}")]
    Install(#[from] seccompiler::Error),
}

/// What happens at a call that no rule lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The process ends: for small programs of ours, of which every call is known.
    Kill,
    /// The call fails with `EPERM`: for programs with many libraries in them, which try things and do without,
    /// and for those that start others, because a filter also holds for children.
    Refuse,
}

/// Calls that the C library makes on its own and takes a no for; killing for them would kill honest helpers.
/// `clone3`: its flags lie in memory, where a filter cannot see them, so the library must fall back to `clone`,
/// whose flags are checked. `openat`: when it gives a thread's heap back it looks at a setting in `/proc`.
const DIVERTED: [i64; 2] = [libc::SYS_clone3, libc::SYS_openat];

/// The first call that is younger than some C library in use, and how many are looked at from there. A library
/// that finds one of them missing has another way; one that is refused has not.
const YOUNG: std::ops::Range<i64> = libc::SYS_clone3..libc::SYS_clone3 + 64;

/// A compiled allow-list of system calls.
#[derive(Debug, Clone)]
pub struct Filter {
    /// Answers `ENOSYS` to calls for which there is another way.
    divert: BpfProgram,
    /// Answers everything that is not listed.
    allow: BpfProgram,
}

/// Alternatives for each call; none means any arguments.
type Calls = BTreeMap<i64, Vec<SeccompRule>>;

impl Filter {
    /// Compiles the union of `rules`, each with the processes it speaks of.
    ///
    /// # Errors
    /// [`FilterError::Build`] if a rule names an argument that does not exist or the program is too large.
    pub fn of<'a>(
        rules: impl IntoIterator<Item = (&'a Rule, &'a Pids)>,
        answer: Answer,
    ) -> Result<Self, FilterError> {
        let arch = TargetArch::try_from(std::env::consts::ARCH)?;
        let mut calls = compile(rules)?;
        let young = YOUNG.filter(|_| answer == Answer::Refuse);
        let diverted: Calls = DIVERTED
            .into_iter()
            .chain(young)
            .filter(|call| !calls.contains_key(call) && (answer == Answer::Kill || YOUNG.contains(call)))
            .map(|call| (call, Vec::new()))
            .collect();
        // Allowed here, so that the first filter's ENOSYS and not this one's answer decides.
        calls.extend(diverted.clone());
        let otherwise = match answer {
            Answer::Kill => SeccompAction::KillProcess,
            Answer::Refuse => SeccompAction::Errno(libc::EPERM.unsigned_abs()),
        };
        let allow = SeccompFilter::new(calls, otherwise, SeccompAction::Allow, arch)?;
        let enosys = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
        let divert = SeccompFilter::new(diverted, SeccompAction::Allow, enosys, arch)?;
        Ok(Self { divert: divert.try_into()?, allow: allow.try_into()? })
    }

    /// Installs the filter on this thread and what it starts.
    pub(crate) fn install_here(&self) -> Result<(), FilterError> {
        seccompiler::apply_filter(&self.divert)?;
        seccompiler::apply_filter(&self.allow)?;
        Ok(())
    }

    /// Installs the filter on every thread of the process. Filters stack: the strictest answer wins.
    ///
    /// # Errors
    /// [`FilterError::Install`] if the kernel refuses it.
    pub fn install(&self) -> Result<(), FilterError> {
        seccompiler::apply_filter_all_threads(&self.divert)?;
        seccompiler::apply_filter_all_threads(&self.allow)?;
        Ok(())
    }
}

fn compile<'a>(rules: impl IntoIterator<Item = (&'a Rule, &'a Pids)>) -> Result<Calls, FilterError> {
    // None once a rule lets the call through whatever its arguments are: no other can add to that.
    let mut calls: BTreeMap<i64, Option<Vec<SeccompRule>>> = BTreeMap::new();
    for (rule, pids) in rules {
        for whom in rule.whom(pids) {
            let all: Vec<When> = rule.when.iter().copied().chain(whom).collect();
            let chain = calls.entry(rule.call).or_insert_with(|| Some(Vec::new()));
            if all.is_empty() {
                *chain = None;
            } else if let Some(chain) = chain {
                chain.push(SeccompRule::new(all.iter().map(condition).collect::<Result<Vec<_>, _>>()?)?);
            }
        }
    }
    Ok(calls.into_iter().map(|(call, chain)| (call, chain.unwrap_or_default())).collect())
}

fn condition(when: &When) -> Result<SeccompCondition, seccompiler::BackendError> {
    match *when {
        When::Is { arg, value } => {
            SeccompCondition::new(arg, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, u64::from(value))
        }
        When::Bits { arg, mask, value } => SeccompCondition::new(
            arg,
            SeccompCmpArgLen::Dword,
            SeccompCmpOp::MaskedEq(u64::from(mask)),
            u64::from(value),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::is;

    #[test]
    fn a_rule_without_conditions_is_not_narrowed_by_another() {
        fn chain(rules: &[Rule]) -> Option<usize> {
            let pids = Pids { own: Some(7), children: Vec::new() };
            let calls = compile(rules.iter().map(|rule| (rule, &pids)));
            calls.unwrap().remove(&1).map(|chain| chain.len())
        }
        const NARROW: Rule = Rule::only(1, &[is(0, 1)], "x");
        let narrow = NARROW;
        let wide = Rule::any(1, "x");
        assert_eq!(chain(&[narrow, narrow]), Some(2));
        assert_eq!(chain(&[narrow, wide]), Some(0));
        assert_eq!(chain(&[wide, narrow]), Some(0));
        assert_eq!(chain(&[Rule::any(1, "x").own(0)]), Some(1));
        assert_eq!(chain(&[Rule::any(1, "x").child(0)]), None, "nobody to signal, no rule");
    }
}
