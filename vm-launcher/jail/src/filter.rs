// SPDX-License-Identifier: GPL-3.0-or-later
//! From rule tables to a BPF program.
//!
//! In: tables of [`Rule`]s. Out: a [`Filter`] that kills the process on any other system call.

use crate::rules::{Rule, When};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch, sock_filter,
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

/// Calls that the C library makes on its own and takes a no for; killing for them would kill honest helpers.
/// `clone3`: its flags lie in memory, where a filter cannot see them, so the library must fall back to `clone`,
/// whose flags are checked. `openat`: when it gives a thread's heap back it looks at a setting in `/proc`.
const DIVERTED: [i64; 2] = [libc::SYS_clone3, libc::SYS_openat];

/// A compiled allow-list of system calls.
#[derive(Debug, Clone)]
pub struct Filter {
    /// Answers `ENOSYS` to [`DIVERTED`].
    divert: BpfProgram,
    /// Kills the process on anything that is not listed.
    allow: BpfProgram,
}

impl Filter {
    /// Compiles the union of `tables`.
    ///
    /// # Errors
    /// [`FilterError::Build`] if a rule names an argument that does not exist or the program is too large.
    pub fn new(tables: &[&[Rule]]) -> Result<Self, FilterError> {
        let arch = TargetArch::try_from(std::env::consts::ARCH)?;
        let mut calls: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
        for rule in tables.iter().copied().flatten() {
            let chain = calls.entry(rule.call).or_default();
            if !rule.when.is_empty() {
                let all = rule.when.iter().map(condition).collect::<Result<Vec<_>, _>>()?;
                chain.push(SeccompRule::new(all)?);
            }
        }
        // Allowed here, so that the first filter's ENOSYS and not this one's kill decides.
        let diverted: BTreeMap<i64, Vec<SeccompRule>> = DIVERTED.map(|call| (call, Vec::new())).into();
        calls.extend(diverted.clone());
        let allow = SeccompFilter::new(calls, SeccompAction::KillProcess, SeccompAction::Allow, arch)?;
        let enosys = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
        let divert = SeccompFilter::new(diverted, SeccompAction::Allow, enosys, arch)?;
        Ok(Self { divert: divert.try_into()?, allow: allow.try_into()? })
    }

    /// Installs the filter on every thread of the process. Filters stack: the strictest answer wins.
    pub(crate) fn install(&self) -> Result<(), FilterError> {
        seccompiler::apply_filter_all_threads(&self.divert)?;
        seccompiler::apply_filter_all_threads(&self.allow)?;
        Ok(())
    }
}

/// Puts before a list of forbidden calls that there is no second table of them: an x86-64 kernel may have
/// one for x32, where the same calls have other numbers and a list would not know them.
#[must_use]
pub fn without_x32(program: BpfProgram) -> BpfProgram {
    // All of these read as: load the number of the call; if it is of that table, refuse; go on.
    let step = |code, jf, k| sock_filter { code, jt: 0, jf, k };
    let refuse = libc::SECCOMP_RET_ERRNO | libc::EPERM.unsigned_abs();
    let mut whole = vec![step(LOAD, 0, 0), step(IF_AT_LEAST, 1, X32), step(ANSWER, 0, refuse)];
    whole.extend(program);
    whole
}

/// `BPF_LD | BPF_W | BPF_ABS`, `BPF_JMP | BPF_JGE | BPF_K`, `BPF_RET | BPF_K`.
const LOAD: u16 = 0x20;
const IF_AT_LEAST: u16 = 0x35;
const ANSWER: u16 = 0x06;
/// The first number of the other table.
const X32: u32 = 0x4000_0000;

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

    #[test]
    fn a_second_table_of_calls_is_refused_before_the_list_is_looked_at() {
        let list = vec![sock_filter { code: ANSWER, jt: 0, jf: 0, k: libc::SECCOMP_RET_ALLOW }];
        let program = without_x32(list);
        let answer = |call: u32| {
            let (mut at, mut number) = (0, None);
            loop {
                let step = &program[at];
                at += 1;
                match step.code {
                    LOAD => number = (step.k == 0).then_some(call),
                    IF_AT_LEAST => {
                        at += usize::from(if number.unwrap() >= step.k { step.jt } else { step.jf })
                    }
                    ANSWER => return step.k,
                    other => panic!("{other:#x}"),
                }
            }
        };
        let refused = libc::SECCOMP_RET_ERRNO | libc::EPERM.unsigned_abs();
        for call in [0x4000_0000, 0x4000_0000 + 520, u32::MAX] {
            assert_eq!(answer(call), refused, "{call:#x}");
        }
        for call in [0, 59, 0x3fff_ffff] {
            assert_eq!(answer(call), libc::SECCOMP_RET_ALLOW, "{call:#x}");
        }
    }
}
