// SPDX-License-Identifier: GPL-3.0-or-later
//! A guest's network card and TCP stack without a guest, for tests and benchmarks of gateways.
//!
//! In: a gateway, as a vhost-user program or as a stream of frames. Out: connections, datagrams, pings and raw
//! frames from the guest's side; the world's side (name server, sites) and the monitor's are here too.
//! Test code: what goes wrong in here panics.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod card;
mod guest;
mod monitor;
mod stream;
mod world;

pub use card::{Card, Features, Gateway, Options, inheritable};
pub use guest::{Guest, Ping, Tcp, Udp, Wire};
pub use monitor::Monitor;
pub use stream::Stream;
pub use world::{Names, Site};
