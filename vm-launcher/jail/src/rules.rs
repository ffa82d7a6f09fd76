// SPDX-License-Identifier: GPL-3.0-or-later
//! System-call rules as data, each with its reason, and the tables every helper needs.
//!
//! In: nothing. Out: [`RUNTIME`] (what any Rust program does at any time), [`THREAD_BEGIN`] (a thread's first
//! lines) and [`STARTUP`] (what a program does until its threads run and never again). A helper adds a table of
//! its own.

/// One permission: this call, if all conditions hold. Rules for the same call are alternatives.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Number of the call (`libc::SYS_…`).
    pub call: i64,
    /// All must hold; none means any arguments.
    pub when: &'static [When],
    /// Why the helper needs it.
    pub why: &'static str,
}

/// A condition on one argument. Only 32 bits are compared: all arguments of interest are `int`s.
#[derive(Debug, Clone, Copy)]
pub enum When {
    /// The argument is exactly this.
    Is {
        /// Which argument, from 0.
        arg: u8,
        /// Its value.
        value: u32,
    },
    /// The masked bits of the argument are exactly these.
    Bits {
        /// Which argument, from 0.
        arg: u8,
        /// Bits that are looked at.
        mask: u32,
        /// What they must be.
        value: u32,
    },
}

impl Rule {
    /// Allows the call with any arguments.
    #[must_use]
    pub const fn any(call: i64, why: &'static str) -> Self {
        Self { call, when: &[], why }
    }

    /// Allows the call if all of `when` hold.
    #[must_use]
    pub const fn only(call: i64, when: &'static [When], why: &'static str) -> Self {
        Self { call, when, why }
    }
}

/// `x` as the bits the filter compares; for the C library's signed constants.
const fn bits(x: i32) -> u32 {
    u32::from_ne_bytes(x.to_ne_bytes())
}

/// Nothing that is mapped may be executable: code cannot be brought in.
const NOT_EXEC: When = When::Bits { arg: 2, mask: bits(libc::PROT_EXEC), value: 0 };
/// `clone` must ask for a thread of this process.
const THREAD_FLAGS: u32 = bits(libc::CLONE_VM | libc::CLONE_THREAD | libc::CLONE_SIGHAND);

/// What any Rust program does at any time.
pub const RUNTIME: &[Rule] = &[
    Rule::any(libc::SYS_brk, "heap"),
    Rule::only(libc::SYS_mmap, &[NOT_EXEC], "heap and shared memory, never code"),
    Rule::only(libc::SYS_mprotect, &[NOT_EXEC], "heap growth and guard pages, never code"),
    Rule::any(libc::SYS_mremap, "large vectors grow in place"),
    Rule::any(libc::SYS_munmap, "heap and shared memory"),
    Rule::any(libc::SYS_madvise, "the allocator gives memory back"),
    Rule::any(libc::SYS_futex, "locks"),
    Rule::any(libc::SYS_sched_yield, "contended locks"),
    Rule::any(libc::SYS_read, "inherited descriptors"),
    Rule::any(libc::SYS_readv, "inherited descriptors"),
    Rule::any(libc::SYS_write, "inherited descriptors and the log on stderr"),
    Rule::any(libc::SYS_writev, "inherited descriptors and the log on stderr"),
    Rule::any(libc::SYS_close, "descriptors have owners"),
    Rule::any(libc::SYS_epoll_wait, "the event loop"),
    Rule::any(libc::SYS_epoll_pwait, "the event loop"),
    Rule::any(libc::SYS_epoll_ctl, "the event loop"),
    Rule::any(libc::SYS_poll, "waiting for one descriptor"),
    Rule::any(libc::SYS_ppoll, "waiting for one descriptor"),
    Rule::any(libc::SYS_clock_gettime, "time, where the kernel offers no vDSO"),
    Rule::any(libc::SYS_getrandom, "hash map keys"),
    Rule::any(libc::SYS_rt_sigprocmask, "threads end and aborts"),
    Rule::any(libc::SYS_rt_sigreturn, "return from a signal"),
    Rule::any(libc::SYS_sigaltstack, "threads end"),
    Rule::any(libc::SYS_restart_syscall, "a stopped and continued process"),
    Rule::any(libc::SYS_gettid, "aborts name their thread"),
    Rule::any(libc::SYS_getpid, "aborts name their process"),
    Rule::only(libc::SYS_tgkill, &[When::Is { arg: 2, value: bits(libc::SIGABRT) }], "abort"),
    Rule::any(libc::SYS_exit, "threads end"),
    Rule::any(libc::SYS_exit_group, "the process ends"),
];

