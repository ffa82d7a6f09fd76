// SPDX-License-Identifier: GPL-3.0-or-later
//! The backend's way to the agent. In: wishes of any number of calls. Out: to each its own outcome.

use crate::local::{FromAgent, Outcome, SOCKET, ToAgent};
use cofferdam_agent_wire::{Appearance, Decoder, PortalWish, encode};
use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot, watch};

/// Messages that may wait for the agent.
const QUEUE: usize = 64;

/// Shared by all portals.
#[derive(Debug, Clone)]
pub(super) struct Link {
    outbox: mpsc::Sender<ToAgent>,
    waiting: Arc<Mutex<Waiting>>,
    appearance: watch::Receiver<Appearance>,
}

#[derive(Debug, Default)]
struct Waiting {
    next: u32,
    calls: HashMap<u32, oneshot::Sender<Outcome>>,
}

impl Link {
    /// Connects; the future beside it moves the bytes and ends with the connection.
    pub(super) async fn open() -> io::Result<(Self, impl Future<Output = ()>)> {
        let (read, write) = UnixStream::connect(SOCKET).await?.into_split();
        let (outbox, messages) = mpsc::channel(QUEUE);
        let (look, appearance) = watch::channel(Appearance::default());
        let waiting = Arc::new(Mutex::new(Waiting::default()));
        let link = Self { outbox, waiting: Arc::clone(&waiting), appearance };
        let both = async move {
            tokio::select! {
                () = send(messages, write) => {}
                () = receive(read, waiting, look) => {}
            }
        };
        Ok((link, both))
    }

    /// Asks. The serial is for [`Self::forget`].
    pub(super) async fn ask(&self, wish: PortalWish) -> (u32, impl Future<Output = Outcome> + use<>) {
        let (answer, outcome) = oneshot::channel();
        let serial = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let serial = waiting.next;
            waiting.next = serial.wrapping_add(1);
            waiting.calls.insert(serial, answer);
            serial
        };
        let sent = self.outbox.send(ToAgent::Wish { serial, wish }).await.is_ok();
        (serial, async move { if sent { outcome.await.unwrap_or(Outcome::Denied) } else { Outcome::Denied } })
    }

    /// Gives up on a wish.
    pub(super) async fn forget(&self, serial: u32) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).calls.remove(&serial);
        // A link that is gone has forgotten everything.
        let _ = self.outbox.send(ToAgent::Forget { serial }).await;
    }

    /// How the desktop looks, and how to hear of changes.
    pub(super) fn appearance(&self) -> watch::Receiver<Appearance> {
        self.appearance.clone()
    }
}

async fn send(mut messages: mpsc::Receiver<ToAgent>, mut write: OwnedWriteHalf) {
    while let Some(message) = messages.recv().await {
        let Ok(frame) = encode(&message) else { continue };
        if write.write_all(&frame).await.is_err() {
            return;
        }
    }
}

async fn receive(mut read: OwnedReadHalf, waiting: Arc<Mutex<Waiting>>, look: watch::Sender<Appearance>) {
    let mut decoder = Decoder::new();
    let mut bytes = vec![0; 4096];
    while let Ok(count @ 1..) = read.read(&mut bytes).await {
        decoder.push(bytes.get(..count).unwrap_or_default());
        loop {
            match decoder.next::<FromAgent>() {
                Ok(Some(FromAgent::Answer { serial, outcome })) => {
                    let call = waiting.lock().unwrap_or_else(PoisonError::into_inner).calls.remove(&serial);
                    if let Some(call) = call {
                        // The call may have been given up a moment ago.
                        let _ = call.send(outcome);
                    }
                }
                Ok(Some(FromAgent::Appearance(appearance))) => {
                    look.send_replace(appearance);
                }
                Ok(None) => break,
                Err(_) => return,
            }
        }
    }
}
