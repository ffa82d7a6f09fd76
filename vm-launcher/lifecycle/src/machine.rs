// SPDX-License-Identifier: GPL-3.0-or-later
//! The state machine: in goes an [`Event`] and the time, out come [`Effect`]s.

use crate::console::Console;
use crate::limits::{Limits, Mono};
use crate::parts::Part;
use crate::state::{Effect, Event, Helper, HelperExit, Order, State};
use std::collections::VecDeque;
use std::time::Duration;

/// Console lines kept for a person who asks, and how many of them go into a failure.
const KEPT_LINES: usize = 1000;
const REPORTED_LINES: usize = 20;

/// What PID 1 of a guest writes in front of the reason when it can't go on.
const FATAL: &str = "COFFERDAM-FATAL:";

/// What is known of one helper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Process {
    Unborn,
    Spawning,
    Alive,
    Killed,
    Gone,
}

/// A part, and what is known of its process.
#[derive(Debug)]
struct Place {
    part: &'static Part,
    process: Process,
    ready: bool,
}

impl Place {
    /// Whether the machine need not wait for it any longer.
    const fn is_prepared(&self) -> bool {
        match self.process {
            Process::Unborn | Process::Spawning => false,
            Process::Alive => self.ready || !self.part.essential,
            Process::Killed | Process::Gone => !self.part.essential,
        }
    }
}

/// One VM.
#[derive(Debug)]
pub struct Vm {
    limits: Limits,
    state: State,
    parts: Vec<Place>,
    machine: Process,
    /// The desktop has been asked to take the VM.
    announced: bool,
    deadline: Option<Mono>,
    /// The final state, once it is decided; reported when the last helper is reaped.
    verdict: Option<State>,
    console: Console,
    effects: VecDeque<Effect>,
    ended: bool,
}

impl Vm {
    /// A VM of these parts, which are to be started now.
    #[must_use]
    pub fn new(parts: &'static [Part], limits: Limits, now: Mono) -> Self {
        let mut effects = VecDeque::from([Effect::Report(State::Preparing)]);
        effects.extend(parts.iter().map(|part| Effect::Spawn(Helper::Part(part))));
        Self {
            limits,
            state: State::Preparing,
            parts: parts
                .iter()
                .map(|part| Place { part, process: Process::Spawning, ready: false })
                .collect(),
            machine: Process::Unborn,
            announced: false,
            deadline: Some(now.plus(limits.prepare)),
            verdict: None,
            console: Console::new(KEPT_LINES),
            effects,
            ended: false,
        }
    }

    /// Takes in what happened. Total: an event that makes no sense in this state changes nothing.
    pub fn handle(&mut self, event: Event, now: Mono) {
        if self.ended {
            return;
        }
        match event {
            Event::HelperStarted(helper) => self.started(helper),
            Event::SpawnFailed(helper, why) => {
                if self.process(helper).is_some_and(|process| *process == Process::Spawning) {
                    self.set(helper, Process::Gone);
                    self.lost(helper, &format!("could not be started: {why}"));
                }
            }
            Event::HelperExited(helper, exit) => self.exited(helper, exit),
            Event::Ready(part) => {
                if let Some(place) = self.place(part) {
                    place.ready = true;
                }
            }
            Event::GivenUp(part) => self.given_up(part),
            Event::Adopted => self.when(&State::Preparing, |vm| vm.boot(now)),
            Event::AdoptFailed(why) => self.fail(format!("the desktop did not take the VM: {why}")),
            Event::ConsoleLine(line) => self.console_line(line),
            Event::Hello => self.when(&State::Booting, |vm| vm.start_app(now)),
            Event::AgentBroken(why) => self.fail(format!("the guest's agent broke its protocol: {why}")),
            Event::AppStarted => self.when(&State::AppStarting, |vm| vm.enter(State::Running, None)),
            Event::AppFailed(why) => {
                self.when(&State::AppStarting, |vm| vm.fail(format!("the app could not be started: {why}")));
            }
            Event::AppExited(exit) => {
                if matches!(self.state, State::AppStarting | State::Running) {
                    self.stop(State::Stopped { exit: Some(exit) }, now);
                }
            }
            Event::StopRequested => self.stop(State::Stopped { exit: None }, now),
            Event::DesktopGone => {
                if self.verdict.is_none() {
                    self.stop(State::Stopped { exit: None }, now);
                }
            }
            Event::Deadline => self.deadline_passed(now),
        }
        self.announce();
        self.settle();
    }

