// SPDX-License-Identifier: GPL-3.0-or-later
//! The agent. In: the host's orders on the virtio-serial port, output and ends of processes. Out: the
//! app, programs beside it, the bridge; reports to the host.
//!
//! One thread, one epoll loop. Its end is the VM's end: PID 1 powers off after it.

#![expect(clippy::disallowed_types, reason = "hands commands on")]

mod app;
mod asking;
pub(crate) mod bridge;
mod bus;
pub mod files;
mod outbox;
mod port;
mod portal;
mod process;
mod token;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use cofferdam_agent_wire::{Exit, FromGuest, Stream, ToGuest, VERSION};
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, Signal, setrlimit};

use crate::console;
use crate::reactor::{Interest, Reactor, Ready};
use app::App;
use asking::Asking;
pub use bridge::BRIDGE_USER;
use bridge::{Answer, Bridge};
use outbox::Outbox;
use port::{Port, PortError};
use process::{Output, Owner, Process};
use token::Token;

/// How long programs have between being asked to end and the power-off.
const GRACE: Duration = Duration::from_secs(3);
/// Programs beside the app at one time.
const MAX_RUNS: usize = 64;
/// Descriptors that a program may have unless it asks for more.
const PROGRAM_FILES: u64 = 1024;
/// Descriptors that the bridge, and a program that asks, may have.
const BRIDGE_FILES: u64 = 65_536;
/// Longest text of ours in a message.
const MAX_REASON: usize = 1024;

/// Why the agent cannot go on.
#[derive(Debug, thiserror::Error)]
enum AgentError {
    #[error(transparent)]
    Port(#[from] PortError),
    #[error("cannot start the bridge: {0}")]
    Bridge(std::io::Error),
    #[error("cannot prepare the portals: {0}")]
    Portals(std::io::Error),
    #[error("event loop: {0}")]
    Reactor(#[from] Errno),
}

/// Runs the agent until the host asks it to end.
#[must_use]
pub fn run() -> ExitCode {
    match Agent::start().and_then(Agent::serve) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            console::line("agent", format_args!("{e}"));
            ExitCode::FAILURE
        }
    }
}

struct Agent {
    reactor: Reactor,
    port: Port,
    outbox: Outbox,
    bridge: Bridge,
    asking: Asking,
    processes: BTreeMap<u32, Process>,
    next_key: u32,
    /// The app may be started once.
    app_started: bool,
    /// Set when the VM is to end: when patience is over.
    ending: Option<Instant>,
}

impl Agent {
    fn start() -> Result<Self, AgentError> {
        // The bridge may use more descriptors than programs expect to have; it raises its limit itself.
        let files = Rlimit { current: Some(PROGRAM_FILES), maximum: Some(BRIDGE_FILES) };
        setrlimit(Resource::Nofile, files)?;
        let reactor = Reactor::new()?;
        let port = Port::open()?;
        reactor.add_edge(&port.file, Token::Port.pack())?;
        let bridge = Bridge::prepare().map_err(AgentError::Bridge)?;
        let asking = Asking::prepare(&reactor).map_err(AgentError::Portals)?;
        let mut agent = Self {
            reactor,
            port,
            outbox: Outbox::default(),
            bridge,
            asking,
            processes: BTreeMap::new(),
            next_key: 0,
            app_started: false,
            ending: None,
        };
        agent.start_bridge()?;
        agent.outbox.push(&FromGuest::Hello { version: VERSION });
        agent.hear()?;
        Ok(agent)
    }

    #[expect(clippy::disallowed_methods, reason = "the VM's last seconds, and how often the bridge died")]
    fn serve(mut self) -> Result<(), AgentError> {
        let mut ready = Vec::new();
        loop {
            self.port.write(&mut self.outbox)?;
            self.resume_paused()?;
            if let Some(end) = self.ending {
                let now = Instant::now();
                let done = self.processes.is_empty() && self.outbox.is_empty();
                if done || now >= end {
                    // PID 1 kills whatever is left.
                    return Ok(());
                }
            }
            let timeout = self.ending.map(|end| end.saturating_duration_since(Instant::now()));
            self.reactor.wait(&mut ready, timeout)?;
            for event in &ready {
                self.handle(*event)?;
            }
        }
    }

