// SPDX-License-Identifier: GPL-3.0-or-later
//! The launcher daemon: the one process that starts VMs.
//!
//! In: D-Bus calls, what shepherds say, SIGTERM. Out: shepherds, records on disk, D-Bus signals. One task
//! owns all state; the D-Bus side and the links put [`Input`]s into its queue. The daemon may be killed
//! at any time: shepherds live on, and the next daemon finds them through their sockets.

mod images;
mod links;
mod main_loop;
mod records;
mod service;
mod start;
mod vms;

pub use main_loop::run;

use crate::link::FromShepherd;
use cofferdam_bus::launcher::{GuestExit, VmEntry};
use cofferdam_ids::{AppId, VmId};
use cofferdam_kit::packets::Packets;
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use tokio::sync::{mpsc, oneshot};

/// Why the daemon could not begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LauncherError {
    /// The bus refused.
    #[error("D-Bus: {0}; a desktop needs a session bus, `coffer desktop --private` brings its own")]
    Bus(#[from] zbus::Error),
    /// Directories.
    #[error(transparent)]
    Paths(#[from] cofferdam_kit::paths::PathsError),
    /// Signals.
    #[error("signals: {0}")]
    Signals(#[from] std::io::Error),
}

/// The answer to a D-Bus call; the error is a sentence for a person.
type Answer<T> = oneshot::Sender<Result<T, String>>;

/// What is asked on D-Bus.
#[derive(Debug)]
enum Command {
    Run { app: AppId, args: Vec<String>, options: BTreeMap<String, String>, answer: Answer<VmId> },
    List { answer: Answer<Vec<VmEntry>> },
    Stop { vm: VmId, answer: Answer<()> },
    Console { vm: VmId, lines: u32, answer: Answer<Vec<String>> },
    GuestRun { vm: VmId, argv: Vec<String>, fds: Vec<OwnedFd>, answer: Answer<GuestExit> },
    Counters { vm: VmId, answer: Answer<String> },
}

/// A link to a shepherd; numbers are not reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct LinkId(u64);

/// All that can wake the daemon.
#[derive(Debug)]
enum Input {
    /// A D-Bus call.
    Command(Command),
    /// All that a VM is made of is there, or is not.
    Prepared(VmId, Box<Result<crate::shepherd::ShepherdSpec, String>>),
    /// A shepherd of an earlier daemon has said who its VM is.
    Found(crate::link::VmRecord, Packets),
    /// A shepherd spoke.
    Shepherd(LinkId, Box<FromShepherd>),
    /// A shepherd's link closed.
    LinkClosed(LinkId),
}

type Inbox = mpsc::Sender<Input>;
