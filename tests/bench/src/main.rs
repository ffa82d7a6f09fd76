// SPDX-License-Identifier: GPL-3.0-or-later
//! Benchmarks against peers, interleaved in one run.

fn main() {}
