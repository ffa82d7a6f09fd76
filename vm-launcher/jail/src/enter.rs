// SPDX-License-Identifier: GPL-3.0-or-later
//! The steps into the jail, for [`crate::Wall`] to take in the one order that works.
//!
//! In: what is to stay. Out: that and nothing else, or a [`JailError`] after which the process must not go on.

use crate::filter::FilterError;
use crate::sys;
use landlock::RulesetError;
use rustix::process::{Gid, Pid, Resource, Rlimit, Signal, Uid};
use rustix::thread::{CapabilitySet, CapabilitySets};
use std::io;
use std::os::fd::RawFd;

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
    /// Nobody asked for it.
    Off,
}

/// What was enforced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// The user the process runs as now.
    pub uid: u32,
    /// Landlock's part.
    pub landlock: Landlock,
}

/// The jail is not closed; going on would be unsafe.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
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
    /// The role has no place of this name.
    #[error("jail: {role} has no place called {place}")]
    Place {
        /// Which role.
        role: &'static str,
        /// What was asked for.
        place: &'static str,
    },
    /// The role has no such stage.
    #[error("jail: {role} has no stage {stage}")]
    Stage {
        /// Which role.
        role: &'static str,
        /// What was asked for, from 0.
        stage: usize,
    },
    /// The program could open every file of this user.
    #[error(
        "this kernel has no Landlock, without which {role} could open any file; start it with lsm=landlock added"
    )]
    NoLandlock {
        /// Which role.
        role: &'static str,
    },
}

pub(crate) fn step<E: Into<io::Error>>(step: &'static str) -> impl FnOnce(E) -> JailError {
    move |e| JailError::Step { step, error: e.into() }
}

pub(crate) fn close_strays(keep: &[RawFd]) -> Result<(), JailError> {
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

pub(crate) fn set_limits(limits: Limits) -> Result<(), JailError> {
    let data = limits.data_bytes.map(|n| (Resource::Data, n, "limit on memory"));
    for (resource, n, name) in data.into_iter().chain([
        (Resource::Nofile, limits.descriptors, "limit on descriptors"),
        (Resource::Fsize, limits.file_bytes, "limit on file size"),
        (Resource::Memlock, 0, "limit on locked memory"),
    ]) {
        limit(resource, n, name)?;
    }
    Ok(())
}

fn limit(resource: Resource, n: u64, name: &'static str) -> Result<(), JailError> {
    // An inherited hard limit may already be lower; raising it is neither possible nor wanted.
    let n = rustix::process::getrlimit(resource).maximum.map_or(n, |hard| hard.min(n));
    let exactly = Rlimit { current: Some(n), maximum: Some(n) };
    rustix::process::setrlimit(resource, exactly).map_err(step(name))
}

pub(crate) fn become_user(user: Option<u32>) -> Result<(), JailError> {
    let Some(user) = user else { return Ok(()) };
    let (uid, gid) = (Uid::from_raw(user), Gid::from_raw(user));
    rustix::thread::set_thread_groups(&[]).map_err(step("dropping groups"))?;
    rustix::thread::set_thread_res_gid(gid, gid, gid).map_err(step("changing the group"))?;
    rustix::thread::set_thread_res_uid(uid, uid, uid).map_err(step("changing the user"))
}

/// What no program of ours has: core dumps, message queues, capabilities beyond `keep`, ways to more of them,
/// and memory that others of the same user may look into.
pub(crate) fn give_up_privileges(keep: CapabilitySet) -> Result<(), JailError> {
    limit(Resource::Core, 0, "limit on core dumps")?;
    limit(Resource::Msgqueue, 0, "limit on message queues")?;
    keep_powers(keep)?;
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
        .map_err(step("not dumpable"))
}

/// Leaves this thread no capabilities beyond `keep`, and no way to more of them.
pub(crate) fn keep_powers(keep: CapabilitySet) -> Result<(), JailError> {
    let had = rustix::thread::capabilities(None).map_err(step("reading capabilities"))?;
    let left = CapabilitySets {
        effective: had.effective & keep,
        permitted: had.permitted & keep,
        inheritable: CapabilitySet::empty(),
    };
    rustix::thread::set_capabilities(None, left).map_err(step("dropping capabilities"))?;
    rustix::thread::set_no_new_privs(true).map_err(step("no_new_privs"))
}

pub(crate) fn die_with_parent(parent: Option<u32>) -> Result<(), JailError> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(step("parent-death signal"))?;
    // The parent may have died between fork and now, in which case no signal ever comes.
    let now = rustix::process::getppid().map(|pid| Pid::as_raw(Some(pid)).unsigned_abs());
    if parent.is_some() && parent != now { Err(JailError::Orphaned) } else { Ok(()) }
}
