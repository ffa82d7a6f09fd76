// SPDX-License-Identifier: GPL-3.0-or-later
//! What a permission decision costs an enforcement point: the real monitor, asked over a VM's socket, beside
//! a process that sends packets of the same size back without looking at them.
//!
//! In: how many rules the monitor has, half in its ledger and half in a rule file. Out: the middle and the
//! hundredth-worst time from question to answer, and the same of the bare sockets, in turn.

use crate::client::BenchError;
use crate::decisions::{RULES, events, granted, host, percentile, visit};
use crate::measure::median;
use crate::table::Row;
use cofferdam_ids::{Identity, Label};
use cofferdam_kit::transport;
use cofferdam_ledger::Ledger;
use cofferdam_monitor_wire::point::{BEFORE, FromPoint, ToPoint};
use cofferdam_monitor_wire::registry::{FromMonitor, Role, ToMonitor};
use cofferdam_monitor_wire::{MAX_PACKET, decode, encode};
use cofferdam_policy::{Event, Millis};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Instant, SystemTime};

/// Questions of one round.
const ASKED: u32 = 5_000;
/// How long any answer may take.
const PATIENCE: Timespec = Timespec { tv_sec: 20, tv_nsec: 0 };
/// What the ledger takes at once.
const BATCH: usize = 1_000;
/// The private desktop that the monitor serves.
pub(crate) const DESKTOP: &str = "bench";

/// Rows for all numbers of rules. Everybody shares one processor meanwhile: how long another one takes to
/// wake up would hide everything else.
pub(crate) fn measure(exe: &Path, libexec: &Path, rounds: usize) -> Result<Vec<Row>, BenchError> {
    let all = rustix::thread::sched_getaffinity(None).map_err(std::io::Error::from)?;
    let mut one = rustix::thread::CpuSet::new();
    if let Some(cpu) = (0..rustix::thread::CpuSet::MAX_CPU).find(|cpu| all.is_set(*cpu)) {
        one.set(cpu);
    }
    rustix::thread::sched_setaffinity(None, &one).map_err(std::io::Error::from)?;
    let rows = on_one_processor(exe, libexec, rounds);
    rustix::thread::sched_setaffinity(None, &all).map_err(std::io::Error::from)?;
    rows
}

fn on_one_processor(exe: &Path, libexec: &Path, rounds: usize) -> Result<Vec<Row>, BenchError> {
    let bare = Echo::start(exe)?;
    let mut rows = Vec::new();
    for rules in RULES {
        let monitor = Monitor::start(libexec, rules)?;
        let mut samples: [Vec<f64>; 4] = Default::default();
        for _ in 0..rounds {
            let (mut ours, answer) = monitor.round()?;
            let mut theirs = bare.round(&answer)?;
            let mut both = |percent| [percentile(&mut ours, percent), percentile(&mut theirs, percent)];
            for (all, number) in samples.iter_mut().zip(both(50).into_iter().chain(both(99))) {
                all.push(number);
            }
        }
        let [half, bare_half, most, bare_most] = samples;
        for (name, mut ours, mut theirs) in [("p50", half, bare_half), ("p99", most, bare_most)] {
            rows.push(Row {
                what: format!("decision over the socket, {rules} rules, {name}"),
                unit: "µs",
                ours: median(&mut ours),
                peer: "bare socket pair".into(),
                theirs: median(&mut theirs),
                aim: Some(2.0),
            });
        }
    }
    Ok(rows)
}

/// Sends every packet of standard input back, for ever; its first byte says how long the answer is.
///
/// # Errors
/// If the socket fails.
pub(crate) fn echo() -> Result<(), BenchError> {
    let stdin = std::io::stdin();
    let socket = stdin.as_fd();
    let mut bytes = vec![0; MAX_PACKET];
    loop {
        let (n, _) = rustix::net::recv(socket, &mut bytes[..], rustix::net::RecvFlags::empty())
            .map_err(std::io::Error::from)?;
        let Some(first) = bytes.first().filter(|_| n > 0) else { return Ok(()) };
        let length = usize::from(*first).min(bytes.len());
        rustix::net::send(socket, bytes.get(..length).unwrap_or_default(), rustix::net::SendFlags::NOSIGNAL)
            .map_err(std::io::Error::from)?;
    }
}

/// A child that ends with its owner.
pub(crate) struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Echo {
    socket: OwnedFd,
    _program: Program,
}

impl Echo {
    fn start(exe: &Path) -> Result<Self, BenchError> {
        let (ours, theirs) = pair()?;
        let child = Command::new(exe).arg("echo").stdin(Stdio::from(theirs)).spawn()?;
        Ok(Self { socket: ours, _program: Program(child) })
    }

    fn round(&self, answer: &[u8]) -> Result<Vec<f64>, BenchError> {
        let mut packet = encode(&question(0, 0)?).map_err(|e| BenchError::peer("packet", e))?;
        let length = u8::try_from(answer.len()).map_err(|e| BenchError::peer("packet", e))?;
        if let Some(first) = packet.first_mut() {
            *first = length;
        }
        let mut taken = Vec::new();
        for _ in 0..ASKED {
            let begun = Instant::now();
            send(&self.socket, &packet)?;
            let back = receive(&self.socket)?;
            taken.push(begun.elapsed().as_secs_f64() * 1e6);
            if back.len() != answer.len() {
                return Err(BenchError::Peer("the bare socket pair loses bytes".into()));
            }
        }
        Ok(taken)
    }
}

