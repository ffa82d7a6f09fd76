// SPDX-License-Identifier: GPL-3.0-or-later
//! What the panel and the command line are shown. In: nothing. Out: the types of what [`super::Reply`] brings;
//! the shell turns them into words on D-Bus.

use cofferdam_ids::{AppId, Identity, Label, VmId};
use cofferdam_monitor_wire::screen::PromptId;
use cofferdam_policy::{Answer, Author, FileKind, Grant, GrantId, Kind, Level, Millis};

/// One VM that the monitor knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppView {
    /// Its id.
    pub vm: VmId,
    /// The app in it.
    pub app: AppId,
    /// Its name in chrome.
    pub name: Label,
    /// Its colour and pattern.
    pub identity: Identity,
    /// Whether it runs.
    pub running: bool,
    /// When its last run began.
    pub since: Millis,
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermissionView {
    /// Which kind.
    pub kind: Kind,
    /// The level that holds.
    pub level: Level,
    /// The levels that can be chosen, shut first.
    pub levels: Vec<Level>,
    /// Who set it; nobody, if it is what every VM begins with.
    pub author: Option<Author>,
    /// Its grants, oldest first.
    pub grants: Vec<GrantView>,
    /// Uses so far.
    pub uses: u64,
}

/// One grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantView {
    /// As it was given.
    pub grant: Grant,
    /// What it covers, as [`crate::target`] reads it.
    pub target: String,
    /// When it was last used, if ever.
    pub last_used: Option<Millis>,
}

/// One line of what happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogView {
    /// Its number in the ledger.
    pub seq: u64,
    /// When.
    pub at: Millis,
    /// To which VM.
    pub vm: Option<VmId>,
    /// Its kind of resource; none for starts and ends.
    pub kind: Option<Kind>,
    /// `started`, `ended`, `asked`, `answered`, `granted`, `revoked`, `level`, `used`, `refused`, `silenced`.
    pub what: &'static str,
    /// About what: `imap.example.org:993`, `text from firefox`.
    pub target: String,
    /// A sentence or less for a person: `refused by you`, `1.2 MB in`.
    pub detail: String,
    /// Bytes to the app.
    pub bytes_in: u64,
    /// Bytes from the app.
    pub bytes_out: u64,
    /// The grant that "stop from now" would revoke.
    pub grant: Option<GrantId>,
}

/// One question that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingView {
    /// Its number.
    pub id: PromptId,
    /// Who asks.
    pub vm: VmId,
    /// Its kind.
    pub kind: Kind,
    /// About what.
    pub target: String,
    /// Since when.
    pub at: Millis,
    /// Answers that are offered.
    pub answers: Vec<Answer>,
}

/// A file that an app wants; the panel shows the trusted chooser for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChooserView {
    /// Its number.
    pub id: u64,
    /// Who asks.
    pub vm: VmId,
    /// Title, cleaned.
    pub title: Label,
    /// What is wanted.
    pub kind: FileKind,
    /// The app wants to write.
    pub write: bool,
    /// Proposed name for a new file.
    pub suggested: Label,
}

/// A file or folder that an app has now, because the person handed it over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileView {
    /// Its number.
    pub id: u64,
    /// Who has it.
    pub vm: VmId,
    /// Its name, cleaned, without any path.
    pub name: Label,
    /// It is a folder, with all that is in it.
    pub folder: bool,
    /// It may be written to.
    pub write: bool,
    /// Since when.
    pub at: Millis,
}
