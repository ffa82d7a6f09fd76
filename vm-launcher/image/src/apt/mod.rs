// SPDX-License-Identifier: GPL-3.0-or-later
//! In: names of packages. Out: verified `.deb` files of the whole closure, through the machine's
//! apt and mirror but with a private state: the system's lists, sources and packages stay untouched.

mod fetch;
mod resolve;
mod sources;
mod state;

pub(crate) use fetch::{deb_path, fetch};
pub(crate) use resolve::resolve;
pub(crate) use state::State;
