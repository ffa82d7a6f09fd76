// SPDX-License-Identifier: GPL-3.0-or-later
//! Tables that several roles share.
//!
//! In: nothing. Out: rules by what a program does: run at all ([`RUNTIME`]), have threads ([`THREAD_BEGIN`],
//! [`STARTUP`]), wait for many things ([`LOOP`]), talk on sockets ([`SOCKETS`]), read and keep files ([`READ`],
//! [`KEEP`]), start programs ([`SPAWN`]), be started ([`LOADER`]) and put up a wall ([`NARROW`]).

use crate::rules::{Rule, When, all_of, is, none_of};
use crate::wall::Table;

/// Nothing that is mapped may be executable: code cannot be brought in.
const NOT_EXEC: When = none_of(2, libc::PROT_EXEC);
/// What makes `clone` give a thread and not a process.
const THREAD_FLAGS: i32 = libc::CLONE_VM | libc::CLONE_THREAD | libc::CLONE_SIGHAND;
/// What would give a new process another view of the machine.
pub(super) const NAMESPACES: i32 = libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET;
/// What would change a file or make one.
const CHANGES: i32 = libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC;
/// `FIONBIO`, `FIOCLEX` and `TCGETS`.
pub(super) const FIONBIO: i32 = 0x5421;
pub(super) const FIOCLEX: i32 = 0x5451;
pub(super) const TCGETS: i32 = 0x5401;

const FAILING: &str = "only when a program fails";
const GLIBC: &str = "depends on the version of the C library";
const LIBRARY: &str = "depends on the version of the standard library";
const TIMING: &str = "depends on how threads meet";

/// What any Rust program does at any time.
pub const RUNTIME: Table = Table::new(
    "runtime",
    &[
        Rule::any(libc::SYS_brk, "heap"),
        Rule::only(libc::SYS_mmap, &[NOT_EXEC], "heap and shared memory, never code"),
        Rule::only(libc::SYS_mprotect, &[NOT_EXEC], "heap growth and guard pages, never code"),
        Rule::any(libc::SYS_mremap, "large vectors grow in place").rare("depends on how much there is"),
        Rule::any(libc::SYS_munmap, "heap and shared memory"),
        Rule::any(libc::SYS_madvise, "the allocator gives memory back"),
        Rule::any(libc::SYS_futex, "locks"),
        Rule::any(libc::SYS_sched_yield, "contended locks").rare(TIMING),
        Rule::any(libc::SYS_read, "inherited descriptors"),
        Rule::any(libc::SYS_readv, "inherited descriptors").rare("depends on the size of what is read"),
        Rule::any(libc::SYS_write, "inherited descriptors and the log on stderr"),
        Rule::any(libc::SYS_writev, "inherited descriptors and the log on stderr")
            .rare("depends on the size of what is written"),
        Rule::any(libc::SYS_close, "descriptors have owners"),
        Rule::any(libc::SYS_epoll_wait, "the event loop"),
        Rule::any(libc::SYS_epoll_pwait, "the event loop").rare(GLIBC),
        Rule::any(libc::SYS_epoll_ctl, "the event loop"),
        Rule::any(libc::SYS_poll, "waiting for one descriptor").rare("only when one thing is waited for"),
        Rule::any(libc::SYS_ppoll, "waiting for one descriptor").rare(GLIBC),
        Rule::any(libc::SYS_clock_gettime, "time, where the kernel offers no vDSO")
            .rare("only without a vDSO"),
        Rule::any(libc::SYS_getrandom, "hash map keys"),
        Rule::any(libc::SYS_rt_sigprocmask, "threads end and aborts"),
        Rule::any(libc::SYS_rt_sigreturn, "return from a signal").rare("only after a signal"),
        Rule::any(libc::SYS_sigaltstack, "threads end"),
        Rule::any(libc::SYS_restart_syscall, "a stopped and continued process").rare("only after a stop"),
        Rule::any(libc::SYS_gettid, "aborts name their thread").rare(FAILING),
        Rule::any(libc::SYS_getpid, "aborts name their process").rare(FAILING),
        Rule::only(libc::SYS_tgkill, &[is(2, libc::SIGABRT)], "abort, of this process and no other")
            .own(0)
            .rare(FAILING),
        Rule::any(libc::SYS_exit, "threads end").rare("only when a thread ends before its process"),
        Rule::any(libc::SYS_exit_group, "the process ends"),
    ],
);

