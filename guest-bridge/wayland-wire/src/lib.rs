// SPDX-License-Identifier: GPL-3.0-or-later
//! Pure: Wayland's wire format, generated interface tables and the object table.
//!
//! In: the byte stream of a Wayland connection and the count of its descriptors, from either end, which may be
//! hostile. Out: [`Parsed`] messages that are certainly well-formed, addressed to an object that exists, and
//! within the allow-list; or a [`Fault`], after which that connection is closed.
//!
//! The gpu device and the guest's bridge run the same code: the device forwards what it has checked as it came
//! ([`Parsed::bytes`]), the bridge writes it anew with other object ids ([`Parsed::rewrite`]).
//!
//! Invariants:
//! - an interface that is not reachable from [`protocol::GLOBALS`] does not exist here, so it cannot be bound;
//! - a message changes the [`ObjectTable`] only if all of it is valid;
//! - memory is bounded by [`Limits`], whatever is sent.

#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::indexing_slicing))]

mod args;
mod builder;
mod fault;
mod id;
mod interface;
mod limits;
mod message;
mod parsed;
pub mod protocol;
mod stream;
mod table;

pub use args::{Arg, Args, Fixed, MAX_ARGS};
pub use builder::{EncodeError, MessageBuilder, encode};
pub use fault::{Fault, FaultKind, WireError};
pub use id::ObjectId;
pub use interface::{ArgKind, ArgSpec, Enum, EnumEntry, GlobalSpec, Interface, Message, Target};
pub use limits::Limits;
pub use message::{HEADER, MAX_MESSAGE, RawMessage};
pub use parsed::{Direction, Disposition, NewObject, Parsed, Role};
pub use stream::{StreamDecoder, StreamError};
pub use table::{Global, Object, ObjectTable};
