// SPDX-License-Identifier: GPL-3.0-or-later
//! The machine's side of the gateway: vhost-user, two rings, a config space.
//!
//! In: a [`crate::shell::Shell`]. Out: a network device that serves one machine until it goes away.

mod device;
mod header;
mod ring;

pub use device::NetDevice;
pub use header::{Abilities, HEADER, Offload, config_space, feature};
pub use ring::FRAME;
