// SPDX-License-Identifier: GPL-3.0-or-later
//! Programs run beside the app. In: a call with three fds, and what the agent says about the program.
//! Out: messages for the agent, bytes into the caller's fds, one answer.

use super::links::{LinkId, Links};
use super::{Inbox, Input};
use crate::link::Reply;
use cofferdam_agent_wire::{Exit, Stream};
use cofferdam_bus::launcher::GuestExit;
use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{Semaphore, mpsc};

/// Bytes of output that may wait for the caller of one program.
const MAX_WAITING: usize = 8 << 20;
/// What a piece of output costs beside its bytes, so that empty ones can't pile up either.
const PIECE: usize = 64;
/// Pieces of input, of all programs, that may wait for the guest: a fraction of what the way to it holds, so
/// that a large input waits for the guest instead of making it look dead.
const MAX_INPUTS: usize = 32;
/// Programs at the same time in one VM.
const MAX_RUNS: usize = 32;

/// One program.
#[derive(Debug)]
struct Run {
    link: LinkId,
    serial: u64,
    stdout: Output,
    stderr: Output,
}

/// All programs of this VM.
#[derive(Debug)]
pub(crate) struct Runs {
    next: u32,
    open: BTreeMap<u32, Run>,
    inputs: Arc<Semaphore>,
    inbox: Inbox,
}

/// What to tell the agent after a program's message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing.
    Fine,
    /// The caller does not read: end the program.
    Kill,
}

impl Runs {
    pub(crate) fn new(inbox: Inbox) -> Self {
        Self { next: 1, open: BTreeMap::new(), inputs: Arc::new(Semaphore::new(MAX_INPUTS)), inbox }
    }

    /// Takes in a call; gives back the id under which the agent is to start the program.
    pub(crate) fn begin(&mut self, link: LinkId, serial: u64, fds: Vec<OwnedFd>) -> Result<u32, String> {
        let Ok([stdin, stdout, stderr]) = <[OwnedFd; 3]>::try_from(fds) else {
            return Err("a program needs exactly three fds".to_owned());
        };
        if self.open.len() >= MAX_RUNS {
            return Err(format!("{MAX_RUNS} programs run in this VM already"));
        }
        let id = self.next;
        self.next = id.wrapping_add(1);
        let run = Run {
            link,
            serial,
            stdout: Output::new(stdout, id, &self.inbox),
            stderr: Output::new(stderr, id, &self.inbox),
        };
        self.open.insert(id, run);
        tokio::spawn(feed(stdin, id, Arc::clone(&self.inputs), self.inbox.clone()));
        Ok(id)
    }

    /// Output of a program.
    pub(crate) fn output(&self, id: u32, stream: Stream, data: Vec<u8>) -> Verdict {
        // An unknown id is a program that we have killed, or the guest's invention.
        let Some(run) = self.open.get(&id) else { return Verdict::Fine };
        let output = match stream {
            Stream::Stdout => &run.stdout,
            Stream::Stderr => &run.stderr,
        };
        if output.push(data) { Verdict::Fine } else { Verdict::Kill }
    }

    /// A program ended, or never began.
    pub(crate) fn end(&mut self, id: u32, result: Result<Exit, String>, links: &mut Links) {
        let Some(run) = self.open.remove(&id) else { return };
        let result = result.map(|exit| {
            Reply::Exit(match exit {
                Exit::Code(code) => GuestExit { code, signal: 0 },
                Exit::Signal(signal) => GuestExit { code: -1, signal },
            })
        });
        links.answer(run.link, run.serial, result);
    }

    /// Programs of a launcher that went away, to be killed.
    pub(crate) fn of(&self, link: LinkId) -> Vec<u32> {
        self.open.iter().filter(|(_, run)| run.link == link).map(|(id, _)| *id).collect()
    }

    /// Answers everybody, because the VM is over.
    pub(crate) fn end_all(&mut self, links: &mut Links) {
        for id in self.open.keys().copied().collect::<Vec<_>>() {
            self.end(id, Err("the VM ended before the program did".to_owned()), links);
        }
    }
}

/// A caller's fd, written to by a task of its own: it may be a pipe that nobody reads.
#[derive(Debug)]
struct Output {
    queue: mpsc::UnboundedSender<Vec<u8>>,
    waiting: Arc<AtomicUsize>,
}

impl Output {
    fn new(fd: OwnedFd, id: u32, inbox: &Inbox) -> Self {
        let (queue, mut chunks) = mpsc::unbounded_channel::<Vec<u8>>();
        let waiting = Arc::new(AtomicUsize::new(0));
        let (left, inbox) = (Arc::clone(&waiting), inbox.clone());
        tokio::spawn(async move {
            let mut file = tokio::fs::File::from_std(File::from(fd));
            while let Some(chunk) = chunks.recv().await {
                if file.write_all(&chunk).await.is_err() || file.flush().await.is_err() {
                    let _ = inbox.send(Input::RunStuck(id)).await;
                    return;
                }
                left.fetch_sub(cost(&chunk), Ordering::Relaxed);
            }
        });
        Self { queue, waiting }
    }

    fn push(&self, data: Vec<u8>) -> bool {
        let cost = cost(&data);
        let waiting = self.waiting.fetch_add(cost, Ordering::Relaxed).saturating_add(cost);
        waiting <= MAX_WAITING && self.queue.send(data).is_ok()
    }
}

const fn cost(piece: &[u8]) -> usize {
    piece.len().saturating_add(PIECE)
}

async fn feed(stdin: OwnedFd, id: u32, inputs: Arc<Semaphore>, inbox: Inbox) {
    let mut file = tokio::fs::File::from_std(File::from(stdin));
    let mut bytes = vec![0; 16 * 1024];
    loop {
        // An input that can't be read is one that has ended.
        let n = file.read(&mut bytes).await.unwrap_or(0);
        let data = bytes.get(..n).unwrap_or_default().to_vec();
        let room = Arc::clone(&inputs).acquire_owned().await.ok();
        if inbox.send(Input::Stdin(id, data, room)).await.is_err() || n == 0 {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_waits_for_a_caller_that_does_not_read_is_bounded() {
        for size in [0, 1, 1000] {
            let (inbox, _inputs) = mpsc::channel(1);
            // Nobody reads, and nothing runs between the pieces: all of them wait.
            let (_reader, writer) = rustix::pipe::pipe().unwrap();
            let output = Output::new(writer, 1, &inbox);
            let taken = (0..1_000_000).take_while(|_| output.push(vec![7; size])).count();
            assert_eq!(taken, MAX_WAITING / (size + PIECE), "{size}");
        }
    }
}
