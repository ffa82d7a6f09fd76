// SPDX-License-Identifier: GPL-3.0-or-later
//! The real components with fixed data: what they look like, and what a person can do with them.
//!
//! In: entries as the monitor sends them. Out: pictures that are compared with goldens, accessible elements,
//! and what came of clicks and keys. `COFFERDAM_BLESS=1` writes the goldens anew; look at them then.

// Helpers of tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod data;
mod pictures;
mod stage;
mod use_bar;
mod use_chooser;
mod use_panel;
