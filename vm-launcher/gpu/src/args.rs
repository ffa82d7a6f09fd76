// SPDX-License-Identifier: GPL-3.0-or-later
//! The command line of `cofferdam-gpu`.
//!
//! In: words from the shepherd. Out: [`Args`], or what is wrong with them. Everything else the device needs
//! comes through the descriptors that they name.

use cofferdam_ids::VmId;
use std::os::fd::RawFd;

/// Bytes in a mebibyte.
const MIB: u64 = 1024 * 1024;
/// Largest arena: offsets in it are `int32`s on the Wayland wire.
const MAX_ARENA_MIB: u64 = 1024;

/// What the shepherd says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Args {
    /// A listening socket for the machine.
    pub listen: RawFd,
    /// The VM channel into the compositor.
    pub channel: RawFd,
    /// The report socket.
    pub report: RawFd,
    /// Bytes of the arena.
    pub arena: u64,
    /// The VM, for the log.
    pub vm: VmId,
    /// The VM's own user, if the shepherd is root.
    pub uid: Option<u32>,
    /// The shepherd's process id.
    pub parent: Option<u32>,
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
        let (mut listen, mut channel, mut report, mut arena) = (None, None, None, None);
        let (mut vm, mut uid, mut parent) = (None, None, None);
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            let value = words.next();
            let value = value.as_deref();
            match word.as_str() {
                "--listen-fd" => listen = Some(descriptor("--listen-fd", value)?),
                "--channel-fd" => channel = Some(descriptor("--channel-fd", value)?),
                "--report-fd" => report = Some(descriptor("--report-fd", value)?),
                "--arena-mib" => arena = Some(arena_bytes(value)?),
                "--vm" => {
                    let name = value.and_then(|name| name.parse().ok());
                    vm = Some(name.ok_or(ArgsError::Value("--vm", "the VM's name"))?);
                }
                "--uid" => uid = Some(number("--uid", value)?),
                "--parent" => parent = Some(number("--parent", value)?),
                _ => return Err(ArgsError::Unknown(word)),
            }
        }
        let args = Self {
            listen: listen.ok_or(ArgsError::Missing("--listen-fd"))?,
            channel: channel.ok_or(ArgsError::Missing("--channel-fd"))?,
            report: report.ok_or(ArgsError::Missing("--report-fd"))?,
            arena: arena.ok_or(ArgsError::Missing("--arena-mib"))?,
            vm: vm.ok_or(ArgsError::Missing("--vm"))?,
            uid,
            parent,
        };
        let same = args.listen == args.channel || args.listen == args.report || args.channel == args.report;
        if same { Err(ArgsError::SameDescriptor) } else { Ok(args) }
    }
}

fn number(option: &'static str, value: Option<&str>) -> Result<u32, ArgsError> {
    value.and_then(|value| value.parse().ok()).ok_or(ArgsError::Value(option, "a number"))
}

fn descriptor(option: &'static str, value: Option<&str>) -> Result<RawFd, ArgsError> {
    let fd = value.and_then(|value| value.parse().ok()).filter(|fd| *fd > 2);
    fd.ok_or(ArgsError::Value(option, "a descriptor above 2"))
}

fn arena_bytes(value: Option<&str>) -> Result<u64, ArgsError> {
    let mib = value.and_then(|value| value.parse().ok()).filter(|mib| (1..=MAX_ARENA_MIB).contains(mib));
    let mib: u64 = mib.ok_or(ArgsError::Value("--arena-mib", "a number from 1 to 1024"))?;
    Ok(mib.saturating_mul(MIB))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Args, ArgsError> {
        Args::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn command_lines() {
        let good = "--listen-fd 3 --channel-fd 4 --report-fd 5 --arena-mib 256 --vm foot";
        let args = parse(good).unwrap();
        assert_eq!((args.listen, args.channel, args.report, args.arena), (3, 4, 5, 256 << 20));
        assert_eq!(parse(&format!("{good} --uid 7 --parent 9")).unwrap().uid, Some(7));
        for (line, expected) in [
            ("--listen-fd 3", ArgsError::Missing("--channel-fd")),
            ("--listen-fd 2", ArgsError::Value("--listen-fd", "a descriptor above 2")),
            ("--listen-fd", ArgsError::Value("--listen-fd", "a descriptor above 2")),
            ("--arena-mib 2048", ArgsError::Value("--arena-mib", "a number from 1 to 1024")),
            ("--vm ../x", ArgsError::Value("--vm", "the VM's name")),
            ("--fly 1", ArgsError::Unknown("--fly".into())),
            ("--listen-fd 3 --channel-fd 3 --report-fd 5 --arena-mib 1 --vm a", ArgsError::SameDescriptor),
        ] {
            assert_eq!(parse(line), Err(expected), "{line}");
        }
    }
}