    /// The next thing to do.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// When to come back with [`Event::Deadline`].
    #[must_use]
    pub const fn poll_timeout(&self) -> Option<Mono> {
        self.deadline
    }

    /// Where the VM stands.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// Whether [`Effect::End`] has been given out or waits to be.
    #[must_use]
    pub const fn is_ended(&self) -> bool {
        self.ended
    }

    /// The last lines of the console, oldest first.
    #[must_use]
    pub fn console(&self, count: usize) -> Vec<String> {
        self.console.last(count)
    }

    fn place(&mut self, part: &'static Part) -> Option<&mut Place> {
        self.parts.iter_mut().find(|place| place.part == part)
    }

    /// What is known of a helper; nothing of one that this VM has not.
    fn process(&mut self, helper: Helper) -> Option<&mut Process> {
        match helper {
            Helper::Part(part) => self.place(part).map(|place| &mut place.process),
            Helper::Machine => Some(&mut self.machine),
        }
    }

    /// Notes what became of a helper.
    fn set(&mut self, helper: Helper, now: Process) {
        if let Some(process) = self.process(helper) {
            *process = now;
        }
    }

    /// Runs `f` if the VM is in `state` and nothing has been decided yet.
    fn when(&mut self, state: &State, f: impl FnOnce(&mut Self)) {
        if self.verdict.is_none() && self.state == *state {
            f(self);
        }
    }

    fn enter(&mut self, state: State, deadline: Option<Mono>) {
        self.effects.push_back(Effect::Report(state.clone()));
        self.state = state;
        self.deadline = deadline;
    }

    fn started(&mut self, helper: Helper) {
        let doomed = self.verdict.is_some() && self.state == State::Stopping && self.deadline.is_none();
        if self.process(helper).is_some_and(|process| *process == Process::Spawning) {
            self.set(helper, Process::Alive);
            if doomed {
                self.kill(helper);
            }
        }
    }

    /// Has the desktop take the VM as soon as all parts are there that will be.
    fn announce(&mut self) {
        let waits = self.verdict.is_none() && self.state == State::Preparing && !self.announced;
        if waits && self.parts.iter().all(Place::is_prepared) {
            self.announced = true;
            self.effects.push_back(Effect::Adopt);
        }
    }

    fn boot(&mut self, now: Mono) {
        if self.announced && self.machine == Process::Unborn {
            self.machine = Process::Spawning;
            self.effects.push_back(Effect::Spawn(Helper::Machine));
            self.enter(State::Booting, Some(now.plus(self.limits.boot)));
        }
    }

    fn start_app(&mut self, now: Mono) {
        self.enter(State::AgentUp, None);
        self.effects.push_back(Effect::Send(Order::StartApp));
        self.enter(State::AppStarting, Some(now.plus(self.limits.app_start)));
    }

    fn console_line(&mut self, line: String) {
        // Before the agent answers, the console is the only voice of PID 1. Later the app could
        // write this line, and an app may end itself but needs no say in how that is reported.
        let fatal = line.split_once(FATAL).map(|(_, reason)| reason.trim().to_owned());
        self.console.push(line);
        if let Some(reason) = fatal {
            self.when(&State::Booting, |vm| vm.fail(format!("the guest could not start: {reason}")));
        }
    }

    fn exited(&mut self, helper: Helper, exit: HelperExit) {
        if self.process(helper).is_none_or(|process| matches!(process, Process::Unborn | Process::Gone)) {
            return;
        }
        self.set(helper, Process::Gone);
        let how = match helper {
            Helper::Part(part) if !part.essential => format!("ended ({exit})"),
            _ => format!("ended by itself ({exit}) while {}", self.doing()),
        };
        self.lost(helper, &how);
    }

