// SPDX-License-Identifier: GPL-3.0-or-later
//! Pure: the messages between the permission monitor and its enforcement points.
//!
//! In: packets of `SOCK_SEQPACKET` sockets, one postcard message each, with fds beside some. Out: the
//! typed messages below, or a [`DecodeError`] after which the socket is closed. Who speaks is known
//! from the socket: a per-VM point can only ever speak about its own VM.
//!
//! | wire | between | module |
//! |---|---|---|
//! | point | net gateway, agent link (one each per VM) ⇄ monitor | [`point`] |
//! | screen | compositor ⇄ monitor, one | [`screen`] |
//! | registry | shepherd → monitor (`RUNTIME/monitor.sock`) | [`registry`] |
//!
//! No answer means no: a closed socket, an unknown serial, a message out of order all deny.

#![forbid(unsafe_code)]

mod codec;
pub mod point;
pub mod registry;
pub mod screen;

pub use codec::{DecodeError, EncodeError, MAX_PACKET, decode, encode};
