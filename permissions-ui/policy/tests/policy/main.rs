// SPDX-License-Identifier: GPL-3.0-or-later
//! Policy against what it promises. In: histories made at random, and every history there is of a small
//! system. Out: none of them lets through what the ledger does not allow.

#![allow(clippy::unwrap_used, clippy::panic)]

mod cases;
mod model;
mod oracle;
mod properties;
mod world;
