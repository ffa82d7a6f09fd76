// SPDX-License-Identifier: GPL-3.0-or-later
//! The permission monitor.
//!
//! In: questions of enforcement points, answers of the person, orders of the panel and the command line,
//! rule files. Out: decisions, each of them in the ledger before it has an effect.
//!
//! | module | job |
//! |---|---|
//! | [`daemon`] | its sockets |
//! | [`core`] | what it decides, without any socket |
//! | [`bus`] | the D-Bus interface as callers see it |
//! | [`blocking`] | the same for programs without an event loop |
//! | [`panel_bus`] | what the panel tells scenarios |
//! | [`rules`] | rule files |
//! | [`target`] | what a permission is about, in words |
//! | [`walls`] | what it takes away from itself |

pub mod blocking;
pub mod bus;
pub mod core;
pub mod daemon;
pub mod panel_bus;
pub mod rules;
pub mod target;
pub mod walls;
