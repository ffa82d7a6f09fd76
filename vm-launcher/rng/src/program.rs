// SPDX-License-Identifier: GPL-3.0-or-later
//! The entropy device as a program: limits, how it is made.
//!
//! In: nothing of its own. Out: a device behind its queue.

use crate::vhost::RngDevice;
use cofferdam_device_kit::args::Options;
use cofferdam_device_kit::{Program, Start};
use cofferdam_jail::roles::RNG;
use cofferdam_jail::{Limits, Role};
use std::error::Error;

/// Bytes of the largest file, which can only be the log.
const LOG: u64 = 1 << 30;
/// Descriptors: sockets, event loops, and a memory file or two of the machine's.
const DESCRIPTORS: u64 = 128;
/// Bytes of memory of its own.
const DATA: u64 = 64 << 20;

/// The program.
#[derive(Debug, Default)]
pub struct Rng;

impl Options for Rng {}

impl Program for Rng {
    type Device = RngDevice;
    const PART: &'static str = "rng";
    const ROLE: &'static Role = &RNG;

    fn limits(&self) -> Limits {
        Limits { descriptors: DESCRIPTORS, file_bytes: LOG, data_bytes: Some(DATA) }
    }

    fn device(self, start: Start) -> Result<RngDevice, Box<dyn Error>> {
        Ok(RngDevice::new(start.control, start.memory)?)
    }
}
