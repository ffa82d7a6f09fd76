// SPDX-License-Identifier: GPL-3.0-or-later
//! The jail as a prisoner meets it: every case is a child process that enters and tries one thing.
//!
//! In: the table in [`CASES`], run with Landlock and without it. Out: how each child ended.

#![expect(clippy::disallowed_types, reason = "each case is a process of its own")]

use cofferdam_jail::roles::common::{RUNTIME, STARTUP, THREAD_BEGIN};
use cofferdam_jail::{Answer, Landlock, Limits, Need, Role, Rule, Stage, Table, Wall, tighten_to};
use rustix::thread::CapabilitySet;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode, ExitStatus};

/// How a child may end.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// It did what it tried and nothing was refused.
    Free,
    /// The filter killed it.
    Killed,
    /// It lived, and what it tried failed.
    Refused,
}

/// What a child tries, with the end that is wanted.
type Case = (&'static str, fn() -> bool, End);

/// A small program of ours; what tests do and it does not is to ask for its parent.
static PRISONER: Role = Role {
    name: "prisoner",
    what: "a case of this test",
    answer: Answer::Kill,
    before: &[],
    stages: &[
        Stage { name: "start", tables: &[&[RUNTIME, THREAD_BEGIN, STARTUP, ASKS]], starts: &[] },
        Stage { name: "serving", tables: &[&[RUNTIME, THREAD_BEGIN]], starts: &[] },
    ],
    places: &[],
    connects: false,
    landlock: Need::Wanted,
    powers: CapabilitySet::empty(),
};
const ASKS: Table = Table::new("asks", &[Rule::any(libc::SYS_getppid, "the case asks whom to kill")]);

const CASES: &[Case] = &[
    ("memory-and-threads", memory_and_threads, End::Free),
    ("memory-given-back", memory_given_back, End::Free),
    ("inherited-descriptor", inherited_descriptor, End::Free),
    ("open-a-file", || std::fs::File::open("/etc/passwd").is_ok(), End::Refused),
    ("read-a-directory", || std::fs::read_dir("/").is_ok(), End::Refused),
    ("write-a-file", || std::fs::write("/tmp/cofferdam-jail-escape", b"x").is_ok(), End::Refused),
    ("unix-connect", || std::os::unix::net::UnixStream::connect("/run/x").is_ok(), End::Killed),
    ("tcp-connect", || std::net::TcpStream::connect("127.0.0.1:9").is_ok(), End::Killed),
    ("tcp-listen", || std::net::TcpListener::bind("127.0.0.1:0").is_ok(), End::Killed),
    ("exec", || Command::new("/bin/true").status().is_ok(), End::Killed),
    ("executable-memory", executable_memory, End::Killed),
    ("kill-parent", kill_parent, End::Killed),
    ("thread-after-tighten", thread_after_tighten, End::Killed),
    ("much-memory", || Vec::<u8>::new().try_reserve_exact(512 << 20).is_ok(), End::Refused),
    ("stray-descriptor", stray_descriptor, End::Refused),
];

#[expect(clippy::disallowed_methods, reason = "each case is a process of its own, and a thread")]
fn memory_and_threads() -> bool {
    let worker = std::thread::spawn(|| (0..100_000_u64).collect::<Vec<_>>().iter().sum::<u64>());
    worker.join().is_ok_and(|n| n == 4_999_950_000)
}

/// A thread's heap grows and shrinks, at which the C library looks for a setting in `/proc`.
#[expect(clippy::disallowed_methods, reason = "each case is a process of its own, and a thread")]
fn memory_given_back() -> bool {
    let worker = std::thread::spawn(|| {
        let chunks: Vec<Vec<u8>> = (0..2000).map(|n| vec![1_u8; 1000 + n]).collect();
        chunks.iter().map(Vec::len).sum::<usize>()
    });
    worker.join().is_ok_and(|bytes| bytes > 2_000_000)
}

fn inherited_descriptor() -> bool {
    let mut byte = [0];
    std::io::stdin().read_exact(&mut byte).is_ok() && byte == *b"x"
}

fn executable_memory() -> bool {
    let size = 4096;
    let prot = rustix::mm::ProtFlags::READ | rustix::mm::ProtFlags::EXEC;
    map_anonymous(size, prot)
}

#[allow(unsafe_code)]
fn map_anonymous(size: usize, prot: rustix::mm::ProtFlags) -> bool {
    // SAFETY: a fresh anonymous mapping that nothing refers to.
    unsafe { rustix::mm::mmap_anonymous(std::ptr::null_mut(), size, prot, rustix::mm::MapFlags::PRIVATE) }
        .is_ok()
}

fn kill_parent() -> bool {
    let parent = rustix::process::getppid();
    parent.is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok())
}

