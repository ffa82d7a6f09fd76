// SPDX-License-Identifier: GPL-3.0-or-later
//! Finds the processes of a VM by their job, through `/proc`.

#![expect(clippy::disallowed_methods, reason = "each wait has a deadline, and fails at it")]

use cofferdam_ids::VmId;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open};
use std::os::fd::AsFd;
use std::process::Child;
use std::time::Duration;

/// What a process does for a VM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Job {
    /// `cofferdam-gpu`.
    Gpu,
    /// QEMU.
    Machine,
    /// `cofferdam-shepherd`.
    Shepherd,
}

struct Process {
    pid: i32,
    parent: i32,
    words: Vec<String>,
}

fn all() -> Vec<Process> {
    let dir = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    dir.filter_map(|e| e.file_name().to_str()?.parse::<i32>().ok()).filter_map(read).collect()
}

fn read(pid: i32) -> Option<Process> {
    let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let words: Vec<String> =
        bytes.split(|b| *b == 0).map(|w| String::from_utf8_lossy(w).into_owned()).collect();
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut after_name = stat.rsplit_once(')')?.1.split_whitespace();
    // A zombie is a process that has ended already.
    if after_name.next()? == "Z" {
        return None;
    }
    let parent = after_name.next()?.parse().ok()?;
    Some(Process { pid, parent, words })
}

impl Process {
    fn is(&self, program: &str) -> bool {
        self.words.iter().take(8).any(|w| w.ends_with(program))
    }

    fn is_gpu_of(&self, vm: &VmId) -> bool {
        self.is("cofferdam-gpu")
            && self
                .words
                .windows(2)
                .any(|w| matches!(w, [flag, name] if flag == "--vm" && name == vm.as_str()))
    }
}

/// The process that does `job` for `vm` on the desktop whose `coffer` process is `desktop`. Never
/// one of another desktop: the person at this machine may be using one.
#[must_use]
pub fn pid_of(job: Job, vm: &VmId, desktop: Pid) -> Option<Pid> {
    let family = family(desktop);
    let gpu = family.iter().find(|p| p.is_gpu_of(vm));
    let found = match job {
        Job::Gpu => gpu?.pid,
        Job::Shepherd => gpu?.parent,
        Job::Machine => {
            family.iter().find(|p| p.parent == gpu.map_or(0, |g| g.parent) && p.is("qemu-system-x86_64"))?.pid
        }
    };
    Pid::from_raw(found)
}

/// The descendants of `ancestor` that run `program`.
#[must_use]
pub fn running(program: &str, ancestor: Pid) -> Vec<Pid> {
    family(ancestor).iter().filter(|p| p.is(program)).filter_map(|p| Pid::from_raw(p.pid)).collect()
}

/// A process and its descendants; those of a process that was killed belong to the next subreaper
/// above it, which is the desktop.
fn family(ancestor: Pid) -> Vec<Process> {
    let mut rest = all();
    let mut family: Vec<Process> = Vec::new();
    let mut parents = vec![ancestor.as_raw_nonzero().get()];
    // Children may stand before their parents in /proc, hence a pass for each generation.
    while !parents.is_empty() {
        let (children, others): (Vec<_>, Vec<_>) =
            rest.into_iter().partition(|p| parents.contains(&p.parent));
        parents = children.iter().map(|p| p.pid).collect();
        family.extend(children);
        rest = others;
    }
    family
}

/// Ends a process as a crash would: at once and without a word.
///
/// # Errors
/// If there is no such process.
pub fn kill(pid: Pid) -> Result<(), rustix::io::Errno> {
    rustix::process::kill_process(pid, Signal::KILL)
}

/// Waits at most `limit` for the end of `child`.
///
/// # Errors
/// If the kernel refuses to watch it.
pub(crate) fn ended_within(child: &mut Child, limit: Duration) -> std::io::Result<bool> {
    if child.try_wait()?.is_some() {
        return Ok(true);
    }
    readable_within(pidfd_open(Pid::from_child(child), PidfdFlags::empty())?, limit)
}

/// Waits at most `limit` until `fd` can be read.
pub(crate) fn readable_within(fd: impl AsFd, limit: Duration) -> std::io::Result<bool> {
    let timeout =
        Timespec::try_from(limit).map_err(|_e| std::io::Error::from(std::io::ErrorKind::InvalidInput))?;
    Ok(poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&timeout))? > 0)
}

/// Whether a process has ended and only waits for its parent to notice.
#[must_use]
pub fn is_zombie(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('Z'))
}
