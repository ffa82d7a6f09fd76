// SPDX-License-Identifier: GPL-3.0-or-later
//! The permission monitor's side of a VM. In: who the VM is, and where the monitor listens. Out: fresh
//! point sockets each time a monitor has taken the VM on, and the addresses that it wants opened here.
//!
//! A monitor that dies takes its ends of the sockets with it, and every point then denies. This task waits
//! for the next one (the kernel tells when its socket appears) and registers the VM anew.

use super::{Inbox, Input, ShepherdSpec};
use crate::link::Packets;
use crate::watch::Watch;
use cofferdam_control::transport;
use cofferdam_monitor_wire::registry::{FromMonitor, ToMonitor};
use cofferdam_monitor_wire::{MAX_PACKET, decode, encode};
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use tokio::sync::mpsc;

/// Answers to the monitor that may wait.
const QUEUE: usize = 16;

/// The way to the monitor that serves at the moment.
#[derive(Debug)]
pub(crate) struct Registry {
    outbox: mpsc::Sender<ToMonitor>,
}

impl Registry {
    /// Begins to register the VM, now and whenever a new monitor appears.
    pub(crate) fn start(spec: &ShepherdSpec, run: u64, inbox: &Inbox) -> Self {
        let (outbox, answers) = mpsc::channel(QUEUE);
        let register = ToMonitor::Register {
            vm: spec.record.vm.clone(),
            app: spec.record.app.clone(),
            name: spec.record.name.clone(),
            identity: spec.record.identity,
            parent: None,
            run,
        };
        let mut task = Task { path: spec.monitor.clone(), register, answers, inbox: inbox.clone() };
        tokio::spawn(async move {
            if let Err(error) = task.run().await {
                // Nobody decides for this VM any more: everything is denied.
                tracing::warn!(%error, "the permission monitor can't be reached");
            }
        });
        Self { outbox }
    }

    /// Tells the monitor; lost if there is none, or if it does not read.
    pub(crate) fn tell(&self, message: ToMonitor) {
        if self.outbox.try_send(message).is_err() {
            tracing::debug!("the permission monitor does not listen");
        }
    }
}

struct Task {
    path: PathBuf,
    register: ToMonitor,
    answers: mpsc::Receiver<ToMonitor>,
    inbox: Inbox,
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
        let say = |error: &dyn std::fmt::Display| error.to_string();
        let packets = Packets::new(socket, MAX_PACKET).map_err(|e| say(&e))?;
        let (net, monitor_net) = transport::pair().map_err(|e| say(&e))?;
        let (agent, monitor_agent) = transport::pair().map_err(|e| say(&e))?;
        let register = encode(&self.register).map_err(|e| say(&e))?;
        let fds = [monitor_net.as_fd(), monitor_agent.as_fd()];
        packets.send_packet(&register, &fds).await.map_err(|e| say(&e))?;
        drop((monitor_net, monitor_agent));
        let mut points = Some(Input::Points { net, agent });
        loop {
            tokio::select! {
                packet = packets.recv_packet() => {
                    let Some((bytes, _)) = packet.map_err(|e| say(&e))? else { return Ok(()) };
                    let input = match decode(&bytes).map_err(|e| say(&e))? {
                        FromMonitor::Registered => points.take().ok_or("it registered the VM twice")?,
                        FromMonitor::Open { serial, uri } => Input::OpenUri { serial, uri },
                    };
                    // A closed inbox means that the shepherd is ending.
                    if self.inbox.send(input).await.is_err() {
                        return Ok(());
                    }
                }
                Some(answer) = self.answers.recv() => {
                    let bytes = encode(&answer).map_err(|e| say(&e))?;
                    packets.send_packet(&bytes, &[]).await.map_err(|e| say(&e))?;
                }
            }
        }
    }
}