/// What a thread does on its first lines. A thread that was spawned just before a stricter filter came may
/// still be there, so a helper keeps these in both of its filters; none of them leads anywhere.
pub const THREAD_BEGIN: Table = Table::new(
    "thread begin",
    &[
        Rule::any(libc::SYS_set_robust_list, "the C library registers the thread's locks"),
        Rule::any(libc::SYS_rseq, "the C library registers the thread's processor"),
        Rule::any(libc::SYS_sched_getaffinity, "the C library finds the thread's stack"),
        Rule::only(libc::SYS_prctl, &[is(0, libc::PR_SET_NAME)], "threads have names"),
    ],
);

/// Threads of this process, at any time.
pub const THREADS: Table = Table::new(
    "threads",
    &[
        Rule::only(libc::SYS_clone, &[all_of(0, THREAD_FLAGS)], "threads of this process, no new processes"),
        Rule::any(libc::SYS_rt_sigaction, "the C library prepares for threads when the first one starts"),
    ],
);

/// A second, stricter filter.
pub const SECOND_FILTER: Table = Table::new(
    "second filter",
    &[
        Rule::only(libc::SYS_prctl, &[is(0, libc::PR_SET_NO_NEW_PRIVS)], "a second, stricter filter follows"),
        Rule::any(libc::SYS_seccomp, "a second, stricter filter follows"),
    ],
);

/// What every service of a desktop does: wait for many things, talk on sockets, look things up.
pub const SERVICE: &[Table] = &[RUNTIME, THREAD_BEGIN, THREADS, LOOP, IDENTITY, SOCKETS, CONNECT, READ];

/// What a program does until its threads run and never again.
pub const STARTUP: Table = Table::new(
    "startup",
    &[
        Rule::only(libc::SYS_clone, &[all_of(0, THREAD_FLAGS)], "threads of this process, no new processes"),
        Rule::any(libc::SYS_rt_sigaction, "the C library prepares for threads when the first one starts"),
        Rule::only(libc::SYS_prctl, &[is(0, libc::PR_SET_NO_NEW_PRIVS)], "a second, stricter filter follows"),
        Rule::any(libc::SYS_seccomp, "a second, stricter filter follows"),
        Rule::any(libc::SYS_epoll_create1, "the event loop is made once"),
        Rule::any(libc::SYS_eventfd2, "event loops are woken by eventfds, made once"),
    ],
);

/// An event loop with timers and signals.
pub const LOOP: Table = Table::new(
    "loop",
    &[
        Rule::any(libc::SYS_epoll_create1, "the event loop"),
        Rule::any(libc::SYS_eventfd2, "the event loop is woken from other threads"),
        Rule::only(libc::SYS_fcntl, &[is(1, libc::F_GETFL)], "whether a descriptor blocks"),
        Rule::only(libc::SYS_fcntl, &[is(1, libc::F_SETFL)], "descriptors must not block"),
        Rule::only(libc::SYS_fcntl, &[is(1, libc::F_GETFD)], "checks of the standard library").rare(FAILING),
        Rule::only(libc::SYS_fcntl, &[is(1, libc::F_SETFD)], "inherited descriptors end with us"),
        Rule::only(libc::SYS_fcntl, &[is(1, libc::F_DUPFD_CLOEXEC)], "descriptors with two owners"),
        Rule::only(libc::SYS_ioctl, &[is(1, FIONBIO)], "sockets must not block"),
        Rule::any(libc::SYS_getpid, "whether a runtime was forked"),
    ],
);

/// Talking on Unix sockets: the session bus, the wires of the desktop.
pub const SOCKETS: Table = Table::new(
    "sockets",
    &[
        Rule::only(libc::SYS_socketpair, &[is(0, libc::AF_UNIX)], "wires whose other end is handed on"),
        Rule::any(libc::SYS_sendmsg, "messages with descriptors"),
        Rule::any(libc::SYS_recvmsg, "messages with descriptors"),
        Rule::any(libc::SYS_sendto, "bytes of messages"),
        Rule::any(libc::SYS_recvfrom, "bytes of messages"),
        Rule::any(libc::SYS_getsockopt, "who is at the other end, and of what kind a socket is"),
        Rule::any(libc::SYS_shutdown, "a wire is done"),
        Rule::any(libc::SYS_getsockname, "checks of the bus library").rare("not with every address"),
        Rule::any(libc::SYS_getpeername, "checks of the bus library").rare("not with every address"),
    ],
);

