// SPDX-License-Identifier: GPL-3.0-or-later
//! The wire to the VM's shepherd.
//!
//! In: readiness, faults, counters of the device; packets of the shepherd. Out: packets of
//! [`cofferdam_kit::part`]; what the shepherd wants. A shepherd that does not read loses fault reports, never
//! the total; a shepherd that is gone ends the device.

use cofferdam_kit::part::{Counters, FromPart, MAX_PACKET, ToPart};
use cofferdam_kit::transport::{self, TransportError};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// What the shepherd wants.
#[derive(Debug)]
pub enum Heard {
    /// The counters.
    Counters,
    /// That this becomes the socket to the permission monitor.
    Point(OwnedFd),
    /// That something of the computer is known.
    Setting(String, Vec<String>),
    /// Nothing at the moment.
    Nothing,
    /// It is gone.
    Gone,
}

/// The shepherd's socket.
#[derive(Debug)]
pub struct Control(OwnedFd);

impl Control {
    /// Takes the socket and makes it non-blocking.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn new(socket: OwnedFd) -> Result<Self, rustix::io::Errno> {
        rustix::io::ioctl_fionbio(&socket, true)?;
        Ok(Self(socket))
    }

    /// Says that the device is jailed and waits for its machine.
    ///
    /// # Errors
    /// If the shepherd is gone.
    pub fn ready(&self) -> Result<(), TransportError> {
        transport::send(&self.0, &FromPart::Ready, &[], MAX_PACKET)
    }

    /// Reports a fault, if the shepherd has room for it.
    pub fn fault(&self, channel: &str, kind: &str, count: u64) {
        self.offer(&FromPart::Fault { channel: channel.to_owned(), kind: kind.to_owned(), count });
    }

    /// Says how the device is now.
    pub fn notice(&self, text: &str) {
        self.offer(&FromPart::Notice { text: text.to_owned() });
    }

    /// Answers [`Heard::Counters`].
    pub(crate) fn counters(&self, counters: Counters) {
        self.offer(&FromPart::Counters(counters));
    }

    /// The next word of the shepherd.
    #[must_use]
    pub(crate) fn hear(&self) -> Heard {
        match transport::recv::<ToPart>(&self.0, MAX_PACKET, 1) {
            Ok(Some((ToPart::Counters, _))) => Heard::Counters,
            Ok(Some((ToPart::Point, mut sockets))) => sockets.pop().map_or(Heard::Gone, Heard::Point),
            Ok(Some((ToPart::Setting { name, words }, _))) => Heard::Setting(name, words),
            Err(error) if error.would_block() => Heard::Nothing,
            Ok(None) => Heard::Gone,
            Err(error) => {
                tracing::warn!("the shepherd is not understood: {error}");
                Heard::Gone
            }
        }
    }

    fn offer(&self, message: &FromPart) {
        if let Err(error) = transport::send(&self.0, message, &[], MAX_PACKET) {
            tracing::debug!("not said to the shepherd: {error}");
        }
    }
}

impl AsFd for Control {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_shepherd() {
        let (ours, theirs) = transport::pair().unwrap();
        let control = Control::new(ours).unwrap();
        let (point, _monitor) = transport::pair().unwrap();
        let say = |message: &ToPart, fds: &[BorrowedFd<'_>]| {
            transport::send(&theirs, message, fds, MAX_PACKET).unwrap();
            control.hear()
        };
        assert!(matches!(control.hear(), Heard::Nothing));
        assert!(matches!(say(&ToPart::Counters, &[]), Heard::Counters));
        assert!(matches!(say(&ToPart::Point, &[point.as_fd()]), Heard::Point(_)));
        let servers =
            ToPart::Setting { name: "name-servers".to_owned(), words: vec!["192.0.2.1:53".to_owned()] };
        assert!(matches!(say(&servers, &[]), Heard::Setting(name, words)
            if name == "name-servers" && words == ["192.0.2.1:53"]));
        // A point without a socket, and what is no word at all: nobody we know speaks so.
        assert!(matches!(say(&ToPart::Point, &[]), Heard::Gone));
        transport::send_packet(theirs.as_fd(), b"what?", &[]).unwrap();
        assert!(matches!(control.hear(), Heard::Gone));
        drop(theirs);
        assert!(matches!(control.hear(), Heard::Gone));
    }
}
