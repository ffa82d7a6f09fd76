// SPDX-License-Identifier: GPL-3.0-or-later
//! The one task that owns a VM. In: the inbox and the clock. Out: effects of the state machine, carried
//! out; answers to launchers.

#![expect(
    clippy::disallowed_methods,
    reason = "the life of a VM is told the time here, and blocking calls have a thread"
)]

use super::agent::Agent;
use super::console::{Log, follow};
use super::counters::Questions;
use super::helpers::{Process, spawn_machine};
use super::links::{LinkId, Links, listen};
use super::parts::Parts;
use super::portal::{Portal, check_address};
use super::registry::Registry;
use super::runs::{Runs, Verdict};
use super::{Inbox, Input, ShepherdError, ShepherdSpec, names, presence};
use crate::link::{Call, FromShepherd, MAX_CONSOLE, Reply, Request, VmStatus};
use cofferdam_agent_wire::{Exit, FromGuest, ToGuest, VERSION};
use cofferdam_kit::guarded::Guarded;
use cofferdam_kit::part::FromPart;
use cofferdam_lifecycle::{
    AppExit, Effect, Event, Helper, LineSplitter, Mono, Order, PARTS, Part, State, Vm,
};
use cofferdam_monitor_wire::registry::{Role, ToMonitor};
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use tokio::net::UnixStream;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// Inputs that may wait; more, and whoever makes them waits.
const QUEUE: usize = 256;
/// Addresses that an agent may be asked to open before it answers.
const MAX_OPENING: usize = 16;

struct Shepherd {
    spec: ShepherdSpec,
    start: Instant,
    vm: Vm,
    status: VmStatus,
    log: Option<Log>,
    inbox: Inbox,
    links: Links,
    runs: Runs,
    questions: Questions,
    parts: Parts,
    machine: Option<Process>,
    registry: Registry,
    portal: Portal,
    /// Addresses that the agent was asked to open: our serial of each, and the monitor's.
    opening: BTreeMap<u32, u32>,
    next_opening: u32,
    agent: Option<Agent>,
    output: LineSplitter,
    ended: bool,
}

