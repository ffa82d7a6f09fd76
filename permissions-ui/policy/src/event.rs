// SPDX-License-Identifier: GPL-3.0-or-later
//! Events: what the ledger keeps. The state of policy is what they add up to, in order.

use crate::{Answer, Grant, GrantId, Kind, Level, Resource};
use cofferdam_ids::{AppId, Identity, Label, VmId};
use serde::{Deserialize, Serialize};

/// Who decided something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Author {
    /// The person, at a prompt.
    Prompt,
    /// The person, in the panel or on the command line.
    Person,
    /// A rule file of the administrator.
    Admin,
    /// The rules themselves: expiry, the end of a run, a use of "this time".
    Policy,
}

/// Why something was refused without a question, or in spite of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The level of this kind is off.
    Off,
    /// The level is "listed" and this is not on the list.
    NotListed,
    /// A standing "never".
    Never,
    /// A rule of the administrator.
    Admin,
    /// The parent VM may not either.
    Parent,
    /// The person said no.
    Answered,
    /// Nobody answered in time, or the prompt went away.
    Silence,
    /// It asked so often that it is not heard for this session.
    Silenced,
    /// The VM is not known or has ended.
    NotRunning,
    /// The ledger can't be written: nothing new is allowed.
    NoLedger,
    /// What came is not what was announced (type, size, TLS name).
    Mismatch,
    /// The asker broke the protocol.
    Malformed,
}

/// How much of something was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Usage {
    /// Uses: connections, pastes, files.
    pub times: u64,
    /// Bytes to the app.
    pub bytes_in: u64,
    /// Bytes from the app.
    pub bytes_out: u64,
    /// How long, in milliseconds.
    pub millis: u64,
}

/// One thing that happened. `Registered` comes before anything else about a VM.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    /// A VM has started.
    Registered {
        /// The VM.
        vm: VmId,
        /// Its app.
        app: AppId,
        /// Its name in chrome.
        name: Label,
        /// Its colour and pattern.
        identity: Identity,
        /// Whose child it is: it never has more than that VM.
        parent: Option<VmId>,
        /// Number of this run, larger than any before.
        run: u64,
    },
    /// A run of a VM has ended.
    Closed {
        /// The VM.
        vm: VmId,
        /// The run.
        run: u64,
    },
    /// The person was asked.
    Asked {
        /// Who asked.
        vm: VmId,
        /// For what.
        resource: Resource,
    },
    /// The person, or silence, answered; a [`Self::Granted`] follows if something is remembered.
    Answered {
        /// Who asked.
        vm: VmId,
        /// For what.
        resource: Resource,
        /// What was said.
        answer: Answer,
    },
    /// A grant holds from now on, in place of any other with the same VM and key.
    Granted(Grant),
    /// A grant holds no more.
    Revoked {
        /// Which.
        grant: GrantId,
        /// By whom; [`Author::Policy`] for expiry and use.
        by: Author,
    },
    /// A level was set.
    LevelSet {
        /// For which VM.
        vm: VmId,
        /// Of what.
        kind: Kind,
        /// To what.
        level: Level,
        /// By whom.
        by: Author,
    },
    /// Something allowed was used.
    Used {
        /// Who.
        vm: VmId,
        /// What.
        resource: Resource,
        /// Under which grant; none when a level allowed it.
        grant: Option<GrantId>,
        /// How much.
        usage: Usage,
    },
    /// Something was refused.
    Refused {
        /// Who.
        vm: VmId,
        /// What.
        resource: Resource,
        /// Why.
        why: Refusal,
    },
    /// An app asked so often that it is not heard until its run ends.
    Silenced {
        /// Who.
        vm: VmId,
        /// About what.
        kind: Kind,
    },
    /// Something that was handed over once, such as a file, was taken back before its time.
    TakenBack {
        /// From whom.
        vm: VmId,
        /// What.
        resource: Resource,
        /// By whom.
        by: Author,
    },
}