/// Who a program is, and how it was started.
pub const IDENTITY: Table = Table::new(
    "identity",
    &[
        Rule::any(libc::SYS_getuid, "whose files are its own"),
        Rule::any(libc::SYS_geteuid, "the bus asks who it is"),
        Rule::any(libc::SYS_getgid, "a library asks whether it has more rights than its user").rare(GLIBC),
        Rule::any(libc::SYS_getegid, "a library asks whether it has more rights than its user").rare(GLIBC),
        Rule::only(libc::SYS_prlimit64, &[is(0, 0)], "its own limits"),
        Rule::only(libc::SYS_prctl, &[is(0, 0x4155_5856)], "the kernel's words at its start")
            .rare("asked once"),
        Rule::any(libc::SYS_uname, "the kernel's version").rare(GLIBC),
    ],
);

/// Connecting to Unix sockets. Landlock leaves out abstract ones; no filter can tell one path from another.
pub const CONNECT: Table = Table::new(
    "connect",
    &[
        Rule::only(libc::SYS_socket, &[is(0, libc::AF_UNIX)], "the session bus, sockets of the desktop"),
        Rule::any(libc::SYS_connect, "the session bus, sockets of the desktop"),
    ],
);

/// Serving a Unix socket.
pub const LISTEN: Table = Table::new(
    "listen",
    &[
        Rule::only(libc::SYS_socket, &[is(0, libc::AF_UNIX)], "a socket of the desktop"),
        Rule::any(libc::SYS_bind, "a socket of the desktop"),
        Rule::any(libc::SYS_listen, "a socket of the desktop"),
    ],
);

/// Taking connections.
pub const ACCEPT: Table =
    Table::new("accept", &[Rule::any(libc::SYS_accept4, "whoever connects to a socket of the desktop")]);

/// Reading files. Which ones, Landlock says.
pub const READ: Table = Table::new(
    "read",
    &[
        Rule::only(libc::SYS_openat, &[none_of(2, CHANGES)], "files and folders, to read"),
        Rule::only(
            libc::SYS_open,
            &[none_of(1, CHANGES)],
            "files and folders, to read, as a library spells it",
        ),
        Rule::any(libc::SYS_fstat, "what a descriptor is"),
        Rule::any(libc::SYS_newfstatat, "what a path is").rare(GLIBC),
        Rule::any(libc::SYS_statx, "what a path is"),
        Rule::any(libc::SYS_lseek, "positions in files"),
        Rule::any(libc::SYS_pread64, "parts of files").rare("not every file is read in parts"),
        Rule::any(libc::SYS_getdents64, "what is in a folder"),
        Rule::any(libc::SYS_readlink, "where links lead"),
        Rule::any(libc::SYS_readlinkat, "where links lead").rare(GLIBC),
        Rule::any(libc::SYS_access, "whether a file is there"),
        Rule::any(libc::SYS_faccessat2, "whether a file is there").rare(GLIBC),
        Rule::any(libc::SYS_getcwd, "relative paths").rare("only with relative paths"),
    ],
);

/// Making, writing and moving files. Which ones, Landlock says.
pub const KEEP: Table = Table::new(
    "keep",
    &[
        Rule::any(libc::SYS_openat, "files and folders"),
        Rule::any(libc::SYS_mkdir, "folders"),
        Rule::any(libc::SYS_unlink, "a file that is done with"),
        Rule::any(libc::SYS_unlinkat, "a file that is done with"),
        Rule::any(libc::SYS_rename, "a file takes its place once it is whole"),
        Rule::any(libc::SYS_renameat, "a file takes its place once it is whole"),
        Rule::any(libc::SYS_ftruncate, "sizes of files"),
        Rule::any(libc::SYS_fsync, "what must outlive a crash").rare("only what must outlive a crash"),
        Rule::any(libc::SYS_fdatasync, "what must outlive a crash").rare("only what must outlive a crash"),
        Rule::any(libc::SYS_flock, "one owner at a time"),
        Rule::any(libc::SYS_utimensat, "that a file is in use"),
        Rule::any(libc::SYS_fchmod, "who may read a file").rare("not every file"),
    ],
);

/// Waiting for something to appear in a folder.
pub const WATCH: Table = Table::new(
    "watch",
    &[
        Rule::any(libc::SYS_inotify_init1, "what appears in a folder"),
        Rule::any(libc::SYS_inotify_add_watch, "what appears in a folder"),
        Rule::any(libc::SYS_inotify_rm_watch, "a folder that is of no interest any more")
            .rare("few are given up"),
    ],
);

