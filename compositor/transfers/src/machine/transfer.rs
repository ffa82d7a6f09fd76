// SPDX-License-Identifier: GPL-3.0-or-later
//! One transfer: what is known of it.
//!
//! In: nothing by itself; the machine turns its wheels. Out: the questions that the machine asks of it.

use super::types::{Mono, SinkId, SourceRef, TransferId};
use crate::{Board, Collector, Snapshot};
use cofferdam_ids::VmId;
use cofferdam_monitor_wire::point::Ticket;
use cofferdam_policy::{Content, Resource};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How it came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// The target reads a selection.
    Paste {
        /// Which one.
        board: Board,
        /// Which copy.
        generation: u64,
        /// Under which gesture.
        window: u64,
    },
    /// Something was dropped.
    Drop {
        /// The target has been told of it.
        delivered: bool,
        /// The target needs it no more.
        over: bool,
        /// Until when all has to be over.
        until: Mono,
    },
}

/// How far the source is.
#[derive(Debug)]
pub(super) enum Source {
    /// Nobody asked it yet, for this MIME type: that comes after the yes.
    Unasked(String),
    Reading {
        collector: Collector,
        until: Mono,
    },
    Checking,
    Ready(Arc<Snapshot>),
    Failed,
}

/// What the monitor said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Asked { serial: u32, until: Mono },
    Allowed(Ticket),
    Denied,
}

/// How far a sink is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sink {
    Waiting,
    Fed { until: Mono, ticket: u64 },
}

/// A sink that was ended while it was being fed; how much it has is still to be told.
#[derive(Debug)]
pub(super) struct Ending {
    pub(super) id: TransferId,
    pub(super) vm: VmId,
    pub(super) ticket: u64,
    pub(super) resource: Resource,
    /// Its transfer was counted already.
    pub(super) used: bool,
}

#[derive(Debug)]
pub(super) struct Transfer {
    pub(super) by: By,
    pub(super) from: VmId,
    pub(super) target: VmId,
    pub(super) content: Content,
    pub(super) source: Source,
    pub(super) verdict: Verdict,
    pub(super) sinks: BTreeMap<SinkId, Sink>,
    /// Bytes that have arrived at the target under this verdict.
    pub(super) used: bool,
}

impl Transfer {
    pub(super) fn resource(&self) -> Resource {
        let (from, content) = (self.from.clone(), self.content);
        match self.by {
            By::Paste { .. } => Resource::Clipboard { from, content },
            By::Drop { .. } => Resource::DragAndDrop { from, content },
        }
    }

    /// The bytes, if they are there and may cross.
    pub(super) fn cleared(&self) -> Option<Arc<Snapshot>> {
        match (&self.source, &self.verdict) {
            (Source::Ready(snapshot), Verdict::Allowed(_)) => Some(snapshot.clone()),
            _ => None,
        }
    }

    /// Where its bytes come from.
    pub(super) fn source_ref(&self) -> SourceRef {
        match self.by {
            By::Paste { board, generation, .. } => SourceRef::Board { board, generation },
            By::Drop { .. } => SourceRef::Drag,
        }
    }

    /// Whether somebody waits for the bytes: a drop's target can't ask before they are there.
    pub(super) fn is_awaited(&self) -> bool {
        matches!(self.by, By::Drop { .. }) || !self.sinks.is_empty()
    }

    pub(super) fn ticket(&self) -> Option<Ticket> {
        match self.verdict {
            Verdict::Allowed(ticket) => Some(ticket),
            Verdict::Asked { .. } | Verdict::Denied => None,
        }
    }

    /// Nothing can cross any more.
    pub(super) fn is_lost(&self) -> bool {
        matches!(self.source, Source::Failed) || matches!(self.verdict, Verdict::Denied)
    }

    pub(super) fn next_timeout(&self) -> Option<Mono> {
        let source = match &self.source {
            Source::Reading { until, .. } => Some(*until),
            _ => None,
        };
        let verdict = match self.verdict {
            Verdict::Asked { until, .. } => Some(until),
            _ => None,
        };
        let by = match self.by {
            By::Drop { until, .. } => Some(until),
            By::Paste { .. } => None,
        };
        let sinks = self.sinks.values().filter_map(|sink| match sink {
            Sink::Fed { until, .. } => Some(*until),
            Sink::Waiting => None,
        });
        sinks.chain(source).chain(verdict).chain(by).min()
    }
}
