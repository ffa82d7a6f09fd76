// SPDX-License-Identifier: GPL-3.0-or-later
//! Walls around the monitor. In: the places it needs. Out: a process that reaches no other path, no network
//! and no other process, and starts no program, however it is spoken to.

use crate::rules::RuleFolder;
use cofferdam_jail::without_x32;
use cofferdam_kit::paths::Paths;
use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, PathBeneath, PathFd, PathFdError, Ruleset,
    RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch,
};
use std::collections::BTreeMap;
use std::path::Path;

/// The walls are not up; going on would be careless.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WallsError {
    /// Landlock refused its rules.
    #[error("walls: {0}")]
    Landlock(#[from] RulesetError),
    /// A place is not there.
    #[error("walls: {0}")]
    Place(#[from] PathFdError),
    /// The rules on system calls make no program.
    #[error("walls: {0}")]
    Calls(#[from] seccompiler::BackendError),
    /// The kernel refused that program.
    #[error("walls: {0}")]
    Filter(#[from] seccompiler::Error),
    /// The kernel refused.
    #[error("walls: {0}")]
    System(#[from] rustix::io::Errno),
}

/// Calls that a monitor never makes and that would lead out of its walls.
const NEVER: [i64; 26] = [
    // Other programs and other processes.
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_fork,
    libc::SYS_vfork,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    // The kernel's own machinery.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_io_uring_setup,
    libc::SYS_userfaultfd,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_kexec_load,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    // Another view of the file system.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_open_by_handle_at,
    libc::SYS_open_tree,
];

/// Takes away every path but the ledger's directory (to write), the sockets' and the rules' (to read); other
/// programs; every network. Call it while there is one thread.
///
/// # Errors
/// [`WallsError`]; the monitor should end then.
pub fn put_up(paths: &Paths, rules: &[RuleFolder]) -> Result<(), WallsError> {
    rustix::thread::set_no_new_privs(true)?;
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    let status = restrict_paths(paths, rules)?;
    seccompiler::apply_filter(&calls()?)?;
    match status {
        RulesetStatus::FullyEnforced => tracing::debug!("walls are up"),
        RulesetStatus::PartiallyEnforced => tracing::debug!("walls are up as far as this kernel knows them"),
        RulesetStatus::NotEnforced => tracing::warn!("this kernel has no Landlock: paths are not walled off"),
    }
    Ok(())
}

fn restrict_paths(paths: &Paths, rules: &[RuleFolder]) -> Result<RulesetStatus, WallsError> {
    let abi = ABI::V6;
    let (all, read) = (AccessFs::from_all(abi), AccessFs::from_read(abi) & !AccessFs::Execute);
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(all)?
        .handle_access(AccessNet::from_all(abi))?
        .scope(Scope::Signal)?
        .create()?
        .add_rule(PathBeneath::new(PathFd::new(paths.ledger())?, all & !AccessFs::Execute))?;
    let zones = ["/etc/localtime", "/usr/share/zoneinfo", "/etc/timezone"].map(Path::new);
    let rules = rules.iter().map(|folder| nearest(&folder.path));
    for path in rules.chain(zones).chain([paths.runtime.as_path()]) {
        // A time zone that is not there can't be read later either.
        if let Ok(place) = PathFd::new(path) {
            let reach = if path.is_dir() { read } else { AccessFs::ReadFile.into() };
            ruleset = ruleset.add_rule(PathBeneath::new(place, reach))?;
        }
    }
    Ok(ruleset.restrict_self()?.ruleset)
}

/// The folder itself, or if it does not exist yet, the one in which it would be made.
fn nearest(folder: &Path) -> &Path {
    // Not further up than the desktop's own folder of configuration: `X/cofferdam/policy.d`.
    folder.ancestors().take(2).find(|path| path.is_dir()).unwrap_or(folder)
}

fn calls() -> Result<BpfProgram, WallsError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = NEVER.iter().map(|call| (*call, Vec::new())).collect();
    let unix = u64::from(libc::AF_UNIX.unsigned_abs());
    let foreign = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, unix)?;
    rules.insert(libc::SYS_socket, vec![SeccompRule::new(vec![foreign])?]);
    let refuse = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    let list = SeccompFilter::new(rules, SeccompAction::Allow, refuse, arch)?;
    Ok(without_x32(list.try_into()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_on_calls_compile_and_name_each_call_once() {
        let program = calls().unwrap();
        assert_eq!(program[1].k, 0x4000_0000, "the other table of calls comes first");
        let distinct: std::collections::BTreeSet<_> = NEVER.into_iter().collect();
        assert_eq!(distinct.len(), NEVER.len());
    }
}
