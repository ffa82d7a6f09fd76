// SPDX-License-Identifier: GPL-3.0-or-later
//! In: a program of ours, and where it may read and write. Out: what it printed, or why it failed. It runs behind
//! a wall, because what it reads may come from a package that went bad: that must not get further than its own
//! layer. It has a deadline, and neither what it prints nor what it writes goes on without end.

#![expect(clippy::disallowed_types, reason = "what is run behind walls")]
#![expect(
    clippy::disallowed_methods,
    reason = "the thread that goes behind walls never comes back, and a tool has a deadline"
)]

use crate::error::{At, Error, Result};
use cofferdam_jail::Wall;
use cofferdam_jail::roles::IMAGE_TOOL;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Resource, Rlimit, pidfd_open, prlimit};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

/// Most bytes of what a program prints, and of a file that it writes.
const MAX_OUTPUT: u64 = 4 << 20;
const MAX_FILE: u64 = 8 << 30;

/// Longest that a program computes, and takes, in seconds. The base's layer is packed in twenty.
const MAX_COMPUTING: u64 = 900;
const DEADLINE: i64 = 1800;

/// What a program may reach.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room<'r> {
    /// The tree that it and its libraries come from; nothing else is executed, and nothing in it written.
    pub(crate) programs: &'r Path,
    /// What it may read.
    pub(crate) read: &'r [&'r Path],
    /// What it may read and write.
    pub(crate) write: &'r [&'r Path],
}

/// Runs `command` to its end; what it printed.
pub(crate) fn run(room: Room<'_>, mut command: Command, program: &str) -> Result<String> {
    let [out, err] = [tempfile::tempfile(), tempfile::tempfile()].map(|file| file.at(std::env::temp_dir()));
    let (mut out, mut err) = (out?, err?);
    let handle = |file: &File| file.try_clone().at(program);
    command.stdin(Stdio::null()).stdout(handle(&out)?).stderr(handle(&err)?);
    let status = wait(start(room, command, program)?, program)?;
    if status.success() {
        return printed(&mut out, program);
    }
    let text = printed(&mut err, program)?;
    if text.contains("No space left") {
        return Err(Error::disk_full(room.write.first().unwrap_or(&room.programs)));
    }
    let line = text.lines().rev().find(|l| !l.trim().is_empty());
    Err(Error::tool(program, line.map_or_else(|| status.to_string(), str::to_owned)))
}

/// Walls hold for a thread and what it starts, so a thread of its own puts them up.
fn start(room: Room<'_>, mut command: Command, program: &str) -> Result<Child> {
    let start = || {
        let wall = Wall::of(&IMAGE_TOOL).at("programs", room.programs);
        let wall = room.read.iter().fold(wall, |wall, path| wall.at("data", path));
        let wall = room.write.iter().fold(wall, |wall, path| wall.at("results", path));
        wall.enter_on_this_thread().map_err(|e| Error::tool(program, e.to_string()))?;
        command.spawn().at(program)
    };
    let ended = std::thread::scope(|scope| scope.spawn(start).join());
    ended.unwrap_or_else(|_| Err(Error::tool(program, "its thread ended early")))
}

fn wait(mut child: Child, program: &str) -> Result<ExitStatus> {
    let bounded = || -> std::io::Result<bool> {
        let pid = Pid::from_child(&child);
        let limit = |most: u64| Rlimit { current: Some(most), maximum: Some(most) };
        // What has ended already takes no limits.
        let _ = prlimit(Some(pid), Resource::Cpu, limit(MAX_COMPUTING));
        let _ = prlimit(Some(pid), Resource::Fsize, limit(MAX_FILE));
        let ended = pidfd_open(pid, PidfdFlags::empty())?;
        let deadline = Timespec { tv_sec: DEADLINE, tv_nsec: 0 };
        loop {
            match poll(&mut [PollFd::new(&ended, PollFlags::IN)], Some(&deadline)) {
                Err(rustix::io::Errno::INTR) => {}
                other => return Ok(other? > 0),
            }
        }
    };
    let in_time = bounded();
    if !matches!(in_time, Ok(true)) {
        // It may just have ended.
        let _ = child.kill();
    }
    let status = child.wait().at(program)?;
    if in_time.at(program)? { Ok(status) } else { Err(Error::tool(program, "it did not end in time")) }
}

fn printed(file: &mut File, program: &str) -> Result<String> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0)).at(program)?;
    file.take(MAX_OUTPUT + 1).read_to_end(&mut bytes).at(program)?;
    if bytes.len() as u64 > MAX_OUTPUT {
        return Err(Error::TooLarge(format!("the output of {program}")));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// A language of this machine stands for a tool; it may run all that this machine has.
    fn perl(script: &str, words: &[&Path], write: &[&Path]) -> Result<String> {
        let mut command = Command::new("/usr/bin/perl");
        command.args(["-MSocket", "-e", script]).args(words);
        run(Room { programs: Path::new("/"), read: &[], write }, command, "perl")
    }

    #[test]
    fn neither_words_nor_files_without_end() {
        let error = perl("print 'y' x 5000000", &[], &[]).unwrap_err();
        assert!(matches!(error, Error::TooLarge(_)), "{error}");
        let error = perl("print STDERR \"first\\nlast\\n\"; exit 3", &[], &[]).unwrap_err();
        assert!(error.to_string().ends_with("last"), "{error}");
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("f");
        std::fs::write(&file, "").unwrap();
        // The limit comes right after the start; the signal that says so ends it.
        let script = format!("open(F, '+<', $ARGV[0]); 1 while truncate F, {}", MAX_FILE + 1);
        let error = perl(&script, &[&file], &[dir.path()]).unwrap_err();
        assert!(error.to_string().contains("signal"), "{error}");
    }

    #[test]
    fn no_connection_and_no_other_process() {
        let me = std::process::id();
        assert_eq!(perl(&format!("print kill(0, {me}) + 0"), &[], &[]).unwrap(), "0");
        assert_eq!(perl("print socket(S, AF_UNIX, SOCK_STREAM, 0) ? 1 : 0", &[], &[]).unwrap(), "0");
    }

    #[test]
    fn nothing_is_written_elsewhere() {
        let dir = tempfile::tempdir().unwrap();
        let [ours, other] = ["ours", "other"].map(|name| dir.path().join(name));
        for path in [&ours, &other] {
            std::fs::create_dir(path).unwrap();
            std::fs::write(path.join("old"), "before").unwrap();
        }
        let script = "for (@ARGV) { for (\"$_/old\", \"$_/new\") { open(F, '>', $_) and print F 'after' } }";
        perl(script, &[&ours, &other], &[&ours]).unwrap();
        let read = |path: &Path| ["old", "new"].map(|name| std::fs::read_to_string(path.join(name)).ok());
        assert_eq!(read(&ours), [Some("after".into()), Some("after".into())]);
        assert_eq!(read(&other), [Some("before".into()), None]);
    }

    #[test]
    fn nothing_outside_the_tree_runs() {
        let dir = tempfile::tempdir().unwrap();
        let room = Room { programs: dir.path(), read: &[Path::new("/")], write: &[] };
        assert!(run(room, Command::new("/bin/true"), "true").is_err());
    }
}
