// SPDX-License-Identifier: GPL-3.0-or-later
//! What the bridge needs of the device, whatever carries it. In: encoded cross-domain commands. Out:
//! encoded messages of the host, and memory that both sides see.
//!
//! One channel serves one Wayland client. In a VM it is the GPU's render node ([`super::drm`]); a
//! benchmark can put the device's code behind it without a VM.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

use super::sys::Mapping;

/// Memory that the host sees too.
#[derive(Debug)]
pub struct Blob {
    /// The number by which the host knows it.
    pub resource: u32,
    /// The number by which the channel knows it.
    pub handle: u32,
    /// Its bytes.
    pub memory: Mapping,
}

/// The way to the host for one Wayland client.
pub trait Channel {
    /// Becomes readable when there may be messages.
    fn event_fd(&self) -> BorrowedFd<'_>;

    /// Takes note that [`Self::event_fd`] was readable.
    ///
    /// # Errors
    /// The channel is of no use any longer.
    fn acknowledge(&mut self) -> io::Result<()>;

    /// Puts the next message into `message`; `false` when there is none for now.
    ///
    /// # Errors
    /// The channel is of no use any longer.
    fn next_message(&mut self, message: &mut Vec<u8>) -> io::Result<bool>;

    /// Hands over whole commands, at most what one submission holds. With `wake`, makes sure that the
    /// next message makes [`Self::event_fd`] readable.
    ///
    /// # Errors
    /// The channel is of no use any longer.
    fn submit(&mut self, commands: &[u8], wake: bool) -> io::Result<()>;

    /// Hands over commands; the result becomes readable when the host has carried them out.
    ///
    /// # Errors
    /// The channel is of no use any longer.
    fn submit_fenced(&mut self, commands: &[u8]) -> io::Result<OwnedFd>;

    /// Memory for pixels.
    ///
    /// # Errors
    /// There is none left, or the channel is of no use any longer.
    fn pixels(&mut self, size: u64) -> io::Result<Blob>;

    /// Memory with the bytes of a host's item.
    ///
    /// # Errors
    /// The same.
    fn claim(&mut self, item: u32, size: u64) -> io::Result<Blob>;

    /// Lets go of memory. Commands that name it must have been submitted.
    fn release(&mut self, blob: Blob);
}
