// SPDX-License-Identifier: GPL-3.0-or-later
//! The device from outside: a loopback guest, a raw Wayland peer, and the jailed program behind vhost-user.
//!
//! In: what a guest may do, and what it must not. Out: what everybody else sees of it.

#![cfg(test)]

mod channels;
mod commands;
mod common;
mod corpus;
mod machine;
mod sequences;
mod vmm;
mod wayland;
