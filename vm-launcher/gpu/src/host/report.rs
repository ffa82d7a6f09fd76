// SPDX-License-Identifier: GPL-3.0-or-later
//! The wire to the VM's shepherd.
//!
//! In: readiness, faults, counters. Out: packets of [`cofferdam_control::report`]. A shepherd that does not
//! read loses fault reports, never the total; a shepherd that is gone ends the device.

use cofferdam_control::report::{DeviceCounters, FromDevice, MAX_PACKET, ToDevice};
use cofferdam_gpu_core::Fault;
use cofferdam_kit::transport::{self, TransportError};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// What the shepherd wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// The counters.
    Counters,
    /// Nothing at the moment.
    Nothing,
    /// It is gone.
    Gone,
}

/// The report socket.
#[derive(Debug)]
pub struct Reports(OwnedFd);

impl Reports {
    /// Takes the socket and makes it non-blocking.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn new(socket: OwnedFd) -> Result<Self, rustix::io::Errno> {
        rustix::io::ioctl_fionbio(&socket, true)?;
        Ok(Self(socket))
    }

    /// Says that the device is jailed and waits for its VM.
    ///
    /// # Errors
    /// If the shepherd is gone.
    pub fn ready(&self) -> Result<(), TransportError> {
        transport::send(&self.0, &FromDevice::Ready, &[], MAX_PACKET)
    }

    /// Reports a fault, if the shepherd has room for it.
    pub fn fault(&self, fault: Fault, count: u64) {
        let channel = fault.area.name().to_owned();
        self.offer(&FromDevice::Fault { channel, kind: fault.kind.to_owned(), count });
    }

    /// Answers [`Ask::Counters`].
    pub fn counters(&self, counters: DeviceCounters) {
        self.offer(&FromDevice::Counters(counters));
    }

    /// The next question.
    #[must_use]
    pub fn ask(&self) -> Ask {
        match transport::recv::<ToDevice>(&self.0, MAX_PACKET, 0) {
            Ok(Some((ToDevice::Counters, _))) => Ask::Counters,
            Err(error) if error.would_block() => Ask::Nothing,
            Ok(None) => Ask::Gone,
            Err(error) => {
                tracing::warn!("report socket: {error}");
                Ask::Gone
            }
        }
    }

    fn offer(&self, message: &FromDevice) {
        if let Err(error) = transport::send(&self.0, message, &[], MAX_PACKET) {
            tracing::debug!("report not sent: {error}");
        }
    }
}

impl AsFd for Reports {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
