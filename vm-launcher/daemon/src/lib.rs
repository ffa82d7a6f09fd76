// SPDX-License-Identifier: GPL-3.0-or-later
//! What the launcher daemon, the shepherds and `coffer` share.
//!
//! In: requests to run apps in VMs. Out: running VMs, and word of how they fare. The daemon
//! (`cofferdam-launcherd`) keeps records and answers on D-Bus, a shepherd (`cofferdam-shepherd`)
//! carries out the life of one VM, and this library holds the wires between them.
//!
//! | module | job |
//! |---|---|
//! | [`bus`] | the D-Bus interface as callers see it |
//! | [`blocking`] | the same for programs without an event loop |
//! | [`guest_run`] | a program in a guest, its output collected |
//! | [`paths`] | where a desktop's sockets, data and programs are |
//! | [`watch`] | word of what appears in a directory |
//! | [`link`] | the wire between launcher and shepherd |
//! | [`shepherd`] | one VM's process |
//! | [`launcherd`] | the daemon |

pub mod blocking;
pub mod bus;
pub mod guarded;
pub mod guest_run;
pub mod inherited;
pub mod launcherd;
pub mod link;
pub mod logging;
pub mod paths;
pub mod shepherd;
mod sys;
pub mod watch;
