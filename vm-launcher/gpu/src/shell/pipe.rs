// SPDX-License-Identifier: GPL-3.0-or-later
//! One end of a pipe between a guest and somebody on the compositor's side.
//!
//! In: bytes to write, and whether to read. Out: what the pipe took or gave. Never blocks.

use super::poller::{Name, Poller, Source};
use cofferdam_gpu_core::PipeKey;
use rustix::event::epoll::EventFlags;
use rustix::fs::OFlags;
use rustix::io::Errno;
use std::collections::VecDeque;
use std::os::fd::{AsFd, OwnedFd};

/// Bytes read at once.
const READ: usize = 16 * 1024;

/// A pipe's end.
#[derive(Debug)]
pub(super) struct Pipe {
    fd: OwnedFd,
    /// Bytes that the reader has not taken yet.
    queue: VecDeque<u8>,
    reading: bool,
    watched: Option<(Name, EventFlags)>,
}

impl Pipe {
    /// The reading end of a pipe of our own.
    #[must_use]
    pub(super) const fn reader(fd: OwnedFd) -> Self {
        Self { fd, queue: VecDeque::new(), reading: true, watched: None }
    }

    /// The writing end of somebody else's pipe; it is made non-blocking.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub(super) fn writer(fd: OwnedFd) -> Result<Self, Errno> {
        let flags = rustix::fs::fcntl_getfl(&fd)?;
        rustix::fs::fcntl_setfl(&fd, flags | OFlags::NONBLOCK)?;
        Ok(Self { fd, queue: VecDeque::new(), reading: false, watched: None })
    }

    /// Reads once. `None`: the writer has closed.
    ///
    /// # Errors
    /// [`Errno::AGAIN`] if there is nothing.
    pub(super) fn read(&self) -> Result<Option<Vec<u8>>, Errno> {
        let mut bytes = vec![0; READ];
        let n = rustix::io::retry_on_intr(|| rustix::io::read(&self.fd, &mut *bytes))?;
        bytes.truncate(n);
        Ok((n > 0).then_some(bytes))
    }

    /// Queues bytes and writes what the pipe takes. Says how many it took.
    ///
    /// # Errors
    /// If the reader is gone.
    pub(super) fn write(&mut self, bytes: Vec<u8>) -> Result<usize, Errno> {
        self.queue.extend(bytes);
        self.flush()
    }

    /// Writes what the pipe takes. Says how many bytes it took.
    ///
    /// # Errors
    /// If the reader is gone.
    pub(super) fn flush(&mut self) -> Result<usize, Errno> {
        let mut total = 0_usize;
        while !self.queue.is_empty() {
            let (front, _) = self.queue.as_slices();
            match rustix::io::retry_on_intr(|| rustix::io::write(&self.fd, front)) {
                Ok(n) => {
                    self.queue.drain(..n);
                    total = total.saturating_add(n);
                }
                Err(Errno::AGAIN) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(total)
    }

    /// Reads from now on, or lets it be.
    pub(super) const fn set_reading(&mut self, on: bool) {
        self.reading = on;
    }

    /// Whether it is read at present.
    #[must_use]
    pub(super) const fn is_reading(&self) -> bool {
        self.reading
    }

    /// Brings the poller in line with what is wanted.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub(super) fn watch(&mut self, key: PipeKey, poller: &mut Poller) -> Result<(), Errno> {
        let mut flags = EventFlags::empty();
        flags.set(EventFlags::IN, self.reading);
        flags.set(EventFlags::OUT, !self.queue.is_empty());
        if self.watched.is_some_and(|(_, now)| now == flags) {
            return Ok(());
        }
        if let Some((name, _)) = self.watched.take() {
            poller.remove(self.fd.as_fd(), name);
        }
        if !flags.is_empty() {
            let name = poller.add(self.fd.as_fd(), Source::Pipe(key), flags)?;
            self.watched = Some((name, flags));
        }
        Ok(())
    }

    /// Closes it.
    pub(super) fn close(self, poller: &mut Poller) {
        if let Some((name, _)) = self.watched {
            poller.remove(self.fd.as_fd(), name);
        }
    }
}
