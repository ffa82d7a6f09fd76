// SPDX-License-Identifier: GPL-3.0-or-later
//! The state machine: in goes an [`Event`] and the time, out come [`Effect`]s.

use crate::console::Console;
use crate::limits::{Limits, Mono};
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

/// One VM.
#[derive(Debug)]
pub struct Vm {
    limits: Limits,
    state: State,
    gpu: Process,
    machine: Process,
    deadline: Option<Mono>,
    /// The final state, once it is decided; reported when the last helper is reaped.
    verdict: Option<State>,
    console: Console,
    effects: VecDeque<Effect>,
    ended: bool,
}

impl Vm {
    /// A VM whose first helper is to be started now.
    #[must_use]
    pub fn new(limits: Limits, now: Mono) -> Self {
        Self {
            limits,
            state: State::Preparing,
            gpu: Process::Spawning,
            machine: Process::Unborn,
            deadline: Some(now.plus(limits.prepare)),
            verdict: None,
            console: Console::new(KEPT_LINES),
            effects: VecDeque::from([Effect::Report(State::Preparing), Effect::Spawn(Helper::Gpu)]),
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
                *self.process(helper) = Process::Gone;
                self.fail(format!("the {} could not be started: {why}", helper.name()));
            }
            Event::HelperExited(helper, exit) => self.exited(helper, exit),
            Event::GpuReady => self.when(&State::Preparing, Self::gpu_ready),
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

    const fn process(&mut self, helper: Helper) -> &mut Process {
        match helper {
            Helper::Gpu => &mut self.gpu,
            Helper::Machine => &mut self.machine,
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
        let process = self.process(helper);
        if *process == Process::Spawning {
            *process = Process::Alive;
            if doomed {
                self.kill(helper);
            }
        }
    }

    fn gpu_ready(&mut self) {
        if self.gpu == Process::Alive && self.machine == Process::Unborn {
            self.effects.push_back(Effect::Adopt);
        }
    }

    fn boot(&mut self, now: Mono) {
        if self.gpu == Process::Alive && self.machine == Process::Unborn {
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
        if matches!(self.process(helper), Process::Unborn | Process::Gone) {
            return;
        }
        *self.process(helper) = Process::Gone;
        let asked = self.verdict.is_some();
        if !asked {
            self.fail(format!("the {} ended by itself ({exit}) while {}", helper.name(), self.doing()));
        } else {
            // The machine is off, as asked; or a helper died while the guest was shutting down.
            self.kill_all();
        }
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
        // The machine first: a gpu device that vanishes under a running machine makes noise.
        self.kill(Helper::Machine);
        self.kill(Helper::Gpu);
    }

    fn kill(&mut self, helper: Helper) {
        let process = self.process(helper);
        if *process == Process::Alive {
            *process = Process::Killed;
            self.effects.push_back(Effect::Kill(helper));
        }
    }

    /// Ends when everything is decided and reaped.
    fn settle(&mut self) {
        let over = |p| matches!(p, Process::Unborn | Process::Gone);
        if !(over(self.gpu) && over(self.machine)) || self.ended {
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
