// SPDX-License-Identifier: GPL-3.0-or-later
//! In: everything that can happen to the monitor. Out: everything that it can do about it.

use crate::shown::{AppView, ChooserView, FileView, LogView, PendingView, PermissionView};
use cofferdam_ids::{AppId, Identity, Label, VmId};
use cofferdam_monitor_wire::point::{FromPoint, ToPoint};
use cofferdam_monitor_wire::registry::FromMonitor;
pub use cofferdam_monitor_wire::registry::Role;
use cofferdam_monitor_wire::screen::{FromScreen, ToScreen};
use cofferdam_policy::{AdminRules, GrantId, Kind, Level, Millis};
use std::collections::BTreeMap;

/// What the clocks say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Moment {
    /// Wall time, for policy. A test may move it forward.
    pub now: Millis,
    /// Milliseconds that really passed since the monitor started, for deadlines of processes.
    pub mono: u64,
    /// When the day of `now` ends where the person is.
    pub midnight: Millis,
}

/// One point socket; the shell never uses a number twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PointId(pub u64);

/// One connection of a shepherd; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u64);

/// One order that waits for its answer; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u64);

/// What a shepherd says about its VM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newcomer {
    /// The VM.
    pub vm: VmId,
    /// Its app.
    pub app: AppId,
    /// Its name in chrome.
    pub name: Label,
    /// Its colour and pattern.
    pub identity: Identity,
    /// Whose child it is.
    pub parent: Option<VmId>,
    /// Its run, if a monitor has numbered it before.
    pub run: Option<u64>,
}

/// An app that opens addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opener {
    /// The app.
    pub app: AppId,
    /// Its name.
    pub name: Label,
    /// Schemes that it opens.
    pub schemes: Vec<String>,
}

/// How long a grant of the panel or the command line is to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// For one use.
    Once,
    /// Until the app is closed.
    Run,
    /// For an hour.
    Hour,
    /// Until midnight.
    Today,
    /// Until revoked.
    Always,
    /// Not at all, and no more questions.
    Never,
}

impl Span {
    /// The span of this name on D-Bus.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "once" => Self::Once,
            "run" => Self::Run,
            "hour" => Self::Hour,
            "today" => Self::Today,
            "always" => Self::Always,
            "never" => Self::Never,
            _ => return None,
        })
    }
}

/// What a person, the panel or a script wants.
#[derive(Debug, Clone)]
pub enum Order {
    /// All VMs.
    Apps,
    /// All kinds of one VM.
    Permissions(VmId),
    /// Set a level.
    SetLevel {
        /// Of which VM.
        vm: VmId,
        /// Of what.
        kind: Kind,
        /// To what.
        level: Level,
    },
    /// Give a grant.
    Grant {
        /// To which VM.
        vm: VmId,
        /// Of what.
        kind: Kind,
        /// About what, as [`crate::target`] reads it.
        target: String,
        /// For how long.
        span: Span,
    },
    /// Take a grant back.
    Revoke(GrantId),
    /// Everything off for one VM.
    RevokeAll(VmId),
    /// Everything off for everybody.
    RevokeEverything,
    /// Take the last words back.
    Undo(u64),
    /// What happened.
    Log {
        /// To which VM; to all if none.
        vm: Option<VmId>,
        /// Only lines with a smaller number; 0 for all.
        before: u64,
        /// At most so many.
        limit: u32,
        /// Only lines that contain this.
        search: String,
    },
    /// Questions that wait.
    Pending,
    /// What would happen, and why.
    Explain {
        /// To which VM.
        vm: VmId,
        /// For what.
        kind: Kind,
        /// About what.
        target: String,
    },
    /// Files that apps wait for.
    Choosers,
    /// A file was chosen. The shell has checked the file, and keeps it until the effect.
    Choose {
        /// Which chooser.
        id: u64,
        /// The file's name.
        name: Label,
        /// It is a folder.
        folder: bool,
        /// It is open for writing.
        writable: bool,
    },
    /// The chooser was cancelled.
    CancelChooser(u64),
    /// Files and folders that a VM has.
    Files(VmId),
    /// Take one of them back.
    TakeBack(u64),
    /// The rule files were read again.
    Rules(Box<AdminRules>),
}

/// What an order comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Done.
    Done,
    /// A number: of a grant, or a token for undo.
    Number(u64),
    /// All VMs.
    Apps(Vec<AppView>),
    /// All kinds of one VM.
    Permissions(Vec<PermissionView>),
    /// Lines.
    Log(Vec<LogView>),
    /// Questions.
    Pending(Vec<PendingView>),
    /// `allow`, `deny` or `ask`, and why.
    Explained(String, String),
    /// Files that apps wait for.
    Choosers(Vec<ChooserView>),
    /// Files and folders that an app has.
    Files(Vec<FileView>),
}

