// SPDX-License-Identifier: GPL-3.0-or-later
//! The launcher's interface for programs without an event loop. In: calls. Out: answers, each waited
//! for on a runtime of its own.

use crate::guest_run::{GuestOutput, guest_run};
use cofferdam_bus::launcher::{LauncherProxy, VmEntry};
use std::collections::BTreeMap;

/// A connection to one desktop's launcher.
#[derive(Debug)]
pub struct Launcher {
    runtime: tokio::runtime::Runtime,
    proxy: LauncherProxy<'static>,
}

impl Launcher {
    /// Connects to the launcher on the bus at `address`.
    ///
    /// # Errors
    /// If there is no such bus.
    pub fn connect(address: &str) -> zbus::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let proxy = runtime.block_on(async {
            let connection = zbus::connection::Builder::address(address).build().await?;
            LauncherProxy::new(&connection).await
        })?;
        Ok(Self { runtime, proxy })
    }

    /// Starts an app; gives back the VM's id.
    ///
    /// # Errors
    /// In the launcher's words.
    pub fn run(&self, app: &str, args: &[String], options: BTreeMap<String, String>) -> zbus::Result<String> {
        self.runtime.block_on(self.proxy.run(app, args, options))
    }

    /// All VMs.
    ///
    /// # Errors
    /// If the launcher is gone.
    pub fn list(&self) -> zbus::Result<Vec<VmEntry>> {
        self.runtime.block_on(self.proxy.list())
    }

    /// Asks a VM to stop.
    ///
    /// # Errors
    /// In the launcher's words.
    pub fn stop(&self, vm: &str) -> zbus::Result<()> {
        self.runtime.block_on(self.proxy.stop(vm))
    }

    /// The last lines of a VM's console.
    ///
    /// # Errors
    /// In the launcher's words.
    pub fn console(&self, vm: &str, lines: u32) -> zbus::Result<Vec<String>> {
        self.runtime.block_on(self.proxy.console(vm, lines))
    }

    /// Runs a program beside the app with this input and collects what it prints.
    ///
    /// # Errors
    /// In the launcher's words.
    pub fn guest_run(&self, vm: &str, argv: &[String], input: &[u8]) -> zbus::Result<GuestOutput> {
        self.runtime.block_on(guest_run(&self.proxy, vm, argv, input))
    }

    /// Counters of a VM's helpers, as JSON.
    ///
    /// # Errors
    /// In the launcher's words.
    pub fn counters(&self, vm: &str) -> zbus::Result<String> {
        self.runtime.block_on(self.proxy.counters(vm))
    }
}
