// SPDX-License-Identifier: GPL-3.0-or-later
//! The one command people use.

fn main() {}
