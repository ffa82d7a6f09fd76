// SPDX-License-Identifier: GPL-3.0-or-later
//! What a program that was taken over would try, from behind the wall of each role.
//!
//! In: every role with its stages, and the payloads. Out: each of them is refused or ends the process, with
//! Landlock and without it, and a stranger of the same user is what it was before. Without a wall the same
//! payloads do something, so a wall that is none would be seen.

#![expect(clippy::disallowed_types, reason = "each payload is a process of its own")]

mod list;

use cofferdam_jail::roles::ALL;
use cofferdam_jail::{Answer, Pids, Role, Wall, tighten_to};
use list::{INT_80, NEVER, OTHER_TABLE, Payload, SIGNALS, Target};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, ExitCode, Stdio};

/// What came of one payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The filter ended the process.
    Killed,
    /// The call gave this error; 0 if it worked.
    Answer(i32),
}

impl End {
    /// Whether the filter stood in the way. `ENOSYS` is its word for calls that are younger than libraries.
    fn is_wall(self) -> bool {
        matches!(self, Self::Killed | Self::Answer(libc::EPERM | libc::ENOSYS))
    }
}

/// A process of the same user that has nothing to do with us.
struct Stranger(Child);

impl Stranger {
    fn start() -> std::io::Result<Self> {
        Ok(Self(Command::new("/bin/cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?))
    }

    /// What others could have changed about it: its class and priority, processors and limits.
    fn state(&mut self) -> Result<String, String> {
        if let Some(status) = self.0.try_wait().map_err(|e| e.to_string())? {
            return Err(format!("the stranger ended: {status}"));
        }
        let read = |file: &str| std::fs::read_to_string(format!("/proc/{}/{file}", self.0.id()));
        let text = |file| read(file).map_err(|e| e.to_string());
        // Behind the name in brackets: from the 16th word on, priority and nice; the 39th is the class.
        let stat = text("stat")?;
        let words: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let of = |at: usize| words.get(at).copied().unwrap_or_default();
        let status = text("status")?;
        let allowed = status.lines().find(|line| line.starts_with("Cpus_allowed:")).unwrap_or_default();
        Ok(format!("{} {} {} {allowed} {}", of(15), of(16), of(38), text("limits")?))
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        // It may have been ended by a payload; then there is nothing to do.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[allow(unsafe_code)]
fn attempt(payload: &Payload, target: &Target) -> i32 {
    let [a, b, c, d, e, f] = (payload.args)(target);
    if payload.call >= INT_80 {
        let mut answer = payload.call - INT_80;
        // SAFETY: calls of the 32-bit table with numbers only, no pointers; rbx, which the compiler keeps for
        // itself, is put back.
        unsafe {
            std::arch::asm!(
                "xchg rbx, {b}", "int 0x80", "xchg rbx, {b}",
                b = inout(reg) a => _, inout("rax") answer, in("rcx") b, in("rdx") c,
                out("r8") _, out("r9") _, out("r10") _, out("r11") _,
            );
        }
        // 32 bits of it count; an error is a small negative number.
        let low = u32::try_from(answer & 0xffff_ffff).unwrap_or_default().cast_signed();
        return if low < 0 { low.wrapping_neg() } else { 0 };
    }
    // SAFETY: pointers among the arguments are to statics that are long enough, or null; what the calls do to
    // this process does not matter, because it does nothing else.
    let result = unsafe { libc::syscall(payload.call, a, b, c, d, e, f) };
    let error = std::io::Error::last_os_error().raw_os_error().unwrap_or(0);
    if result == -1 { error } else { 0 }
}

fn all() -> impl Iterator<Item = &'static Payload> {
    NEVER.iter().chain(SIGNALS).chain(OTHER_TABLE)
}

/// The prisoner: goes behind a wall and tries the payloads whose numbers are given.
#[expect(clippy::disallowed_methods, reason = "its answer")]
fn prisoner(words: &[String]) -> Result<(), Box<dyn std::error::Error>> {
    let [role, stage, landlock, stranger, payloads] = words else { return Err("usage".into()) };
    let (stranger, stage): (i32, usize) = (stranger.parse()?, stage.parse()?);
    let pidfd = Pid::from_raw(stranger).ok_or("no stranger")?;
    let pidfd = pidfd_open(pidfd, PidfdFlags::empty())?;
    let program: OwnedFd = std::fs::File::open("/dev/null")?.into();
    let (socket, _peer) = std::os::unix::net::UnixStream::pair()?;
    let target = Target {
        stranger,
        pidfd: pidfd.as_raw_fd(),
        program: program.as_raw_fd(),
        socket: socket.as_raw_fd(),
    };
    let chosen: Vec<&Payload> = payloads.split(',').filter_map(|n| all().nth(n.parse().ok()?)).collect();
    let mut out = std::io::stdout();
    if let Some(role) = ALL.iter().find(|r| r.name == role) {
        let wall = Wall::of(role);
        let wall = if landlock == "landlock" { wall } else { wall.without_landlock() };
        wall.enter()?;
        if stage > 0 {
            tighten_to(role, stage, Vec::new())?;
        }
    }
    for payload in chosen {
        let me = std::process::id();
        let error = attempt(payload, &target);
        // A child that a payload made must not go on with the list.
        if std::process::id() != me {
            break;
        }
        writeln!(out, "{error}")?;
    }
    Ok(())
}

/// Runs payloads in a process of their own; gives back how each of them ended.
fn run(words: [&str; 3], which: &[usize], stranger: &Stranger) -> Result<Vec<End>, String> {
    let me = std::env::current_exe().map_err(|e| e.to_string())?;
    let numbers = which.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let mut child = Command::new(me)
        .arg("--prisoner")
        .args(words)
        .args([stranger.0.id().to_string(), numbers])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| e.to_string())?;
    let out = child.stdout.take().ok_or("no output")?;
    let mut ends = Vec::new();
    for line in BufReader::new(out).lines() {
        let line = line.map_err(|e| e.to_string())?;
        ends.push(End::Answer(line.parse().map_err(|e| format!("{line:?}: {e}"))?));
    }
    let status = child.wait().map_err(|e| e.to_string())?;
    match (status.code(), status.signal()) {
        (Some(0), _) if ends.len() == which.len() => {}
        (_, Some(libc::SIGSYS)) => ends.push(End::Killed),
        // A kernel that knows no 32-bit programs.
        (_, Some(libc::SIGSEGV)) => ends.push(End::Answer(libc::ENOSYS)),
        _ => return Err(format!("{words:?} {which:?}: {status} after {} answers", ends.len())),
    }
    Ok(ends)
}

/// How every payload ended, in as few processes as it takes: after a kill, another one goes on.
fn ends(words: [&str; 3], count: usize, stranger: &Stranger) -> Result<Vec<End>, String> {
    let mut ends = Vec::new();
    while ends.len() < count {
        let rest: Vec<usize> = (ends.len()..count).collect();
        ends.extend(run(words, &rest, stranger)?);
    }
    Ok(ends)
}

/// Without a wall each payload runs alone: what it does, it does to its own process and stranger.
fn unwalled() -> Result<Vec<End>, String> {
    let alone = |n| {
        let stranger = Stranger::start().map_err(|e| e.to_string())?;
        let ends = run(["nobody", "0", "off"], &[n], &stranger)?;
        ends.first().copied().ok_or_else(|| "no answer".to_owned())
    };
    (0..all().count()).map(alone).collect()
}

fn check(role: &Role, stage: usize, landlock: bool, free: &[End]) -> Result<Vec<String>, String> {
    let mut stranger = Stranger::start().map_err(|e| e.to_string())?;
    let before = stranger.state()?;
    // A stage in which it starts programs must be able to end them, and which ones, only Landlock knows.
    let spawns = role.stages.get(stage).is_some_and(|stage| !stage.starts.is_empty());
    let count = if spawns && !landlock { NEVER.len() } else { all().count() };
    let number = stage.to_string();
    let words = [role.name, number.as_str(), if landlock { "landlock" } else { "seccomp-only" }];
    let ends = ends(words, count, &stranger)?;
    let mut findings = Vec::new();
    for ((payload, end), free) in all().zip(&ends).zip(free) {
        let place = format!("{} in stage {stage}, Landlock {landlock}: {}", role.name, payload.name);
        if !end.is_wall() {
            findings.push(format!("{place}: {end:?}"));
        }
        if role.answer == Answer::Kill && *end != End::Killed && payload.call != libc::SYS_clone3 {
            findings.push(format!("{place}: {end:?}, should have ended the process"));
        }
        let unknown_here = payload.call >= INT_80 && *free == End::Answer(libc::ENOSYS);
        if rustix::process::geteuid().is_root() && end == free && !unknown_here {
            findings.push(format!("{place}: {end:?} also without a wall"));
        }
    }
    match stranger.state() {
        Ok(after) if after == before => {}
        Ok(after) => findings.push(format!("{}: the stranger was {before}, is {after}", role.name)),
        Err(why) => findings.push(format!("{}: {why}", role.name)),
    }
    Ok(findings)
}

/// The tables say the same as the kernel, and say it of every stage.
fn by_the_tables() -> Vec<String> {
    let target = Target { stranger: 4_000_000, pidfd: 3, program: 4, socket: 5 };
    let pids = Pids::here();
    let mut findings = Vec::new();
    for role in ALL {
        for (stage, it) in role.stages.iter().enumerate() {
            let signals = SIGNALS.iter().filter(|_| it.starts.is_empty());
            for payload in NEVER.iter().chain(OTHER_TABLE).chain(signals) {
                if role.admits(stage, payload.call, &(payload.args)(&target), &pids) {
                    findings.push(format!("{} in stage {}: {}", role.name, it.name, payload.name));
                }
            }
        }
    }
    findings
}

fn test() -> Result<usize, Vec<String>> {
    let mut findings = by_the_tables();
    let free = unwalled().map_err(|why| vec![why])?;
    let mut cases = 0;
    for role in ALL {
        for stage in 0..role.stages.len() {
            for landlock in [true, false] {
                match check(role, stage, landlock, &free) {
                    Ok(more) => findings.extend(more),
                    Err(why) => findings.push(why),
                }
                cases += 1;
            }
        }
    }
    if findings.is_empty() { Ok(cases * free.len()) } else { Err(findings) }
}

#[expect(clippy::disallowed_methods, reason = "its answer")]
fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let mut err = std::io::stderr();
    if words.first().is_some_and(|word| word == "--prisoner") {
        return match prisoner(&words[1..]) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                let _ = writeln!(err, "{error}");
                ExitCode::FAILURE
            }
        };
    }
    match test() {
        Ok(cases) => {
            let _ = writeln!(err, "payloads: {cases} attempts, none got through");
            ExitCode::SUCCESS
        }
        Err(findings) => {
            let _ = writeln!(err, "payloads: {}", findings.join("\n"));
            ExitCode::FAILURE
        }
    }
}