/// Runs one VM to its end. `first` is the link of the launcher that asked for it.
///
/// # Errors
/// If not even the socket for launchers can be made; after that, failures are states of the VM.
pub async fn run(spec: ShepherdSpec, first: OwnedFd) -> Result<(), ShepherdError> {
    let io = |what| move |source| ShepherdError::Io { what, source };
    let (inbox, mut inputs) = mpsc::channel(QUEUE);
    listen(&spec.socket, &inbox)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(io("signals"))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(io("signals"))?;
    let mut shepherd = Shepherd::new(spec, inbox);
    let greeting = shepherd.greeting();
    shepherd.links.add(first, greeting);
    shepherd.carry_out();
    while !shepherd.ended {
        let deadline = shepherd.vm.poll_timeout().map(|at| shepherd.start + at.0);
        let input = tokio::select! {
            Some(input) = inputs.recv() => input,
            () = sleep_until(deadline) => Input::Vm(Event::Deadline),
            _ = terminate.recv() => Input::Vm(Event::StopRequested),
            _ = interrupt.recv() => Input::Vm(Event::StopRequested),
        };
        shepherd.handle(input);
        shepherd.carry_out_portal();
        shepherd.carry_out();
    }
    shepherd.finish().await;
    Ok(())
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

impl Shepherd {
    fn new(spec: ShepherdSpec, inbox: Inbox) -> Self {
        let limits = spec.limits();
        let log = Log::create(&spec.directory.join("console.log"))
            .inspect_err(|error| tracing::warn!(%error, "no console log"))
            .ok();
        let started = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
        Registry::start(&spec, &inbox);
        names::follow(&inbox);
        Self {
            spec,
            start: Instant::now(),
            vm: Vm::new(PARTS, limits, Mono::default()),
            status: VmStatus {
                state: State::Preparing.name().to_owned(),
                detail: String::new(),
                exit_code: None,
                console: Vec::new(),
                started,
            },
            log,
            links: Links::new(inbox.clone()),
            runs: Runs::new(inbox.clone()),
            questions: Questions::new(inbox.clone()),
            parts: Parts::new(inbox.clone()),
            inbox: inbox.clone(),
            registry: Registry::default(),
            portal: Portal::new(inbox, Guarded::here()),
            opening: BTreeMap::new(),
            next_opening: 0,
            machine: None,
            agent: None,
            output: LineSplitter::new(),
            ended: false,
        }
    }

    fn now(&self) -> Mono {
        Mono(self.start.elapsed())
    }

    fn greeting(&self) -> Vec<FromShepherd> {
        vec![FromShepherd::Record(self.spec.record.clone()), FromShepherd::Status(self.status.clone())]
    }

    fn happen(&mut self, event: Event) {
        if let Event::ConsoleLine(line) = &event {
            self.write_down(line);
        }
        if let Event::HelperExited(Helper::Part(part), _) = &event {
            self.parts.gone(part);
        }
        let now = self.now();
        self.vm.handle(event, now);
    }

    fn write_down(&mut self, line: &str) {
        if let Some(log) = &mut self.log {
            log.line(line);
        }
    }

    fn handle(&mut self, input: Input) {
        match input {
            Input::Vm(event) => self.happen(event),
            Input::Guest(message) => self.guest(message),
            Input::Part(part, message) => self.part(part, message),
            Input::NewLink(socket) => {
                let greeting = self.greeting();
                self.links.add(socket, greeting);
            }
            Input::Call(link, call, fds) => self.call(link, call, fds),
            Input::LinkGone(link) => {
                for id in self.runs.of(link) {
                    self.tell_guest(&ToGuest::KillRun { id });
                }
                self.links.remove(link);
            }
            Input::Stdin(id, data, room) => self.tell_guest_bulk(&ToGuest::RunInput { id, data }, room),
            Input::RunStuck(id) => self.tell_guest(&ToGuest::KillRun { id }),
            Input::CountersDue(id) => self.questions.due(id, &mut self.links),
            Input::Points { sockets, registry } => {
                // Nobody waits for what an earlier monitor asked.
                self.registry = registry;
                self.opening.clear();
                for (role, socket) in sockets {
                    self.connect(role, socket);
                }
            }
            Input::PointLost(role) => self.point_lost(role),
            Input::Point { role, socket } => self.connect(role, socket),
            Input::PointGivenUp(role) => self.point_given_up(role),
            Input::OpenUri { serial, uri } => self.open_uri(serial, uri),
            Input::Portal(input) => self.portal.happen(input),
            Input::Setting { name, words } => {
                tracing::info!(name, ?words, "setting");
                self.parts.set(name, &words);
            }
        }
    }

    fn guest(&mut self, message: FromGuest) {
        match message {
            FromGuest::Hello { version: VERSION } => self.happen(Event::Hello),
            FromGuest::Hello { version } => {
                self.happen(Event::AgentBroken(format!("it speaks version {version}, not {VERSION}")));
            }
            FromGuest::AppStarted { .. } => self.happen(Event::AppStarted),
            FromGuest::AppExited(exit) => self.happen(Event::AppExited(match exit {
                Exit::Code(c) => AppExit::Code(c),
                Exit::Signal(s) => AppExit::Signal(s),
            })),
            FromGuest::AppFailed { reason } => self.happen(Event::AppFailed(clean(&reason))),
            FromGuest::AppOutput { data, .. } => {
                for line in self.output.push(&data) {
                    self.happen(Event::ConsoleLine(format!("app: {line}")));
                }
            }
            FromGuest::RunOutput { id, stream, data } => {
                if self.runs.output(id, stream, data) == Verdict::Kill {
                    self.tell_guest(&ToGuest::KillRun { id });
                }
            }
            FromGuest::RunExited { id, exit } => self.runs.end(id, Ok(exit), &mut self.links),
            FromGuest::RunFailed { id, reason } => self.runs.end(id, Err(clean(&reason)), &mut self.links),
            FromGuest::Counters(counters) => self.questions.bridge(counters, &mut self.links),
            FromGuest::Notice { text } => {
                self.happen(Event::ConsoleLine(format!("agent: {}", clean(&text))));
            }
            FromGuest::Opened { serial, ok } => {
                // An answer to nothing is the guest's invention.
                if let Some(serial) = self.opening.remove(&serial) {
                    self.registry.tell(ToMonitor::Opened { serial, ok });
                }
            }
            message
            @ (FromGuest::Portal { .. } | FromGuest::PortalForget { .. } | FromGuest::File { .. }) => {
                self.portal.guest(message)
            }
        }
    }

    fn part(&mut self, part: &'static Part, message: FromPart) {
        let name = part.name;
        match message {
            FromPart::Ready => self.happen(Event::Ready(part)),
            FromPart::Fault { channel, kind, count } => {
                tracing::info!(vm = %self.spec.record.vm, name, channel, kind, count, "the guest broke a rule");
                let line = clean(&format!("{name}: fault {count}: {channel}: {kind}"));
                self.happen(Event::ConsoleLine(line));
            }
            FromPart::Counters(counters) => self.questions.part(name, &counters, &mut self.links),
            FromPart::Notice { text } => tracing::debug!(name, text, "notice"),
        }
    }

    fn call(&mut self, link: LinkId, call: Call, fds: Vec<OwnedFd>) {
        let serial = call.serial;
        let answer = match call.request {
            Request::Stop => {
                self.happen(Event::StopRequested);
                Ok(Reply::Done)
            }
            Request::Console { lines } => Ok(Reply::Console(self.console(lines))),
            Request::Counters => return self.ask_counters(link, serial),
            Request::Run { argv } => match self.start_run(link, serial, argv, fds) {
                Ok(()) => return,
                Err(why) => Err(why),
            },
        };
        self.links.answer(link, serial, answer);
    }

    fn start_run(
        &mut self,
        link: LinkId,
        serial: u64,
        argv: Vec<String>,
        fds: Vec<OwnedFd>,
    ) -> Result<(), String> {
        if !matches!(self.vm.state(), State::Running | State::AppStarting) {
            return Err(format!("the VM is {}, not running", self.vm.state().name()));
        }
        if argv.is_empty() {
            return Err("nothing to run".to_owned());
        }
        let agent = self.agent.as_ref().ok_or("the VM has no agent")?;
        let id = self.runs.begin(link, serial, fds)?;
        if let Err(why) = agent.send(&ToGuest::Run { id, argv }) {
            self.runs.end(id, Err(why), &mut self.links);
        }
        Ok(())
    }

    fn ask_counters(&mut self, link: LinkId, serial: u64) {
        self.questions.ask(link, serial, self.parts.ask_counters());
        self.tell_guest(&ToGuest::Counters);
    }

    /// The last `lines` that fit into one answer.
    fn console(&self, lines: u32) -> Vec<String> {
        let mut room = MAX_CONSOLE;
        let mut kept: Vec<String> = self
            .vm
            .console(usize::try_from(lines).unwrap_or(usize::MAX))
            .into_iter()
            .rev()
            .take_while(|line| {
                let fits = room >= line.len() + 4;
                room = room.saturating_sub(line.len() + 4);
                fits
            })
            .collect();
        kept.reverse();
        kept
    }

    fn tell_guest(&mut self, message: &ToGuest) {
        self.tell_guest_bulk(message, None);
    }

    fn tell_guest_bulk(&mut self, message: &ToGuest, room: Option<tokio::sync::OwnedSemaphorePermit>) {
        let Some(agent) = &self.agent else { return };
        if let Err(why) = agent.send_bulk(message, room) {
            self.happen(Event::AgentBroken(why));
        }
    }

    fn carry_out(&mut self) {
        while let Some(effect) = self.vm.poll_effect() {
            match effect {
                Effect::Spawn(Helper::Part(part)) => self.spawn_part(part),
                Effect::Spawn(Helper::Machine) => self.spawn_machine(),
                Effect::Adopt => match self.parts.channel() {
                    Some(channel) => presence::adopt(&self.spec, channel, &self.inbox),
                    None => self.happen(Event::AdoptFailed("there is no channel".to_owned())),
                },
                Effect::Send(Order::StartApp) => {
                    let (args, env) = (self.spec.args.clone(), self.spec.env.clone());
                    self.tell_guest(&ToGuest::StartApp { args, env });
                }
                Effect::Send(Order::Shutdown) => self.tell_guest(&ToGuest::Shutdown),
                Effect::Kill(Helper::Part(part)) => self.parts.kill(part),
                Effect::Kill(Helper::Machine) => {
                    if let Some(machine) = &mut self.machine {
                        machine.kill();
                    }
                }
                Effect::Note(line) => {
                    tracing::warn!(vm = %self.spec.record.vm, line, "note");
                    self.write_down(&line);
                }
                Effect::Report(state) => self.report_state(&state),
                Effect::End => self.ended = true,
            }
        }
    }

    fn spawn_part(&mut self, part: &'static Part) {
        let helper = Helper::Part(part);
        match self.parts.start(part, &self.spec) {
            Ok(()) => self.happen(Event::HelperStarted(helper)),
            Err(error) => {
                let why = format!("{}: {error}", self.spec.libexec.join(part.program).display());
                self.happen(Event::SpawnFailed(helper, why));
            }
        }
    }

    fn spawn_machine(&mut self) {
        let spawned =
            spawn_machine(&self.spec, self.parts.devices(), &self.inbox).and_then(|(process, ends)| {
                // Everything has been started, and nothing of what the guest says was read.
                crate::walls::serving(self.parts.ids().chain(process.id()).collect())?;
                Ok((process, ends))
            });
        match spawned {
            Ok((process, ends)) => {
                self.machine = Some(process);
                self.happen(Event::HelperStarted(Helper::Machine));
                follow(ends.stderr, "machine: ", &self.inbox);
                let console = std::os::unix::net::UnixStream::from(ends.console);
                let console = console.set_nonblocking(true).and_then(|()| UnixStream::from_std(console));
                match console {
                    Ok(console) => follow(console, "", &self.inbox),
                    Err(error) => tracing::warn!(%error, "no console"),
                }
                match Agent::open(ends.agent, &self.inbox) {
                    Ok(agent) => self.agent = Some(agent),
                    Err(error) => self.happen(Event::AgentBroken(error.to_string())),
                }
            }
            Err(error) => self.happen(Event::SpawnFailed(Helper::Machine, error.to_string())),
        }
    }

    /// Gives a point its socket to the monitor: a part, or the agent link, which is ours.
    fn connect(&mut self, role: Role, socket: OwnedFd) {
        match Part::of_point(role.name()) {
            Some(part) => self.parts.connect(part, &socket),
            None => self.portal.connect(socket),
        }
    }

    /// The monitor does not hear a point any more; one that still runs gets another socket.
    fn point_lost(&mut self, role: Role) {
        if Part::of_point(role.name()).is_none_or(|part| self.parts.lives(part)) {
            tracing::warn!(vm = %self.spec.record.vm, ?role, "the permission monitor dropped a point");
            self.registry.renew(role);
        }
    }

    /// A point that breaks its wire again and again stays without a monitor, and is denied everything.
    fn point_given_up(&mut self, role: Role) {
        self.happen(Part::of_point(role.name()).map_or_else(
            || {
                let what = "its agent link too often; it gets no files and opens no links";
                let until = "until it is started again";
                Event::ConsoleLine(format!("the permission monitor had to drop {what} {until}"))
            },
            Event::GivenUp,
        ));
    }

    fn open_uri(&mut self, serial: u32, uri: String) {
        let running = matches!(self.vm.state(), State::Running | State::AppStarting);
        let able = running && self.opening.len() < MAX_OPENING && check_address(&uri).is_ok();
        if able && let Some(agent) = &self.agent {
            // The serials of two monitors may be the same; a late answer is to the earlier one.
            let own = self.next_opening;
            self.next_opening = own.wrapping_add(1);
            let sent = agent.send(&ToGuest::Open { serial: own, uri });
            if let Err(why) = sent {
                self.happen(Event::AgentBroken(why));
            } else {
                self.opening.insert(own, serial);
                return;
            }
        }
        self.registry.tell(ToMonitor::Opened { serial, ok: false });
    }

    /// Lets the agent link do what follows from the last input.
    fn carry_out_portal(&mut self) {
        match self.portal.carry_out(self.agent.as_ref()) {
            Ok(lines) => lines.into_iter().for_each(|line| self.happen(Event::ConsoleLine(line))),
            Err(why) => self.happen(Event::AgentBroken(why)),
        }
    }

    fn report_state(&mut self, state: &State) {
        state.name().clone_into(&mut self.status.state);
        match state {
            State::Stopped { exit } => {
                self.status.detail = exit.map_or_else(String::new, |e| e.to_string());
                self.status.exit_code = exit.and_then(|e| match e {
                    AppExit::Code(code) => Some(code),
                    AppExit::Signal(_) => None,
                });
            }
            State::Failed { reason, console } => {
                self.status.detail.clone_from(reason);
                self.status.console.clone_from(console);
            }
            _ => {}
        }
        tracing::info!(
            vm = %self.spec.record.vm,
            state = self.status.state,
            detail = self.status.detail,
            ms = self.start.elapsed().as_millis(),
            "state"
        );
        self.links.broadcast(&FromShepherd::Status(self.status.clone()));
    }

    async fn finish(mut self) {
        self.runs.end_all(&mut self.links);
        // First forget the VM in the desktop, then say that its id is free.
        let (compositor, vm) = (self.spec.compositor.clone(), self.spec.record.vm.clone());
        if tokio::task::spawn_blocking(move || presence::retire(&compositor, &vm)).await.is_err() {
            tracing::warn!("retiring the VM failed");
        }
        if let Err(error) = std::fs::remove_file(&self.spec.socket) {
            tracing::debug!(%error, "socket for launchers");
        }
        self.links.finish().await;
    }
}

/// One line of a guest's own words.
fn clean(text: &str) -> String {
    let mut splitter = LineSplitter::new();
    let mut lines = splitter.push(text.as_bytes());
    lines.extend(splitter.flush());
    lines.join("; ")
}