    /// A helper is no more. What the VM can't be without takes it along.
    fn lost(&mut self, helper: Helper, how: &str) {
        let name = helper.name();
        match helper {
            Helper::Part(part) if !part.essential => {
                if self.verdict.is_none() {
                    self.note(format!("the {name} {how}; {}", part.without));
                }
            }
            // The machine is off, as asked; or a helper died while the guest was shutting down.
            _ if self.verdict.is_some() => self.kill_all(),
            _ => self.fail(format!("the {name} {how}")),
        }
    }

    fn given_up(&mut self, part: &'static Part) {
        if self.verdict.is_none() && self.place(part).is_some_and(|place| place.process == Process::Alive) {
            self.note(format!("the permission monitor had to drop the {} too often and ends it", part.words));
            self.kill(Helper::Part(part));
        }
    }

    /// Tells the person.
    fn note(&mut self, line: String) {
        self.console.push(line.clone());
        self.effects.push_back(Effect::Note(line));
    }

    const fn doing(&self) -> &'static str {
        match self.state {
            State::Preparing => "the VM was being prepared",
            State::Booting => "the guest was booting",
            State::AgentUp | State::AppStarting => "the app was being started",
            State::Running => "the app was running",
            State::Stopping | State::Stopped { .. } | State::Failed { .. } => "the VM was stopping",
        }
    }

    fn deadline_passed(&mut self, now: Mono) {
        if self.deadline.is_none_or(|d| now < d) {
            return;
        }
        let span = match self.state {
            State::Preparing => self.limits.prepare,
            State::Booting => self.limits.boot,
            State::AgentUp | State::AppStarting => self.limits.app_start,
            State::Running | State::Stopped { .. } | State::Failed { .. } => Duration::ZERO,
            State::Stopping => return self.kill_all(),
        };
        self.fail(format!("nothing came for {} s while {}", span.as_secs(), self.doing()));
    }

    /// Ends the VM in an orderly way if the guest can be asked, at once if it can't or was asked before.
    fn stop(&mut self, verdict: State, now: Mono) {
        if self.verdict.is_some() {
            return self.kill_all();
        }
        self.verdict = Some(verdict);
        if matches!(self.state, State::AppStarting | State::Running) && self.machine == Process::Alive {
            self.effects.push_back(Effect::Send(Order::Shutdown));
            self.enter(State::Stopping, Some(now.plus(self.limits.shutdown)));
        } else {
            self.enter(State::Stopping, None);
            self.kill_all();
        }
    }

    fn fail(&mut self, reason: String) {
        if self.verdict.is_none() {
            self.verdict = Some(State::Failed { reason, console: self.console.last(REPORTED_LINES) });
            self.enter(State::Stopping, None);
        }
        self.kill_all();
    }

    fn kill_all(&mut self) {
        self.deadline = None;
        // The machine first: a device that vanishes under a running machine makes noise.
        self.kill(Helper::Machine);
        for part in self.parts.iter().map(|place| place.part).collect::<Vec<_>>() {
            self.kill(Helper::Part(part));
        }
    }

    fn kill(&mut self, helper: Helper) {
        if self.process(helper).is_some_and(|process| *process == Process::Alive) {
            self.set(helper, Process::Killed);
            self.effects.push_back(Effect::Kill(helper));
        }
    }

    /// Ends when everything is decided and reaped.
    fn settle(&mut self) {
        let over = |p| matches!(p, Process::Unborn | Process::Gone);
        if self.ended || !over(self.machine) || !self.parts.iter().all(|place| over(place.process)) {
            return;
        }
        let Some(mut verdict) = self.verdict.take() else { return };
        if let State::Failed { console, .. } = &mut verdict {
            // What came out between the decision and the end of the machine belongs to it.
            *console = self.console.last(REPORTED_LINES);
        }
        self.enter(verdict, None);
        self.effects.push_back(Effect::End);
        self.ended = true;
    }
}
