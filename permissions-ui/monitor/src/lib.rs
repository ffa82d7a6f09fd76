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
//! | [`rules`] | rule files |
//! | [`target`] | what a permission is about, in words |
//! | [`walls`] | what it takes away from itself |

pub mod core;
pub mod daemon;
pub mod rules;
pub mod target;
pub mod walls;
