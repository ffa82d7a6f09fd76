// SPDX-License-Identifier: GPL-3.0-or-later
//! The wire to the monitor.
//!
//! In: packets of the monitor. Out: questions, use, refusals. A monitor that does not read loses its point:
//! what can't be told is not allowed either.

use super::poller::{Poller, Source};
use cofferdam_kit::transport;
use cofferdam_monitor_wire::point::{FromPoint, ToPoint};
use cofferdam_monitor_wire::{MAX_PACKET, decode, encode};
use rustix::event::epoll::EventFlags;
use rustix::io::Errno;
use std::collections::VecDeque;
use std::os::fd::{AsFd, OwnedFd};

/// Most packets that wait for the monitor.
const WAITING: usize = 4096;
/// Most packets read at a time.
const BATCH: usize = 64;

/// The monitor is gone, or does not speak the language.
#[derive(Debug)]
pub(super) struct Lost;

/// The socket to the monitor.
#[derive(Debug)]
pub(super) struct Point {
    socket: OwnedFd,
    waiting: VecDeque<Vec<u8>>,
}

impl Point {
    pub(super) fn new(socket: OwnedFd, poller: &Poller) -> Result<Self, Errno> {
        rustix::io::ioctl_fionbio(&socket, true)?;
        poller.add(socket.as_fd(), Source::Point, EventFlags::IN)?;
        Ok(Self { socket, waiting: VecDeque::new() })
    }

    /// Says something, at once or when the monitor reads again.
    pub(super) fn say(&mut self, message: &FromPoint, poller: &Poller) -> Result<(), Lost> {
        let Ok(bytes) = encode(message) else {
            tracing::error!("a message for the monitor is too long");
            return Ok(());
        };
        if self.waiting.len() >= WAITING {
            tracing::warn!("the monitor does not read");
            return Err(Lost);
        }
        self.waiting.push_back(bytes);
        if self.waiting.len() == 1 { self.write(poller) } else { Ok(()) }
    }

    /// Sends what waits.
    pub(super) fn write(&mut self, poller: &Poller) -> Result<(), Lost> {
        while let Some(bytes) = self.waiting.front() {
            match transport::send_packet(self.socket.as_fd(), bytes, &[]) {
                Ok(()) => {
                    self.waiting.pop_front();
                }
                Err(error) if error.would_block() => break,
                Err(error) => {
                    tracing::warn!("the monitor is gone: {error}");
                    return Err(Lost);
                }
            }
        }
        let out = if self.waiting.is_empty() { EventFlags::empty() } else { EventFlags::OUT };
        poller.change(self.socket.as_fd(), Source::Point, EventFlags::IN | out).map_err(|_odd| Lost)
    }

    /// What the monitor says.
    pub(super) fn read(&self) -> Result<Vec<ToPoint>, Lost> {
        let mut messages = Vec::new();
        while messages.len() < BATCH {
            match transport::recv_packet(self.socket.as_fd(), MAX_PACKET, 0) {
                Ok(Some((bytes, _))) => match decode(&bytes) {
                    Ok(message) => messages.push(message),
                    Err(error) => {
                        tracing::warn!("the monitor is not understood: {error}");
                        return Err(Lost);
                    }
                },
                Ok(None) => {
                    tracing::info!("the monitor is gone");
                    return Err(Lost);
                }
                Err(error) if error.would_block() => break,
                Err(error) => {
                    tracing::warn!("the monitor is gone: {error}");
                    return Err(Lost);
                }
            }
        }
        Ok(messages)
    }
}
