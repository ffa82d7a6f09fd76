// SPDX-License-Identifier: GPL-3.0-or-later
//! A guest program that attacks the desktop. In: the name of an attack. Out: one line that says how it
//! ended, and exit code 0 if it ended as it should.
//!
//! `cofferdam-hostile --list` prints the table that the system test goes through: way, name, end,
//! whether a fault must be counted, and whether it shows something that stays on the screen.

#![forbid(unsafe_code)]

mod attack;
mod client;
mod device;
mod transport;
mod wayland;

use attack::{Attack, Deed, Seen};
use std::process::ExitCode;
use transport::say;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["--list"] => {
            attack::all().iter().for_each(list);
            ExitCode::SUCCESS
        }
        [way, name] => match attack::all().into_iter().find(|a| a.way.name() == *way && a.name == *name) {
            Some(attack) => run(&attack),
            None => usage(),
        },
        _ => usage(),
    }
}

fn usage() -> ExitCode {
    say("usage: cofferdam-hostile --list | app|raw|device ATTACK");
    ExitCode::from(2)
}

fn list(attack: &Attack) {
    let fault = if attack.fault { "fault" } else { "lawful" };
    let stays = match attack.deed {
        Deed::Picture(_) => "picture",
        Deed::Hold(_) => "holds",
        Deed::Wayland(_) | Deed::Device(_) => "-",
    };
    say(&format!("{} {} {} {fault} {stays}", attack.way.name(), attack.name, attack.end.name()));
}

fn run(attack: &Attack) -> ExitCode {
    match attack.run() {
        Ok(seen) => {
            say(&format!("{} {}: {}", attack.way.name(), attack.name, seen.name()));
            // Who was closed is not served either.
            let fits = seen == attack.end || (attack.end, seen) == (Seen::Blocked, Seen::Closed);
            if fits { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(e) => {
            say(&format!("{} {}: {e}", attack.way.name(), attack.name));
            ExitCode::FAILURE
        }
    }
}
