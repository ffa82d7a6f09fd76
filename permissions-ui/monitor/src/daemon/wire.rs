// SPDX-License-Identifier: GPL-3.0-or-later
//! Sockets whose packets are messages. In: a connected socket. Out: what the peer says, as events, a few at
//! a time; a bounded queue for what it is told.

use super::{Event, Inbox};
use cofferdam_kit::packets::Packets;
use cofferdam_monitor_wire::{MAX_PACKET, decode, encode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::AbortHandle;

/// Messages of one socket that may be under way to the core: it answers before the socket is looked at again.
const AT_A_TIME: usize = 1;
/// Messages that wait for a peer which does not read; then its socket is closed.
const OUTBOX: usize = 1024;

/// What a peer did.
#[derive(Debug)]
pub(super) enum Said<T> {
    /// It sent a message, and fds beside it.
    Message(T, Vec<OwnedFd>),
    /// It sent something that is none.
    Broken,
    /// It has closed, or the socket failed.
    Gone,
}

/// What a peer did, and its place in the queue until that has been dealt with.
#[derive(Debug)]
pub(super) struct Heard<T> {
    pub(super) said: Said<T>,
    _place: Option<OwnedSemaphorePermit>,
}

type Outgoing = (Vec<u8>, Option<OwnedFd>);

/// One socket. Dropping it closes it.
#[derive(Debug)]
pub(super) struct Wire {
    packets: Arc<Packets>,
    outbox: mpsc::Sender<Outgoing>,
    /// Messages that the writing task still has to send.
    waiting: Arc<AtomicUsize>,
    tasks: [AbortHandle; 2],
}

impl Wire {
    /// Begins to serve a socket. `event` says what a message of it is; at most `fds` may come with one.
    pub(super) fn open<T, F>(socket: OwnedFd, fds: usize, inbox: &Inbox, event: F) -> io::Result<Self>
    where
        T: DeserializeOwned + Send + 'static,
        F: Fn(Heard<T>) -> Event + Send + 'static,
    {
        Ok(Self::serve(Packets::new(socket, MAX_PACKET)?, fds, inbox, event))
    }

    /// The same for a socket that is in packets already.
    pub(super) fn serve<T, F>(packets: Packets, fds: usize, inbox: &Inbox, event: F) -> Self
    where
        T: DeserializeOwned + Send + 'static,
        F: Fn(Heard<T>) -> Event + Send + 'static,
    {
        let packets = Arc::new(packets);
        let (outbox, queue) = mpsc::channel(OUTBOX);
        let waiting = Arc::new(AtomicUsize::new(0));
        let reader = tokio::spawn(read(Arc::clone(&packets), fds, inbox.clone(), event));
        let writer = tokio::spawn(write(Arc::clone(&packets), queue, Arc::clone(&waiting)));
        Self { packets, outbox, waiting, tasks: [reader.abort_handle(), writer.abort_handle()] }
    }

    /// Sends a message. False: the peer does not read, and has to go.
    pub(super) fn send<T: Serialize>(&self, message: &T, fd: Option<OwnedFd>) -> bool {
        let bytes = match encode(message) {
            Ok(bytes) => bytes,
            Err(error) => {
                tracing::error!(%error, "a message of ours");
                return false;
            }
        };
        // A peer that keeps up is told at once, without a detour over the writing task.
        if self.waiting.load(Ordering::Relaxed) == 0 {
            let fds: Vec<BorrowedFd<'_>> = fd.iter().map(|fd| fd.as_fd()).collect();
            match self.packets.try_send_packet(&bytes, &fds) {
                Ok(()) => return true,
                Err(error) if error.would_block() => {}
                // The reading side sees the closed socket and says so.
                Err(_gone) => return true,
            }
        }
        let queued = self.outbox.try_send((bytes, fd)).is_ok();
        self.waiting.fetch_add(usize::from(queued), Ordering::Relaxed);
        queued
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        // The peer sees the end now, not when the tasks have been cleaned up.
        self.packets.shut_down();
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn read<T, F>(packets: Arc<Packets>, fds: usize, inbox: Inbox, event: F)
where
    T: DeserializeOwned,
    F: Fn(Heard<T>) -> Event,
{
    let places = Arc::new(Semaphore::new(AT_A_TIME));
    let mut packet = vec![0; MAX_PACKET];
    loop {
        let place = Arc::clone(&places).acquire_owned().await.ok();
        let said = match packets.recv_packet_into(&mut packet).await {
            Ok(None) => Said::Gone,
            Ok(Some((_, came))) if came.len() > fds => Said::Broken,
            Ok(Some((length, came))) => {
                let bytes = packet.get(..length).unwrap_or_default();
                decode(bytes).map_or(Said::Broken, |m| Said::Message(m, came))
            }
            Err(cofferdam_kit::transport::TransportError::Io(errno)) => {
                tracing::debug!(%errno, "a socket failed");
                Said::Gone
            }
            Err(_odd) => Said::Broken,
        };
        let last = !matches!(said, Said::Message(..));
        // A closed inbox means that the daemon is ending.
        if inbox.send(event(Heard { said, _place: place })).await.is_err() || last {
            return;
        }
    }
}

async fn write(packets: Arc<Packets>, mut queue: mpsc::Receiver<Outgoing>, waiting: Arc<AtomicUsize>) {
    while let Some((bytes, fd)) = queue.recv().await {
        let fds: Vec<BorrowedFd<'_>> = fd.iter().map(|fd| fd.as_fd()).collect();
        if let Err(error) = packets.send_packet(&bytes, &fds).await {
            // The reading side sees the closed socket and says so.
            return tracing::debug!(%error, "a peer went away");
        }
        waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
