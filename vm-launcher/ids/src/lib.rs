// SPDX-License-Identifier: GPL-3.0-or-later
//! Pure leaf: identifiers, labels and moments that every crate may import.
//!
//! In: untrusted strings. Out: newtypes that can only hold a valid value ("parse, don't validate"),
//! so no later stage has to ask again whether a name is safe to print, to use as a file name or to
//! hand to another process.

#![forbid(unsafe_code)]

mod identity;
mod label;
mod mono;
mod name;
mod ration;

pub use identity::{Identity, ParseIdentityError};
pub use label::{Label, Passage, is_unfit};
pub use mono::Mono;
pub use name::{AppId, NameError, VmId, is_scheme};
pub use ration::Ration;
