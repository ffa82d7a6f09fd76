// SPDX-License-Identifier: GPL-3.0-or-later
//! Pipes: reading from sources, feeding targets.
//!
//! In: pipes of our own that sources write, fds that targets gave us. Out: pieces to the machine, and
//! bytes to targets. Nothing here can block: what we read is our own end; what we write goes by
//! `splice` with its own non-blocking flag, since whether *their* end blocks is theirs to change.

#![expect(clippy::disallowed_methods, reason = "looks, without waiting, whether a reader is still there")]

use super::State;
use crate::protocols::Selections;
use calloop::generic::Generic;
use calloop::{Interest, Mode, PostAction, RegistrationToken};
use cofferdam_transfers::{Event, SinkId, Snapshot, TransferId};
use rustix::event::{PollFd, PollFlags};
use rustix::fs::FileType;
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, SpliceFlags};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::sync::Arc;
use zeroize::Zeroize;

/// Bytes at a time.
const PIECE: usize = 64 * 1024;
/// Pieces of one pipe in a turn: whoever is fast shares the loop with everybody.
const PIECES_A_TURN: usize = 8;
/// Targets' fds at a time.
const MAX_SINKS: usize = 128;

/// A target's fd.
#[derive(Debug)]
pub(super) struct Sink {
    fd: Rc<OwnedFd>,
    token: RegistrationToken,
    feed: Option<Feed>,
}

/// What goes into it.
#[derive(Debug)]
struct Feed {
    snapshot: Arc<Snapshot>,
    /// Bytes that were put into the stage.
    offset: usize,
    /// A pipe of ours: bytes wait in it until the target has room.
    stage: (OwnedFd, OwnedFd),
    staged: usize,
}

enum Fed {
    /// The target is slow.
    Waits,
    /// All of it is there.
    Done,
    /// The target reads no more.
    Gone,
}

impl Feed {
    fn new(snapshot: Arc<Snapshot>) -> io::Result<Self> {
        let stage = rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        Ok(Self { snapshot, offset: 0, stage, staged: 0 })
    }

    /// Bytes that the target has.
    fn delivered(&self) -> u64 {
        u64::try_from(self.offset.saturating_sub(self.staged)).unwrap_or(u64::MAX)
    }

    fn go_on(&mut self, target: &OwnedFd) -> Fed {
        for _ in 0..PIECES_A_TURN {
            if self.staged == 0 {
                let rest = self.snapshot.bytes().get(self.offset..).unwrap_or_default();
                let piece = rest.get(..PIECE.min(rest.len())).unwrap_or_default();
                if piece.is_empty() {
                    return Fed::Done;
                }
                match rustix::io::write(&self.stage.1, piece) {
                    Ok(n) => {
                        self.staged = n;
                        self.offset = self.offset.saturating_add(n);
                    }
                    Err(Errno::INTR) => continue,
                    Err(_) => return Fed::Gone,
                }
            }
            let flags = SpliceFlags::NONBLOCK | SpliceFlags::MOVE;
            match rustix::pipe::splice(&self.stage.0, None, target, None, self.staged, flags) {
                Ok(0) => return Fed::Gone,
                Ok(n) => self.staged = self.staged.saturating_sub(n),
                Err(Errno::AGAIN) => return Fed::Waits,
                Err(Errno::INTR) => {}
                Err(_) => return Fed::Gone,
            }
        }
        Fed::Waits
    }
}

impl State {
    fn read_source(&mut self, id: TransferId, reader: &OwnedFd) {
        let mut buffer = vec![0; PIECE];
        for _ in 0..PIECES_A_TURN {
            match rustix::io::read(reader, &mut buffer) {
                Ok(0) => {
                    self.selections.stop_reading(id);
                    self.transfer(Event::End(id));
                    break;
                }
                Ok(n) => {
                    let piece = buffer.get(..n).unwrap_or_default();
                    self.transfer(Event::Bytes { id, piece });
                    if !self.selections.reads.contains_key(&id) {
                        break;
                    }
                }
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => {}
                Err(_) => {
                    self.selections.stop_reading(id);
                    self.transfer(Event::SourceFailed(id));
                    break;
                }
            }
        }
        buffer.zeroize();
    }

