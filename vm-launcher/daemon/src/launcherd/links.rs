// SPDX-License-Identifier: GPL-3.0-or-later
//! Links to shepherds. In: sockets. Out: what shepherds say, as inputs; a queue for what they are asked.

use super::{Inbox, Input, LinkId};
use crate::link::{Call, FromShepherd, MAX_PACKET};
use cofferdam_kit::packets::Packets;
use cofferdam_kit::paths::Paths;
use cofferdam_kit::transport;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::sync::Arc;
use tokio::sync::mpsc;

/// A call and the fds beside it.
pub(super) type Outgoing = (Call, Vec<OwnedFd>);

/// Calls that wait for a shepherd which does not read.
const QUEUE: usize = 64;

/// Serves a link; its inputs carry `id`.
pub(super) fn serve(id: LinkId, packets: Packets, inbox: &Inbox) -> mpsc::Sender<Outgoing> {
    let packets = Arc::new(packets);
    let (outbox, waiting) = mpsc::channel(QUEUE);
    tokio::spawn(write(Arc::clone(&packets), waiting));
    tokio::spawn(read(id, packets, inbox.clone()));
    outbox
}

async fn write(packets: Arc<Packets>, mut waiting: mpsc::Receiver<Outgoing>) {
    while let Some((call, fds)) = waiting.recv().await {
        let borrowed: Vec<BorrowedFd<'_>> = fds.iter().map(|fd| fd.as_fd()).collect();
        if let Err(error) = packets.send(&call, &borrowed).await {
            // The reading side sees the closed link and says so.
            return tracing::debug!(%error, "a shepherd went away");
        }
    }
}

async fn read(id: LinkId, packets: Arc<Packets>, inbox: Inbox) {
    loop {
        let input = match packets.recv::<FromShepherd>().await {
            Ok(Some((packet, _))) => Input::Shepherd(id, Box::new(packet)),
            Ok(None) => Input::LinkClosed(id),
            Err(error) => {
                tracing::warn!(%error, "link of a shepherd");
                Input::LinkClosed(id)
            }
        };
        let closed = matches!(input, Input::LinkClosed(_));
        if inbox.send(input).await.is_err() || closed {
            return;
        }
    }
}

/// Looks for shepherds that an earlier daemon has left, and removes sockets that nobody serves.
pub(super) fn find_living(paths: &Paths, inbox: &Inbox) {
    let Ok(entries) = std::fs::read_dir(paths.runtime.join("vm")) else { return };
    for path in entries.flatten().map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "sock")) {
        let link = transport::connect(&path).map_err(|e| e.to_string());
        let packets = link.and_then(|fd| Packets::new(fd, MAX_PACKET).map_err(|e| e.to_string()));
        match packets {
            Ok(packets) => {
                let inbox = inbox.clone();
                tokio::spawn(async move {
                    match packets.recv::<FromShepherd>().await {
                        Ok(Some((FromShepherd::Record(record), _))) => {
                            let _ = inbox.send(Input::Found(record, packets)).await;
                        }
                        other => {
                            tracing::warn!(path = %path.display(), ?other, "a shepherd did not say who it is")
                        }
                    }
                });
            }
            Err(why) => {
                tracing::info!(path = %path.display(), why, "removing the socket of a dead shepherd");
                if let Err(error) = std::fs::remove_file(&path) {
                    tracing::warn!(%error, path = %path.display(), "stale socket");
                }
            }
        }
    }
}
