// SPDX-License-Identifier: GPL-3.0-or-later
//! The bar, the panel and the trusted file chooser.
//!
//! In: what the permission monitor says, what the compositor says, and the person. Out: three kinds of
//! surfaces, and calls of the monitor. One thread, one runtime, nothing that wakes by itself.

pub mod access;
pub mod bus;
pub mod files;
pub mod platform;
pub mod program;
pub mod service;
pub mod ui;
pub mod view;
