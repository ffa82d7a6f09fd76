// SPDX-License-Identifier: GPL-3.0-or-later
//! The monitor's mind, without its sockets. In: what points, people and clocks do. Out: what the monitor
//! makes of it.

mod answers;
mod bounds;
mod changes;
mod desk;
mod portals;
mod random;
mod replays;
