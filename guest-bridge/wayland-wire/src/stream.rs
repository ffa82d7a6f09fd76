// SPDX-License-Identifier: GPL-3.0-or-later
//! In: chunks of a connection's bytes and its descriptors, in any cut. Out: whole messages.

use std::collections::VecDeque;

use crate::fault::WireError;
use crate::limits::Limits;
use crate::message::RawMessage;

/// Why a chunk was not taken. The connection is of no use afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// More bytes than [`Limits::stream_bytes`] would wait. Drain [`StreamDecoder::next`] after each chunk.
    #[error("{0} bytes wait in the stream")]
    Bytes(usize),
    /// More descriptors than [`Limits::stream_fds`] would wait: they were sent without messages that use them.
    #[error("{0} descriptors wait in the stream")]
    Fds(usize),
}

/// Collects one direction of a connection. `F` stands for a descriptor: an `OwnedFd` in the bridge, what a
/// cross-domain identifier stands for in the device, `()` in tests.
#[derive(Debug)]
pub struct StreamDecoder<F> {
    buf: Vec<u8>,
    /// Bytes at the front of `buf` that were given out.
    taken: usize,
    fds: VecDeque<F>,
    max_bytes: usize,
    max_fds: usize,
}

impl<F> StreamDecoder<F> {
    /// An empty stream.
    #[must_use]
    pub const fn new(limits: &Limits) -> Self {
        Self {
            buf: Vec::new(),
            taken: 0,
            fds: VecDeque::new(),
            max_bytes: limits.stream_bytes,
            max_fds: limits.stream_fds,
        }
    }

    /// Takes in a chunk and the descriptors that came with it.
    ///
    /// # Errors
    /// [`StreamError`]: then nothing was taken in and the descriptors are dropped.
    pub fn push(&mut self, bytes: &[u8], fds: impl IntoIterator<Item = F>) -> Result<(), StreamError> {
        self.buf.drain(..self.taken.min(self.buf.len()));
        self.taken = 0;
        let waiting = self.buf.len().saturating_add(bytes.len());
        if waiting > self.max_bytes {
            return Err(StreamError::Bytes(waiting));
        }
        let before = self.fds.len();
        for fd in fds {
            if self.fds.len() >= self.max_fds {
                self.fds.truncate(before);
                return Err(StreamError::Fds(self.max_fds.saturating_add(1)));
            }
            self.fds.push_back(fd);
        }
        self.buf.extend_from_slice(bytes);
        Ok(())
    }

    /// The next whole message and the descriptors that have come and were not used; `None` when more bytes are
    /// needed. Validate the message with `fds.len()`, then pop [`crate::Parsed::fds`] of them.
    ///
    /// # Errors
    /// [`WireError`]; the stream must not be used afterwards.
    // Not an `Iterator`: items borrow the stream.
    #[expect(clippy::should_implement_trait, reason = "items borrow the stream")]
    pub fn next(&mut self) -> Result<Option<(RawMessage<'_>, &mut VecDeque<F>)>, WireError> {
        let rest = self.buf.get(self.taken..).unwrap_or_default();
        let Some(message) = RawMessage::decode(rest)? else { return Ok(None) };
        self.taken = self.taken.saturating_add(message.bytes().len());
        Ok(Some((message, &mut self.fds)))
    }

    /// Takes out the descriptors whose messages never came, so that whoever holds them can close them.
    pub fn take_fds(&mut self) -> VecDeque<F> {
        std::mem::take(&mut self.fds)
    }

    /// Bytes that wait for the rest of their message.
    #[must_use]
    pub const fn waiting(&self) -> usize {
        self.buf.len().saturating_sub(self.taken)
    }
}
