// SPDX-License-Identifier: GPL-3.0-or-later
//! The permission monitor's side of a VM. In: who the VM is, and where the monitor listens. Out: fresh
//! point sockets each time a monitor has taken the VM on, one for a point that lost its own, and the addresses
//! that the monitor wants opened here.
//!
//! A monitor that dies takes its ends of the sockets with it, and every point then denies. This task waits
//! for the next one (the kernel tells when its socket appears) and registers the VM anew.

#![expect(clippy::disallowed_methods, reason = "pauses between attempts to make a point anew")]

use super::{Inbox, Input, ShepherdSpec};
use cofferdam_kit::packets::Packets;
use cofferdam_kit::transport;
use cofferdam_kit::watch::Watch;
use cofferdam_lifecycle::PARTS;
use cofferdam_monitor_wire::registry::{FromMonitor, Role, ToMonitor};
use cofferdam_monitor_wire::{MAX_PACKET, decode, encode};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Words to the monitor that may wait.
const QUEUE: usize = 16;
/// How long to wait before a point is made anew, for the first time, the second, and so on. What is lost once
/// more after that, under the same monitor, stays lost.
const PAUSES: [Duration; 5] = [
    Duration::from_millis(100),
    Duration::from_secs(1),
    Duration::from_secs(4),
    Duration::from_secs(15),
    Duration::from_secs(60),
];

/// What the monitor's side is told.
#[derive(Debug)]
enum Word {
    Say(ToMonitor),
    Renew(Role),
}

/// The way to one monitor, or to none. What was meant for one that is gone reaches no other.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    outbox: Option<mpsc::Sender<Word>>,
}

impl Registry {
    /// Begins to register the VM, now and whenever a new monitor appears: [`Input::Points`] then brings the way
    /// to it.
    pub(crate) fn start(spec: &ShepherdSpec, inbox: &Inbox) {
        let register = ToMonitor::Register {
            points: points(),
            vm: spec.record.vm.clone(),
            app: spec.record.app.clone(),
            name: spec.record.name.clone(),
            identity: spec.record.identity,
            // Nothing starts VMs that belong to another one yet.
            parent: None,
            run: None,
        };
        let path = spec.monitor.clone();
        let mut task = Task { path, register, inbox: inbox.clone(), pauses: &PAUSES };
        tokio::spawn(async move {
            if let Err(error) = task.run().await {
                // Nobody decides for this VM any more: everything is denied.
                tracing::warn!(%error, "the permission monitor can't be reached");
            }
        });
    }

    /// Tells the monitor; lost if there is none, or if it does not read.
    pub(crate) fn tell(&self, message: ToMonitor) {
        self.send(Word::Say(message));
    }

    /// Has a point made anew, after a pause: [`Input::Point`] follows, or [`Input::PointGivenUp`].
    pub(crate) fn renew(&self, role: Role) {
        self.send(Word::Renew(role));
    }

    fn send(&self, word: Word) {
        let sent = self.outbox.as_ref().is_some_and(|outbox| outbox.try_send(word).is_ok());
        if !sent {
            tracing::debug!("the permission monitor does not listen");
        }
    }
}

struct Task {
    path: PathBuf,
    register: ToMonitor,
    inbox: Inbox,
    pauses: &'static [Duration],
}

/// Points that are to be made anew.
#[derive(Debug, Default)]
struct Renewals {
    tries: BTreeMap<Role, usize>,
    due: VecDeque<(Instant, Role)>,
}

impl Renewals {
    /// A point was lost. False: once too often.
    fn lost(&mut self, role: Role, pauses: &[Duration], now: Instant) -> bool {
        if self.due.iter().any(|(_, waits)| *waits == role) {
            return true;
        }
        let tries = self.tries.entry(role).or_default();
        let Some(pause) = pauses.get(*tries) else { return false };
        *tries = tries.saturating_add(1);
        self.due.push_back((now + *pause, role));
        true
    }

