// SPDX-License-Identifier: GPL-3.0-or-later
//! The command line of `cofferdam-net`.
//!
//! In: words from the shepherd. Out: [`Args`], or what is wrong with them.

use cofferdam_ids::VmId;
use cofferdam_net_core::zones::Range;
use core::net::SocketAddr;
use std::os::fd::RawFd;

/// What the shepherd says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Args {
    /// A listening socket for the machine.
    pub listen: RawFd,
    /// The shepherd's socket: point sockets come over it, its end is ours.
    pub control: RawFd,
    /// The first point socket to the monitor, if it is there already.
    pub point: Option<RawFd>,
    /// The VM, for the log.
    pub vm: VmId,
    /// The VM's own user, if the shepherd is root.
    pub uid: Option<u32>,
    /// The shepherd's process id.
    pub parent: Option<u32>,
    /// Name servers in place of those that the shepherd tells.
    pub upstream: Vec<SocketAddr>,
    /// Ranges that a test counts as the internet.
    pub internet: Vec<Range>,
}

/// The command line is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArgsError {
    /// An option that does not exist.
    #[error("unknown option {0:?}")]
    Unknown(String),
    /// An option without or with a wrong value.
    #[error("option {0} needs {1}")]
    Value(&'static str, &'static str),
    /// An option that must be there.
    #[error("option {0} is missing")]
    Missing(&'static str),
    /// Two options name the same descriptor.
    #[error("two options name the same descriptor")]
    SameDescriptor,
}

impl Args {
    /// Reads the words after the program's name.
    ///
    /// # Errors
    /// [`ArgsError`].
    pub fn parse(words: impl IntoIterator<Item = String>) -> Result<Self, ArgsError> {
        let (mut listen, mut control, mut point, mut vm) = (None, None, None, None);
        let (mut uid, mut parent) = (None, None);
        let (mut upstream, mut internet) = (Vec::new(), Vec::new());
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            let value = words.next();
            let value = value.as_deref();
            match word.as_str() {
                "--listen-fd" => listen = Some(descriptor("--listen-fd", value)?),
                "--control-fd" => control = Some(descriptor("--control-fd", value)?),
                "--point-fd" => point = Some(descriptor("--point-fd", value)?),
                "--vm" => vm = Some(read("--vm", "the VM's name", value)?),
                "--uid" => uid = Some(read("--uid", "a number", value)?),
                "--parent" => parent = Some(read("--parent", "a number", value)?),
                "--upstream-dns" => upstream.push(read("--upstream-dns", "ADDRESS:PORT", value)?),
                "--treat-as-internet" => {
                    let range = value.and_then(Range::parse);
                    internet.push(range.ok_or(ArgsError::Value("--treat-as-internet", "ADDRESS/BITS"))?);
                }
                _ => return Err(ArgsError::Unknown(word)),
            }
        }
        let args = Self {
            listen: listen.ok_or(ArgsError::Missing("--listen-fd"))?,
            control: control.ok_or(ArgsError::Missing("--control-fd"))?,
            point,
            vm: vm.ok_or(ArgsError::Missing("--vm"))?,
            uid,
            parent,
            upstream,
            internet,
        };
        let point = args.point.unwrap_or(-1);
        let same = args.listen == args.control || args.listen == point || args.control == point;
        if same { Err(ArgsError::SameDescriptor) } else { Ok(args) }
    }
}

fn read<T: std::str::FromStr>(
    option: &'static str,
    what: &'static str,
    value: Option<&str>,
) -> Result<T, ArgsError> {
    value.and_then(|value| value.parse().ok()).ok_or(ArgsError::Value(option, what))
}

fn descriptor(option: &'static str, value: Option<&str>) -> Result<RawFd, ArgsError> {
    let fd = value.and_then(|value| value.parse().ok()).filter(|fd| *fd > 2);
    fd.ok_or(ArgsError::Value(option, "a descriptor above 2"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Args, ArgsError> {
        Args::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn command_lines() {
        let good = "--listen-fd 3 --control-fd 4 --vm foot";
        let args = parse(good).unwrap();
        assert_eq!((args.listen, args.control, args.point), (3, 4, None));
        let more = "--point-fd 5 --uid 7 --upstream-dns 127.0.0.1:5353 --treat-as-internet 127.0.0.0/8";
        let args = parse(&format!("{good} {more}")).unwrap();
        assert_eq!(
            (args.point, args.uid, args.upstream.len(), args.internet.len()),
            (Some(5), Some(7), 1, 1)
        );
        for (line, expected) in [
            ("--listen-fd 3", ArgsError::Missing("--control-fd")),
            ("--listen-fd 2", ArgsError::Value("--listen-fd", "a descriptor above 2")),
            ("--vm ../x", ArgsError::Value("--vm", "the VM's name")),
            ("--fly 1", ArgsError::Unknown("--fly".into())),
            ("--treat-as-internet all", ArgsError::Value("--treat-as-internet", "ADDRESS/BITS")),
            ("--upstream-dns 1.2.3.4", ArgsError::Value("--upstream-dns", "ADDRESS:PORT")),
            ("--listen-fd 3 --control-fd 3 --vm a", ArgsError::SameDescriptor),
            ("--listen-fd 3 --control-fd 4 --point-fd 4 --vm a", ArgsError::SameDescriptor),
        ] {
            assert_eq!(parse(line), Err(expected), "{line}");
        }
    }
}
