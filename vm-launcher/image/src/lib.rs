// SPDX-License-Identifier: GPL-3.0-or-later
//! In: app descriptions (TOML), a lock file, Debian packages and the guest's static binary. Out: a
//! kernel, an initramfs, verity-protected layers and the programs that run them, all kept in the
//! cache by the hash of their inputs. Who only reads them needs `cofferdam-catalogue` and nothing of this.

#![forbid(unsafe_code)]

mod apt;
mod deb;
mod error;
mod images;
mod kernel;
mod layer;
mod lock;
mod progress;
mod prune;
mod supply;
mod tools;

pub use error::{Error, Refusal, Result};
pub use images::Images;
pub use progress::{Progress, Step};
pub use prune::{Pruned, days_ago, prune};
