// SPDX-License-Identifier: GPL-3.0-or-later
//! The wire of an enforcement point that belongs to one VM: the net gateway, or the agent link in the
//! shepherd. The VM is the one for which the socket was registered; no message names it.
//!
//! A point asks, holds what it asked about, and does nothing until [`ToPoint::Decided`]. Every allow
//! carries a [`Ticket`]; when the monitor sends [`ToPoint::Cut`], the point ends everything that lives
//! under that ticket at once, and only then answers [`FromPoint::CutDone`].
//!
//! The first message on each new socket is a cut of [`BEFORE`]. A point that had another socket earlier (its
//! monitor crashed) may not have noticed yet that it is closed; it answers once nothing of it lives any more,
//! and until then the monitor answers no revocation of that VM.

use cofferdam_ids::{AppId, Label, Passage};
use cofferdam_policy::{Contact, GrantId, Host, Level, Millis, Refusal, Resource, Usage};
use serde::{Deserialize, Serialize};

/// The ticket that stands for all that an earlier socket allowed.
pub const BEFORE: u64 = 0;

/// The right to do what was asked, until it is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// Number of this ticket on this socket, chosen by the monitor; never [`BEFORE`].
    pub id: u64,
    /// The grant behind it; none when a level allows it.
    pub grant: Option<GrantId>,
    /// When it lapses by itself; the monitor sends a [`ToPoint::Cut`] then, this is for display.
    pub until: Option<Millis>,
    /// Good for one use (one connection, one file) and no more.
    pub once: bool,
}

/// From a point to the monitor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromPoint {
    /// May my VM do this? `serial` comes back; serials of open questions are distinct.
    Ask {
        /// Chosen by the point.
        serial: u32,
        /// What is asked.
        resource: Resource,
    },
    /// The question does not matter any more (the app gave up).
    Forget {
        /// Its serial.
        serial: u32,
    },
    /// What happened under a ticket since the last report.
    Used {
        /// The ticket.
        ticket: u64,
        /// What it was used for.
        resource: Resource,
        /// How much since the last report.
        usage: Usage,
    },
    /// The point itself refused something that no question was needed for (a TLS name that is not the
    /// one asked for, a resolver that is not ours).
    Refused {
        /// What.
        resource: Resource,
        /// Why.
        why: Refusal,
    },
    /// Nothing lives under this ticket any more, and nothing will.
    CutDone {
        /// The ticket.
        ticket: u64,
    },
    /// A request of the guest that the monitor carries out itself (agent link only).
    Portal {
        /// Chosen by the point; comes back in [`ToPoint::PortalDone`].
        serial: u32,
        /// What.
        wish: PortalWish,
    },
    /// Whether the VM has a connection now (net gateway only). Said when that has changed, at most twice a
    /// second; on a new socket it has none.
    Online(bool),
    /// Nothing lives under these tickets any more (net gateway only), at most [`MAX_RETURNED`] of them.
    Returned(Vec<Returned>),
    /// What was allowed is, as the name servers say, another name for these (net gateway only): is one of them
    /// forbidden? Nobody is asked anything. At most [`MAX_ALIASES`].
    Aliases {
        /// Chosen by the point; comes back in [`ToPoint::Checked`].
        serial: u32,
        /// What was allowed, in the zone that it leads to.
        contact: Contact,
        /// Its other names.
        names: Vec<Host>,
    },
}

/// Most other names that one name may have.
pub const MAX_ALIASES: usize = 16;

/// Most tickets that are given back in one message.
pub const MAX_RETURNED: usize = 64;

/// A ticket that is given back. The monitor may have given it anew while this was under way; so it ends only
/// when it was given back as often as it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Returned {
    /// The ticket.
    pub ticket: u64,
    /// In how many answers it came since it was given back last, those that nobody waited for included.
    pub times: u32,
}

/// What an app asks for through the portals of its guest. Strings are the guest's: at most 4 KiB each,
/// shown only as [`Label`]s.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PortalWish {
    /// The trusted file chooser. The file comes as an fd beside [`ToPoint::PortalDone`].
    ChooseFile {
        /// Title that the app wants, cleaned.
        title: Label,
        /// What is to be chosen.
        kind: cofferdam_policy::FileKind,
        /// For what.
        access: cofferdam_policy::FileAccess,
        /// A name that the app proposes for a new file, cleaned; no path.
        suggested: Label,
    },
    /// Another app is to open this address.
    OpenUri {
        /// The address: at most 4,096 bytes, checked by the monitor.
        uri: String,
    },
    /// A notification, in place of an earlier one with the same tag.
    Notify {
        /// Its number, chosen in the VM.
        tag: u64,
        /// Its first line.
        title: Label,
        /// The rest.
        body: Passage,
    },
    /// The screen is to stay on while this question is open ([`FromPoint::Forget`] ends it).
    InhibitIdle {
        /// Why, for the person.
        reason: Label,
    },
    /// A picture of the screen. There is no level yet at which the answer is yes.
    Screenshot,
    /// The notification of this tag is of no use any more.
    Unnotify {
        /// Its number.
        tag: u64,
    },
}

/// From the monitor to a point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToPoint {
    /// The answer to an [`FromPoint::Ask`].
    Decided {
        /// Its serial.
        serial: u32,
        /// Yes, with a ticket, or no.
        verdict: Result<Ticket, Refusal>,
    },
    /// End everything under this ticket now, then say [`FromPoint::CutDone`].
    Cut {
        /// The ticket; [`BEFORE`] in the first message of a socket.
        ticket: u64,
    },
    /// The level of the point's kind of resource (net gateway: network). Sent at the start, and on each change.
    /// At `Off` the gateway takes the link down.
    Level(Level),
    /// The answer to a [`FromPoint::Portal`].
    PortalDone {
        /// Its serial.
        serial: u32,
        /// What came of it.
        outcome: PortalOutcome,
    },
    /// The answer to [`FromPoint::Aliases`]: nothing speaks against it, or what does.
    Checked {
        /// Its serial.
        serial: u32,
        /// Whether the flow may go on.
        verdict: Result<(), Refusal>,
    },
}

/// What came of a [`PortalWish`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PortalOutcome {
    /// Done, nothing to hand over.
    Done,
    /// One file or folder: an fd is beside the packet. It dies with the ticket.
    File {
        /// The right to use it.
        ticket: Ticket,
        /// Its name, without any path.
        name: Label,
        /// A folder, or a file.
        folder: bool,
        /// Whether it may be written.
        writable: bool,
    },
    /// Opened in another VM by this app.
    OpenedBy(AppId),
    /// No; the app sees a cancelled dialog.
    Denied(Refusal),
}
