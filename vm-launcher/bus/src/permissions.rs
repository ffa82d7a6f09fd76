// SPDX-License-Identifier: GPL-3.0-or-later
//! The D-Bus interface `org.cofferdam.Permissions1`, as callers see it.
//!
//! In: calls of the panel, `coffer` and scripts on the session bus. Out: [`PermissionsProxy`] and the types
//! that travel. Names of kinds, levels, answers are those of `cofferdam_policy`. Times are milliseconds
//! since the epoch, 0 for "none".

use serde::{Deserialize, Serialize};
use zbus::{OwnedFd, zvariant::Type};

/// The service's well-known name.
pub const NAME: &str = "org.cofferdam.Permissions1";
/// The service's only object.
pub const PATH: &str = "/org/cofferdam/Permissions1";

/// One VM that the monitor knows.
#[derive(Debug, Clone, PartialEq, Eq, Type, Serialize, Deserialize)]
pub struct AppEntry {
    /// Its id.
    pub vm: String,
    /// The app in it.
    pub app: String,
    /// Its name in chrome.
    pub name: String,
    /// Its colour and pattern, by name.
    pub identity: String,
    /// Whether it runs.
    pub running: bool,
    /// When its last run began.
    pub since: u64,
    /// It has a connection at the moment.
    pub online: bool,
    /// Questions of it that wait.
    pub waiting: u32,
    /// It asked too often and is not heard for this run.
    pub silenced: bool,
    /// What it has, in a word or two: `nothing`, `online · 42 min`.
    pub summary: String,
}

/// One kind of permission of one VM.
#[derive(Debug, Clone, PartialEq, Eq, Type, Serialize, Deserialize)]
pub struct PermissionEntry {
    /// `network`, `clipboard`, …
    pub kind: String,
    /// The level that holds.
    pub level: String,
    /// The levels that can be chosen, shut first.
    pub levels: Vec<String>,
    /// Who set it: `default`, `person`, `admin`. What an administrator shut can't be opened.
    pub author: String,
    /// Its grants, oldest first.
    pub grants: Vec<GrantEntry>,
    /// Uses so far.
    pub uses: u64,
}

/// One grant.
#[derive(Debug, Clone, PartialEq, Eq, Type, Serialize, Deserialize)]
pub struct GrantEntry {
    /// Its number.
    pub id: u64,
    /// Its VM.
    pub vm: String,
    /// Its kind.
    pub kind: String,
    /// What it covers, as [`PermissionsProxy::grant`] takes it: `imap.example.org`,
    /// `local:printer.home`, `text from firefox`.
    pub target: String,
    /// `allow` or `deny`.
    pub effect: String,
    /// `once`, `run`, `until`, `standing`.
    pub lifetime: String,
    /// When it ends by itself; 0 for never.
    pub until: u64,
    /// `prompt`, `person`, `admin`.
    pub author: String,
    /// When it was given.
    pub at: u64,
    /// When it was last used; 0 for never.
    pub last_used: u64,
}

/// One line of what happened.
#[derive(Debug, Clone, PartialEq, Eq, Type, Serialize, Deserialize)]
pub struct LogEntry {
    /// Its number in the ledger.
    pub seq: u64,
    /// When.
    pub at: u64,
    /// Which VM.
    pub vm: String,
    /// Its kind of resource, empty for starts and ends.
    pub kind: String,
    /// `started`, `ended`, `asked`, `answered`, `granted`, `revoked`, `level`, `used`, `refused`, `silenced`.
    pub what: String,
    /// About what: `imap.example.org:993`, `text from firefox`.
    pub target: String,
    /// A sentence or less for a person: `refused by you`, `1.2 MB in`.
    pub detail: String,
    /// Bytes to the app.
    pub bytes_in: u64,
    /// Bytes from the app.
    pub bytes_out: u64,
    /// The grant that "stop from now" would revoke; 0 for none.
    pub grant: u64,
}

/// One question that waits.
#[derive(Debug, Clone, PartialEq, Eq, Type, Serialize, Deserialize)]
pub struct PendingEntry {
    /// Its number.
    pub id: u64,
    /// Who asks.
    pub vm: String,
    /// Its kind.
    pub kind: String,
    /// About what.
    pub target: String,
    /// Since when.
    pub at: u64,
    /// Answers that are offered, by name.
    pub answers: Vec<String>,
}

