// SPDX-License-Identifier: GPL-3.0-or-later
//! Walls around an emulator. In: which files it may read and write. Out: a process that reaches nothing
//! else, whatever its guest makes of it: no other path, no network, no other process, no sockets but
//! those it was born with.
//!
//! Three layers, of which seccomp must hold by itself: it takes away every system call that makes a new
//! connection or reaches another process (an emulator with connected sockets needs none). Landlock takes
//! away paths; capabilities go, because a desktop that runs as root has them.

use cofferdam_jail::without_x32;
use cofferdam_kit::launch::die_with_parent_now;
use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, PathBeneath, PathFd,
    Ruleset, RulesetAttr as _, RulesetCreatedAttr as _, RulesetError, RulesetStatus, Scope,
};
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities, set_no_new_privs};
use seccompiler::{
    SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

/// What stays reachable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Enclosure {
    /// Files and directories that may be read; the first one may also be executed.
    pub(crate) read: Vec<PathBuf>,
    /// Files that may be read and written.
    pub(crate) write: Vec<PathBuf>,
}

/// The walls do not stand; the program must not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum EnclosureError {
    /// A step failed.
    #[error("{step}: {source}")]
    Step {
        /// Which.
        step: &'static str,
        /// Why.
        source: io::Error,
    },
    /// Landlock refused its rules.
    #[error("landlock: {0}")]
    Landlock(#[from] RulesetError),
    /// Seccomp rules do not compile.
    #[error("seccomp: {0}")]
    Rules(#[from] seccompiler::BackendError),
    /// The kernel refused the filter.
    #[error("seccomp: {0}")]
    Filter(#[from] seccompiler::Error),
}

/// System calls that make connections, reach other processes or change the machine. They answer `EPERM`
/// instead of killing: libraries try some of them and have another way.
const DENIED: [i64; 56] = [
    // New connections; `socketpair` only talks to oneself.
    libc::SYS_socket,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    // A way around all filters.
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    // Other processes.
    libc::SYS_kill,
    libc::SYS_tkill,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
    libc::SYS_ptrace,
    libc::SYS_kcmp,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_migrate_pages,
    libc::SYS_move_pages,
    libc::SYS_setns,
    libc::SYS_unshare,
    // Parts of the kernel that have been ways out.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_modify_ldt,
    libc::SYS_personality,
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    libc::SYS_fanotify_init,
    // File systems.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsmount,
    libc::SYS_fsconfig,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    // The machine.
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_syslog,
];

/// `fcntl` command that names the owner of a descriptor by kind and id; not every `libc` has it.
const F_SETOWN_EX: i32 = 15;

/// Takes away from this process, and from what it will execute, all that is not in `enclosure`. Gives back
/// whether Landlock stands; without it seccomp holds alone.
///
/// # Errors
/// [`EnclosureError`].
pub(crate) fn enclose(enclosure: &Enclosure, parent: u32) -> Result<bool, EnclosureError> {
    let step = |step| move |e: rustix::io::Errno| EnclosureError::Step { step, source: e.into() };
    die_with_parent_now(parent)
        .map_err(|source| EnclosureError::Step { step: "parent-death signal", source })?;
    set_no_new_privs(true).map_err(step("no_new_privs"))?;
    let none = CapabilitySet::empty();
    let nothing = CapabilitySets { effective: none, permitted: none, inheritable: none };
    set_capabilities(None, nothing).map_err(step("dropping capabilities"))?;
    let landlocked = restrict_paths(enclosure)?;
    seccompiler::apply_filter(&filter()?)?;
    Ok(landlocked)
}

fn restrict_paths(enclosure: &Enclosure) -> Result<bool, EnclosureError> {
    let abi = ABI::V6;
    let readable = AccessFs::ReadFile | AccessFs::ReadDir;
    let writable = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::Truncate | AccessFs::IoctlDev;
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(abi))?
        .handle_access(AccessNet::from_all(abi))?
        .scope(Scope::from_all(abi))?
        .create()?;
    for (index, path) in enclosure.read.iter().enumerate() {
        let execute = if index == 0 { AccessFs::Execute.into() } else { BitFlags::EMPTY };
        ruleset = allow(ruleset, path, readable | execute)?;
    }
    for path in &enclosure.write {
        ruleset = allow(ruleset, path, writable)?;
    }
    Ok(ruleset.restrict_self()?.ruleset != RulesetStatus::NotEnforced)
}

fn allow(
    ruleset: landlock::RulesetCreated,
    path: &PathBuf,
    access: BitFlags<AccessFs>,
) -> Result<landlock::RulesetCreated, EnclosureError> {
    // What is not there needs no permission; the program itself will say what it misses.
    let Ok(fd) = PathFd::new(path) else { return Ok(ruleset) };
    let access = if path.is_dir() { access } else { access & AccessFs::from_file(ABI::V6) };
    Ok(ruleset.add_rule(PathBeneath::new(fd, access))?)
}

fn filter() -> Result<seccompiler::BpfProgram, EnclosureError> {
    let mut calls: BTreeMap<i64, Vec<SeccompRule>> = DENIED.iter().map(|call| (*call, Vec::new())).collect();
    // An emulator signals its own threads; exec does not change the id of the process.
    let own = u64::from(std::process::id());
    let foreign = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, own)?;
    calls.insert(libc::SYS_tgkill, vec![SeccompRule::new(vec![foreign])?]);
    // Limits of its own it may read; with those of another process it could starve that one.
    let another = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, 0)?;
    calls.insert(libc::SYS_prlimit64, vec![SeccompRule::new(vec![another])?]);
    // The owner of a descriptor is sent whatever signal the descriptor is told to send.
    let command = |command: i32| {
        let value = u64::from(command.unsigned_abs());
        SeccompRule::new(vec![SeccompCondition::new(1, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)?])
    };
    calls.insert(libc::SYS_fcntl, vec![command(libc::F_SETOWN)?, command(F_SETOWN_EX)?]);
    let refuse = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    let list = SeccompFilter::new(calls, SeccompAction::Allow, refuse, arch)?;
    Ok(without_x32(list.try_into()?))
}
