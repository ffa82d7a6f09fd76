// SPDX-License-Identifier: GPL-3.0-or-later
//! The messages themselves.

use crate::portal::{Appearance, FileAnswer, FileOp, PortalOutcome, PortalWish};
use serde::{Deserialize, Serialize};

/// Version of this protocol; both sides are built together, so a mismatch is refused.
pub const VERSION: u32 = 2;

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exit {
    /// It returned this code.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
}

/// Which stream of a process bytes come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// From the host to the agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToGuest {
    /// Start the app of the image. Sent once, after [`FromGuest::Hello`].
    StartApp {
        /// Extra arguments after those of the image.
        args: Vec<String>,
        /// Extra environment.
        env: Vec<(String, String)>,
    },
    /// Run a program beside the app, as the app's user, with its environment.
    Run {
        /// Chosen by the host; comes back in every message about it.
        id: u32,
        /// Program and arguments.
        argv: Vec<String>,
    },
    /// Send a signal to a program started with [`ToGuest::Run`].
    KillRun {
        /// Its id.
        id: u32,
    },
    /// Ask the app to end, then power off.
    Shutdown,
    /// Ask for [`FromGuest::Counters`].
    Counters,
    /// Write bytes to the standard input of a [`ToGuest::Run`] program; empty closes it.
    RunInput {
        /// Its id.
        id: u32,
        /// At most 32 KiB.
        data: Vec<u8>,
    },
    /// The answer to a [`FromGuest::Portal`].
    PortalReply {
        /// Its serial.
        serial: u32,
        /// What came of it.
        outcome: PortalOutcome,
    },
    /// The answer to a [`FromGuest::File`].
    FileReply {
        /// Its serial.
        serial: u32,
        /// What came of it.
        answer: FileAnswer,
    },
    /// A file that was handed over is taken back: nothing more comes of it.
    FileGone {
        /// Its number.
        file: u32,
    },
    /// Have the app open an address: [`FromGuest::Opened`].
    Open {
        /// Comes back.
        serial: u32,
        /// The address.
        uri: String,
    },
    /// How the desktop looks, at the start and after each change.
    Appearance(Appearance),
}

/// From the agent to the host. Every field is a claim of a possibly hostile guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromGuest {
    /// The agent is up.
    Hello {
        /// [`VERSION`].
        version: u32,
    },
    /// The app's process exists.
    AppStarted {
        /// Its pid in the guest.
        pid: u32,
    },
    /// The app's process ended.
    AppExited(Exit),
    /// The app could not be started.
    AppFailed {
        /// Why.
        reason: String,
    },
    /// Output of the app, for the launcher's console log.
    AppOutput {
        /// Which stream.
        stream: Stream,
        /// At most 32 KiB.
        data: Vec<u8>,
    },
    /// Output of a [`ToGuest::Run`] program.
    RunOutput {
        /// Its id.
        id: u32,
        /// Which stream.
        stream: Stream,
        /// At most 32 KiB.
        data: Vec<u8>,
    },
    /// A [`ToGuest::Run`] program ended.
    RunExited {
        /// Its id.
        id: u32,
        /// How.
        exit: Exit,
    },
    /// A [`ToGuest::Run`] program could not be started.
    RunFailed {
        /// Its id.
        id: u32,
        /// Why.
        reason: String,
    },
    /// The bridge's counters.
    Counters(BridgeCounters),
    /// Something went wrong in the guest's own helpers (a bridge died and was restarted, …).
    Notice {
        /// What.
        text: String,
    },
    /// An app asks for something through a portal.
    Portal {
        /// Chosen by the guest; serials of open wishes are distinct.
        serial: u32,
        /// What.
        wish: PortalWish,
    },
    /// A wish does not matter any more.
    PortalForget {
        /// Its serial.
        serial: u32,
    },
    /// Something is to be done with a file that was handed over.
    File {
        /// Chosen by the guest; comes back in [`ToGuest::FileReply`].
        serial: u32,
        /// From [`PortalOutcome::File`].
        file: u32,
        /// What.
        op: FileOp,
    },
    /// The answer to a [`ToGuest::Open`].
    Opened {
        /// Its serial.
        serial: u32,
        /// The app was told.
        ok: bool,
    },
}

/// What the bridge counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BridgeCounters {
    /// Clients served so far.
    pub clients: u64,
    /// Commits of a buffer.
    pub commits: u64,
    /// Bytes of pixels copied into the arena.
    pub pixel_bytes_copied: u64,
    /// Bytes of damage that the apps announced (clipped to the buffer).
    pub pixel_bytes_damaged: u64,
    /// Bytes of the arena in use.
    pub arena_bytes: u64,
    /// Protocol mistakes of apps.
    pub faults: u64,
}
