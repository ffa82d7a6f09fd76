// SPDX-License-Identifier: GPL-3.0-or-later
//! The wire between the monitor and the compositor. The monitor connects to the desktop control socket
//! and hands over one end of a socket pair with `Request::ServePermissions`; a new one replaces the old.
//! As on a point's socket the first message is a cut of [`BEFORE`](crate::point::BEFORE).
//!
//! The compositor is an enforcement point (clipboard, drag and drop: it knows both VMs) and the place
//! where people are asked. It decides neither what is asked nor what an answer means.

use crate::point::Ticket;
use cofferdam_ids::{AppId, Identity, Label, Passage, VmId};
use cofferdam_policy::{Answer, Contact, Content, FileAccess, Kind, Refusal, Resource, Usage};
use serde::{Deserialize, Serialize};

/// A question's number, chosen by the monitor; never used twice on one socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PromptId(pub u64);

/// One question to the person. The compositor owns the wording; here is only what it is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    /// Its number.
    pub id: PromptId,
    /// The VM that asks; one that the compositor has not adopted is refused.
    pub vm: VmId,
    /// What about.
    pub about: About,
    /// The answers to offer besides "Not now", in this order; 1 to 6.
    pub answers: Vec<Answer>,
    /// How often this app used this kind of thing before.
    pub uses: u64,
}

/// What a question is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum About {
    /// Going online.
    Network {
        /// To whom.
        contact: Contact,
        /// Whether this app asks about this site for the first time.
        first: bool,
    },
    /// Pasting what another VM copied.
    Paste {
        /// From which VM.
        from: VmId,
        /// What.
        content: Content,
    },
    /// Dropping what is dragged from another VM.
    Drop {
        /// From which VM.
        from: VmId,
        /// What.
        content: Content,
    },
    /// Writing to a file that was chosen.
    File {
        /// Its name.
        name: Label,
        /// For what.
        access: FileAccess,
    },
    /// Opening an address; `answers` are `Pick(0)` … in the order of `candidates`.
    OpenUri {
        /// The address, cleaned and cut in the middle.
        uri: Label,
        /// The apps that could open it, at most 6.
        candidates: Vec<Candidate>,
    },
    /// Anything that has no detail.
    Plain(Kind),
}

/// An app that could open an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// The app.
    pub app: AppId,
    /// Its name.
    pub name: Label,
    /// Its VM, if one runs.
    pub vm: Option<VmId>,
    /// That VM's identity.
    pub identity: Option<Identity>,
}

/// What the bar and the attention view say about a VM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The VM.
    pub vm: VmId,
    /// It has a connection at the moment.
    pub online: bool,
    /// It may go online without a question (a level or a grant).
    pub may_go_online: bool,
    /// It hears the microphone.
    pub microphone: bool,
    /// Questions of it that wait.
    pub waiting: u32,
    /// It is not heard for this session because it asked too often.
    pub silenced: bool,
}

/// What a compositor can do for apps beside asking. What it can't is refused without a question: nobody is
/// to say yes to what then does not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Abilities {
    /// It draws the notes that apps send.
    pub notes: bool,
    /// It has an idle screen that it would leave on.
    pub idle: bool,
}

/// From the monitor to the compositor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToScreen {
    /// Ask the person. Questions queue in the compositor, one is shown at a time.
    Ask(Prompt),
    /// The question is void; nothing is answered any more.
    Withdraw(PromptId),
    /// The answer to a [`FromScreen::Ask`].
    Decided {
        /// Its serial.
        serial: u32,
        /// Yes, with a ticket, or no.
        verdict: Result<Ticket, Refusal>,
    },
    /// End everything under this ticket now, then say [`FromScreen::CutDone`].
    Cut {
        /// The ticket.
        ticket: u64,
    },
    /// How a VM stands now. Sent for each VM at the start, and on each change.
    Standing(Standing),
    /// Idle is inhibited by somebody who may (or no more).
    IdleInhibited(bool),
    /// Whether anything can be pasted or dropped into a VM at all: at level `Off` nothing can, and
    /// nothing is offered. Not said of a VM: something can, and the question decides.
    Crossings {
        /// The VM that would receive.
        vm: VmId,
        /// By clipboard.
        paste: bool,
        /// By drag and drop.
        drop: bool,
    },
    /// A note that an app may show. One with the same tag of the same VM is replaced.
    Note {
        /// Whose.
        vm: VmId,
        /// Its number, chosen in the VM.
        tag: u64,
        /// Its first line, in the app's words.
        title: Label,
        /// The rest, in the app's words.
        body: Passage,
    },
    /// Notes of a VM are to be seen no more.
    NotesGone {
        /// Whose.
        vm: VmId,
        /// Which one; all if absent.
        tag: Option<u64>,
    },
}

/// From the compositor to the monitor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromScreen {
    /// The person, silence or an accident answered.
    Answered {
        /// Which question.
        id: PromptId,
        /// What; anything but the answers that were offered and [`Answer::NotNow`], [`Answer::Never`] is
        /// a broken compositor.
        answer: Answer,
        /// Nobody answered: it timed out, or the prompt was taken away.
        silence: bool,
    },
    /// May `vm` do this? For transfers: the subject is the VM that receives.
    Ask {
        /// Chosen by the compositor, comes back.
        serial: u32,
        /// The subject.
        vm: VmId,
        /// What.
        resource: Resource,
    },
    /// The question does not matter any more.
    Forget {
        /// Its serial.
        serial: u32,
    },
    /// What happened under a ticket.
    Used {
        /// The subject.
        vm: VmId,
        /// The ticket.
        ticket: u64,
        /// What for.
        resource: Resource,
        /// How much.
        usage: Usage,
    },
    /// The compositor itself refused something.
    Refused {
        /// The subject.
        vm: VmId,
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
    /// "Cut everything off" in the attention view: revoke everything of everybody, at once.
    CutEverything,
    /// The session was locked or unlocked.
    Locked(bool),
    /// Takes the last [`Self::CutEverything`] back, while it is on the screen that this can be done.
    UndoCut,
    /// What this compositor can do; said first. One that says nothing can do nothing but ask.
    Can(Abilities),
}
