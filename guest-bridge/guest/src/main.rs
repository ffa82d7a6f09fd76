// SPDX-License-Identifier: GPL-3.0-or-later
//! The guest's one static binary: PID 1, agent and Wayland bridge.

fn main() {}
