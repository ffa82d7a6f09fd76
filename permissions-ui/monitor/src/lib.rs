// SPDX-License-Identifier: GPL-3.0-or-later
//! The permission monitor.
//!
//! In: questions of enforcement points, answers of the person, orders of the panel and the command line,
//! rule files. Out: decisions, each of them in the ledger before it has an effect.

pub mod bus;
pub mod rules;
