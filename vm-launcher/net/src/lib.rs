// SPDX-License-Identifier: GPL-3.0-or-later
//! Per-VM network gateway: a virtio network device with a TCP/IP stack and a name server of its own.
//!
//! In: a guest's frames, whose every byte is an attack; the monitor's answers; sockets of this computer. Out:
//! connections that were allowed, and no others; questions, use and refusals for the monitor.
//!
//! ```text
//! machine ──vhost-user──▶ vhost ──frames──▶ shell ──flows──▶ core       (jailed)
//!                           ▲                │ ▲              │
//!                           └────frames──────┘ └───effects────┘
//! ```
//! `cofferdam-net-core` decides and never does; [`shell`] does and never decides. The guest's TCP ends in here: what goes
//! out are the bytes of its connections over our own sockets, never its packets. Addresses that the guest
//! sees for names mean nothing outside; a name is looked up in the world when a flow to it was allowed.

pub mod link;
pub mod program;
pub mod shell;
pub mod vhost;
