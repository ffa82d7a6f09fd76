// SPDX-License-Identifier: GPL-3.0-or-later
//! Launchers that are connected. In: sockets. Out: their calls, and a way to answer each.

use super::{Inbox, Input};
use crate::link::{Call, FromShepherd, MAX_PACKET, Reply};
use cofferdam_kit::packets::Packets;
use cofferdam_kit::readiness;
use cofferdam_kit::transport;
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::Interest;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Answers and states that wait for a launcher which does not read; then the link is dropped.
const QUEUE: usize = 64;

/// One link; numbers are not reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LinkId(u64);

/// The way to one launcher.
#[derive(Debug)]
struct Link {
    outbox: mpsc::Sender<FromShepherd>,
    writer: JoinHandle<()>,
}

/// All links.
#[derive(Debug)]
pub(crate) struct Links {
    next: u64,
    open: BTreeMap<LinkId, Link>,
    inbox: Inbox,
}

impl Links {
    pub(crate) const fn new(inbox: Inbox) -> Self {
        Self { next: 0, open: BTreeMap::new(), inbox }
    }

    /// Begins to serve a launcher, with `greeting` as the first packets.
    pub(crate) fn add(&mut self, socket: OwnedFd, greeting: Vec<FromShepherd>) {
        let packets = match Packets::new(socket, MAX_PACKET) {
            Ok(packets) => Arc::new(packets),
            Err(error) => return tracing::warn!(%error, "link of a launcher"),
        };
        let id = LinkId(self.next);
        self.next = self.next.saturating_add(1);
        let (outbox, waiting) = mpsc::channel(QUEUE);
        let writer = tokio::spawn(write(Arc::clone(&packets), waiting));
        tokio::spawn(read(id, packets, self.inbox.clone()));
        self.open.insert(id, Link { outbox, writer });
        for packet in greeting {
            self.send(id, packet);
        }
    }

    pub(crate) fn remove(&mut self, id: LinkId) {
        self.open.remove(&id);
    }

    /// Answers a call; a link that is gone needs no answer.
    pub(crate) fn answer(&mut self, id: LinkId, serial: u64, result: Result<Reply, String>) {
        self.send(id, FromShepherd::Answer { serial, result });
    }

    /// Tells everybody.
    pub(crate) fn broadcast(&mut self, packet: &FromShepherd) {
        for id in self.open.keys().copied().collect::<Vec<_>>() {
            self.send(id, packet.clone());
        }
    }

    /// Closes the links once what is queued has been written, or after a second.
    pub(crate) async fn finish(mut self) {
        for (_, Link { outbox, writer }) in std::mem::take(&mut self.open) {
            drop(outbox);
            // A launcher that does not read learns the end from the closed socket.
            let _ = tokio::time::timeout(Duration::from_secs(1), writer).await;
        }
    }

    fn send(&mut self, id: LinkId, packet: FromShepherd) {
        if let Some(link) = self.open.get(&id)
            && link.outbox.try_send(packet).is_err()
        {
            self.open.remove(&id);
        }
    }
}

async fn write(packets: Arc<Packets>, mut waiting: mpsc::Receiver<FromShepherd>) {
    while let Some(packet) = waiting.recv().await {
        if let Err(error) = packets.send(&packet, &[]).await {
            return tracing::debug!(%error, "a launcher went away");
        }
    }
}

async fn read(id: LinkId, packets: Arc<Packets>, inbox: Inbox) {
    loop {
        let input = match packets.recv::<Call>().await {
            Ok(Some((call, fds))) => Input::Call(id, call, fds),
            Ok(None) => Input::LinkGone(id),
            Err(error) => {
                tracing::warn!(%error, "a launcher's call");
                Input::LinkGone(id)
            }
        };
        let gone = matches!(input, Input::LinkGone(_));
        if inbox.send(input).await.is_err() || gone {
            return;
        }
    }
}

/// Listens at `path` and sends every connection of our own user.
///
/// # Errors
/// If the socket can't be made.
pub(crate) fn listen(path: &Path, inbox: &Inbox) -> Result<(), transport::TransportError> {
    // A shepherd of the same VM that was killed leaves its socket; the launcher starts no second one
    // while the first lives.
    if let Err(error) = std::fs::remove_file(path)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(%error, path = %path.display(), "stale socket");
    }
    let listener = readiness::watch(transport::listen(path)?, Interest::READABLE).map_err(|error| {
        transport::TransportError::Io(
            rustix::io::Errno::from_io_error(&error).unwrap_or(rustix::io::Errno::IO),
        )
    })?;
    let inbox = inbox.clone();
    tokio::spawn(async move {
        while let Ok(mut guard) = listener.readable().await {
            match transport::accept(guard.get_inner()) {
                Ok(socket) => {
                    if inbox.send(Input::NewLink(socket)).await.is_err() {
                        return;
                    }
                }
                Err(error) if error.would_block() => guard.clear_ready(),
                Err(error) => tracing::warn!(%error, "refused a connection"),
            }
        }
    });
    Ok(())
}
