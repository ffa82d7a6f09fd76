// SPDX-License-Identifier: GPL-3.0-or-later
//! Every order of events there is, around the real mind of the monitor. In: one VM with its gateway, a
//! compositor (where people answer, and the point for pastes), a shepherd; each message that is read, answer,
//! revocation, expiry, crash and restart is a step of its own. Out: no reachable state in which something lives
//! that the ledger does not allow, and no revocation that is acknowledged while something lives.
//!
//! A mind can't be copied, so a state is the steps that lead to it, done again; two ways to the same state are
//! known by their digest (the mind as it prints itself, the ledger, the world), and only one is followed.

#[cfg(test)]
mod place;
#[cfg(test)]
mod search;
#[cfg(test)]
mod step;
#[cfg(test)]
mod world;
