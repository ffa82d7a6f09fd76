// SPDX-License-Identifier: GPL-3.0-or-later
//! Tests of the whole compositor: a real one, real clients, in one process.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test says with it what went wrong

#[cfg(test)]
mod activation;
#[cfg(test)]
mod bounds;
mod common;

#[cfg(test)]
mod control;
#[cfg(test)]
mod economy;
#[cfg(test)]
mod globals;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod input;
mod nested;
#[cfg(test)]
mod pictures;
#[cfg(test)]
mod selections;
#[cfg(test)]
mod transfers;
#[cfg(test)]
mod trusted;