/// Starting other programs and seeing them end.
pub const SPAWN: Table = Table::new(
    "spawn",
    &[
        Rule::only(
            libc::SYS_clone,
            &[none_of(0, NAMESPACES)],
            "new processes, all in the same view of the machine",
        ),
        Rule::any(libc::SYS_vfork, "new processes").rare(GLIBC),
        Rule::any(libc::SYS_execve, "other programs; Landlock says which"),
        Rule::any(libc::SYS_pipe2, "whether a program could be started, and what it says"),
        Rule::any(libc::SYS_dup2, "standard input and output of a program"),
        Rule::any(libc::SYS_setpgid, "a program has a group of its own").rare("not every program does"),
        Rule::any(libc::SYS_chdir, "a program starts in a folder that stays").rare("not every program does"),
        Rule::any(libc::SYS_wait4, "how a program ended"),
        Rule::any(libc::SYS_waitid, "how a program ended").rare(LIBRARY),
        Rule::any(libc::SYS_pidfd_open, "whether a program has ended"),
        Rule::any(libc::SYS_getppid, "whether who started us is still there"),
        Rule::any(libc::SYS_memfd_create, "words for a program that no path leads to"),
    ],
);

/// Ending programs that one has started. Which ones those are, only Landlock knows.
pub const END: Table =
    Table::new("end", &[Rule::only(libc::SYS_kill, &[is(1, libc::SIGKILL)], "ending a program")]);

/// Seeing programs end that were started earlier, and ending those.
pub const REAP: Table = Table::new(
    "reap",
    &[
        Rule::any(libc::SYS_wait4, "how a program ended"),
        Rule::any(libc::SYS_waitid, "how a program ended").rare(LIBRARY),
        Rule::only(libc::SYS_kill, &[is(1, libc::SIGKILL)], "ending a program that was started earlier")
            .child(0),
    ],
);

/// What a dynamic program does before its first own line.
pub const LOADER: Table = Table::new(
    "loader",
    &[
        Rule::only(libc::SYS_openat, &[none_of(2, CHANGES)], "libraries"),
        Rule::only(libc::SYS_mmap, &[], "libraries are code"),
        Rule::only(libc::SYS_mprotect, &[], "libraries are code").rare("only where a library is patched"),
        Rule::any(libc::SYS_rt_sigaction, "a program's first lines: what happens at a closed pipe"),
        Rule::any(libc::SYS_munmap, "what was read of the list of libraries"),
        Rule::any(libc::SYS_arch_prctl, "the C library's place for thread variables"),
        Rule::any(libc::SYS_set_tid_address, "the C library's first thread"),
        Rule::any(libc::SYS_access, "whether something is to be loaded first"),
        Rule::any(libc::SYS_fstat, "libraries"),
        Rule::any(libc::SYS_newfstatat, "libraries").rare(GLIBC),
        Rule::any(libc::SYS_pread64, "libraries"),
        Rule::any(libc::SYS_readlink, "where the program itself is").rare(GLIBC),
        Rule::only(libc::SYS_prlimit64, &[is(0, 0)], "the program's own limits"),
        Rule::any(libc::SYS_uname, "the kernel's version").rare(GLIBC),
    ],
);

/// What a process does to put up its own wall.
pub const NARROW: Table = Table::new(
    "narrow",
    &[
        Rule::any(libc::SYS_close_range, "descriptors that were not meant for it"),
        Rule::only(libc::SYS_prlimit64, &[is(0, 0)], "its own limits"),
        Rule::any(libc::SYS_setgroups, "a user of its own"),
        Rule::any(libc::SYS_setresgid, "a user of its own"),
        Rule::any(libc::SYS_setresuid, "a user of its own"),
        Rule::any(libc::SYS_getuid, "which user it has become"),
        Rule::any(libc::SYS_getppid, "whether its parent is still there"),
        Rule::any(libc::SYS_capget, "capabilities go"),
        Rule::any(libc::SYS_capset, "capabilities go"),
        Rule::only(libc::SYS_prctl, &[is(0, libc::PR_SET_PDEATHSIG)], "it dies with its parent"),
        Rule::only(libc::SYS_prctl, &[is(0, libc::PR_SET_NO_NEW_PRIVS)], "no new privileges"),
        Rule::only(libc::SYS_prctl, &[is(0, libc::PR_SET_DUMPABLE)], "nobody looks into it"),
        Rule::any(libc::SYS_landlock_create_ruleset, "paths go"),
        Rule::any(libc::SYS_landlock_add_rule, "paths go"),
        Rule::any(libc::SYS_landlock_restrict_self, "paths go"),
        Rule::any(libc::SYS_seccomp, "calls go"),
    ],
);
