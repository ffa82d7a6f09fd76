// SPDX-License-Identifier: GPL-3.0-or-later
//! What is shown, in words and in which order.
//!
//! In: entries of the monitor, the time, a time zone. Out: plain rows. No I/O, no clock, no toolkit:
//! everything here can be tested with a table.

pub mod apps;
pub mod chooser;
pub mod lines;
pub mod permissions;
pub mod text;
