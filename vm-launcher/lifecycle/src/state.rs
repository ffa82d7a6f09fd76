// SPDX-License-Identifier: GPL-3.0-or-later
//! The words of the state machine: what can be, what can happen, what is to be done.

use crate::parts::Part;
use std::fmt;

/// How the app ended inside the guest, as the guest claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppExit {
    /// It returned this code.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
}

impl fmt::Display for AppExit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(c) => write!(f, "exit code {c}"),
            Self::Signal(s) => write!(f, "signal {s}"),
        }
    }
}

/// How a helper process on the host ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HelperExit {
    /// It returned this code.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
}

impl fmt::Display for HelperExit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(c) => write!(f, "exit code {c}"),
            Self::Signal(s) => write!(f, "signal {s}"),
        }
    }
}

/// The processes that make up one VM on the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Helper {
    /// A device, by its row in the table.
    Part(&'static Part),
    /// The virtual machine itself.
    Machine,
}

impl Helper {
    /// Its name in messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Part(part) => part.words,
            Self::Machine => "virtual machine",
        }
    }
}

/// Where a VM stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// The helpers are being started.
    Preparing,
    /// The guest's kernel runs.
    Booting,
    /// The guest's agent has answered.
    AgentUp,
    /// The app has been ordered to start.
    AppStarting,
    /// The app runs.
    Running,
    /// The VM has been asked to stop, or is being cleared away.
    Stopping,
    /// Over, as it should be.
    Stopped {
        /// How the app ended, if it had started and ended by itself.
        exit: Option<AppExit>,
    },
    /// Over, as it should not be.
    Failed {
        /// One sentence for a person.
        reason: String,
        /// The last lines of the console.
        console: Vec<String>,
    },
}

impl State {
    /// The state's name, as it appears on D-Bus.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Preparing => "preparing",
            Self::Booting => "booting",
            Self::AgentUp => "agent-up",
            Self::AppStarting => "app-starting",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Stopped { .. } => "stopped",
            Self::Failed { .. } => "failed",
        }
    }

    /// Whether nothing will follow.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Stopped { .. } | Self::Failed { .. })
    }
}

/// What can happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A process asked for by [`Effect::Spawn`] exists.
    HelperStarted(Helper),
    /// A process asked for by [`Effect::Spawn`] could not be made.
    SpawnFailed(Helper, String),
    /// A helper ended and has been reaped.
    HelperExited(Helper, HelperExit),
    /// A part is jailed and waits for the machine.
    Ready(&'static Part),
    /// The desktop has accepted the VM.
    Adopted,
    /// The desktop has refused the VM.
    AdoptFailed(String),
    /// A line of the serial console.
    ConsoleLine(String),
    /// The guest's agent speaks our protocol.
    Hello,
    /// The guest's agent spoke nonsense; its port is closed.
    AgentBroken(String),
    /// The app's process exists.
    AppStarted,
    /// The app could not be started.
    AppFailed(String),
    /// The app ended.
    AppExited(AppExit),
    /// Somebody wants the VM to stop; a second time: at once.
    StopRequested,
    /// The compositor is gone, and with it every window of this VM.
    DesktopGone,
    /// The permission monitor has done with a part that broke its wire again and again: whatever it still does,
    /// it is to do no longer.
    GivenUp(&'static Part),
    /// The moment given by `poll_timeout` has come.
    Deadline,
}

/// What the guest is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Start the app.
    StartApp,
    /// End the app and power off.
    Shutdown,
}

/// What is to be done, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Start a helper; answer with `HelperStarted` or `SpawnFailed`.
    Spawn(Helper),
    /// Hand the VM's channel to the desktop; answer with `Adopted` or `AdoptFailed`.
    Adopt,
    /// Tell the guest.
    Send(Order),
    /// End a helper at once; its `HelperExited` follows.
    Kill(Helper),
    /// A line for the person, which stands in the console already.
    Note(String),
    /// The state has changed.
    Report(State),
    /// Everything is reaped. Nothing follows.
    End,
}
