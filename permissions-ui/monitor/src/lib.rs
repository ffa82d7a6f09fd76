// SPDX-License-Identifier: GPL-3.0-or-later
//! The permission monitor.
//!
//! In: questions of enforcement points, answers of the person, orders of the panel and the command line,
//! rule files. Out: decisions, each of them in the ledger before it has an effect. What it decides stands in
//! `cofferdam_monitor_core`, without any socket.
//!
//! | module | job |
//! |---|---|
//! | [`daemon`] | its sockets |
//! | [`rules`] | rule files |
//! | [`walls`] | what it takes away from itself |

pub mod daemon;
pub mod rules;
pub mod walls;
