// SPDX-License-Identifier: GPL-3.0-or-later
//! What strace wrote down. In: its lines, with numbers for calls and raw arguments. Out: one [`Call`] after another,
//! each with the process and the program that made it.

use cofferdam_jail::{Role, roles};
use std::collections::HashMap;

/// The program that a process runs, and whether its own wall stands.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Inmate {
    /// Its role; none for programs that are not of a desktop.
    pub(crate) role: Option<&'static Role>,
    /// It has put up its wall.
    pub(crate) walled: bool,
}

/// One system call.
#[derive(Debug)]
pub(crate) struct Call {
    /// Who made it.
    pub(crate) inmate: Inmate,
    /// Number of the call.
    pub(crate) number: i64,
    /// Its arguments.
    pub(crate) args: [u64; 6],
    /// The line, for people.
    pub(crate) line: String,
    /// What came of it, as strace says it; nothing if it did not come back.
    pub(crate) result: String,
    /// The thread or process that it made.
    pub(crate) made: Option<u32>,
}

#[derive(Debug, Default)]
struct Thread {
    process: u32,
    /// A call that has not come back.
    open: Option<(i64, String)>,
}

/// All threads and processes that were seen.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    threads: HashMap<u32, Thread>,
    inmates: HashMap<u32, Inmate>,
    /// Lines of threads that nobody is known to have made yet: they ran before their maker did again.
    early: HashMap<u32, Vec<String>>,
}

/// Whose wall a program stands behind.
fn role_of(line: &str) -> Option<&'static Role> {
    let program = line.split('"').nth(1).unwrap_or_default();
    Some(match program.rsplit('/').next()? {
        "coffer" if line.contains("\"desktop\"") => &roles::DESKTOP,
        "cofferdam-compositor" => &roles::COMPOSITOR,
        "cofferdam-monitord" => &roles::MONITORD,
        "cofferdam-panel" => &roles::PANEL,
        "cofferdam-launcherd" => &roles::LAUNCHERD,
        "cofferdam-kvm-probe" | "mke2fs" => &roles::VOLUME,
        "cofferdam-shepherd" => &roles::SHEPHERD,
        "cofferdam-gpu" => &roles::GPU,
        "cofferdam-net" => &roles::NET,
        "cofferdam-rng" => &roles::RNG,
        "cofferdam-enclose" if line.contains("\"bus\"") => &roles::BUS,
        "cofferdam-enclose" => &roles::MACHINE,
        _ => return None,
    })
}

/// The first six words between the brackets of a call.
fn arguments(text: &str) -> [u64; 6] {
    let mut args = [0; 6];
    for (place, word) in args.iter_mut().zip(text.split(", ")) {
        let word = word.trim();
        *place = match word.strip_prefix("0x") {
            Some(hex) => u64::from_str_radix(hex, 16).unwrap_or_default(),
            None => word.parse().unwrap_or_default(),
        };
    }
    args
}

/// The flags of `clone` by their names, as far as rules look at them.
fn clone_flags(text: &str) -> u64 {
    let named = [
        ("CLONE_VM", libc::CLONE_VM),
        ("CLONE_THREAD", libc::CLONE_THREAD),
        ("CLONE_SIGHAND", libc::CLONE_SIGHAND),
        ("CLONE_NEWNS", libc::CLONE_NEWNS),
        ("CLONE_NEWUSER", libc::CLONE_NEWUSER),
        ("CLONE_NEWPID", libc::CLONE_NEWPID),
        ("CLONE_NEWNET", libc::CLONE_NEWNET),
    ];
    let has = |name: &str| text.split(|c: char| !c.is_ascii_uppercase() && c != '_').any(|word| word == name);
    named
        .into_iter()
        .filter(|(name, _)| has(name))
        .fold(0, |flags, (_, bit)| flags | u64::from(bit.cast_unsigned()))
}

impl Trace {
    /// Reads one line; gives back the calls that are known with it.
    pub(crate) fn line(&mut self, line: &str) -> Vec<Call> {
        let Some(thread) = line.split(' ').next().and_then(|word| word.parse().ok()) else {
            return Vec::new();
        };
        if self.threads.is_empty() {
            // The first of all.
            self.threads.insert(thread, Thread { process: thread, open: None });
        }
        if !self.threads.contains_key(&thread) {
            self.early.entry(thread).or_default().push(line.to_owned());
            return Vec::new();
        }
        let mut calls: Vec<Call> = self.known(thread, line).into_iter().collect();
        // Whoever it made may have been heard already.
        let made = calls.last().and_then(|call| call.made).and_then(|new| self.early.remove(&new));
        for line in made.into_iter().flatten() {
            calls.extend(self.line(&line));
        }
        calls
    }

    fn known(&mut self, thread: u32, line: &str) -> Option<Call> {
        let rest = line.split_once(' ')?.1.trim_start();
        let state = self.threads.get_mut(&thread)?;
        let Some(rest) = rest.strip_prefix('[') else {
            // A signal, or an end: what was open never comes back.
            let (number, text) = state.open.take()?;
            return Some(self.call(thread, number, text, String::new()));
        };
        let (number, text) = rest.split_once(']')?;
        let number: i64 = number.trim().parse().ok()?;
        let text = text.trim_start();
        if let Some(begun) = text.strip_suffix(" <unfinished ...>") {
            state.open = Some((number, begun.to_owned()));
            return None;
        }
        let (begun, result) = match text.strip_prefix("<... ") {
            Some(resumed) => (state.open.take()?.1, resumed.rsplit_once(" = ")?.1),
            None => {
                let (begun, result) = text.rsplit_once(" = ")?;
                (begun.trim_end().to_owned(), result)
            }
        };
        Some(self.call(thread, number, begun, result.to_owned()))
    }

    fn call(&mut self, thread: u32, number: i64, line: String, result: String) -> Call {
        let process = self.threads.get(&thread).map_or(thread, |thread| thread.process);
        let inside = line.split_once('(').map_or("", |(_, inside)| inside.trim_end_matches(')'));
        let mut args = arguments(inside);
        let worked = !result.starts_with('-') && !result.is_empty() && !result.starts_with('?');
        let inmate = self.inmates.get(&process).copied().unwrap_or_default();
        let mut made = None;
        match number {
            libc::SYS_clone | libc::SYS_clone3 | libc::SYS_vfork | libc::SYS_fork => {
                args[0] = clone_flags(&line);
                made = number_of(&result).filter(|_| worked);
                if let Some(new) = made {
                    let process = if line.contains("CLONE_THREAD") { process } else { new };
                    self.threads.insert(new, Thread { process, open: None });
                    self.inmates.insert(process, inmate);
                }
            }
            libc::SYS_execve if worked => {
                let role = role_of(&line);
                let is = |role: Option<&Role>, name| role.is_some_and(|role| role.name == name);
                // What an enclosure becomes stays in its walls; what makes volumes has only its parent's.
                let enclosed = [&roles::MACHINE, &roles::BUS].iter().any(|role| is(inmate.role, role.name));
                if !(inmate.walled && enclosed) {
                    let walled = inmate.walled && is(role, roles::VOLUME.name);
                    self.inmates.insert(process, Inmate { role, walled });
                }
            }
            libc::SYS_seccomp if worked && args[0] == u64::from(libc::SECCOMP_SET_MODE_FILTER) => {
                self.inmates.entry(process).or_default().walled = true;
            }
            _ => {}
        }
        Call { inmate, number, args, line, result, made }
    }
}

fn number_of(result: &str) -> Option<u32> {
    match result.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => result.parse().ok(),
    }
}
