// SPDX-License-Identifier: GPL-3.0-or-later
//! Starts an emulator inside walls. In: `--parent PID`, `--read PATH` and `--write PATH` as often as needed,
//! then `--` and the program with its arguments. Out: that program in the place of this one, or one line
//! that says why not.

#![expect(clippy::disallowed_types, reason = "becomes the machine")]

mod enclose;

use enclose::{Enclosure, enclose};
use std::ffi::OsString;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};

#[expect(clippy::disallowed_methods, reason = "the program's last word")]
fn main() -> ExitCode {
    let why = run(std::env::args_os().skip(1));
    // There is nobody left to tell if stderr is gone too.
    let _ = writeln!(std::io::stderr(), "cofferdam-enclose: {why}");
    ExitCode::FAILURE
}

/// Comes back only with the reason why the program was not started.
fn run(mut words: impl Iterator<Item = OsString>) -> String {
    let (mut enclosure, mut parent) = (Enclosure::default(), None);
    loop {
        let (Some(option), Some(value)) = (words.next(), words.next()) else {
            return "usage: cofferdam-enclose --parent PID [--read PATH] [--write PATH] -- PROGRAM"
                .to_owned();
        };
        match option.to_str() {
            Some("--parent") => parent = value.to_str().and_then(|pid| pid.parse().ok()),
            Some("--read") => enclosure.read.push(value.into()),
            Some("--write") => enclosure.write.push(value.into()),
            Some("--") => {
                let Some(parent) = parent else { return "--parent PID is missing".to_owned() };
                return start(&enclosure, parent, value, words);
            }
            _ => return format!("unknown option {}", option.display()),
        }
    }
}

fn start(
    enclosure: &Enclosure,
    parent: u32,
    program: OsString,
    arguments: impl Iterator<Item = OsString>,
) -> String {
    if let Err(error) = enclose(enclosure, parent) {
        return error.to_string();
    }
    let error = Command::new(&program).args(arguments).exec();
    format!("{}: {error}", program.display())
}
