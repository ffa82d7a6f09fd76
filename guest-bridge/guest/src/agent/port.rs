// SPDX-License-Identifier: GPL-3.0-or-later
//! In: bytes of the host's virtio-serial port. Out: its orders; and our frames the other way.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use cofferdam_agent_wire::{DecodeError, Decoder, ToGuest};

use super::outbox::Outbox;
use crate::init::{DEVICE_LIMIT, uevent::Devices};

/// The name which the host gave our port.
const PORT_NAME: &str = "org.cofferdam.agent";

/// Why the port is of no use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PortError {
    /// The kernel shows no port of that name.
    #[error("there is no virtio port named {PORT_NAME}")]
    Missing,
    /// Opening, reading or writing failed.
    #[error("agent port: {0}")]
    Io(#[from] io::Error),
    /// The host does not speak our protocol.
    #[error("agent port: {0}")]
    Decode(#[from] DecodeError),
}

/// The open port.
#[derive(Debug)]
pub(crate) struct Port {
    /// The node, non-blocking.
    pub(crate) file: File,
    decoder: Decoder,
    heard: bool,
}

/// What a read found.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// Orders, in order.
    pub(crate) orders: Vec<ToGuest>,
    /// The host closed the port after having used it.
    pub(crate) closed: bool,
}

impl Port {
    /// Waits for the port to appear and opens it.
    pub(crate) fn open() -> Result<Self, PortError> {
        let devices = Devices::subscribe()?;
        let path = devices.wait_for(DEVICE_LIMIT, find)?.ok_or(PortError::Missing)?;
        let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        let file = File::options().read(true).write(true).custom_flags(flags).open(path)?;
        Ok(Self { file, decoder: Decoder::new(), heard: false })
    }

    /// Reads until the port is empty.
    pub(crate) fn read(&mut self) -> Result<Heard, PortError> {
        let mut heard = Heard::default();
        let mut buf = [0u8; 16 * 1024];
        loop {
            match self.file.read(&mut buf) {
                // Also the answer while the host has not opened its side yet.
                Ok(0) => {
                    heard.closed = self.heard;
                    return Ok(heard);
                }
                Ok(count) => {
                    self.heard = true;
                    self.decoder.push(buf.get(..count).unwrap_or_default());
                    while let Some(order) = self.decoder.next()? {
                        heard.orders.push(order);
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(heard),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e.into()),
            }
        }
    }

    /// Writes as much of `outbox` as the host takes.
    pub(crate) fn write(&mut self, outbox: &mut Outbox) -> Result<(), PortError> {
        while let Some(bytes) = outbox.front() {
            match self.file.write(bytes) {
                Ok(0) => return Ok(()),
                Ok(count) => outbox.consume(count),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e.into()),
            }
        }
        Ok(())
    }
}

fn find() -> io::Result<Option<PathBuf>> {
    let ports = match std::fs::read_dir("/sys/class/virtio-ports") {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    for entry in ports {
        let entry = entry?;
        // The name arrives a moment after the port itself.
        let Ok(name) = std::fs::read_to_string(entry.path().join("name")) else { continue };
        if name.trim_end() == PORT_NAME {
            return Ok(Some(Path::new("/dev").join(entry.file_name())));
        }
    }
    Ok(None)
}
