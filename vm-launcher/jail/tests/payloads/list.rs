// SPDX-License-Identifier: GPL-3.0-or-later
//! What a program that was taken over would try.
//!
//! In: a stranger's process and a few descriptors. Out: raw system calls, each of which does something where
//! there is no wall.

use std::os::fd::RawFd;

/// What the calls are about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target {
    /// A process that is none of ours.
    pub(crate) stranger: i32,
    /// A descriptor of that process.
    pub(crate) pidfd: RawFd,
    /// Something that is no program.
    pub(crate) program: RawFd,
    /// A connected socket.
    pub(crate) socket: RawFd,
}

/// One thing to try.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Payload {
    /// Its name in reports.
    pub(crate) name: &'static str,
    /// Number of the call.
    pub(crate) call: i64,
    /// Its arguments.
    pub(crate) args: fn(&Target) -> [u64; 6],
}

/// Memory that calls may read: zeroes, and long enough for each of them.
static ZEROES: [u64; 64] = [0; 64];
/// `sched_attr` of the batch class: its size, then the class.
static ATTRIBUTES: [u32; 16] = [56, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// `clone_args` with a new user namespace.
static CLONE: [u64; 11] = [0x1000_0000, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0];
/// `siginfo_t` as a program may send it: `si_code` is `SI_QUEUE`.
static QUEUED: [i32; 32] = {
    let mut words = [0; 32];
    words[2] = -1;
    words
};
/// The only processor that is left: the first.
static PROCESSOR: [u64; 16] = {
    let mut words = [0; 16];
    words[0] = 1;
    words
};
/// A limit of one second.
static SECOND: [u64; 2] = [1, 1];

fn at<T>(data: &'static [T]) -> u64 {
    data.as_ptr() as u64
}

fn text(data: &'static std::ffi::CStr) -> u64 {
    data.as_ptr() as u64
}

fn pid(t: &Target) -> u64 {
    u64::from(t.stranger.unsigned_abs())
}

fn fd(fd: RawFd) -> u64 {
    u64::from(fd.unsigned_abs())
}

const ABORT: u64 = 6;

macro_rules! payloads {
    ($($name:literal $call:ident |$t:ident| [$($arg:expr),*];)*) => {
        &[$(Payload { name: $name, call: libc::$call, args: |$t: &Target| {
            let _ = $t;
            let given: &[u64] = &[$($arg),*];
            let mut args = [0; 6];
            args[..given.len()].copy_from_slice(given);
            args
        }}),*]
    };
}

/// What no role may do, in no stage, whatever the kernel offers beside seccomp.
pub(crate) const NEVER: &[Payload] = payloads! {
    // Starving others.
    "setpriority" SYS_setpriority |t| [0, pid(t), 5];
    "sched_setscheduler" SYS_sched_setscheduler |t| [pid(t), 3, at(&ZEROES)];
    "sched_setparam" SYS_sched_setparam |t| [pid(t), at(&ZEROES)];
    "sched_setattr" SYS_sched_setattr |t| [pid(t), at(&ATTRIBUTES), 0];
    "sched_setaffinity" SYS_sched_setaffinity |t| [pid(t), 128, at(&PROCESSOR)];
    "ioprio_set" SYS_ioprio_set |t| [1, pid(t), 0x4007];
    "prlimit of a stranger" SYS_prlimit64 |t| [pid(t), 0, at(&SECOND), 0];
    "migrate_pages" SYS_migrate_pages |t| [pid(t), 64, at(&ZEROES), at(&ZEROES)];
    "move_pages" SYS_move_pages |t| [pid(t), 0, 0, 0, 0, 0];
    "process_madvise" SYS_process_madvise |t| [fd(t.pidfd), 0, 0, 20, 0];
    // Memory that others share.
    "shmget" SYS_shmget |_t| [0, 4096, 0o1600];
    "shmat" SYS_shmat |_t| [0, 0, 0];
    "shmctl" SYS_shmctl |_t| [0, 14, at(&ZEROES)];
    "semget" SYS_semget |_t| [0, 1, 0o1600];
    "semctl" SYS_semctl |_t| [0, 0, 3, 0];
    "msgget" SYS_msgget |_t| [0, 0o1600];
    "msgctl" SYS_msgctl |_t| [0, 3, at(&ZEROES)];
    "mq_open" SYS_mq_open |_t| [text(c"cofferdam-payload"), 0o100, 0o600, 0];
    "mq_unlink" SYS_mq_unlink |_t| [text(c"cofferdam-payload")];
    // Signals by way of a descriptor.
    "FIOSETOWN" SYS_ioctl |t| [fd(t.socket), 0x8901, at(&PROCESSOR)];
    "SIOCSPGRP" SYS_ioctl |t| [fd(t.socket), 0x8902, at(&PROCESSOR)];
    "F_SETOWN" SYS_fcntl |t| [fd(t.socket), 8, pid(t)];
    "F_SETSIG" SYS_fcntl |t| [fd(t.socket), 10, ABORT];
    "F_SETOWN_EX" SYS_fcntl |t| [fd(t.socket), 15, at(&ZEROES)];
    // Signals.
    "tkill" SYS_tkill |t| [pid(t), ABORT];
    "rt_sigqueueinfo" SYS_rt_sigqueueinfo |t| [pid(t), ABORT, at(&QUEUED)];
    "rt_tgsigqueueinfo" SYS_rt_tgsigqueueinfo |t| [pid(t), pid(t), ABORT, at(&QUEUED)];
    "pidfd_send_signal" SYS_pidfd_send_signal |t| [fd(t.pidfd), ABORT, 0, 0];
    "kill with SIGSTOP" SYS_kill |t| [pid(t), 19];
    "tgkill with SIGKILL" SYS_tgkill |t| [pid(t), pid(t), 9];
    // Other processes' memory.
    "ptrace" SYS_ptrace |t| [0x4206, pid(t), 0, 0];
    "process_vm_readv" SYS_process_vm_readv |t| [pid(t), at(&ZEROES), 1, at(&ZEROES), 1, 0];
    "process_vm_writev" SYS_process_vm_writev |t| [pid(t), at(&ZEROES), 1, at(&ZEROES), 1, 0];
    "pidfd_getfd" SYS_pidfd_getfd |t| [fd(t.pidfd), 0, 0];
    "kcmp" SYS_kcmp |t| [pid(t), pid(t), 1, 0, 0];
    "userfaultfd" SYS_userfaultfd |_t| [0];
    // The kernel's own machinery.
    "keyctl" SYS_keyctl |_t| [0, 0xffff_fffd, 1];
    "add_key" SYS_add_key |_t| [text(c"user"), text(c"cofferdam"), at(&ZEROES), 8, 0xffff_fffe];
    "request_key" SYS_request_key |_t| [text(c"user"), text(c"cofferdam-none"), 0, 0];
    "io_uring_setup" SYS_io_uring_setup |_t| [1, at(&ZEROES)];
    "bpf" SYS_bpf |_t| [0, at(&ZEROES), 64];
    "perf_event_open" SYS_perf_event_open |_t| [at(&ZEROES), 0, 0xffff_ffff, 0xffff_ffff, 0];
    "init_module" SYS_init_module |_t| [at(&ZEROES), 8, text(c"")];
    "finit_module" SYS_finit_module |_t| [0, text(c""), 0];
    "kexec_load" SYS_kexec_load |_t| [0, 0, 0, 1];
    "reboot" SYS_reboot |_t| [0, 0, 0, 0];
    "swapoff" SYS_swapoff |_t| [text(c"/nowhere")];
    "syslog" SYS_syslog |_t| [10, 0, 0];
    "clock_settime" SYS_clock_settime |_t| [99, at(&ZEROES)];
    "adjtimex" SYS_adjtimex |_t| [0];
    "iopl" SYS_iopl |_t| [0];
    "ioperm" SYS_ioperm |_t| [0, 0, 0];
    "modify_ldt" SYS_modify_ldt |_t| [0, at(&ZEROES), 0];
    "personality" SYS_personality |_t| [0xffff_ffff];
    "fanotify_init" SYS_fanotify_init |_t| [0xffff_ffff, 0];
    "quotactl" SYS_quotactl |_t| [0, 0, 0, 0];
    // Another view of the machine.
    "mount" SYS_mount |_t| [text(c"none"), text(c"/nowhere"), text(c"tmpfs"), 0, 0];
    "umount2" SYS_umount2 |_t| [text(c"/nowhere"), 0];
    "pivot_root" SYS_pivot_root |_t| [text(c"/nowhere"), text(c"/nowhere")];
    "chroot" SYS_chroot |_t| [text(c"/nowhere")];
    "move_mount" SYS_move_mount |_t| [0xffff_ffff, text(c"x"), 0xffff_ffff, text(c"y"), 0];
    "open_tree" SYS_open_tree |_t| [0xffff_ff9c, text(c"/nowhere"), 0];
    "fsopen" SYS_fsopen |_t| [text(c"tmpfs"), 0];
    "fsconfig" SYS_fsconfig |_t| [0, 0, 0, 0, 0];
    "fsmount" SYS_fsmount |_t| [0, 0, 0];
    "fspick" SYS_fspick |_t| [0xffff_ff9c, text(c"/nowhere"), 0];
    "mount_setattr" SYS_mount_setattr |_t| [0xffff_ff9c, text(c"/nowhere"), 0, at(&ZEROES), 32];
    "clone into a user namespace" SYS_clone |_t| [0x1000_0011, 0, 0, 0, 0];
    "clone3" SYS_clone3 |_t| [at(&CLONE), 88];
    "unshare" SYS_unshare |_t| [0x2000_0000];
    "setns" SYS_setns |t| [fd(t.pidfd), 0x0400_0000];
    "name_to_handle_at" SYS_name_to_handle_at |_t| [0xffff_ff9c, text(c"/nowhere"), at(&ZEROES), at(&ZEROES), 0];
    "open_by_handle_at" SYS_open_by_handle_at |_t| [0, at(&ZEROES), 0];
    // Programs that no path leads to.
    "execveat" SYS_execveat |t| [fd(t.program), text(c""), 0, 0, 0x1000];
    // Sockets of families that nobody here needs.
    "packet socket" SYS_socket |_t| [17, 3, 0];
    "raw socket" SYS_socket |_t| [2, 3, 1];
    "vsock" SYS_socket |_t| [40, 1, 0];
    "kernel crypto socket" SYS_socket |_t| [38, 5, 0];
    "bluetooth socket" SYS_socket |_t| [31, 3, 1];
    "sctp socket" SYS_socket |_t| [2, 1, 132];
};

/// What spawners leave to Landlock until they spawn no more, and everybody else never does.
pub(crate) const SIGNALS: &[Payload] = payloads! {
    "kill" SYS_kill |t| [pid(t), 9];
    "tgkill with SIGABRT" SYS_tgkill |t| [pid(t), pid(t), ABORT];
};

/// The first number of the second table of calls that an x86-64 kernel may have.
const X32: i64 = 0x4000_0000;

/// Marks a number of the third table, that of 32-bit programs, which `int 0x80` reaches from any program.
pub(crate) const INT_80: i64 = 1 << 40;

/// Calls by their numbers in the other tables. A kernel without it says that there is no such call; a wall says
/// no before.
pub(crate) const OTHER_TABLE: &[Payload] = &[
    Payload { name: "x32 getpid", call: X32 + 39, args: |_| [0; 6] },
    Payload { name: "x32 ptrace", call: X32 + 521, args: |_| [0; 6] },
    Payload { name: "x32 rt_sigqueueinfo", call: X32 + 524, args: |_| [0; 6] },
    Payload { name: "x32 execve", call: X32 + 520, args: |_| [0; 6] },
    Payload { name: "x32 process_vm_writev", call: X32 + 540, args: |_| [0; 6] },
    Payload { name: "32-bit getpid", call: INT_80 + 20, args: |_| [0; 6] },
    Payload { name: "32-bit ptrace", call: INT_80 + 26, args: |_| [0; 6] },
    Payload { name: "32-bit kill", call: INT_80 + 37, args: |t| [pid(t), 0, 0, 0, 0, 0] },
];