/// A file that an app wants; the panel shows the trusted chooser for it.
#[derive(Debug, Clone, PartialEq, Eq, Type, Serialize, Deserialize)]
pub struct ChooserEntry {
    /// Its number.
    pub id: u64,
    /// Who asks.
    pub vm: String,
    /// Title, cleaned.
    pub title: String,
    /// `file`, `folder`, `new-file`.
    pub kind: String,
    /// The app wants to write.
    pub write: bool,
    /// Proposed name for a new file.
    pub suggested: String,
}

/// A file or folder that an app has now, because the person handed it over.
#[derive(Debug, Clone, PartialEq, Eq, Type, Serialize, Deserialize)]
pub struct FileEntry {
    /// Its number, as [`PermissionsProxy::take_back`] takes it.
    pub id: u64,
    /// Who has it.
    pub vm: String,
    /// Its name, cleaned, without any path.
    pub name: String,
    /// It is a folder, with all that is in it.
    pub folder: bool,
    /// It may be written to.
    pub write: bool,
    /// Since when.
    pub at: u64,
}

/// Calls of the monitor.
#[zbus::proxy(
    interface = "org.cofferdam.Permissions1",
    default_service = "org.cofferdam.Permissions1",
    default_path = "/org/cofferdam/Permissions1"
)]
pub trait Permissions {
    /// All VMs that have or had something, running ones first.
    async fn apps(&self) -> zbus::Result<Vec<AppEntry>>;

    /// All kinds for one VM.
    async fn permissions(&self, vm: &str) -> zbus::Result<Vec<PermissionEntry>>;

    /// Sets a level. Answers with a token for [`Self::undo`].
    async fn set_level(&self, vm: &str, kind: &str, level: &str) -> zbus::Result<u64>;

    /// Gives a grant. `lifetime`: `once`, `run`, `hour`, `today`, `always`, `never`. Answers with its number.
    async fn grant(&self, vm: &str, kind: &str, target: &str, lifetime: &str) -> zbus::Result<u64>;

    /// Takes a grant back and answers once everything under it has been cut. Answers with a token for
    /// [`Self::undo`].
    async fn revoke(&self, grant: u64) -> zbus::Result<u64>;

    /// Everything off for one VM: levels off, grants revoked, what lives cut. A token for undo.
    async fn revoke_all(&self, vm: &str) -> zbus::Result<u64>;

    /// Everything off for all VMs. A token for undo.
    async fn revoke_everything(&self) -> zbus::Result<u64>;

    /// Takes back the revocation or level change with this token, once, within ten minutes.
    async fn undo(&self, token: u64) -> zbus::Result<()>;

    /// The newest `limit` lines (at most 1,000) before `before` (0: the newest), newest first; of one VM,
    /// or of all if `vm` is empty; that contain `search` in target or detail, if that is not empty.
    async fn log(&self, vm: &str, before: u64, limit: u32, search: &str) -> zbus::Result<Vec<LogEntry>>;

    /// Questions that wait, in the order in which they will be shown.
    async fn pending(&self) -> zbus::Result<Vec<PendingEntry>>;

    /// What would happen, and why, for a person: `allow`, `deny` or `ask`, and a sentence.
    async fn explain(&self, vm: &str, kind: &str, target: &str) -> zbus::Result<(String, String)>;

    /// Reads the rule files again. Fails, with file, line and reason, if one is bad; the old rules stay.
    async fn reload_rules(&self) -> zbus::Result<()>;

    /// Files that apps wait for.
    async fn choosers(&self) -> zbus::Result<Vec<ChooserEntry>>;

    /// Hands over the chosen file or folder, opened by the chooser for what `write` says.
    async fn choose(&self, id: u64, name: &str, file: OwnedFd, write: bool) -> zbus::Result<()>;

    /// The person cancelled the chooser.
    async fn cancel_chooser(&self, id: u64) -> zbus::Result<()>;

    /// Files and folders that one VM has now, oldest first.
    async fn files(&self, vm: &str) -> zbus::Result<Vec<FileEntry>>;

    /// Takes one of them back and answers once nothing of it can be read or written any more, also by who has
    /// it open. There is no way back but to hand it over again.
    async fn take_back(&self, file: u64) -> zbus::Result<()>;

    /// The monitor's clock.
    async fn now(&self) -> zbus::Result<u64>;

    /// Moves the monitor's clock forward. Only desktops made for tests (`--test-clock`) have this.
    async fn advance_clock(&self, millis: u64) -> zbus::Result<u64>;

    /// Something about this VM has changed; empty: about all.
    #[zbus(signal)]
    fn changed(&self, vm: &str) -> zbus::Result<()>;

    /// The list of files that apps wait for has changed.
    #[zbus(signal)]
    fn choosers_changed(&self) -> zbus::Result<()>;
}
