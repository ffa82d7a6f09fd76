// SPDX-License-Identifier: GPL-3.0-or-later
//! The D-Bus interface `org.cofferdam.Launcher1`, as callers see it.
//!
//! In: calls of `coffer`, the scenario runner and anybody else on the session bus. Out: [`LauncherProxy`]
//! and the types that travel. The side that answers stands in `launcherd`.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use zbus::{OwnedFd, zvariant::Type};

/// The service's well-known name.
pub const NAME: &str = "org.cofferdam.Launcher1";
/// The service's only object.
pub const PATH: &str = "/org/cofferdam/Launcher1";

/// One VM as `List` gives it.
#[derive(Debug, Clone, PartialEq, Eq, Type, Serialize, Deserialize)]
pub struct VmEntry {
    /// Its id.
    pub vm: String,
    /// The app in it.
    pub app: String,
    /// Its name in chrome.
    pub name: String,
    /// Its colour and pattern, by name.
    pub identity: String,
    /// `preparing`, `booting`, `agent-up`, `app-starting`, `running`, `stopping`, `stopped`, `failed`;
    /// or `off` for a VM of which only the record and the data exist.
    pub state: String,
    /// For a failed VM, why; for a stopped one, how its app ended.
    pub detail: String,
    /// The exit code of the app once it has ended by itself, -1 otherwise.
    pub exit_code: i32,
    /// Seconds since the VM was started, 0 if it is off.
    pub uptime: u64,
}

impl VmEntry {
    /// Whether the VM has processes.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        !matches!(self.state.as_str(), "stopped" | "failed" | "off")
    }
}

/// An app that opens addresses.
#[derive(Debug, Clone, PartialEq, Eq, Type, Serialize, Deserialize)]
pub struct OpenerEntry {
    /// Its id.
    pub app: String,
    /// Its name for people.
    pub name: String,
    /// Schemes that it opens.
    pub schemes: Vec<String>,
}

/// What a caller of `GuestRun` learns at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Type, Serialize, Deserialize)]
pub struct GuestExit {
    /// The exit code, -1 if a signal ended the program.
    pub code: i32,
    /// The signal, 0 if there was none.
    pub signal: i32,
}

/// Calls of the launcher.
#[zbus::proxy(
    interface = "org.cofferdam.Launcher1",
    default_service = "org.cofferdam.Launcher1",
    default_path = "/org/cofferdam/Launcher1"
)]
pub trait Launcher {
    /// Starts `app` in a VM and gives back the VM's id once its processes are being started.
    ///
    /// Known options: `name` (VM id to use), `memory-mib`, `boot-limit` (seconds until the guest must answer)
    /// and `env:KEY` (environment of the app).
    async fn run(
        &self,
        app: &str,
        args: &[String],
        options: BTreeMap<String, String>,
    ) -> zbus::Result<String>;

    /// All VMs, by id.
    async fn list(&self) -> zbus::Result<Vec<VmEntry>>;

    /// Asks a VM to stop; the second time, at once.
    async fn stop(&self, vm: &str) -> zbus::Result<()>;

    /// The last lines of a VM's console.
    async fn console(&self, vm: &str, lines: u32) -> zbus::Result<Vec<String>>;

    /// Runs a program beside the app, as its user. What it writes goes into `stdout` and `stderr`,
    /// what comes out of `stdin` goes to it. Answers when it has ended.
    async fn guest_run(
        &self,
        vm: &str,
        argv: &[String],
        stdin: OwnedFd,
        stdout: OwnedFd,
        stderr: OwnedFd,
    ) -> zbus::Result<GuestExit>;

    /// Counters of a VM's helpers as JSON: `{"device":{…},"bridge":{…}}`.
    async fn counters(&self, vm: &str) -> zbus::Result<String>;

    /// Apps that open addresses, as their descriptions say; those that could be started, too. Starts no launcher.
    #[zbus(no_autostart)]
    async fn openers(&self) -> zbus::Result<Vec<OpenerEntry>>;

    /// A VM has changed its state. `detail` is that of [`VmEntry`].
    #[zbus(signal)]
    fn vm_state_changed(&self, vm: &str, state: &str, detail: &str, exit_code: i32) -> zbus::Result<()>;
}
