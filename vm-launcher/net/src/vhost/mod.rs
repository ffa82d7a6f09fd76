// SPDX-License-Identifier: GPL-3.0-or-later
//! The machine's side of the gateway: vhost-user, two rings, a config space.
//!
//! In: a listening socket for the machine, a [`crate::host::Host`]. Out: a network device that serves one
//! machine until it goes away.

mod backend;
mod header;
mod ring;

pub use backend::{HOST_EVENT, NetBackend, QUEUES};
pub use header::{Abilities, HEADER, Offload, config_space, feature};
pub use ring::FRAME;
