// SPDX-License-Identifier: GPL-3.0-or-later
//! In: the cache, app descriptions (TOML) and a lock file. Out: what is finished in the cache for them — kernel,
//! initramfs, verity-protected layers, programs — as plain data that was checked; nothing is downloaded or built.
//!
//! What a thing is made of decides where it lies: its key is the hash of its inputs. So whoever reads and the
//! builder (`cofferdam-image`) take the same descriptions, lock and keys from here.

#![forbid(unsafe_code)]

pub mod bundle;
pub mod cache;
mod catalogue;
mod error;
mod finished;
pub mod kernel;
mod lock;
mod program;
mod recipe;
mod spec;
pub mod verity;

pub use bundle::{AppManifest, Bundle, Kernel, Layer};
pub use cache::{Cache, Key};
pub use catalogue::{Catalogue, Options};
pub use error::{Error, Fault, Result};
pub use finished::{LAYER_IMAGE, load_layer, load_manifest, packages_of, write_json};
pub use lock::{Archive, Below, Lock, Locked, Package, RELEASE, Set};
pub use program::{Bundled, Erofs, Program, Tools};
pub use recipe::{App, Base};
pub use spec::{AppSpec, BaseSpec};
