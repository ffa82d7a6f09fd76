// SPDX-License-Identifier: GPL-3.0-or-later
//! Ledgers of processes that are killed, and of full disks.
//!
//! In: this program again as a child, killed with SIGKILL before and after each system call that changes
//! a file, or by the kernel in the middle of a write; or on a disk without room. Out: a ledger that has
//! everything the child was told is recorded, in whole batches, and works.

#![expect(clippy::disallowed_types, reason = "each writer is a process of its own")]
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test, with a main of its own

mod sys;
mod worker;

use cofferdam_ledger::Ledger;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use sys::{Stop, Watched};
use worker::{Disk, Event, PLAN};

/// Calls that change what is on the disk.
const CHANGES: [libc::c_long; 13] = [
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_pwrite64,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_ftruncate,
    libc::SYS_openat,
    libc::SYS_rename,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_unlink,
    libc::SYS_unlinkat,
    libc::SYS_mkdir,
];

/// A test; it says how it was done.
type Test = fn() -> String;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["worker", "plan", dir] => return worker::plan(Path::new(dir), None),
        ["worker", "plan", dir, limit] => return worker::plan(Path::new(dir), Some(limit.parse().unwrap())),
        ["worker", "fill-disk", dir] => return worker::fill(Path::new(dir), &Disk::Ballast),
        ["worker", "fill-limit", dir] => return worker::fill(Path::new(dir), &Disk::Limit),
        _ => {}
    }
    // The names that `cargo test NAME` chooses from.
    let wanted = |name: &str| {
        let mut filters = words.iter().filter(|w| !w.starts_with('-')).peekable();
        filters.peek().is_none() || filters.any(|f| name.contains(f))
    };
    let tests: [(&str, Test); 4] = [
        ("killed_at_every_call", killed_at_every_call),
        ("killed_in_the_middle_of_a_write", killed_in_the_middle_of_a_write),
        ("full_file", full_file),
        ("full_disk", full_disk),
    ];
    if words.contains(&"--list") {
        tests.iter().for_each(|(name, _)| println!("{name}: test"));
        return;
    }
    for (name, test) in tests.into_iter().filter(|(name, _)| wanted(name)) {
        let said = test();
        println!("test {name} ... ok ({said})");
    }
}

fn child(args: &[&str]) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .arg("worker")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn go(child: &mut Child) {
    child.stdin.as_mut().unwrap().write_all(b"!").unwrap();
}

/// The number of the last step that was acknowledged.
fn acknowledged(child: &mut Child) -> usize {
    let mut said = String::new();
    child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    // The last line may be half a line.
    let whole = said.rfind('\n').map_or("", |end| &said[..end]);
    whole.lines().last().map_or(0, |n| n.parse().unwrap())
}

/// Looks at what a killed worker left: everything that was acknowledged, and at most one step more.
fn check(dir: &Path, steps: usize, what: &str) {
    let (mut ledger, entries, report) = Ledger::<Event>::open(dir).unwrap();
    assert_eq!(report.damage, None, "{what}");
    let known = [steps, (steps + 1).min(PLAN.len())].map(worker::after);
    assert!(known.contains(&entries), "{what}: after step {steps} of {PLAN:?}: {entries:?}");
    let seq = ledger.append(99, &worker::batch(99, 2)).unwrap();
    assert!(entries.last().is_none_or(|e| e.seq < seq), "{what}");
    drop(ledger);
    let (_, again, report) = Ledger::<Event>::open(dir).unwrap();
    assert_eq!((report.torn, again.len()), (0, entries.len() + 2), "{what}");
    assert_eq!(again[..entries.len()], entries, "{what}");
    assert!(!dir.join("ledger.new").exists(), "{what}");
}

/// Kills a worker at its `point`-th stop. None if it ended before that.
fn kill_at(dir: &Path, point: usize) -> Option<usize> {
    let mut worker = child(&["plan", dir.to_str().unwrap()]);
    let pid = Pid::from_child(&worker);
    let watched = Watched::seize(pid).unwrap();
    go(&mut worker);
    let (mut seen, mut of_interest) = (0, false);
    loop {
        match watched.next().unwrap() {
            Stop::Enter(nr) => of_interest = CHANGES.iter().any(|c| u64::try_from(*c) == Ok(nr)),
            Stop::Leave => {}
            Stop::Ended(status) => {
                let steps = acknowledged(&mut worker);
                assert_eq!((status.exit_status(), steps), (Some(0), PLAN.len()));
                return None;
            }
        }
        seen += usize::from(of_interest);
        if seen == point {
            kill_process(pid, Signal::KILL).unwrap();
            // Stops that were on their way come first.
            while !matches!(watched.next(), Ok(Stop::Ended(_)) | Err(_)) {}
            return Some(acknowledged(&mut worker));
        }
        watched.go_on().unwrap();
    }
}

fn killed_at_every_call() -> String {
    let mut point = 1;
    loop {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("ledger");
        let Some(steps) = kill_at(&place, point) else { break };
        check(&place, steps, &format!("killed at point {point}"));
        point += 1;
    }
    // Each step writes, makes it durable and says so; each of these has a begin and an end.
    assert!(point > PLAN.len() * 6, "only {point} points");
    format!("{} points", point - 1)
}

fn killed_in_the_middle_of_a_write() -> String {
    let mut kills = 0;
    for limit in (0..2400_u64).step_by(23) {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("ledger");
        let mut worker = child(&["plan", place.to_str().unwrap(), &limit.to_string()]);
        go(&mut worker);
        let steps = acknowledged(&mut worker);
        let status = worker.wait().unwrap();
        match status.signal() {
            Some(signal) => assert_eq!(signal, libc::SIGXFSZ, "limit {limit}"),
            None => assert!(status.success(), "limit {limit}: {status}"),
        }
        kills += usize::from(status.signal().is_some());
        check(&place, steps, &format!("killed at byte {limit}"));
    }
    assert!(kills > 40, "only {kills} were killed");
    format!("{kills} kills")
}

fn run(mut command: Command, args: &[&str]) {
    let status = command.args(args).status().unwrap();
    assert!(status.success(), "{command:?}: {status}");
}

/// A limit on files that is reached, for everybody.
fn full_file() -> String {
    let dir = tempfile::tempdir().unwrap();
    let exe = std::env::current_exe().unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"]).arg(exe);
    run(shell, &["worker", "fill-limit", dir.path().to_str().unwrap()]);
    "RLIMIT_FSIZE".to_owned()
}

/// A small file system without room, in a mount namespace of its own.
fn full_disk() -> String {
    let dir = tempfile::tempdir().unwrap();
    let exe = std::env::current_exe().unwrap();
    let root = rustix::process::geteuid().is_root();
    let how = if root { "--mount" } else { "--map-root-user" };
    let mut shell = Command::new("unshare");
    let mount = "mount -t tmpfs -o size=128k none \"$3\" && exec \"$0\" \"$@\"";
    shell.args([how, "--mount", "sh", "-c", mount]).arg(exe);
    run(shell, &["worker", "fill-disk", dir.path().to_str().unwrap()]);
    format!("tmpfs, {}", if root { "as root" } else { "in a user namespace" })
}