fn thread_after_tighten() -> bool {
    tighten_to(&PRISONER, 1, Vec::new()).is_ok() && memory_and_threads()
}

/// `main` opened a file before the jail and checked that its number is 3.
#[expect(clippy::disallowed_methods, reason = "each case is a process of its own, and a thread")]
fn stray_descriptor() -> bool {
    let mut out = [rustix::event::PollFd::from_borrowed_fd(borrow(3), rustix::event::PollFlags::IN)];
    rustix::event::poll(&mut out, Some(&rustix::event::Timespec::default())).is_ok()
        && !out[0].revents().contains(rustix::event::PollFlags::NVAL)
}

#[allow(unsafe_code)]
fn borrow<'a>(fd: i32) -> std::os::fd::BorrowedFd<'a> {
    // SAFETY: only polled; a closed number is what the case asks about and yields POLLNVAL.
    unsafe { std::os::fd::BorrowedFd::borrow_raw(fd) }
}

#[expect(clippy::disallowed_methods, reason = "each case is a process of its own, and a thread")]
fn child(case: &Case, landlock: bool) -> ExitCode {
    let Ok(stray) = std::fs::File::open("/dev/null") else {
        return ExitCode::from(5);
    };
    let limits = Limits { descriptors: 64, file_bytes: 1 << 20, data_bytes: Some(256 << 20) };
    let wall = Wall::of(&PRISONER).keeping([]).limited(limits);
    let report = match if landlock { wall } else { wall.without_landlock() }.enter() {
        Ok(report) => report,
        Err(e) => {
            let _ = writeln!(std::io::stderr(), "{e}");
            return ExitCode::from(3);
        }
    };
    if landlock != (report.landlock != Landlock::Off)
        || (case.0 == "stray-descriptor" && stray.as_raw_fd() != 3)
    {
        return ExitCode::from(4);
    }
    // The jail closed it; closing the number again would be a second close of a number we no longer own.
    let _ = std::os::fd::IntoRawFd::into_raw_fd(stray);
    if (case.1)() { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

fn end(status: ExitStatus) -> Result<End, String> {
    match (status.code(), status.signal()) {
        (Some(0), _) => Ok(End::Free),
        (Some(1), _) => Ok(End::Refused),
        (_, Some(libc::SIGSYS)) => Ok(End::Killed),
        _ => Err(format!("unexpected end: {status}")),
    }
}

fn run(case: &Case, landlock: bool) -> Result<(), String> {
    let me = std::env::current_exe().map_err(|e| e.to_string())?;
    let mut child = Command::new(me)
        .args(["--prisoner", case.0, if landlock { "landlock" } else { "seccomp-only" }])
        .stdin(std::process::Stdio::piped())
        .spawn()
        .map_err(|e| e.to_string())?;
    // A child that never reads it closes the pipe; only the one case cares.
    let _ = child.stdin.take().map(|mut pipe| pipe.write_all(b"x"));
    let got = end(child.wait().map_err(|e| e.to_string())?)?;
    if got == case.2 { Ok(()) } else { Err(format!("ended {got:?}, wanted {:?}", case.2)) }
}

#[expect(clippy::disallowed_methods, reason = "each case is a process of its own, and a thread")]
fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    if let [_, flag, name, mode] = args.as_slice()
        && flag == "--prisoner"
    {
        let case = CASES.iter().find(|c| c.0 == name);
        return case.map_or(ExitCode::from(2), |c| child(c, mode == "landlock"));
    }
    let mut failed = 0_u8;
    for landlock in [true, false] {
        for case in CASES {
            if let Err(e) = run(case, landlock) {
                let _ = writeln!(std::io::stderr(), "{} (landlock: {landlock}): {e}", case.0);
                failed = failed.saturating_add(1);
            }
        }
    }
    let _ = writeln!(std::io::stderr(), "jail: {} cases, {failed} failed", CASES.len() * 2);
    ExitCode::from(failed)
}
