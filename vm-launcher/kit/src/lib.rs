// SPDX-License-Identifier: GPL-3.0-or-later
//! What the programs of a desktop have in common, and no other program's crate.
//!
//! In: a desktop's name, the environment, sockets and fds. Out: where things are, packets with the fds
//! beside them, and whether something may be handed to an app at all.
//!
//! | module | job |
//! |---|---|
//! | [`paths`] | where a desktop's sockets, data and programs are |
//! | [`transport`] | packets with fds over a socket |
//! | [`codec`] | packets to messages and back |
//! | [`part`] | what a shepherd and its VM's devices say to each other |
//! | [`inherited`] | fds given at birth |
//! | [`launch`] | programs that inherit fds and die with us |
//! | [`guarded`] | what is never handed over to an app |
//! | [`logging`] | logs of the daemons |
//!
//! With the feature `tokio`, for programs that have such a runtime:
//!
//! | module | job |
//! |---|---|
//! | `packets` | [`transport`] without waiting |
//! | `readiness` | fds on the event loop |
//! | `watch` | word of what appears in a directory |

pub mod codec;
pub mod guarded;
pub mod inherited;
pub mod launch;
pub mod logging;
#[cfg(feature = "tokio")]
pub mod packets;
pub mod part;
pub mod paths;
#[cfg(feature = "tokio")]
pub mod readiness;
mod sys;
pub mod transport;
#[cfg(feature = "tokio")]
pub mod watch;
