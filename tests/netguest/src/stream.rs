// SPDX-License-Identifier: GPL-3.0-or-later
//! Frames over a stream socket, each with its length before it: how other gateways are spoken to.
//!
//! In: a connected socket. Out: frames both ways.

use crate::guest::Wire;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

/// A wire over a stream.
pub struct Stream {
    socket: UnixStream,
    incoming: Vec<u8>,
    /// How much of it was handed out already.
    taken: usize,
    outgoing: Vec<u8>,
}

impl Stream {
    /// A wire over this socket.
    #[must_use]
    pub fn new(socket: UnixStream) -> Self {
        socket.set_nonblocking(true).unwrap();
        Self { socket, incoming: Vec::new(), taken: 0, outgoing: Vec::new() }
    }

    fn flush(&mut self) {
        while !self.outgoing.is_empty() {
            match self.socket.write(&self.outgoing) {
                Ok(n) => drop(self.outgoing.drain(..n)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => panic!("the gateway is gone: {error}"),
            }
        }
    }

    fn take(&mut self, into: &mut Vec<u8>) -> bool {
        let rest = &self.incoming[self.taken..];
        let Some((length, rest)) = rest.split_first_chunk::<4>() else { return false };
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap();
        let Some(frame) = rest.get(..length) else { return false };
        into.clear();
        into.extend_from_slice(frame);
        self.taken += length + 4;
        true
    }
}

impl Wire for Stream {
    fn send(&mut self, frame: &[u8]) -> bool {
        self.flush();
        if self.outgoing.len() > 1 << 20 {
            return false;
        }
        let length = u32::try_from(frame.len()).unwrap().to_be_bytes();
        self.outgoing.extend(length);
        self.outgoing.extend(frame);
        self.flush();
        true
    }

    fn receive(&mut self, into: &mut Vec<u8>) -> bool {
        self.flush();
        if self.take(into) {
            return true;
        }
        self.incoming.drain(..self.taken);
        self.taken = 0;
        let start = self.incoming.len();
        self.incoming.resize(start + (256 << 10), 0);
        let n = match self.socket.read(&mut self.incoming[start..]) {
            Ok(0) => panic!("the gateway is gone"),
            Ok(n) => n,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(error) => panic!("the gateway is gone: {error}"),
        };
        self.incoming.truncate(start + n);
        self.take(into)
    }

    fn readable(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    fn acknowledge(&mut self) {}
}
