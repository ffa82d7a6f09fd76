// SPDX-License-Identifier: GPL-3.0-or-later
//! An emulator. A big program with many libraries, so what it may do was found by watching it.
//!
//! In: nothing. Out: what it needs. It has one stage: `cofferdam-enclose` puts up the wall and becomes it. Then
//! QEMU puts up a filter of its own, which takes away starting programs.

use super::common::{LOADER, NARROW, READ, RUNTIME, SECOND_FILTER, THREAD_BEGIN, THREADS};
use crate::filter::Answer;
use crate::places::{Place, Reach};
use crate::rules::{Rule, When, is, none_of};
use crate::wall::{Need, Role, Stage, Table};
use rustix::thread::CapabilitySet;

const KVM: &str = "only with KVM";
const INSTALLED: &str = "depends on how QEMU was built";

/// The role.
pub static MACHINE: Role = Role {
    name: "machine",
    what: "the emulator of a VM",
    answer: Answer::Refuse,
    before: &[LOADER, NARROW, READ],
    stages: &[Stage {
        name: "running",
        tables: &[&[RUNTIME, THREAD_BEGIN, THREADS, SECOND_FILTER, LOADER, RUN]],
        starts: &[],
    }],
    places: &[
        Place::new("program", Reach::Run, "the emulator, or the loader that starts it"),
        Place::new("files", Reach::Read, "its libraries and firmware, the guest's kernel and layers"),
        Place::new("disk", Reach::Write, "the VM's data volume"),
        Place::new("/sys/devices/system/cpu", Reach::Read, "how many processors there are"),
        Place::new("/dev/urandom", Reach::Read, "random numbers for the guest"),
        Place::new("/dev/null", Reach::Write, "it tries there how the kernel locks files"),
        Place::new("kvm", Reach::Write, "the hardware's virtual processors"),
    ],
    connects: false,
    landlock: Need::Required,
    powers: CapabilitySet::empty(),
};

/// `_IO(0xAE, …)`: KVM's calls.
const KVM_CALLS: When = When::Bits { arg: 1, mask: 0xff00, value: 0xae00 };

/// What the emulator itself does.
pub const RUN: Table = Table::new(
    "machine",
    &[
        Rule::any(libc::SYS_execve, "the wall stands before the emulator starts"),
        Rule::only(
            libc::SYS_openat,
            &[none_of(2, libc::O_CREAT | libc::O_TRUNC)],
            "its disks; nothing is made",
        ),
        Rule::any(libc::SYS_lseek, "where a disk has holes"),
        Rule::any(libc::SYS_statfs, "what a library asks at its start").rare(INSTALLED),
        Rule::any(libc::SYS_fstatfs, "what kind of file system a disk is on"),
        Rule::any(libc::SYS_dup, "a socket by its number"),
        Rule::any(libc::SYS_pread64, "disks"),
        Rule::any(libc::SYS_preadv, "disks"),
        Rule::any(libc::SYS_pwrite64, "disks"),
        Rule::any(libc::SYS_pwritev, "disks"),
        Rule::any(libc::SYS_fdatasync, "disks"),
        Rule::any(libc::SYS_fallocate, "blocks that the guest has freed"),
        Rule::any(libc::SYS_ftruncate, "the guest's memory"),
        Rule::any(libc::SYS_memfd_create, "the guest's memory"),
        Rule::any(libc::SYS_get_mempolicy, "the guest's memory").rare(INSTALLED),
        Rule::any(libc::SYS_sendmsg, "its devices' sockets"),
        Rule::any(libc::SYS_recvmsg, "its devices' sockets"),
        Rule::any(libc::SYS_getsockname, "what kind of socket a number is"),
        Rule::any(libc::SYS_getpeername, "what kind of socket a number is"),
        Rule::only(libc::SYS_getsockopt, &[is(1, libc::SOL_SOCKET)], "what kind of socket a number is"),
        Rule::only(libc::SYS_setsockopt, &[is(1, libc::SOL_SOCKET)], "whether a socket sends without copies"),
        Rule::only(libc::SYS_socketpair, &[is(0, libc::AF_UNIX)], "a device's way to ask for something"),
        Rule::any(libc::SYS_shutdown, "a device is gone").rare("only when a device ends first"),
        Rule::only(libc::SYS_fcntl, &[is(1, libc::F_GETFL)], "sockets must not block"),
        Rule::only(libc::SYS_fcntl, &[is(1, libc::F_SETFL)], "sockets must not block"),
        Rule::only(libc::SYS_fcntl, &[is(1, libc::F_GETFD)], "who inherits a descriptor").rare(INSTALLED),
        Rule::only(libc::SYS_fcntl, &[is(1, libc::F_SETFD)], "who inherits a descriptor").rare(INSTALLED),
        Rule::only(libc::SYS_fcntl, &[is(1, libc::F_DUPFD_CLOEXEC)], "a descriptor again").rare(INSTALLED),
        Rule::only(libc::SYS_fcntl, &[is(1, libc::F_OFD_GETLK)], "whether a disk is in use"),
        Rule::only(libc::SYS_fcntl, &[is(1, libc::F_OFD_SETLK)], "a disk has one user"),
        Rule::only(libc::SYS_fcntl, &[is(1, libc::F_ADD_SEALS)], "the memory's size is final"),
        Rule::any(libc::SYS_eventfd2, "threads and devices wake each other"),
        Rule::any(libc::SYS_epoll_create1, "the event loop"),
        Rule::any(libc::SYS_signalfd4, "signals to itself"),
        Rule::any(libc::SYS_sysinfo, "how much memory there is"),
        Rule::any(libc::SYS_membarrier, "barriers between threads").rare(INSTALLED),
        Rule::any(libc::SYS_clock_nanosleep, "a thread that tidies up waits"),
        Rule::only(libc::SYS_prctl, &[is(0, libc::PR_CAPBSET_READ)], "what it could do as root")
            .rare(INSTALLED),
        Rule::only(libc::SYS_prctl, &[is(0, libc::PR_MCE_KILL)], "what happens with broken memory"),
        Rule::only(libc::SYS_prctl, &[is(0, libc::PR_SET_TIMERSLACK)], "timers on time"),
        Rule::only(libc::SYS_ioctl, &[KVM_CALLS], "virtual processors").rare(KVM),
        Rule::only(libc::SYS_tgkill, &[is(2, libc::SIGUSR1)], "a virtual processor's thread is to look up")
            .own(0)
            .rare(KVM),
        Rule::any(libc::SYS_rt_sigtimedwait, "a virtual processor's thread has looked up").rare(KVM),
        Rule::any(libc::SYS_rt_sigpending, "a virtual processor's thread has looked up").rare(KVM),
    ],
);
