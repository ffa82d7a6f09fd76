// SPDX-License-Identifier: GPL-3.0-or-later
//! The words in which the machine is spoken to, and in which it answers.

use crate::{Board, Gesture, Snapshot};
pub use cofferdam_ids::Mono;
use cofferdam_ids::VmId;
use cofferdam_monitor_wire::point::Ticket;
use cofferdam_policy::{Content, Refusal, Resource, Usage};
use std::sync::Arc;
use std::time::Duration;

/// How long things may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// From the gesture until the target has to have asked for the bytes, or opened its menu.
    pub gesture: Duration,
    /// How long an open menu may see that there is something.
    pub menu: Duration,
    /// From the question to a source until its last byte.
    pub source: Duration,
    /// How long an answer may take. The monitor's own time is shorter; this is for a monitor that
    /// forgot.
    pub question: Duration,
    /// From the first byte for a target until its last.
    pub feed: Duration,
    /// How long what was read stays in memory, for another paste of the same copy.
    pub wipe: Duration,
    /// How long a yes is kept whose bytes could not be delivered, because the target had stopped
    /// waiting: the next paste of the same copy uses it.
    pub kept: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            gesture: Duration::from_secs(3),
            menu: Duration::from_secs(30),
            source: Duration::from_secs(10),
            question: Duration::from_secs(600),
            feed: Duration::from_secs(60),
            wipe: Duration::from_secs(120),
            kept: Duration::from_secs(60),
        }
    }
}

/// A transfer's number; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransferId(pub u64);

/// The shell's number of somebody's open fd; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SinkId(pub u64);

/// Somebody copied or selected something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied<'a> {
    /// Which selection.
    pub board: Board,
    /// Whose client; none for a program of the desktop itself, whose copies cross to nobody.
    pub from: Option<VmId>,
    /// The types on offer.
    pub mimes: &'a [String],
}

/// Something was dropped on another VM's window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped<'a> {
    /// Whose it is.
    pub from: VmId,
    /// On whose window.
    pub target: VmId,
    /// The types on offer.
    pub mimes: &'a [String],
}

/// Where a transfer's bytes come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceRef {
    /// A selection.
    Board {
        /// Which.
        board: Board,
        /// Which copy.
        generation: u64,
    },
    /// The drag that ended in this transfer.
    Drag,
}

/// What to offer to the client with the keyboard, on one board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Offer {
    /// Nothing: it is told that there is none.
    Nothing,
    /// What its own VM copied, as its source described it.
    Own {
        /// Which copy.
        generation: u64,
    },
    /// What another VM copied.
    Across {
        /// Which copy.
        generation: u64,
        /// The gesture it is bound to.
        window: u64,
        /// The types to name.
        mimes: Vec<&'static str>,
    },
}

/// What happened.
#[derive(Debug)]
pub enum Event<'a> {
    /// The source of a copy is gone.
    Cleared {
        /// Which selection.
        board: Board,
        /// Which copy.
        generation: u64,
    },
    /// The keyboard went to a client of this VM, or to nobody's.
    Focused(Option<VmId>),
    /// The person made a gesture in a window of this VM.
    Gesture {
        /// Where.
        target: VmId,
        /// What.
        gesture: Gesture,
    },
    /// A menu of this VM opened, as the person's press made it.
    MenuOpened(VmId),
    /// The last menu of this VM closed.
    MenusClosed(VmId),
    /// The target asks for the bytes of an [`Offer::Across`].
    Receive {
        /// Of which selection.
        board: Board,
        /// Of which copy.
        generation: u64,
        /// Under which gesture.
        window: u64,
        /// As what.
        mime: &'a str,
        /// Where to.
        sink: SinkId,
    },
    /// The target of a drop asks for its bytes.
    ReceiveDrop {
        /// Which.
        id: TransferId,
        /// As what.
        mime: &'a str,
        /// Where to.
        sink: SinkId,
    },
    /// The target of a drop is done with it, or did not want it.
    DropOver(TransferId),
    /// A source wrote something.
    Bytes {
        /// For which transfer.
        id: TransferId,
        /// What.
        piece: &'a [u8],
    },
    /// A source wrote all of it.
    End(TransferId),
    /// A source can't be read.
    SourceFailed(TransferId),
    /// An image was decoded and encoded anew, or is none.
    Checked {
        /// For which transfer.
        id: TransferId,
        /// The new image.
        image: Option<Snapshot>,
    },
    /// The monitor answered.
    Decided {
        /// Which question.
        serial: u32,
        /// What.
        verdict: Result<Ticket, Refusal>,
    },
    /// The monitor ends what lives under a ticket.
    Cut {
        /// Which.
        ticket: u64,
    },
    /// There is no monitor any more: nothing is allowed.
    MonitorGone,
    /// A sink was fed to its end, or stopped taking.
    SinkDone {
        /// Which.
        sink: SinkId,
        /// How much it took.
        bytes: u64,
        /// Whether that was all.
        complete: bool,
    },
    /// A VM is gone.
    VmGone(VmId),
    /// Time went by.
    Tick,
}

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// Look at [`super::Transfers::offer`] again.
    Offers,
    /// Ask the source to write, and report [`Event::Bytes`] and [`Event::End`].
    Read {
        /// For which transfer.
        id: TransferId,
        /// Whom.
        source: SourceRef,
        /// As what.
        mime: String,
    },
    /// Close what was opened for [`Self::Read`].
    StopReading(TransferId),
    /// Decode and encode anew, and report [`Event::Checked`].
    CheckImage {
        /// For which transfer.
        id: TransferId,
        /// What the source wrote.
        image: Snapshot,
    },
    /// Ask the monitor.
    Ask {
        /// Number of the question.
        serial: u32,
        /// Who would receive.
        vm: VmId,
        /// What.
        resource: Resource,
    },
    /// The question does not matter any more.
    Forget {
        /// Number of the question.
        serial: u32,
    },
    /// Something crossed.
    Used {
        /// Who received.
        vm: VmId,
        /// Under which ticket.
        ticket: u64,
        /// What.
        resource: Resource,
        /// How much.
        usage: Usage,
    },
    /// Something was refused here.
    Refused {
        /// Who would have received.
        vm: VmId,
        /// What.
        resource: Resource,
        /// Why.
        why: Refusal,
    },
    /// Nothing lives under this ticket any more.
    CutDone {
        /// Which.
        ticket: u64,
    },
    /// Write this, then close, then report [`Event::SinkDone`].
    Feed {
        /// Where.
        sink: SinkId,
        /// What.
        snapshot: Arc<Snapshot>,
    },
    /// Close without another byte, and say with [`super::Transfers::sink_closed`] how much it has.
    CloseSink(SinkId),
    /// It is allowed, and the target has stopped waiting: only another paste helps.
    TooLate {
        /// Who wanted it.
        vm: VmId,
    },
    /// A drop is allowed and its bytes are there: the target may see it.
    Deliver {
        /// Which.
        id: TransferId,
        /// What it is.
        content: Content,
    },
    /// A drop is over.
    DropEnded {
        /// Which.
        id: TransferId,
        /// Whether the target got it.
        done: bool,
    },
}
