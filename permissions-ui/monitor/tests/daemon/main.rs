// SPDX-License-Identifier: GPL-3.0-or-later
//! The monitor as a process. In: a real bus, real sockets, kills. Out: that nothing is allowed without a yes,
//! and that what was said outlives the process.

#[cfg(test)]
mod desktop;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod life;
#[cfg(test)]
mod way;
