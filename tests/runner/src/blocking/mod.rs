// SPDX-License-Identifier: GPL-3.0-or-later
//! The interfaces for programs without an event loop. In: calls. Out: answers, each waited for on a runtime
//! of its own.

mod launcher;
mod permissions;

pub use launcher::Launcher;
pub use permissions::Permissions;
