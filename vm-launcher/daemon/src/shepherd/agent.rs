// SPDX-License-Identifier: GPL-3.0-or-later
//! The agent's port. In: bytes that the guest chose, messages for it. Out: decoded messages, or word
//! that the guest broke the protocol, after which nothing is read any more.

use super::{Inbox, Input};
use cofferdam_agent_wire::{Decoder, FromGuest, ToGuest, encode};
use cofferdam_lifecycle::Event;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

/// Messages that wait for a guest which does not read; more than that and it is broken.
const QUEUE: usize = 256;

/// The way to the guest.
#[derive(Debug)]
pub(crate) struct Agent {
    outbox: mpsc::Sender<Frame>,
}

/// A message on its way.
#[derive(Debug)]
struct Frame {
    bytes: Vec<u8>,
    /// The room that it takes up until it is written.
    room: Option<OwnedSemaphorePermit>,
    /// While this is true the bytes are sent, and after that these.
    unless: Option<(Arc<AtomicBool>, Vec<u8>)>,
}

impl Agent {
    /// Takes over our end of the port.
    pub(crate) fn open(port: OwnedFd, inbox: &Inbox) -> io::Result<Self> {
        let stream = std::os::unix::net::UnixStream::from(port);
        stream.set_nonblocking(true)?;
        let (read, write) = UnixStream::from_std(stream)?.into_split();
        let (outbox, frames) = mpsc::channel(QUEUE);
        tokio::spawn(send_frames(frames, write));
        tokio::spawn(read_messages(read, inbox.clone()));
        Ok(Self { outbox })
    }

    /// Sends a message.
    ///
    /// # Errors
    /// A sentence, if the message is too large or the guest has stopped reading.
    pub(crate) fn send(&self, message: &ToGuest) -> Result<(), String> {
        self.send_bulk(message, None)
    }

    /// The same for a message of many; `room` is given back once it is written.
    ///
    /// # Errors
    /// Those of [`Self::send`].
    pub(crate) fn send_bulk(
        &self,
        message: &ToGuest,
        room: Option<OwnedSemaphorePermit>,
    ) -> Result<(), String> {
        let bytes = encode(message).map_err(|e| e.to_string())?;
        self.queue(Frame { bytes, room, unless: None })
    }

    /// The same for a message that may become void while it waits: `otherwise` is sent then.
    ///
    /// # Errors
    /// Those of [`Self::send`].
    pub(crate) fn send_while(
        &self,
        message: &ToGuest,
        live: Arc<AtomicBool>,
        otherwise: &ToGuest,
    ) -> Result<(), String> {
        let bytes = encode(message).map_err(|e| e.to_string())?;
        let otherwise = encode(otherwise).map_err(|e| e.to_string())?;
        self.queue(Frame { bytes, room: None, unless: Some((live, otherwise)) })
    }

    fn queue(&self, frame: Frame) -> Result<(), String> {
        self.outbox.try_send(frame).map_err(|_full| "the guest's agent does not read any more".to_owned())
    }
}

async fn send_frames(mut frames: mpsc::Receiver<Frame>, mut write: OwnedWriteHalf) {
    while let Some(Frame { bytes, room, unless }) = frames.recv().await {
        let void = unless.filter(|(live, _)| !live.load(Ordering::Acquire));
        let bytes = void.map_or(bytes, |(_, otherwise)| otherwise);
        if write.write_all(&bytes).await.is_err() {
            // The machine is gone; its exit is reported by whoever reaps it.
            return;
        }
        drop(room);
    }
}

async fn read_messages(mut read: OwnedReadHalf, inbox: Inbox) {
    let mut decoder = Decoder::new();
    let mut bytes = vec![0; 16 * 1024];
    while let Ok(n) = read.read(&mut bytes).await {
        if n == 0 {
            return;
        }
        decoder.push(bytes.get(..n).unwrap_or_default());
        loop {
            let input = match decoder.next::<FromGuest>() {
                Ok(Some(message)) => Input::Guest(message),
                Ok(None) => break,
                Err(error) => {
                    let _ = inbox.send(Input::Vm(Event::AgentBroken(error.to_string()))).await;
                    return;
                }
            };
            if inbox.send(input).await.is_err() {
                return;
            }
        }
    }
}
