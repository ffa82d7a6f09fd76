// SPDX-License-Identifier: GPL-3.0-or-later
//! The jail a VM's helper locks itself into before it reads its first guest byte.
//!
//! In: a [`Plan`] — which descriptors stay, which user to become, which limits and which system
//! calls remain. Out: the calling process with everything else taken away for good, and a
//! [`Report`] of what this kernel could enforce, so that nobody has to guess.
//!
//! | layer | what it takes away | if the kernel lacks it |
//! |---|---|---|
//! | descriptors | every inherited fd that is not in the plan | cannot lack it |
//! | user | root and all capabilities | stays the caller's user, which the report says |
//! | limits | core dumps, files beyond the plan, descriptors beyond the plan | an error |
//! | parent | a life beyond its shepherd's | an error |
//! | Landlock | every path, TCP port, abstract socket and foreign process | seccomp alone does it |
//! | seccomp | every system call that is not in the [`Filter`] | an error |
//!
//! Seccomp is the layer that must hold by itself: the rule tables name neither `open*` nor
//! `connect` nor `socket` nor `execve`, so without Landlock a helper can still reach no path, no
//! network and no other program. Such a call kills it; only `openat`, which the C library tries on its
//! own, merely fails. The tests of this crate check both with Landlock and without it.
//!
//! The order inside [`enter`] is fixed by the kernel: changing the user clears the parent-death
//! signal, and Landlock and seccomp without capabilities need `no_new_privs` first.

mod enter;
mod filter;
mod rules;
mod sys;

pub use enter::{JailError, Landlock, Limits, Plan, Report, enter, tighten};
pub use filter::{Filter, FilterError, without_x32};
pub use rules::{RUNTIME, Rule, STARTUP, THREAD_BEGIN, When};
