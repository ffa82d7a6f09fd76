// SPDX-License-Identifier: GPL-3.0-or-later
//! The desktop's D-Bus interfaces, as callers see them.
//!
//! In: calls of `coffer`, the panel, scenarios and anybody else on the session bus. Out: proxies and the
//! types that travel. Who serves an interface stands in its own program and takes the types from here.
//!
//! | module | job |
//! |---|---|
//! | [`launcher`] | `org.cofferdam.Launcher1` |
//! | [`permissions`] | `org.cofferdam.Permissions1` |
//! | [`panel`] | `org.cofferdam.Panel1` |

#![forbid(unsafe_code)]

pub mod launcher;
pub mod panel;
pub mod permissions;
