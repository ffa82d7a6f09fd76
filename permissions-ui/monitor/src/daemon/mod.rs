// SPDX-License-Identifier: GPL-3.0-or-later
//! The monitor with its sockets. In: shepherds and their points, the compositor, D-Bus calls, the clock,
//! signals. Out: what [`cofferdam_monitor_core::Core`] says is to be done. This side decides nothing.
//!
//! One task owns the core; everything else puts events into its queue. A socket has at most a few messages
//! in that queue, so that nobody who floods is heard more than the others.

mod announce;
mod clock;
mod entries;
mod files;
mod journal;
mod main_loop;
mod openers;
mod screen;
mod service;
mod wire;

pub use main_loop::run;

use crate::rules::RuleFolder;
use cofferdam_ids::Label;
use cofferdam_kit::packets::Packets;
use cofferdam_kit::paths::Paths;
use cofferdam_monitor_core::{Opener, Order, OrderError, PointId, Reply};
use cofferdam_monitor_wire::point::FromPoint;
use cofferdam_monitor_wire::registry::ToMonitor;
use cofferdam_monitor_wire::screen::FromScreen;
use std::os::fd::OwnedFd;
use tokio::sync::{mpsc, oneshot};

/// How a monitor is to run.
#[derive(Debug, Clone)]
pub struct Config {
    /// The desktop's places.
    pub paths: Paths,
    /// Where rule files are.
    pub rules: Vec<RuleFolder>,
    /// The clock can be moved: for desktops made by tests.
    pub test_clock: bool,
    /// Take away what the monitor never needs.
    pub walls: bool,
}

/// Why a monitor can't run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MonitorError {
    /// The bus refused.
    #[error("D-Bus: {0}; a desktop needs a session bus, `coffer desktop --private` brings its own")]
    Bus(#[from] zbus::Error),
    /// Directories.
    #[error(transparent)]
    Paths(#[from] cofferdam_kit::paths::PathsError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] cofferdam_ledger::LedgerError),
    /// The registry's socket.
    #[error("{path}: {source}")]
    Socket {
        /// Where it should be.
        path: std::path::PathBuf,
        /// Why it is not.
        source: cofferdam_kit::transport::TransportError,
    },
    /// Signals, timers.
    #[error("system: {0}")]
    System(#[from] std::io::Error),
    /// The walls.
    #[error(transparent)]
    Walls(#[from] cofferdam_jail::JailError),
}

/// The answer to a D-Bus call.
type Answer = oneshot::Sender<Result<Reply, OrderError>>;

/// What a caller chose, and the file itself.
#[derive(Debug)]
struct Chosen {
    id: u64,
    name: Label,
    file: OwnedFd,
    folder: bool,
    writable: bool,
}

/// All that can wake the daemon.
#[derive(Debug)]
enum Event {
    /// Somebody of our user connected to the registry.
    Accepted(OwnedFd),
    /// A shepherd spoke.
    Link(cofferdam_monitor_core::LinkId, wire::Heard<ToMonitor>),
    /// A point spoke.
    Point(PointId, wire::Heard<FromPoint>),
    /// A compositor serves us.
    ScreenUp(Packets),
    /// It spoke; the number tells compositors apart.
    Screen(u64, wire::Heard<FromScreen>),
    /// An order.
    Order(Order, Answer),
    /// A file was chosen.
    Chosen(Chosen, Answer),
    /// Read the rules again. Gives back what tells when they hold; the error is a sentence for a person.
    Reload(oneshot::Sender<Result<oneshot::Receiver<Result<Reply, OrderError>>, String>>),
    /// What time is it?
    Now(oneshot::Sender<u64>),
    /// Move the clock; none if it can't be moved.
    Advance(u64, oneshot::Sender<Option<u64>>),
    /// The launcher has started an app with an address, or has not.
    Launched(u32, bool),
    /// The launcher has said which apps open addresses.
    Openers(Vec<Opener>),
}

type Inbox = mpsc::Sender<Event>;
