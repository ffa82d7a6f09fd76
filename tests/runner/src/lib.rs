// SPDX-License-Identifier: GPL-3.0-or-later
//! Scenario format, runner and reports of `coffer test`.
//!
//! In: scenario files (TOML, see `tests/scenarios/README.md`). Out: a verdict per scenario,
//! screenshots, an HTML report with image diffs and a JUnit file.
//!
//! | module | job |
//! |---|---|
//! | [`command`] | `coffer test` without its command line |
//! | [`format`] | what a scenario file may say; errors with file, line and what was meant |
//! | [`keys`] | key names and characters to evdev codes |
//! | [`net`] | the internet of one scenario: a name server and sites on loopback |
//! | [`home`] | the person's home of one scenario, and files in it |
//! | [`panel`] | what the desktop's own surfaces show |
//! | [`picture`] | RGBA pictures, PNG, diffs, border and pixel checks |
//! | [`blocking`] | the desktop's D-Bus interfaces for programs without an event loop |
//! | [`guest_run`] | a program in a guest, its output collected |
//! | [`desktop`] | one private headless desktop: start, control, launcher, end |
//! | [`steps`] | carries out one step on a desktop |
//! | [`run`] | many scenarios: shards, parallel workers |
//! | [`report`] | results as JSON, JUnit and HTML |

#![forbid(unsafe_code)]

mod apps;
pub mod blocking;
pub mod command;
pub mod desktop;
pub mod format;
pub mod guest_run;
pub mod home;
pub mod keys;
pub mod net;
pub mod panel;
pub mod picture;
pub mod report;
mod rest;
pub mod run;
pub mod steps;
