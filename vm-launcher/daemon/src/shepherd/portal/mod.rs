// SPDX-License-Identifier: GPL-3.0-or-later
//! The agent link: what apps ask for through the portals of their guest. In: the guest's wishes and file
//! operations, the monitor's point socket. Out: answers for the guest, questions for the monitor, reads and
//! writes of files that the person handed over.
//!
//! [`core`] decides, [`files`] works on fds, this module moves bytes. The shepherd owns no right of its own
//! here: without a monitor everything is denied.

mod core;
mod fault;
mod files;
mod given;
#[cfg(test)]
mod tests;
mod wish;

use super::agent::Agent;
use super::{Inbox, Input};
use cofferdam_agent_wire::FromGuest;
use cofferdam_kit::guarded::Guarded;
use cofferdam_kit::packets::Packets;
use cofferdam_monitor_wire::point::{FromPoint, ToPoint};
use cofferdam_monitor_wire::{MAX_PACKET, decode, encode};
use core::{Core, Effect};
use files::{Done, Job};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;

pub(crate) use wish::check_address;

/// Messages that wait for a monitor which does not read; more, and it is as good as gone.
const QUEUE: usize = 256;
/// File operations at one time: each takes a thread while it lasts.
const WORKERS: usize = 8;

/// What wakes the agent link, beside the guest.
#[derive(Debug)]
pub(crate) enum PortalInput {
    /// The monitor says something, over the point socket of this number.
    Monitor(u64, ToPoint, Vec<OwnedFd>),
    /// That point socket is of no use any more.
    Closed(u64),
    /// A file operation is over.
    Done(Done),
}

/// The agent link of this VM.
#[derive(Debug)]
pub(crate) struct Portal {
    core: Core,
    start: Instant,
    inbox: Inbox,
    /// Numbers point sockets, so that words of an earlier one are not taken for the present one's.
    generation: u64,
    point: Option<Point>,
    workers: Arc<Semaphore>,
}

/// The way to the monitor.
#[derive(Debug)]
struct Point {
    outbox: mpsc::Sender<FromPoint>,
    reader: JoinHandle<()>,
}

impl Drop for Point {
    fn drop(&mut self) {
        // The last holder of the socket once the writer has ended: the monitor sees it closed.
        self.reader.abort();
    }
}

impl Portal {
    /// `guarded`: what no app is given.
    #[expect(clippy::disallowed_methods, reason = "the core is told the time here, and files have threads")]
    pub(crate) fn new(inbox: Inbox, guarded: Guarded) -> Self {
        let workers = Arc::new(Semaphore::new(WORKERS));
        let core = Core::new(guarded);
        Self { core, start: Instant::now(), inbox, generation: 0, point: None, workers }
    }

    /// Takes our end of a point socket, in place of any earlier one.
    pub(crate) fn connect(&mut self, socket: OwnedFd) {
        let packets = match Packets::new(socket, MAX_PACKET) {
            Ok(packets) => Arc::new(packets),
            Err(error) => return tracing::warn!(%error, "the agent link's point socket"),
        };
        self.generation = self.generation.wrapping_add(1);
        let (outbox, waiting) = mpsc::channel(QUEUE);
        tokio::spawn(write(Arc::clone(&packets), waiting));
        let reader = tokio::spawn(read(self.generation, packets, self.inbox.clone()));
        self.point = Some(Point { outbox, reader });
        self.core.connected();
    }

    /// Something of the agent link happened.
    pub(crate) fn happen(&mut self, input: PortalInput) {
        match input {
            PortalInput::Monitor(from, message, fds) if from == self.generation => {
                self.core.monitor(message, fds);
            }
            PortalInput::Closed(from) if from == self.generation => self.hang_up(),
            PortalInput::Monitor(..) | PortalInput::Closed(_) => {}
            PortalInput::Done(done) => self.core.done(done),
        }
    }

    /// The guest says something about portals or files; anything else is not for us.
    #[expect(clippy::disallowed_methods, reason = "the core is told the time here, and files have threads")]
    pub(crate) fn guest(&mut self, message: FromGuest) {
        match message {
            FromGuest::Portal { serial, wish } => self.core.wish(serial, wish, self.start.elapsed()),
            FromGuest::PortalForget { serial } => self.core.forget(serial),
            FromGuest::File { serial, file, op } => self.core.file(serial, file, op),
            _ => {}
        }
    }

    /// Does what follows from it. Gives back lines for the VM's console, or why its agent is broken.
    pub(crate) fn carry_out(&mut self, agent: Option<&Agent>) -> Result<Vec<String>, String> {
        let mut lines = Vec::new();
        while let Some(effect) = self.core.poll_effect() {
            match effect {
                Effect::Guest(message) => {
                    if let Some(agent) = agent {
                        agent.send(&message)?;
                    }
                }
                Effect::GuestWhile { message, live, otherwise } => {
                    if let Some(agent) = agent {
                        agent.send_while(&message, live, &otherwise)?;
                    }
                }
                Effect::Monitor(message) => {
                    let sent =
                        self.point.as_ref().is_some_and(|point| point.outbox.try_send(message).is_ok());
                    if !sent && self.point.is_some() {
                        tracing::warn!("the permission monitor does not read");
                        self.hang_up();
                    }
                }
                Effect::Work(job) => self.work(job),
                Effect::Fault(fault, count) => {
                    // A flood must not fill the log: the first ten, then each power of two.
                    if count <= 10 || count.is_power_of_two() {
                        lines.push(format!("portal: fault {count}: {}", fault.name()));
                    }
                }
                Effect::HangUp(why) => {
                    tracing::warn!(why, "the permission monitor broke the wire");
                    self.hang_up();
                }
            }
        }
        Ok(lines)
    }

    fn hang_up(&mut self) {
        self.generation = self.generation.wrapping_add(1);
        self.point = None;
        self.core.disconnected();
    }

    #[expect(clippy::disallowed_methods, reason = "the core is told the time here, and files have threads")]
    fn work(&self, job: Job) {
        let (workers, inbox) = (Arc::clone(&self.workers), self.inbox.clone());
        tokio::spawn(async move {
            let room = workers.acquire_owned().await.ok();
            let done = tokio::task::spawn_blocking(move || files::perform(job)).await;
            drop(room);
            if let Ok(done) = done {
                // A closed inbox means that the shepherd is ending.
                let _ = inbox.send(Input::Portal(PortalInput::Done(done))).await;
            }
        });
    }
}

async fn write(packets: Arc<Packets>, mut waiting: mpsc::Receiver<FromPoint>) {
    while let Some(message) = waiting.recv().await {
        let sent = match encode(&message) {
            Ok(bytes) => packets.send_packet(&bytes, &[]).await.map_err(|e| e.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(why) = sent {
            return tracing::debug!(why, "the permission monitor went away");
        }
    }
}

async fn read(generation: u64, packets: Arc<Packets>, inbox: Inbox) {
    loop {
        let message = match packets.recv_packet().await {
            Ok(Some((bytes, fds))) => decode::<ToPoint>(&bytes).map(|m| (m, fds)).map_err(|e| e.to_string()),
            Ok(None) => Err("closed".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        let input = match message {
            Ok((message, fds)) => PortalInput::Monitor(generation, message, fds),
            Err(why) => {
                tracing::info!(why, "the agent link lost the permission monitor");
                PortalInput::Closed(generation)
            }
        };
        let over = matches!(input, PortalInput::Closed(_));
        if inbox.send(Input::Portal(input)).await.is_err() || over {
            return;
        }
    }
}