/// A monitor and its bus. Both end with it.
pub(crate) struct Programs {
    _both: [Program; 2],
}

impl Programs {
    /// Starts both in a folder that may hold a ledger and rules already.
    ///
    /// # Errors
    /// If one of them does not start.
    pub(crate) fn start(libexec: &Path, at: &Path) -> Result<Self, BenchError> {
        for private in ["run", "config"] {
            std::fs::create_dir(at.join(private))?;
        }
        let (bus, address) = start_bus(at)?;
        let monitor = start_monitor(libexec, at, &address)?;
        Ok(Self { _both: [monitor, bus] })
    }
}

/// Where the desktop's sockets are.
pub(crate) fn runtime(at: &Path) -> PathBuf {
    at.join("run/cofferdam").join(DESKTOP)
}

/// Our end of one VM's sockets, as its shepherd has them. The monitor forgets the VM when this goes.
pub(crate) struct Guest {
    /// The gateway's.
    pub(crate) point: OwnedFd,
    _agent: OwnedFd,
    _link: OwnedFd,
}

impl Guest {
    /// Tells the monitor that a VM runs.
    ///
    /// # Errors
    /// If the monitor does not take it on.
    pub(crate) fn register(at: &Path, name: &str, run: u64) -> Result<Self, BenchError> {
        let link = transport::connect(&runtime(at).join("monitor.sock"))
            .map_err(|e| BenchError::peer("monitor", e))?;
        let ((point, theirs), (agent, theirs_too)) = (pair()?, pair()?);
        let register = ToMonitor::Register {
            vm: name.parse().map_err(|e| BenchError::peer("name", e))?,
            app: "app".parse().map_err(|e| BenchError::peer("name", e))?,
            name: Label::new("App"),
            identity: Identity::Green,
            parent: None,
            run: Some(run),
            points: vec![Role::Network, Role::Agent],
        };
        let packet = encode(&register).map_err(|e| BenchError::peer("packet", e))?;
        transport::send_packet(link.as_fd(), &packet, &[theirs.as_fd(), theirs_too.as_fd()])
            .map_err(|e| BenchError::peer("monitor", e))?;
        expect(&receive(&link)?, |m: &FromMonitor| matches!(m, FromMonitor::Registered { .. }))?;
        expect(&receive(&point)?, |m: &ToPoint| *m == ToPoint::Cut { ticket: BEFORE })?;
        expect(&receive(&point)?, |m: &ToPoint| matches!(m, ToPoint::Level(_)))?;
        Ok(Self { point, _agent: agent, _link: link })
    }
}

/// The monitor, and the VM that asks it. Ended before its folder goes.
struct Monitor {
    guest: Guest,
    sites: usize,
    _programs: Programs,
    _folder: tempfile::TempDir,
}

impl Monitor {
    fn start(libexec: &Path, rules: usize) -> Result<Self, BenchError> {
        let folder = tempfile::Builder::new().prefix("cofferdam-bench").tempdir()?;
        let (at, sites) = (folder.path(), granted(rules).min(50));
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now = Millis(u64::try_from(now.map_or(0, |d| d.as_millis())).unwrap_or(0));
        write_ledger(&at.join("data/cofferdam").join(DESKTOP).join("ledger"), rules, now)?;
        write_rules(&at.join("rules"), rules)?;
        let programs = Programs::start(libexec, at)?;
        let guest = Guest::register(at, "app-0", 2)?;
        Ok(Self { guest, sites, _programs: programs, _folder: folder })
    }

    /// Times of all questions, and one of the answers as it came.
    fn round(&self) -> Result<(Vec<f64>, Vec<u8>), BenchError> {
        let (mut taken, mut answer) = (Vec::new(), Vec::new());
        for serial in 0..ASKED {
            let site = usize::try_from(serial).unwrap_or(0) % self.sites.max(1);
            let packet = encode(&question(serial, site)?).map_err(|e| BenchError::peer("packet", e))?;
            let begun = Instant::now();
            send(&self.guest.point, &packet)?;
            answer = receive(&self.guest.point)?;
            taken.push(begun.elapsed().as_secs_f64() * 1e6);
            let said =
                |m: &ToPoint| matches!(m, ToPoint::Decided { serial: s, verdict: Ok(_) } if *s == serial);
            expect(&answer, said)?;
        }
        Ok((taken, answer))
    }
}

fn question(serial: u32, site: usize) -> Result<FromPoint, BenchError> {
    Ok(FromPoint::Ask { serial, resource: visit(host(site)?) })
}

