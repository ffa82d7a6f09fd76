// SPDX-License-Identifier: GPL-3.0-or-later
//! The trusted-domain wires: desktop control, per-VM channel, helper reports.
//!
//! In: packets of a `SOCK_SEQPACKET` socket, one JSON document each, with file descriptors beside
//! them. Out: the typed messages below. All three wires are spoken only between our own processes,
//! and are parsed as if they were not: bounded size, unknown fields refused, surplus fds closed.
//!
//! | wire | between | module |
//! |---|---|---|
//! | desktop control | launcher, `coffer`, scenario runner → compositor | [`desktop`] |
//! | VM channel | gpu device → compositor, one per VM | [`vm_channel`] |
//! | helper report | gpu device → shepherd, one per VM | [`report`] |
//!
//! [`codec`] turns packets into messages, [`transport`] carries them and their fds, [`client`] is what
//! callers of the desktop control use.

#![forbid(unsafe_code)]

pub mod client;
pub mod codec;
pub mod desktop;
pub mod report;
pub mod transport;
pub mod vm_channel;
