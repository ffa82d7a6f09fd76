// SPDX-License-Identifier: GPL-3.0-or-later
//! The jailed gateway from outside: a guest's card, a monitor, sites and a name server on loopback.
//!
//! In: what a guest may do, and what it must not. Out: what the world, the monitor and the guest see of it.

#![cfg(test)]

mod attacks;
mod common;
mod flows;
mod names;
mod revoke;
mod tls;
