// SPDX-License-Identifier: GPL-3.0-or-later
//! The monitor's interface for programs without an event loop. In: calls. Out: answers, each waited for on
//! a runtime of its own.

use cofferdam_bus::permissions::{
    AppEntry, ChooserEntry, FileEntry, LogEntry, PendingEntry, PermissionEntry, PermissionsProxy,
};

/// A connection to one desktop's monitor.
#[derive(Debug)]
pub struct Permissions {
    runtime: tokio::runtime::Runtime,
    proxy: PermissionsProxy<'static>,
}

/// Errors of all calls: the monitor's, in its own words, or those of a bus that is gone.
type Result<T> = zbus::Result<T>;

impl Permissions {
    /// Connects to the monitor on the bus at `address`.
    pub fn connect(address: &str) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let proxy = runtime.block_on(async {
            let connection = zbus::connection::Builder::address(address).build().await?;
            PermissionsProxy::new(&connection).await
        })?;
        Ok(Self { runtime, proxy })
    }

    /// All VMs that have or had something.
    pub fn apps(&self) -> Result<Vec<AppEntry>> {
        self.runtime.block_on(self.proxy.apps())
    }

    /// All kinds for one VM.
    pub fn permissions(&self, vm: &str) -> Result<Vec<PermissionEntry>> {
        self.runtime.block_on(self.proxy.permissions(vm))
    }

    /// Sets a level; a token for undo.
    pub fn set_level(&self, vm: &str, kind: &str, level: &str) -> Result<u64> {
        self.runtime.block_on(self.proxy.set_level(vm, kind, level))
    }

    /// Gives a grant; its number.
    pub fn grant(&self, vm: &str, kind: &str, target: &str, lifetime: &str) -> Result<u64> {
        self.runtime.block_on(self.proxy.grant(vm, kind, target, lifetime))
    }

    /// Takes a grant back, and returns once nothing lives under it; a token for undo.
    pub fn revoke(&self, grant: u64) -> Result<u64> {
        self.runtime.block_on(self.proxy.revoke(grant))
    }

    /// Everything off for one VM; a token for undo.
    pub fn revoke_all(&self, vm: &str) -> Result<u64> {
        self.runtime.block_on(self.proxy.revoke_all(vm))
    }

    /// Everything off for all VMs; a token for undo.
    pub fn revoke_everything(&self) -> Result<u64> {
        self.runtime.block_on(self.proxy.revoke_everything())
    }

    /// Takes back what this token stands for.
    pub fn undo(&self, token: u64) -> Result<()> {
        self.runtime.block_on(self.proxy.undo(token))
    }

    /// Lines of the log, newest first.
    pub fn log(&self, vm: &str, before: u64, limit: u32, search: &str) -> Result<Vec<LogEntry>> {
        self.runtime.block_on(self.proxy.log(vm, before, limit, search))
    }

    /// Questions that wait.
    pub fn pending(&self) -> Result<Vec<PendingEntry>> {
        self.runtime.block_on(self.proxy.pending())
    }

    /// What would happen, and why.
    pub fn explain(&self, vm: &str, kind: &str, target: &str) -> Result<(String, String)> {
        self.runtime.block_on(self.proxy.explain(vm, kind, target))
    }

    /// Reads the rule files again.
    pub fn reload_rules(&self) -> Result<()> {
        self.runtime.block_on(self.proxy.reload_rules())
    }

    /// Files that apps wait for.
    pub fn choosers(&self) -> Result<Vec<ChooserEntry>> {
        self.runtime.block_on(self.proxy.choosers())
    }

    /// Hands over a file or folder, opened for what `write` says.
    pub fn choose(&self, id: u64, name: &str, file: std::os::fd::OwnedFd, write: bool) -> Result<()> {
        self.runtime.block_on(self.proxy.choose(id, name, file.into(), write))
    }

    /// Cancels a chooser.
    pub fn cancel_chooser(&self, id: u64) -> Result<()> {
        self.runtime.block_on(self.proxy.cancel_chooser(id))
    }

    /// Files and folders that one VM has now.
    pub fn files(&self, vm: &str) -> Result<Vec<FileEntry>> {
        self.runtime.block_on(self.proxy.files(vm))
    }

    /// Takes one of them back, and returns once nothing of it is left.
    pub fn take_back(&self, file: u64) -> Result<()> {
        self.runtime.block_on(self.proxy.take_back(file))
    }

    /// The monitor's clock.
    pub fn now(&self) -> Result<u64> {
        self.runtime.block_on(self.proxy.now())
    }

    /// Moves the clock of a desktop that was made for tests; the new time.
    pub fn advance_clock(&self, millis: u64) -> Result<u64> {
        self.runtime.block_on(self.proxy.advance_clock(millis))
    }
}