    fn serve_sink(&mut self, id: SinkId) {
        let Some(sink) = self.selections.sinks.get_mut(&id) else { return };
        let fd = sink.fd.clone();
        let Some(feed) = &mut sink.feed else {
            if is_deserted(&fd) {
                self.sink_over(id, 0, false);
            }
            return;
        };
        let fed = feed.go_on(&fd);
        let delivered = feed.delivered();
        match fed {
            Fed::Waits => {}
            Fed::Done => self.sink_over(id, delivered, true),
            Fed::Gone => self.sink_over(id, delivered, false),
        }
    }

    fn sink_over(&mut self, sink: SinkId, bytes: u64, complete: bool) {
        self.selections.close_sink(sink);
        self.transfer(Event::SinkDone { sink, bytes, complete });
    }
}

impl Selections {
    /// Opens a pipe for a source's bytes and gives back its writing end.
    pub(super) fn open_read(&mut self, id: TransferId) -> io::Result<OwnedFd> {
        // Blocking at the source's end, as sources expect; never at ours.
        let (reader, writer) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
        let flags = rustix::fs::fcntl_getfl(&reader)?;
        rustix::fs::fcntl_setfl(&reader, flags | rustix::fs::OFlags::NONBLOCK)?;
        let token = self
            .event_loop
            .insert_source(Generic::new(reader, Interest::READ, Mode::Level), move |_, reader, state| {
                state.read_source(id, reader);
                Ok(PostAction::Continue)
            })
            .map_err(|e| io::Error::other(e.error))?;
        self.reads.insert(id, token);
        Ok(writer)
    }

    pub(super) fn stop_reading(&mut self, id: TransferId) {
        if let Some(token) = self.reads.remove(&id) {
            self.event_loop.remove(token);
        }
    }

    /// Takes a target's fd. Only pipes are taken: every toolkit uses one, and nothing else can be
    /// written to without ever waiting for it.
    pub(super) fn add_sink(&mut self, fd: OwnedFd) -> Option<SinkId> {
        let is_pipe =
            rustix::fs::fstat(&fd).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Fifo);
        if !is_pipe || self.sinks.len() >= MAX_SINKS {
            tracing::debug!(is_pipe, "no place for what a client reads");
            return None;
        }
        let id = SinkId(self.next_sink);
        self.next_sink = id.0.saturating_add(1);
        let fd = Rc::new(fd);
        // Woken if the target closes its end: it has given up.
        let token = self.watch_sink(id, &fd, Interest::EMPTY)?;
        self.sinks.insert(id, Sink { fd, token, feed: None });
        Some(id)
    }

    fn watch_sink(&self, id: SinkId, fd: &Rc<OwnedFd>, interest: Interest) -> Option<RegistrationToken> {
        let source = Generic::new(fd.clone(), interest, Mode::Level);
        let token = self.event_loop.insert_source(source, move |_, _, state| {
            state.serve_sink(id);
            Ok(PostAction::Continue)
        });
        token.inspect_err(|e| tracing::debug!("a client's pipe can't be watched: {e}")).ok()
    }

    /// Begins to feed.
    pub(super) fn feed(&mut self, id: SinkId, snapshot: Arc<Snapshot>) {
        let Some(sink) = self.sinks.remove(&id) else { return };
        self.event_loop.remove(sink.token);
        let feed = Feed::new(snapshot).inspect_err(|e| tracing::warn!("no pipe for a transfer: {e}")).ok();
        let token = feed.is_some().then(|| self.watch_sink(id, &sink.fd, Interest::WRITE)).flatten();
        match token {
            Some(token) => {
                self.sinks.insert(id, Sink { fd: sink.fd, token, feed });
            }
            None => {
                self.event_loop.insert_idle(move |state| state.sink_over(id, 0, false));
            }
        }
    }

    /// Closes a target's fd and gives how many bytes it has.
    pub(super) fn close_sink(&mut self, id: SinkId) -> u64 {
        let Some(sink) = self.sinks.remove(&id) else { return 0 };
        self.event_loop.remove(sink.token);
        sink.feed.as_ref().map_or(0, Feed::delivered)
    }
}

/// Whether nobody reads this pipe any more.
fn is_deserted(fd: &OwnedFd) -> bool {
    let borrowed = fd.as_fd();
    let mut fds = [PollFd::new(&borrowed, PollFlags::empty())];
    let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
    match rustix::event::poll(&mut fds, Some(&now)) {
        Ok(_) => fds.iter().any(|fd| fd.revents().intersects(PollFlags::ERR | PollFlags::HUP)),
        Err(_) => true,
    }
}