    fn handle(&mut self, event: Ready) -> Result<(), AgentError> {
        match Token::unpack(event.token) {
            Some(Token::Port) => self.hear()?,
            Some(Token::BridgeEnd) => self.bridge_ended()?,
            Some(Token::BridgeAnswer) => match self.bridge.answer() {
                Answer::Counters(counters) => self.outbox.push(&FromGuest::Counters(counters)),
                Answer::Nothing => {}
                Answer::Closed => {
                    if let Some(fd) = self.bridge.control_fd() {
                        self.reactor.remove(fd)?;
                    }
                }
            },
            Some(Token::End(key)) => self.process_ended(key)?,
            Some(Token::Input(key)) => self.feed(key)?,
            Some(Token::Output(key, stream)) => self.output(key, stream)?,
            Some(
                token
                @ (Token::BusCall | Token::BusEnd | Token::PortalCall | Token::Portal(_) | Token::Files),
            ) => self.asking.happen(token, &self.reactor, &mut self.outbox)?,
            None => {}
        }
        Ok(())
    }

    fn hear(&mut self) -> Result<(), AgentError> {
        let heard = self.port.read()?;
        for order in heard.orders {
            self.obey(order)?;
        }
        if heard.closed {
            // Nobody can reach this VM any more.
            self.begin_end();
        }
        Ok(())
    }

    fn obey(&mut self, order: ToGuest) -> Result<(), AgentError> {
        match order {
            ToGuest::StartApp { args, env } => {
                if let Err(reason) = self.start_app(args, &env) {
                    self.outbox.push(&FromGuest::AppFailed { reason: bounded(reason) });
                }
            }
            ToGuest::Run { id, argv } => {
                if let Err(reason) = self.start_run(id, &argv) {
                    self.outbox.push(&FromGuest::RunFailed { id, reason: bounded(reason) });
                }
            }
            ToGuest::KillRun { id } => {
                if let Some(process) = self.run_mut(id).map(|(_, process)| process) {
                    process.signal(Signal::KILL);
                }
            }
            ToGuest::RunInput { id, data } => {
                let fed = self.run_mut(id).map(|(key, process)| (key, process.push_input(&data)));
                match fed {
                    Some((key, true)) => self.feed(key)?,
                    Some((_, false)) => {
                        if let Some((_, process)) = self.run_mut(id) {
                            process.signal(Signal::KILL);
                        }
                    }
                    None => {}
                }
            }
            ToGuest::Counters => {
                if !self.bridge.ask() {
                    let text = "the Wayland bridge is not running".to_owned();
                    self.outbox.push(&FromGuest::Notice { text });
                }
            }
            ToGuest::Shutdown => self.begin_end(),
            ToGuest::Open { serial, uri } => {
                let ok = self.open_in_app(uri);
                self.outbox.push(&FromGuest::Opened { serial, ok });
            }
            order @ (ToGuest::PortalReply { .. }
            | ToGuest::FileReply { .. }
            | ToGuest::FileGone { .. }
            | ToGuest::Appearance(_)) => self.asking.obey(order, &self.reactor, &mut self.outbox)?,
        }
        Ok(())
    }

    #[expect(clippy::disallowed_methods, reason = "the VM's last seconds, and how often the bridge died")]
    fn begin_end(&mut self) {
        if self.ending.is_none() {
            self.ending = Some(Instant::now() + GRACE);
            for process in self.processes.values() {
                process.signal(Signal::TERM);
            }
        }
    }

