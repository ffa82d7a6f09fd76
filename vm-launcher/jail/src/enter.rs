// SPDX-License-Identifier: GPL-3.0-or-later
//! Walking into the jail, in the one order that works.
//!
//! In: a [`Plan`]. Out: a [`Report`], or a [`JailError`] after which the helper must not go on.

use crate::filter::{Filter, FilterError};
use crate::sys;
use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetError,
    RulesetStatus, Scope,
};
use rustix::process::{Gid, Pid, Resource, Rlimit, Signal, Uid};
use rustix::thread::CapabilitySet;
use std::io;
use std::os::fd::RawFd;

/// What remains after [`enter`].
#[derive(Debug, Clone)]
pub struct Plan<'a> {
    /// Descriptors that stay open; 0, 1 and 2 always stay.
    pub keep: &'a [RawFd],
    /// The VM's own user and group, if the process is root and has one.
    pub user: Option<u32>,
    /// The process that must stay our parent, if it is known: if it is already gone, the helper ends.
    pub parent: Option<u32>,
    /// Numbers of things.
    pub limits: Limits,
    /// Whether the helper opens TCP connections of its own: Landlock leaves it that, and no listening.
    pub connects: bool,
    /// Whether to use Landlock. Always true in production; the tests also prove the jail without it.
    pub landlock: bool,
}

/// Numbers of things the process may have.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Open descriptors.
    pub descriptors: u64,
    /// Bytes of the largest file, which includes memfds.
    pub file_bytes: u64,
    /// Bytes of writable memory of its own, shared memory not included; no limit if there is none.
    pub data_bytes: Option<u64>,
}

/// What became of Landlock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Landlock {
    /// Paths, TCP, abstract sockets and signals are all taken away.
    Full,
    /// An older kernel took away what it knows.
    Partial,
    /// This kernel has none; seccomp alone holds.
    Absent,
    /// The plan did not ask for it.
    Off,
}

/// What was enforced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// The user the helper runs as now.
    pub uid: u32,
    /// Landlock's part.
    pub landlock: Landlock,
}

/// The jail is not closed; going on would be unsafe.
#[derive(Debug, thiserror::Error)]
pub enum JailError {
    /// A step failed.
    #[error("jail: {step}: {error}")]
    Step {
        /// Which one.
        step: &'static str,
        /// Why.
        error: io::Error,
    },
    /// The parent died before we could ask to die with it.
    #[error("jail: the parent process is gone")]
    Orphaned,
    /// Landlock refused its rules.
    #[error("jail: landlock: {0}")]
    Landlock(#[from] RulesetError),
    /// Seccomp refused its rules.
    #[error("jail: {0}")]
    Filter(#[from] FilterError),
}

fn step<E: Into<io::Error>>(step: &'static str) -> impl FnOnce(E) -> JailError {
    move |e| JailError::Step { step, error: e.into() }
}

/// Takes away everything that is not in the plan. Call it first in `main`, while there is one thread.
///
/// # Errors
/// Any [`JailError`]; the process must end then.
pub fn enter(plan: &Plan<'_>, filter: &Filter) -> Result<Report, JailError> {
    close_strays(plan.keep)?;
    set_limits(plan.limits)?;
    become_user(plan.user)?;
    die_with_parent(plan.parent)?;
    rustix::thread::set_no_new_privs(true).map_err(step("no_new_privs"))?;
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
        .map_err(step("not dumpable"))?;
    let landlock = if plan.landlock { restrict_paths(plan.connects)? } else { Landlock::Off };
    let uid = rustix::process::getuid().as_raw();
    filter.install()?;
    Ok(Report { uid, landlock })
}

/// Adds a stricter filter on all threads, once start-up is over.
///
/// # Errors
/// [`JailError::Filter`] if the kernel refuses it.
pub fn tighten(filter: &Filter) -> Result<(), JailError> {
    Ok(filter.install()?)
}

fn close_strays(keep: &[RawFd]) -> Result<(), JailError> {
    let mut keep: Vec<u32> =
        keep.iter().filter_map(|fd| u32::try_from(*fd).ok()).filter(|fd| *fd > 2).collect();
    keep.sort_unstable();
    let mut next = 3;
    for fd in keep {
        if fd > next {
            sys::close_range(next, fd - 1).map_err(step("closing stray descriptors"))?;
        }
        next = next.max(fd.saturating_add(1));
    }
    sys::close_range(next, u32::MAX).map_err(step("closing stray descriptors"))
}

fn set_limits(limits: Limits) -> Result<(), JailError> {
    let exactly = |n| Rlimit { current: Some(n), maximum: Some(n) };
    let data = limits.data_bytes.map(|n| (Resource::Data, n, "limit on memory"));
    for (resource, n, name) in data.into_iter().chain([
        (Resource::Core, 0, "limit on core dumps"),
        (Resource::Nofile, limits.descriptors, "limit on descriptors"),
        (Resource::Fsize, limits.file_bytes, "limit on file size"),
        (Resource::Memlock, 0, "limit on locked memory"),
        (Resource::Msgqueue, 0, "limit on message queues"),
    ]) {
        // An inherited hard limit may already be lower; raising it is neither possible nor wanted.
        let hard = rustix::process::getrlimit(resource).maximum;
        let n = hard.map_or(n, |hard| hard.min(n));
        rustix::process::setrlimit(resource, exactly(n)).map_err(step(name))?;
    }
    Ok(())
}

fn become_user(user: Option<u32>) -> Result<(), JailError> {
    let Some(user) = user else {
        return drop_capabilities();
    };
    let (uid, gid) = (Uid::from_raw(user), Gid::from_raw(user));
    rustix::thread::set_thread_groups(&[]).map_err(step("dropping groups"))?;
    rustix::thread::set_thread_res_gid(gid, gid, gid).map_err(step("changing the group"))?;
    rustix::thread::set_thread_res_uid(uid, uid, uid).map_err(step("changing the user"))?;
    drop_capabilities()
}

fn drop_capabilities() -> Result<(), JailError> {
    let none = rustix::thread::CapabilitySets {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
        inheritable: CapabilitySet::empty(),
    };
    rustix::thread::set_capabilities(None, none).map_err(step("dropping capabilities"))
}

fn die_with_parent(parent: Option<u32>) -> Result<(), JailError> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(step("parent-death signal"))?;
    // The parent may have died between fork and now, in which case no signal ever comes.
    let now = rustix::process::getppid().map(|pid| Pid::as_raw(Some(pid)).unsigned_abs());
    if parent.is_some() && parent != now { Err(JailError::Orphaned) } else { Ok(()) }
}

fn restrict_paths(connects: bool) -> Result<Landlock, JailError> {
    let abi = ABI::V6;
    let net = if connects { AccessNet::BindTcp.into() } else { AccessNet::from_all(abi) };
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(abi))?
        .handle_access(net)?
        .scope(Scope::from_all(abi))?
        .create()?
        .restrict_self()?;
    Ok(match status.ruleset {
        RulesetStatus::FullyEnforced => Landlock::Full,
        RulesetStatus::PartiallyEnforced => Landlock::Partial,
        RulesetStatus::NotEnforced => Landlock::Absent,
    })
}