    /// Waits for the next that is due.
    async fn next(&mut self) -> Role {
        let first = self.due.iter().enumerate().min_by_key(|(_, (at, _))| *at);
        let Some((place, (at, role))) = first.map(|(place, due)| (place, *due)) else {
            return std::future::pending().await;
        };
        tokio::time::sleep_until(at).await;
        self.due.remove(place);
        role
    }
}

impl Task {
    /// Ends only with the shepherd, or when the kernel refuses to watch.
    async fn run(&mut self) -> io::Result<()> {
        let directory = self.path.parent().unwrap_or(Path::new("/"));
        let watch = Watch::new(directory)?;
        while !self.inbox.is_closed() {
            // Connecting comes after the watch began, so that no socket is missed between the two.
            if let Ok(socket) = transport::connect(&self.path)
                && let Err(why) = self.serve(socket).await
            {
                tracing::info!(why, "the permission monitor went away");
            }
            watch.change().await?;
        }
        Ok(())
    }

    async fn serve(&mut self, socket: OwnedFd) -> Result<(), String> {
        let packets = Packets::new(socket, MAX_PACKET).map_err(say)?;
        let (mut sockets, mut theirs) = (Vec::new(), Vec::new());
        for role in self.points() {
            let (ours, monitors) = transport::pair().map_err(say)?;
            sockets.push((*role, ours));
            theirs.push(monitors);
        }
        let register = encode(&self.register).map_err(say)?;
        let fds: Vec<_> = theirs.iter().map(|socket| socket.as_fd()).collect();
        packets.send_packet(&register, &fds).await.map_err(say)?;
        drop(theirs);
        let (outbox, mut words) = mpsc::channel(QUEUE);
        let mut points = Some(Input::Points { sockets, registry: Registry { outbox: Some(outbox) } });
        let mut renewals = Renewals::default();
        loop {
            let input = tokio::select! {
                packet = packets.recv_packet() => {
                    let Some((bytes, _)) = packet.map_err(say)? else { return Ok(()) };
                    match decode(&bytes).map_err(say)? {
                        FromMonitor::Registered { run } => {
                            self.is_run(run);
                            points.take().ok_or("it registered the VM twice")?
                        }
                        FromMonitor::Lost { role } => Input::PointLost(role),
                        FromMonitor::Open { serial, uri } => Input::OpenUri { serial, uri },
                    }
                }
                Some(word) = words.recv() => match word {
                    Word::Say(message) => {
                        packets.send_packet(&encode(&message).map_err(say)?, &[]).await.map_err(say)?;
                        continue;
                    }
                    Word::Renew(role) if renewals.lost(role, self.pauses, Instant::now()) => continue,
                    Word::Renew(role) => Input::PointGivenUp(role),
                },
                role = renewals.next() => {
                    let (socket, theirs) = transport::pair().map_err(say)?;
                    let message = encode(&ToMonitor::Point { role }).map_err(say)?;
                    packets.send_packet(&message, &[theirs.as_fd()]).await.map_err(say)?;
                    Input::Point { role, socket }
                }
            };
            // A closed inbox means that the shepherd is ending.
            if self.inbox.send(input).await.is_err() {
                return Ok(());
            }
        }
    }

    /// The points of which the monitor is told.
    fn points(&self) -> &[Role] {
        match &self.register {
            ToMonitor::Register { points, .. } => points,
            _ => &[],
        }
    }

    /// The monitor numbered this run; later ones are told.
    fn is_run(&mut self, number: u64) {
        if let ToMonitor::Register { run, .. } = &mut self.register {
            *run = Some(number);
        }
    }
}

/// The points of a VM: those of its parts, and the agent link, which is ours.
fn points() -> Vec<Role> {
    let parts = PARTS.iter().filter_map(|part| Role::named(part.point?));
    parts.chain([Role::Agent]).collect()
}

fn say(error: impl std::fmt::Display) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests;
