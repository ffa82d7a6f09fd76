// SPDX-License-Identifier: GPL-3.0-or-later
//! Times: in goes what kind of machine runs the VM, out comes how long each step may take.

pub use cofferdam_ids::Mono;
use std::time::Duration;

/// How long each step of a VM's life may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Until the parts are there and the desktop has adopted the VM.
    pub prepare: Duration,
    /// From the start of the machine to the agent's first word.
    pub boot: Duration,
    /// From the order to start the app until its process exists.
    pub app_start: Duration,
    /// From the request to stop until the machine is off; then it is killed.
    pub shutdown: Duration,
}

impl Limits {
    /// Limits for hardware virtualisation: a boot takes a second or two.
    pub const FAST: Self = Self {
        prepare: Duration::from_secs(15),
        boot: Duration::from_secs(30),
        app_start: Duration::from_secs(15),
        shutdown: Duration::from_secs(5),
    };

    /// Limits for emulation. A boot takes 3 to 7 seconds on an idle machine; several VMs on two busy
    /// cores have been seen to need ten times that.
    pub const EMULATED: Self = Self {
        prepare: Duration::from_secs(30),
        boot: Duration::from_secs(150),
        app_start: Duration::from_secs(60),
        shutdown: Duration::from_secs(20),
    };
}
