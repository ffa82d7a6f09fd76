// SPDX-License-Identifier: GPL-3.0-or-later
//! The command line of a device.
//!
//! In: words from the shepherd. Out: [`Args`] and what the device reads of its own, or what is wrong with them.
//! Everything else a device needs comes through the descriptors that they name.

use cofferdam_ids::VmId;
use std::os::fd::RawFd;

/// What the shepherd says to every device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Args {
    /// A listening socket for the machine.
    pub listen: RawFd,
    /// The shepherd's socket; its end is ours.
    pub control: RawFd,
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

/// The options that one device has beside those of all.
pub trait Options {
    /// Reads one; false if there is none of this name.
    ///
    /// # Errors
    /// [`ArgsError::Value`].
    fn option(&mut self, _name: &str, _value: Option<&str>) -> Result<bool, ArgsError> {
        Ok(false)
    }

    /// The descriptors among them, once all are read.
    ///
    /// # Errors
    /// [`ArgsError::Missing`] if one is not there.
    fn descriptors(&self) -> Result<Vec<RawFd>, ArgsError> {
        Ok(Vec::new())
    }
}

impl Args {
    /// Reads the words after the program's name.
    ///
    /// # Errors
    /// [`ArgsError`].
    pub fn parse(words: impl IntoIterator<Item = String>, own: &mut impl Options) -> Result<Self, ArgsError> {
        let (mut listen, mut control, mut vm) = (None, None, None);
        let (mut uid, mut parent) = (None, None);
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            let value = words.next();
            let value = value.as_deref();
            match word.as_str() {
                "--listen-fd" => listen = Some(descriptor("--listen-fd", value)?),
                "--control-fd" => control = Some(descriptor("--control-fd", value)?),
                "--vm" => vm = Some(read("--vm", "the VM's name", value)?),
                "--uid" => uid = Some(read("--uid", "a number", value)?),
                "--parent" => parent = Some(read("--parent", "a number", value)?),
                name if own.option(name, value)? => {}
                _ => return Err(ArgsError::Unknown(word)),
            }
        }
        let args = Self {
            listen: listen.ok_or(ArgsError::Missing("--listen-fd"))?,
            control: control.ok_or(ArgsError::Missing("--control-fd"))?,
            vm: vm.ok_or(ArgsError::Missing("--vm"))?,
            uid,
            parent,
        };
        let mut all = own.descriptors()?;
        all.extend([args.listen, args.control]);
        all.sort_unstable();
        let same = all.windows(2).any(|pair| matches!(pair, [a, b] if a == b));
        if same { Err(ArgsError::SameDescriptor) } else { Ok(args) }
    }
}

/// The value of an option.
///
/// # Errors
/// [`ArgsError::Value`] if it is missing or not `what`.
pub fn read<T: std::str::FromStr>(
    option: &'static str,
    what: &'static str,
    value: Option<&str>,
) -> Result<T, ArgsError> {
    value.and_then(|value| value.parse().ok()).ok_or(ArgsError::Value(option, what))
}

/// The value of an option that names a descriptor.
///
/// # Errors
/// [`ArgsError::Value`] if it is missing, or no number that can be one.
pub fn descriptor(option: &'static str, value: Option<&str>) -> Result<RawFd, ArgsError> {
    let fd = value.and_then(|value| value.parse().ok()).filter(|fd| *fd > 2);
    fd.ok_or(ArgsError::Value(option, "a descriptor above 2"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Wheels(Option<u32>, Option<RawFd>);

    impl Options for Wheels {
        fn option(&mut self, name: &str, value: Option<&str>) -> Result<bool, ArgsError> {
            match name {
                "--wheels" => self.0 = Some(read("--wheels", "a number", value)?),
                "--road-fd" => self.1 = Some(descriptor("--road-fd", value)?),
                _ => return Ok(false),
            }
            Ok(true)
        }

        fn descriptors(&self) -> Result<Vec<RawFd>, ArgsError> {
            Ok(vec![self.1.ok_or(ArgsError::Missing("--road-fd"))?])
        }
    }

    fn parse(line: &str) -> Result<(Args, Option<u32>), ArgsError> {
        let mut own = Wheels::default();
        let args = Args::parse(line.split_whitespace().map(str::to_owned), &mut own)?;
        Ok((args, own.0))
    }

    #[test]
    fn command_lines() {
        let good = "--listen-fd 3 --control-fd 4 --road-fd 5 --vm foot";
        let (args, wheels) = parse(good).unwrap();
        assert_eq!((args.listen, args.control, args.uid, args.parent, wheels), (3, 4, None, None, None));
        let (args, wheels) = parse(&format!("{good} --uid 7 --parent 9 --wheels 4")).unwrap();
        assert_eq!((args.uid, args.parent, wheels), (Some(7), Some(9), Some(4)));
        for (line, expected) in [
            ("--listen-fd 3 --road-fd 5", ArgsError::Missing("--control-fd")),
            ("--listen-fd 3 --control-fd 4 --vm a", ArgsError::Missing("--road-fd")),
            ("--listen-fd 2", ArgsError::Value("--listen-fd", "a descriptor above 2")),
            ("--listen-fd", ArgsError::Value("--listen-fd", "a descriptor above 2")),
            ("--wheels x", ArgsError::Value("--wheels", "a number")),
            ("--vm ../x", ArgsError::Value("--vm", "the VM's name")),
            ("--fly 1", ArgsError::Unknown("--fly".into())),
            ("--listen-fd 3 --control-fd 3 --road-fd 5 --vm a", ArgsError::SameDescriptor),
            ("--listen-fd 3 --control-fd 4 --road-fd 4 --vm a", ArgsError::SameDescriptor),
        ] {
            assert_eq!(parse(line).map(|_| ()), Err(expected), "{line}");
        }
    }
}
