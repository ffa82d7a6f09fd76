// SPDX-License-Identifier: GPL-3.0-or-later
//! The one wall that every process of a desktop stands behind.
//!
//! In: a [`Role`], which is data: which system calls, with what arguments, which paths, each with its reason. Out: the calling process with everything else taken away
//! for good, and a [`Report`] of what this kernel could enforce, so that nobody has to guess.
//!
//! | layer | what it takes away | if the kernel lacks it |
//! |---|---|---|
//! | descriptors | every inherited fd that is not named | cannot lack it |
//! | user | root, if another user is named, and capabilities | stays the caller's user, which the report says |
//! | limits | core dumps, message queues, numbers that are named | an error |
//! | parent | a life beyond its parent's, if that is named | an error |
//! | Landlock | every other path, TCP port, abstract socket and foreign process | seccomp alone, or an error ([`Need`]) |
//! | seccomp | every system call that is not in the list | an error |
//!
//! All lists are allow-lists. Seccomp is the layer that must hold by itself, so a rule is as narrow as its
//! reason: a signal goes to this process and no other ([`Rule::own`]), limits are those of process 0, `fcntl` and
//! `ioctl` are allowed command by command. What no filter can see (a path, the address in memory) is Landlock's.
//!
//! Filters and domains are inherited and stack. A process that starts others therefore may do what they need,
//! until it goes on to a stage in which it starts nothing ([`tighten_to`]); its answer is [`Answer::Refuse`],
//! because a parent's kill would be its child's. Each child then narrows itself.
//!
//! The order inside [`Wall::enter`] is fixed by the kernel: changing the user clears the
//! parent-death signal, and Landlock and seccomp without capabilities need `no_new_privs` first.

mod enter;
mod filter;
mod places;
pub mod roles;
mod rules;
mod sys;
mod wall;

pub use enter::{JailError, Landlock, Limits, Report};
pub use filter::{Answer, Filter, FilterError};
pub use places::{Place, Reach, offered, personal, visible};
pub use rules::{Pids, Rule, When, Whom, all_of, bits, is, none_of};
pub use wall::{Need, Role, Stage, Table, Wall, tighten_to};
