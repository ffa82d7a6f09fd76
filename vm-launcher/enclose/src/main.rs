// SPDX-License-Identifier: GPL-3.0-or-later
//! Starts a program that is not ours inside walls. In: `--role NAME`, `--parent PID`, `--at PLACE PATH` as often as
//! needed, then `--` and the program with its arguments. Out: that program in the place of this one, or one line that
//! says why not.

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

const USAGE: &str =
    "usage: cofferdam-enclose --role NAME --parent PID [--at PLACE PATH]… -- PROGRAM [ARGUMENT]…";

/// Comes back only with the reason why the program was not started.
fn run(mut words: impl Iterator<Item = OsString>) -> String {
    let (mut enclosure, mut role) = (Enclosure::default(), None);
    loop {
        let (Some(option), Some(value)) = (words.next(), words.next()) else { return USAGE.to_owned() };
        match option.to_str() {
            Some("--role") => role = value.into_string().ok(),
            Some("--parent") => enclosure.parent = value.to_str().and_then(|pid| pid.parse().ok()),
            Some("--at") => match (value.into_string(), words.next()) {
                (Ok(place), Some(path)) => enclosure.places.push((place, path.into())),
                _ => return USAGE.to_owned(),
            },
            Some("--") => {
                // Without a parent that it dies with, nobody would end it.
                let (Some(role), Some(_)) = (role, enclosure.parent) else { return USAGE.to_owned() };
                return start(&role, &enclosure, value, words);
            }
            _ => return format!("unknown option {}; {USAGE}", option.display()),
        }
    }
}

fn start(
    role: &str,
    enclosure: &Enclosure,
    program: OsString,
    arguments: impl Iterator<Item = OsString>,
) -> String {
    if let Err(error) = enclose(role, enclosure) {
        return error.to_string();
    }
    let error = Command::new(&program).args(arguments).exec();
    format!("{}: {error}", program.display())
}
