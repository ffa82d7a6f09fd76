// SPDX-License-Identifier: GPL-3.0-or-later
//! The words about flows that the gate and its surroundings share.
//!
//! In: nothing. Out: types.

use cofferdam_monitor_wire::point::Returned;
use cofferdam_policy::{Contact, Host, Refusal, Resource, Transport};
use core::net::SocketAddr;

/// A flow's number, never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowId(pub u64);

/// What tells flows apart. An echo flow has the ping's number as the guest's port, and port 0 remotely.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowKey {
    /// TCP, UDP or echo.
    pub transport: Transport,
    /// The guest's end.
    pub guest: SocketAddr,
    /// The other end, as the guest sees it.
    pub remote: SocketAddr,
}

/// How a flow ends for the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Without a word.
    Silent,
    /// A live one is reset.
    Reset,
    /// Nobody is there.
    Unreachable,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Ask the monitor.
    Ask {
        /// Number of the question.
        serial: u32,
        /// About what.
        resource: Resource,
    },
    /// The question does not matter any more.
    Forget {
        /// Its number.
        serial: u32,
    },
    /// Find the addresses of a name, then call [`super::Gate::resolved`].
    Resolve {
        /// For which flow.
        flow: FlowId,
        /// The name.
        name: String,
    },
    /// Connect to the first of these that answers, then call [`super::Gate::connected`] or [`super::Gate::ended`].
    Connect {
        /// Which flow.
        flow: FlowId,
        /// Where to.
        to: Vec<SocketAddr>,
    },
    /// End a flow; it is forgotten here already.
    End {
        /// Which.
        flow: FlowId,
        /// How.
        how: End,
    },
    /// Report use.
    Used(super::usage::Line),
    /// Report a refusal that nobody was asked about.
    Refused {
        /// What.
        resource: Resource,
        /// Why.
        why: Refusal,
    },
    /// Nothing lives under this ticket any more.
    CutDone {
        /// The ticket.
        ticket: u64,
    },
    /// Ask whether one of a site's other names is forbidden.
    Aliases {
        /// Number of the question.
        serial: u32,
        /// What was allowed, in the zone that it leads to.
        contact: Contact,
        /// The other names.
        names: Vec<Host>,
    },
    /// Nothing lives under these tickets any more.
    Returned(Vec<Returned>),
    /// The link goes up or down.
    Link(bool),
    /// Report whether anything is connected.
    Online(bool),
}

/// What an address of the guest's means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A name question, wherever it was sent.
    Dns,
    /// The gateway itself.
    Gateway,
    /// Nobody: a pool address without a name, a broadcast.
    Nowhere,
    /// A resolver that would hide names.
    Resolver(Host),
    /// A site.
    Site(Host),
}

/// What came of a new flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opened {
    /// It is held.
    New(FlowId),
    /// It was there.
    Known(FlowId),
    /// Its packets vanish.
    Swallowed,
    /// The same, because there are too many.
    Flood,
}