    fn start_app(&mut self, args: Vec<String>, env: &[(String, String)]) -> Result<(), String> {
        if self.app_started || self.ending.is_some() {
            return Err("the app was started already".to_owned());
        }
        let app = App::load().map_err(|e| e.to_string())?;
        let mut argv = app.command.clone();
        argv.extend(args);
        let command = app.command(&argv, env).ok_or("the image names no program")?;
        let pid =
            self.adopt(Owner::App, command).map_err(|e| format!("cannot start {:?}: {e}", argv.first()))?;
        self.app_started = true;
        self.outbox.push(&FromGuest::AppStarted { pid });
        Ok(())
    }

    /// Starts the app's program with an address: one that runs already hears of it from the new one, over the
    /// session bus, and others show a second window.
    fn open_in_app(&mut self, uri: String) -> bool {
        // An address begins with its scheme, so it can't be taken for an option.
        let begins = uri.starts_with(|c: char| c.is_ascii_alphabetic());
        if !begins || !self.app_started || self.ending.is_some() || self.processes.len() >= MAX_RUNS {
            return false;
        }
        let Ok(app) = App::load() else { return false };
        let mut argv = app.command.clone();
        argv.push(uri);
        let Some(command) = app.command(&argv, &[]) else { return false };
        self.adopt(Owner::Messenger, command).is_ok()
    }

    fn start_run(&mut self, id: u32, argv: &[String]) -> Result<(), String> {
        if self.run_mut(id).is_some() {
            return Err("this number is in use".to_owned());
        }
        if self.processes.len() >= MAX_RUNS || self.ending.is_some() {
            return Err("no more programs can be started".to_owned());
        }
        // An image without app description still runs programs: tests of the base do.
        let app = App::load().unwrap_or_default();
        let command = app.command(argv, &[]).ok_or("no program given")?;
        self.adopt(Owner::Run(id), command).map_err(|e| format!("cannot start {:?}: {e}", argv.first()))?;
        Ok(())
    }

    fn adopt(&mut self, owner: Owner, command: std::process::Command) -> std::io::Result<u32> {
        let process = Process::spawn(owner, command)?;
        let key = self.next_key;
        self.next_key = self.next_key.wrapping_add(1);
        self.reactor.add(&process.pidfd, Token::End(key).pack(), Interest::READ)?;
        for stream in [Stream::Stdout, Stream::Stderr] {
            if let Some(fd) = process.output_fd(stream) {
                self.reactor.add(fd, Token::Output(key, stream).pack(), Interest::READ)?;
            }
        }
        let pid = process.pid();
        self.processes.insert(key, process);
        Ok(pid)
    }

    fn run_mut(&mut self, id: u32) -> Option<(u32, &mut Process)> {
        self.processes
            .iter_mut()
            .find(|(_, process)| process.owner == Owner::Run(id))
            .map(|(key, process)| (*key, process))
    }

