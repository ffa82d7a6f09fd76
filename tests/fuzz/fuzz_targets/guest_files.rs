// SPDX-License-Identifier: GPL-3.0-or-later
//! In: any bytes. Out: what `harness::life` promises.

#![no_main]

#[allow(dead_code)]
#[path = "../harness/files.rs"]
mod harness;

libfuzzer_sys::fuzz_target!(|data: &[u8]| harness::life(data));
