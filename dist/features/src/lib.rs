// SPDX-License-Identifier: GPL-3.0-or-later
//! Nothing: this crate is its list of dependencies.
//!
//! Cargo compiles a library once for each set of features that the packages of one command ask for. A desktop
//! is built from fewer packages than its tests, so without this list the tests would compile dozens of
//! libraries a second time. `repository_rules` checks that it is complete.

#![forbid(unsafe_code)]
