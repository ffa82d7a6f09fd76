// SPDX-License-Identifier: GPL-3.0-or-later
//! Pure: the device without the world around it: no descriptor, no clock, no thread.
//!
//! In: [`Input`]s — commands of the guest as copied bytes, bytes of the compositor and of pipes, time. Out:
//! [`Effect`]s. Guest memory is reached through [`GuestRam`] only, by copies. [`Device::handle`] is total.

#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::indexing_slicing))]

mod context;
mod device;
mod fault;
mod io;
mod items;
mod link;
mod out;
mod outbox;
mod pipes;
mod pools;
mod ram;
mod relay;
mod resources;
mod submit;

pub use device::{Config, Device};
pub use fault::{Area, Fault, Meter};
pub use io::{Effect, FdKey, FdKind, Input, Mono, Outgoing, PipeKey, Token};
pub use out::Counters;
pub use pipes::IDLE;
pub use pools::Geometry;
pub use ram::{Extent, GuestRam, OutsideRam, PAGE, Pages};
pub use resources::Range;
