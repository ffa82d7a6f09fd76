// SPDX-License-Identifier: GPL-3.0-or-later
//! The network gateway as a program: options, limits, how it is made.
//!
//! In: words of its own on the command line, what the kernel says about networks. Out: a gateway behind queues.

use crate::shell::{Config, Network, Shell};
use crate::vhost::NetDevice;
use cofferdam_device_kit::args::{ArgsError, Options, read};
use cofferdam_device_kit::{Program, Start};
use cofferdam_jail::roles::NET;
use cofferdam_jail::{Limits, Role};
use cofferdam_net_core::zones::Range;
use std::error::Error;
use std::io;
use std::os::fd::{AsRawFd, RawFd};

/// Bytes of the largest file, which can only be the log.
const LOG: u64 = 1 << 30;
/// Descriptors that a gateway may have: a socket for each flow, two for each name question, and its own.
const DESCRIPTORS: u64 = 16_384;
/// Bytes of memory of its own; what flows may have at most is about half of that.
const DATA: u64 = 768 << 20;

/// What the shepherd says to a gateway, and what that opens first.
#[derive(Debug, Default)]
pub struct Net {
    config: Config,
    /// A socket of a kind that can't be made any more when the jail has closed.
    network: Option<Network>,
}

impl Options for Net {
    fn option(&mut self, name: &str, value: Option<&str>) -> Result<bool, ArgsError> {
        match name {
            "--upstream-dns" => self.config.upstream.push(read("--upstream-dns", "ADDRESS:PORT", value)?),
            "--treat-as-internet" => {
                let range = value.and_then(Range::parse);
                let range = range.ok_or(ArgsError::Value("--treat-as-internet", "ADDRESS/BITS"))?;
                self.config.internet.push(range);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl Program for Net {
    type Device = NetDevice;
    const PART: &'static str = "net";
    const ROLE: &'static Role = &NET;

    fn limits(&self) -> Limits {
        Limits { descriptors: DESCRIPTORS, file_bytes: LOG, data_bytes: Some(DATA) }
    }

    fn open(&mut self) -> io::Result<Vec<RawFd>> {
        let network = Network::open()?;
        Ok(vec![self.network.insert(network).as_raw_fd()])
    }

    fn device(self, start: Start) -> Result<NetDevice, Box<dyn Error>> {
        let network = self.network.ok_or("the kernel was not asked for networks")?;
        Ok(NetDevice::new(Shell::new(self.config, network, start.control)?, start.memory))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_its_own() {
        let mut net = Net::default();
        assert_eq!(net.option("--upstream-dns", Some("127.0.0.1:5353")), Ok(true));
        assert_eq!(net.option("--treat-as-internet", Some("127.0.0.0/8")), Ok(true));
        assert_eq!((net.config.upstream.len(), net.config.internet.len()), (1, 1));
        for (name, value, expected) in [
            ("--treat-as-internet", "all", Err(ArgsError::Value("--treat-as-internet", "ADDRESS/BITS"))),
            ("--upstream-dns", "1.2.3.4", Err(ArgsError::Value("--upstream-dns", "ADDRESS:PORT"))),
            ("--point-fd", "5", Ok(false)),
        ] {
            assert_eq!(net.option(name, Some(value)), expected, "{name}");
        }
    }
}
