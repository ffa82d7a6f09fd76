// SPDX-License-Identifier: GPL-3.0-or-later
//! Pure: the gateway without the world around it: no descriptor, no clock, no thread.
//!
//! In: frames and name questions of the guest as copied bytes, answers of the monitor, time. Out: parsed
//! packets, built replies, and what is to be done about each flow. Everything here is total.

#![forbid(unsafe_code)]

pub mod build;
pub mod dns;
pub mod fault;
pub mod flow;
pub mod fragment;
pub mod gate;
pub mod hello;
pub mod names;
pub mod nets;
pub mod online;
pub mod packet;
pub mod plan;
pub mod tickets;
pub mod usage;
pub mod zones;

pub use fault::{Fault, Faults};
pub use flow::{Effect, End, FlowId, FlowKey, Opened, Place};
pub use gate::Gate;