/// Why an order is not carried out. The text is for a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OrderError {
    /// There is no such VM.
    #[error("no app called {0} is known here")]
    NoVm(VmId),
    /// There is no such grant.
    #[error("there is no permission number {0}; it may have ended already")]
    NoGrant(u64),
    /// No app has such a file.
    #[error("no app has a file with the number {0}; it may have been taken back already")]
    NoFile(u64),
    /// The level does not exist for this kind.
    #[error("{kind} has no level {level}; it has {levels}")]
    NoLevel {
        /// The kind.
        kind: Kind,
        /// The level.
        level: Level,
        /// What it has.
        levels: String,
    },
    /// An administrator's rule stands against it.
    #[error("a rule of the administrator does not allow this")]
    Admin,
    /// The app is off, so nothing can hold until it is closed.
    #[error("{0} does not run, so there is nothing to last until it is closed")]
    NotRunning(VmId),
    /// The target is not understood.
    #[error(transparent)]
    Target(#[from] crate::target::TargetError),
    /// Nothing to undo.
    #[error("this can't be undone any more")]
    NoUndo,
    /// The question is closed.
    #[error("no app waits for this any more")]
    NoChooser,
    /// Not what was asked for.
    #[error("the app asked for {0}")]
    WrongFile(&'static str),
    /// The ledger can't be written.
    #[error("this can't be written down, so it does not hold: is the disk full?")]
    NoLedger,
    /// It took effect, but a restart would forget it.
    #[error("this holds now, but it can't be written down: is the disk full?")]
    NotDurable,
    /// Too many calls wait.
    #[error("too much is under way at once; try again")]
    Busy,
}

/// All that can wake the monitor.
#[derive(Debug)]
pub enum Input {
    /// Time has passed.
    Tick,
    /// A shepherd made its VM known.
    Registered {
        /// Its connection.
        link: LinkId,
        /// Who it is.
        who: Newcomer,
        /// The sockets of its points.
        points: BTreeMap<Role, PointId>,
    },
    /// A shepherd brought another socket for a point.
    Renewed {
        /// Its connection.
        link: LinkId,
        /// Which point of its VM.
        role: Role,
        /// The socket.
        point: PointId,
    },
    /// A shepherd's connection is gone: the end of the run.
    LinkClosed(LinkId),
    /// A shepherd handed an address over, or could not.
    Opened {
        /// Its connection.
        link: LinkId,
        /// Serial of the request.
        serial: u32,
        /// Whether the agent took it.
        ok: bool,
    },
    /// A point spoke.
    Point(PointId, FromPoint),
    /// A point sent something that is no message.
    PointBroken(PointId),
    /// A point's socket is gone.
    PointClosed(PointId),
    /// A compositor listens; it can ask the person, and nothing more until it says so.
    ScreenUp,
    /// It spoke.
    Screen(FromScreen),
    /// It is gone.
    ScreenDown,
    /// Which apps open addresses.
    Openers(Vec<Opener>),
    /// The launcher started an app with an address, or could not.
    Launched {
        /// Serial of [`Effect::Launch`].
        serial: u32,
        /// Whether it did.
        ok: bool,
    },
    /// An order.
    Order(CallId, Order),
}

/// What is to be done, in this order. Whatever allows something stands behind its line in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Tell a point.
    Point(PointId, ToPoint),
    /// Tell a point, with the file that came with an order beside it.
    File {
        /// The point.
        point: PointId,
        /// The message.
        message: ToPoint,
        /// The order that brought the file.
        call: CallId,
    },
    /// Close a point's socket.
    ClosePoint(PointId),
    /// Tell the compositor.
    Screen(ToScreen),
    /// The compositor broke the protocol: close its socket.
    CloseScreen,
    /// Tell a shepherd.
    Shepherd(LinkId, FromMonitor),
    /// Close a shepherd's connection.
    CloseLink(LinkId),
    /// Answer an order.
    Answer(CallId, Result<Reply, OrderError>),
    /// Have the launcher start an app with an address.
    Launch {
        /// Comes back in [`Input::Launched`].
        serial: u32,
        /// The app.
        app: AppId,
        /// The address.
        uri: String,
    },
    /// Say that something changed about a VM; about all, if none is named.
    Changed(Option<VmId>),
    /// Say that the list of choosers changed.
    ChoosersChanged,
}

/// When the monitor wants to be woken, on either clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wake {
    /// At this wall time.
    pub now: Option<Millis>,
    /// At this time since the start.
    pub mono: Option<u64>,
}