/// What a thread does on its first lines. A thread that was spawned just before a stricter filter came may
/// still be there, so a helper keeps these in both of its filters; none of them leads anywhere.
pub const THREAD_BEGIN: &[Rule] = &[
    Rule::any(libc::SYS_set_robust_list, "the C library registers the thread's locks"),
    Rule::any(libc::SYS_rseq, "the C library registers the thread's processor"),
    Rule::any(libc::SYS_sched_getaffinity, "the C library finds the thread's stack"),
    Rule::only(libc::SYS_prctl, &[When::Is { arg: 0, value: bits(libc::PR_SET_NAME) }], "threads have names"),
];

/// What a program does until its threads run and never again.
pub const STARTUP: &[Rule] = &[
    Rule::only(
        libc::SYS_clone,
        &[When::Bits { arg: 0, mask: THREAD_FLAGS, value: THREAD_FLAGS }],
        "threads of this process, no new processes",
    ),
    Rule::any(libc::SYS_rt_sigaction, "the C library prepares for threads when the first one starts"),
    Rule::only(
        libc::SYS_prctl,
        &[When::Is { arg: 0, value: bits(libc::PR_SET_NO_NEW_PRIVS) }],
        "a second, stricter filter follows",
    ),
    Rule::any(libc::SYS_seccomp, "a second, stricter filter follows"),
    Rule::any(libc::SYS_epoll_create1, "the event loop is made once"),
    Rule::any(libc::SYS_eventfd2, "event loops are woken by eventfds, made once"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// Calls that would lead out of the jail. None may ever stand in a shared table.
    const NEVER: &[i64] = &[
        libc::SYS_open,
        libc::SYS_openat,
        libc::SYS_openat2,
        libc::SYS_creat,
        libc::SYS_open_by_handle_at,
        libc::SYS_socket,
        libc::SYS_connect,
        libc::SYS_bind,
        libc::SYS_listen,
        libc::SYS_execve,
        libc::SYS_execveat,
        libc::SYS_fork,
        libc::SYS_vfork,
        libc::SYS_ptrace,
        libc::SYS_process_vm_writev,
        libc::SYS_pidfd_getfd,
        libc::SYS_bpf,
        libc::SYS_io_uring_setup,
        libc::SYS_kill,
        libc::SYS_ioctl,
        libc::SYS_mount,
        libc::SYS_unshare,
        libc::SYS_setns,
    ];

    #[test]
    fn no_shared_table_leads_out() {
        for rule in RUNTIME.iter().chain(THREAD_BEGIN).chain(STARTUP) {
            assert!(!NEVER.contains(&rule.call), "call {} ({})", rule.call, rule.why);
        }
    }

    #[test]
    fn every_rule_has_a_reason_and_none_is_redundant() {
        let mut unconditional: BTreeMap<i64, usize> = BTreeMap::new();
        let mut total: BTreeMap<i64, usize> = BTreeMap::new();
        for rule in RUNTIME.iter().chain(THREAD_BEGIN).chain(STARTUP) {
            assert!(!rule.why.is_empty(), "call {} has no reason", rule.call);
            *total.entry(rule.call).or_default() += 1;
            *unconditional.entry(rule.call).or_default() += usize::from(rule.when.is_empty());
        }
        for (call, n) in total {
            assert!(unconditional[&call] == 0 || n == 1, "call {call} is allowed twice");
        }
    }
}
