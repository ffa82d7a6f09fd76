// SPDX-License-Identifier: GPL-3.0-or-later
//! The entropy device of a VM. In: nothing. Out: what it needs beside what all devices do. Random bytes come by a
//! call that every program has.

use super::device::device;
use crate::rules::Rule;
use crate::wall::{Role, Table};

/// The role.
pub static RNG: Role = device!(
    "rng", "cofferdam-rng, one for each VM",
    before: [], prepares: PREPARE, serves: SERVE, connects: false
);

/// What it does while it serves.
const SERVE: Table = Table::new(
    "rng",
    &[Rule::any(libc::SYS_timerfd_settime, "when the next request has its turn")
        .rare("only when a guest asks for much")],
);

/// What it does once, before it serves.
const PREPARE: Table =
    Table::new("rng prepares", &[Rule::any(libc::SYS_timerfd_create, "when the next request has its turn")]);