fn expect<T: serde::de::DeserializeOwned + std::fmt::Debug>(
    packet: &[u8],
    fits: impl Fn(&T) -> bool,
) -> Result<(), BenchError> {
    let message = decode(packet).map_err(|e| BenchError::peer("monitor", e))?;
    if fits(&message) { Ok(()) } else { Err(BenchError::Peer(format!("the monitor said {message:?}"))) }
}

fn pair() -> Result<(OwnedFd, OwnedFd), BenchError> {
    let made =
        rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None);
    Ok(made.map_err(std::io::Error::from)?)
}

/// Sends a packet.
///
/// # Errors
/// If the socket fails.
pub(crate) fn send(socket: &OwnedFd, packet: &[u8]) -> Result<(), BenchError> {
    rustix::net::send(socket, packet, rustix::net::SendFlags::NOSIGNAL).map_err(std::io::Error::from)?;
    Ok(())
}

/// Waits for a packet.
///
/// # Errors
/// If none comes.
pub(crate) fn receive(socket: &OwnedFd) -> Result<Vec<u8>, BenchError> {
    wait(socket.as_fd())?;
    let mut bytes = vec![0; 4096];
    let (n, _) = rustix::net::recv(socket, &mut bytes[..], rustix::net::RecvFlags::empty())
        .map_err(std::io::Error::from)?;
    bytes.truncate(n);
    Ok(bytes)
}

fn wait(fd: BorrowedFd<'_>) -> Result<(), BenchError> {
    let mut polled = [PollFd::from_borrowed_fd(fd, PollFlags::IN)];
    match rustix::event::poll(&mut polled, Some(&PATIENCE)).map_err(std::io::Error::from)? {
        0 => Err(BenchError::Peer("no answer within 20 s".into())),
        _ => Ok(()),
    }
}

fn write_ledger(at: &Path, rules: usize, now: Millis) -> Result<(), BenchError> {
    std::fs::create_dir_all(at.parent().unwrap_or(at))?;
    let odd = |e| BenchError::peer("ledger", e);
    let (mut ledger, _, _) = Ledger::<Event>::open(at).map_err(odd)?;
    let mut events = events(granted(rules), now)?;
    // None of them runs: the monitor waits for those that do.
    let closed = events.iter().filter_map(|event| match event {
        Event::Registered { vm, run, .. } => Some(Event::Closed { vm: vm.clone(), run: *run }),
        _ => None,
    });
    events.extend(closed.collect::<Vec<_>>());
    for batch in events.chunks(BATCH) {
        ledger.append(now.0, batch).map_err(odd)?;
    }
    Ok(())
}

fn write_rules(at: &Path, rules: usize) -> Result<(), BenchError> {
    let mut text = String::new();
    for n in granted(rules)..rules {
        // Writing to a String can't fail.
        let _ = write!(text, "[[rule]]\nkind = \"network\"\nhost = \"{}\"\nverdict = \"deny\"\n", host(n)?);
    }
    std::fs::create_dir(at)?;
    std::fs::write(at.join("bench.toml"), text)?;
    Ok(())
}

fn start_bus(at: &Path) -> Result<(Program, String), BenchError> {
    let mut child = Command::new("dbus-daemon")
        .args(["--session", "--nofork", "--nopidfile", "--nosyslog", "--print-address=1"])
        .arg(format!("--address=unix:path={}", at.join("bus").display()))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| BenchError::peer("dbus-daemon", e))?;
    let stdout = child.stdout.take();
    let bus = Program(child);
    let mut address = String::new();
    if let Some(stdout) = stdout {
        wait(stdout.as_fd())?;
        BufReader::new(stdout).read_line(&mut address)?;
    }
    Ok((bus, address.trim().to_owned()))
}

fn start_monitor(libexec: &Path, at: &Path, bus: &str) -> Result<Program, BenchError> {
    let rules = at.join("rules").display().to_string();
    start_ready(&libexec.join("cofferdam-monitord"), |command| {
        command
            .args(["--desktop", DESKTOP, "--test-clock", "--admin-rules", &rules])
            .env("XDG_RUNTIME_DIR", at.join("run"))
            .env("XDG_DATA_HOME", at.join("data"))
            .env("XDG_CONFIG_HOME", at.join("config"))
            .env("DBUS_SESSION_BUS_ADDRESS", bus);
    })
}

/// Starts a program of ours and waits until it says that it serves.
///
/// # Errors
/// If it does not.
pub(crate) fn start_ready(program: &Path, prepare: impl FnOnce(&mut Command)) -> Result<Program, BenchError> {
    // The shell hands the pipe on as an fd of its own.
    let mut command = Command::new("sh");
    command.args(["-c", "exec \"$0\" \"$@\" 3>&1 >&2"]).arg(program).args(["--ready-fd", "3"]);
    command.env("COFFERDAM_LOG", "error").stdin(Stdio::null()).stdout(Stdio::piped());
    prepare(&mut command);
    let mut child = command.spawn()?;
    let stdout = child.stdout.take();
    let started = Program(child);
    let mut ready = [0];
    if let Some(mut stdout) = stdout {
        wait(stdout.as_fd())?;
        stdout.read_exact(&mut ready).map_err(|e| BenchError::peer(&program.display().to_string(), e))?;
    }
    Ok(started)
}
