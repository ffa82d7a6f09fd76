// SPDX-License-Identifier: GPL-3.0-or-later
//! The gpu device as a program: options, limits, how it is made.
//!
//! In: words of its own on the command line, a channel to the compositor. Out: a device behind queues.

use crate::shell::Shell;
use crate::vhost::GpuDevice;
use cofferdam_device_kit::args::{ArgsError, Options, descriptor};
use cofferdam_device_kit::{Program, Start, inherit};
use cofferdam_gpu_core::Config;
use cofferdam_jail::roles::GPU;
use cofferdam_jail::{Limits, Role};
use std::error::Error;
use std::os::fd::RawFd;

/// Bytes in a mebibyte.
const MIB: u64 = 1024 * 1024;
/// Largest arena: offsets in it are `int32`s on the Wayland wire.
const MAX_ARENA_MIB: u64 = 1024;
/// Descriptors that a device may have: 32 clients, 16 pipes for each, and what is in flight.
const DESCRIPTORS: u64 = 4096;

/// What the shepherd says to a gpu device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gpu {
    /// The VM channel into the compositor.
    channel: Option<RawFd>,
    /// Bytes of the arena.
    arena: Option<u64>,
}

impl Options for Gpu {
    fn option(&mut self, name: &str, value: Option<&str>) -> Result<bool, ArgsError> {
        match name {
            "--channel-fd" => self.channel = Some(descriptor("--channel-fd", value)?),
            "--arena-mib" => self.arena = Some(arena_bytes(value)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn descriptors(&self) -> Result<Vec<RawFd>, ArgsError> {
        self.arena.ok_or(ArgsError::Missing("--arena-mib"))?;
        Ok(vec![self.channel.ok_or(ArgsError::Missing("--channel-fd"))?])
    }
}

fn arena_bytes(value: Option<&str>) -> Result<u64, ArgsError> {
    let mib = value.and_then(|value| value.parse().ok()).filter(|mib| (1..=MAX_ARENA_MIB).contains(mib));
    let mib: u64 = mib.ok_or(ArgsError::Value("--arena-mib", "a number from 1 to 1024"))?;
    Ok(mib.saturating_mul(MIB))
}

impl Program for Gpu {
    type Device = GpuDevice;
    const PART: &'static str = "gpu";
    const ROLE: &'static Role = &GPU;

    fn limits(&self) -> Limits {
        let file_bytes = self.arena.unwrap_or_default();
        Limits { descriptors: DESCRIPTORS, file_bytes, data_bytes: None }
    }

    fn device(self, start: Start) -> Result<GpuDevice, Box<dyn Error>> {
        let limits = cofferdam_xdomain::Limits::DEFAULT;
        let config = Config { arena: self.arena.unwrap_or_default(), limits };
        let channel = inherit(self.channel.unwrap_or_default())?;
        let shell = Shell::new(config, channel, Some(start.control))?;
        Ok(GpuDevice::new(shell, start.memory, &limits)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cofferdam_device_kit::args::Args;

    #[test]
    fn command_lines() {
        let parse = |line: &str| {
            let mut own = Gpu::default();
            let words = line.split_whitespace().map(str::to_owned);
            Args::parse(words, &mut own).map(|_| own)
        };
        let common = "--listen-fd 3 --control-fd 4 --vm foot";
        let own = parse(&format!("{common} --channel-fd 5 --arena-mib 256")).unwrap();
        assert_eq!(own, Gpu { channel: Some(5), arena: Some(256 << 20) });
        for (line, expected) in [
            ("--arena-mib 1", ArgsError::Missing("--channel-fd")),
            ("--channel-fd 5", ArgsError::Missing("--arena-mib")),
            ("--arena-mib 2048", ArgsError::Value("--arena-mib", "a number from 1 to 1024")),
            ("--channel-fd 4 --arena-mib 1", ArgsError::SameDescriptor),
            ("--fly 1", ArgsError::Unknown("--fly".into())),
        ] {
            assert_eq!(parse(&format!("{common} {line}")), Err(expected), "{line}");
        }
    }
}