    /// Gives a run its input, and watches the pipe only while it is full.
    fn feed(&mut self, key: u32) -> Result<(), AgentError> {
        let Some(process) = self.processes.get_mut(&key) else { return Ok(()) };
        if let Some(stdin) = process.stdin() {
            match self.reactor.remove(stdin) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(e) => return Err(e.into()),
            }
        }
        if process.flush_input()
            && let Some(stdin) = process.stdin()
        {
            let interest = Interest { read: false, write: true };
            self.reactor.add(stdin, Token::Input(key).pack(), interest)?;
        }
        Ok(())
    }

    fn output(&mut self, key: u32, stream: Stream) -> Result<(), AgentError> {
        let Some(process) = self.processes.get_mut(&key) else { return Ok(()) };
        if matches!(process.owner, Owner::Run(_)) && self.outbox.is_full() {
            // Left in the pipe; a closed end would wake the loop for ever if it stayed watched.
            process.paused = true;
            unwatch_outputs(&self.reactor, process)?;
            return Ok(());
        }
        match process.read(stream) {
            Output::Data(data) => report_output(&mut self.outbox, process.owner, stream, data),
            Output::Later => {}
            Output::End => {
                if let Some(fd) = process.output_fd(stream) {
                    self.reactor.remove(fd)?;
                }
                process.close_output(stream);
            }
        }
        Ok(())
    }

    fn resume_paused(&mut self) -> Result<(), AgentError> {
        if self.outbox.is_full() {
            return Ok(());
        }
        for (key, process) in self.processes.iter_mut().filter(|(_, process)| process.paused) {
            process.paused = false;
            for stream in [Stream::Stdout, Stream::Stderr] {
                if let Some(fd) = process.output_fd(stream) {
                    self.reactor.add(fd, Token::Output(*key, stream).pack(), Interest::READ)?;
                }
            }
        }
        Ok(())
    }

    fn process_ended(&mut self, key: u32) -> Result<(), AgentError> {
        let Some(process) = self.processes.get_mut(&key) else { return Ok(()) };
        let Some(exit) = process.exit() else { return Ok(()) };
        let Some(mut process) = self.processes.remove(&key) else { return Ok(()) };
        self.reactor.remove(&process.pidfd)?;
        if !process.paused {
            unwatch_outputs(&self.reactor, &process)?;
        }
        // What it wrote before it ended comes before the news of its end. A pipe holds 64 KiB; more
        // can only come from children of it that live on, and those are not waited for.
        for stream in [Stream::Stdout, Stream::Stderr] {
            for _ in 0..4 {
                match process.read(stream) {
                    Output::Data(data) => report_output(&mut self.outbox, process.owner, stream, data),
                    Output::Later | Output::End => break,
                }
            }
        }
        match process.owner {
            Owner::App => self.outbox.push(&FromGuest::AppExited(exit)),
            Owner::Run(id) => self.outbox.push(&FromGuest::RunExited { id, exit }),
            Owner::Messenger => {}
        }
        Ok(())
    }

    fn start_bridge(&mut self) -> Result<(), AgentError> {
        self.bridge.start().map_err(AgentError::Bridge)?;
        if let Some(fd) = self.bridge.exit_fd() {
            self.reactor.add(fd, Token::BridgeEnd.pack(), Interest::READ)?;
        }
        if let Some(fd) = self.bridge.control_fd() {
            self.reactor.add(fd, Token::BridgeAnswer.pack(), Interest::READ)?;
        }
        Ok(())
    }

    #[expect(clippy::disallowed_methods, reason = "the VM's last seconds, and how often the bridge died")]
    fn bridge_ended(&mut self) -> Result<(), AgentError> {
        let Some(exit) = self.bridge.ended(Instant::now()) else { return Ok(()) };
        let how = match exit {
            Exit::Code(code) => format!("with code {code}"),
            Exit::Signal(signal) => format!("by signal {signal}"),
        };
        let restart = self.bridge.may_restart() && self.ending.is_none();
        let then = if restart { "a new one was started" } else { "it is not started again" };
        let text = format!("the Wayland bridge ended {how}; {then}");
        console::line("agent", format_args!("{text}"));
        self.outbox.push(&FromGuest::Notice { text });
        if restart {
            self.start_bridge()?;
        }
        Ok(())
    }
}

fn unwatch_outputs(reactor: &Reactor, process: &Process) -> Result<(), Errno> {
    for stream in [Stream::Stdout, Stream::Stderr] {
        if let Some(fd) = process.output_fd(stream) {
            reactor.remove(fd)?;
        }
    }
    Ok(())
}

fn report_output(outbox: &mut Outbox, owner: Owner, stream: Stream, data: Vec<u8>) {
    match owner {
        Owner::App | Owner::Messenger => outbox.push_app_output(stream, &data),
        Owner::Run(id) => outbox.push(&FromGuest::RunOutput { id, stream, data }),
    }
}

/// Error texts may hold a program's name of any length.
fn bounded(mut reason: String) -> String {
    let mut end = reason.len().min(MAX_REASON);
    while !reason.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    reason.truncate(end);
    reason
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_cut_at_a_character() {
        assert_eq!(bounded("short".to_owned()), "short");
        let long = "ä".repeat(1000);
        assert_eq!(bounded(format!("x{long}")).len(), 1023);
    }
}
