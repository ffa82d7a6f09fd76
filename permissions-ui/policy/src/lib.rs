// SPDX-License-Identifier: GPL-3.0-or-later
//! Pure: who may do what.
//!
//! In: a VM and the [`Resource`] it asks for, the [`State`] that the ledger's events add up to, and the time. Out: a
//! [`Decision`], and on demand an [`Explanation`] of it for a person. Nothing here reads a clock, opens
//! a file or asks anybody; the monitor does that and is the only caller that matters.
//!
//! Deny by default; an explicit deny wins over every allow; expiry only ever takes away; a VM with a
//! parent never has more than its parent. `decide` costs the same with one rule and with 100,000.

#![forbid(unsafe_code)]

mod admin;
mod decide;
mod event;
mod explain;
mod grant;
mod grants;
mod level;
mod net;
mod offer;
mod resource;
mod slot;
mod state;
mod table;
mod time;
mod views;

pub use admin::{AdminRules, Glob, Origin, Rule, RuleError, RuleFault, Says, Who};
pub use decide::{Decision, MAX_PARENTS};
pub use event::{Author, Event, Refusal, Usage};
pub use explain::{Because, Explanation};
pub use grant::{Answer, Effect, Grant, GrantId, Lifetime};
pub use level::{Level, Levels};
pub use net::{Contact, Host, HostError, Transport, Zone};
pub use resource::{Content, FileAccess, FileKind, Key, Kind, Resource};
pub use state::{ApplyError, State, UNUSED};
pub use time::Millis;
pub use views::VmView;
