// SPDX-License-Identifier: GPL-3.0-or-later
//! Pure: who may do what.
//!
//! In: a [`Request`] of a VM, the [`State`] that the ledger's events add up to, and the time. Out: a
//! [`Decision`], and on demand an [`Explanation`] of it for a person. Nothing here reads a clock, opens
//! a file or asks anybody; the monitor does that and is the only caller that matters.
//!
//! Deny by default; an explicit deny wins over every allow; expiry only ever takes away; a VM with a
//! parent never has more than its parent. `decide` costs the same with one rule and with 100,000.

#![forbid(unsafe_code)]

mod event;
mod grant;
mod level;
mod net;
mod resource;
mod time;

pub use event::{Author, Event, Refusal, Usage};
pub use grant::{Answer, Effect, Grant, GrantId, Lifetime};
pub use level::{Level, Levels};
pub use net::{Contact, Host, HostError, Transport, Zone};
pub use resource::{Content, FileAccess, FileKind, Key, Kind, Resource};
pub use time::Millis;
