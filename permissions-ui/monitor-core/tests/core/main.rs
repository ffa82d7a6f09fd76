// SPDX-License-Identifier: GPL-3.0-or-later
//! The monitor's mind, without its sockets. In: what points, people and clocks do. Out: what the monitor
//! makes of it.

#![allow(clippy::panic)] // a test that gets another answer fails

#[cfg(test)]
mod aliases;
#[cfg(test)]
mod answers;
#[cfg(test)]
mod bounds;
#[cfg(test)]
mod changes;
#[cfg(test)]
mod crossings;
#[cfg(test)]
mod desk;
#[cfg(test)]
mod floods;
#[cfg(test)]
mod orders;
#[cfg(test)]
mod points;
#[cfg(test)]
mod portals;
#[cfg(test)]
mod random;
#[cfg(test)]
mod replays;
#[cfg(test)]
mod returns;
#[cfg(test)]
mod runs;
