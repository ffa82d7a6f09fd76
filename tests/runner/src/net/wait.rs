// SPDX-License-Identifier: GPL-3.0-or-later
//! Waiting for a socket, a moment, or the end. In: an fd. Out: which of them came first.

#![expect(clippy::disallowed_methods, reason = "waits for a socket or the end of the test")]

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pipe::{PipeFlags, pipe_with};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Instant;

/// Dropping it ends every wait.
#[derive(Debug)]
pub(super) struct Stopper {
    _end: OwnedFd,
}

/// Is told of the end.
#[derive(Debug, Clone)]
pub(super) struct Stop(Arc<OwnedFd>);

/// What a wait ended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Woken {
    /// The socket can be used.
    Ready,
    /// The moment has come.
    Due,
    /// Everything is to end.
    Stopped,
}

pub(super) fn pair() -> io::Result<(Stopper, Stop)> {
    let (read, write) = pipe_with(PipeFlags::CLOEXEC)?;
    Ok((Stopper { _end: write }, Stop(Arc::new(read))))
}

impl Stop {
    /// Waits until `fd` can be read or, if wanted, written.
    pub(super) fn wait(&self, fd: impl AsFd, write: bool, due: Option<Instant>) -> io::Result<Woken> {
        let flags = if write { PollFlags::OUT } else { PollFlags::IN };
        loop {
            let left = due.map(|due| due.saturating_duration_since(Instant::now()));
            let timeout = left.and_then(|left| Timespec::try_from(left).ok());
            let mut fds = [PollFd::new(&fd, flags), PollFd::new(&*self.0, PollFlags::IN)];
            match poll(&mut fds, timeout.as_ref()) {
                Ok(0) => return Ok(Woken::Due),
                Ok(_) if !fds[1].revents().is_empty() => return Ok(Woken::Stopped),
                Ok(_) => return Ok(Woken::Ready),
                Err(rustix::io::Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}
