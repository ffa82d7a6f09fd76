// SPDX-License-Identifier: GPL-3.0-or-later
//! A guest program that attacks the desktop.

fn main() {}
