// SPDX-License-Identifier: GPL-3.0-or-later
//! Pure: the life of one VM as a state machine, the table of parts that it is made of, and the lines of its console.
//!
//! In: [`Event`]s (a helper started or ended, the guest's agent spoke, a deadline passed, somebody
//! wants it to stop) with the time at which they happened. Out: [`Effect`]s for the shepherd to carry
//! out, in order, and the next deadline. Nothing here spawns, reads a clock or fails: a guest that
//! misbehaves is a transition like any other.
//!
//! Invariants, checked by `tests/sequences.rs` on random sequences:
//! - a helper is spawned at most once, and killed at most once, and only while it lives;
//! - [`Effect::End`] comes last, exactly once, and only when no helper is alive;
//! - the machine is started last, when every part is ready without which there is no VM;
//! - the end of a part that is not essential ends nothing else;
//! - whatever happens, a VM that is not [`State::Running`] has a deadline or is being reaped.

#![forbid(unsafe_code)]
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

mod console;
mod limits;
mod machine;
mod parts;
mod state;

pub use console::{Console, LineSplitter, MAX_LINE};
pub use limits::{Limits, Mono};
pub use machine::Vm;
pub use parts::{Device, NAME_SERVERS, PARTS, Part};
pub use state::{AppExit, Effect, Event, Helper, HelperExit, Order, State};
