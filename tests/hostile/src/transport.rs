// SPDX-License-Identifier: GPL-3.0-or-later
//! Two ways to a compositor. In: bytes and memory. Out: bytes, or the end of the connection.
//!
//! The app's way goes through the bridge's socket. The raw way opens a context of the GPU as the bridge
//! does, so that nothing in the guest stands between the attack and the device.

use cofferdam_guest::bridge::channel::{Blob, Channel};
use cofferdam_guest::bridge::drm::DrmChannel;
use cofferdam_xdomain::Limits;
use cofferdam_xdomain::channel::{GuestCommand, HostMessage, IdKind, IdList, Identifier, Transfer};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use std::io::{self, IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;

/// How long the other side may think, in seconds. Emulated machines are slow.
const PATIENCE: i64 = 20;
/// Bytes of the stream in one SEND.
const CHUNK: usize = 32 * 1024;
/// Wake-ups without a message after which a channel is dead: a live one always brings something.
const EMPTY_WAKES: u32 = 4;

/// What came.
pub(crate) enum Received {
    /// Bytes of events.
    Bytes(Vec<u8>),
    /// The connection is closed.
    Closed,
    /// Nothing, for longer than anybody needs.
    Silence,
}

/// Memory that a pool can be made of.
pub(crate) enum Memory {
    /// A file of the guest's.
    File(std::fs::File),
    /// A blob that the device knows.
    Blob(Blob),
    /// A resource that the device may or may not know.
    Resource(u32),
}

impl Memory {
    /// Makes every pixel `colour`.
    pub(crate) fn fill(&self, bytes: usize, colour: u32) -> io::Result<()> {
        let pixels: Vec<u8> = std::iter::repeat_n(colour.to_le_bytes(), bytes / 4).flatten().collect();
        match self {
            Self::File(file) => file.write_all_at(&pixels, 0),
            Self::Blob(blob) => Ok(blob.memory.write(0, &pixels)?),
            Self::Resource(_) => Ok(()),
        }
    }

    /// Its name in a SEND.
    fn identifier(&self) -> io::Result<Identifier> {
        match self {
            Self::Blob(blob) => Ok(Identifier { id: blob.resource, kind: IdKind::Blob, size: 0 }),
            Self::Resource(id) => Ok(Identifier { id: *id, kind: IdKind::Blob, size: 0 }),
            Self::File(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    fn fd(&self) -> io::Result<BorrowedFd<'_>> {
        match self {
            Self::File(file) => Ok(file.as_fd()),
            Self::Blob(_) | Self::Resource(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

/// One way.
pub(crate) trait Transport {
    /// Memory of this many bytes.
    fn memory(&mut self, bytes: usize) -> io::Result<Memory>;
    /// Sends bytes, the memory with the first of them. `false` if the other side stopped taking any.
    fn send(&mut self, bytes: &[u8], memory: &[&Memory]) -> io::Result<bool>;
    /// Waits for bytes.
    fn receive(&mut self) -> io::Result<Received>;
}

#[expect(clippy::disallowed_methods, reason = "its answer, and waits that end the attack when they fail")]
fn wait(fd: impl AsFd, what: PollFlags) -> io::Result<bool> {
    let timeout = Timespec { tv_sec: PATIENCE, tv_nsec: 0 };
    let mut poll = [PollFd::new(&fd, what)];
    Ok(rustix::event::poll(&mut poll, Some(&timeout))? > 0)
}

/// Through the bridge.
pub(crate) struct Socket(UnixStream);

impl Socket {
    pub(crate) fn connect() -> io::Result<Self> {
        let directory = std::env::var_os("XDG_RUNTIME_DIR").unwrap_or_else(|| "/run/user/1000".into());
        let stream = UnixStream::connect(std::path::Path::new(&directory).join("wayland-0"))?;
        stream.set_nonblocking(true)?;
        Ok(Self(stream))
    }

    /// Sends bytes with any descriptors, as many as one message carries.
    fn send_fds(&mut self, mut bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<bool> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(64))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !fds.is_empty() && !control.push(SendAncillaryMessage::ScmRights(fds)) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        while !bytes.is_empty() {
            match sendmsg(&self.0, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL) {
                Ok(sent) => {
                    bytes = bytes.get(sent..).unwrap_or_default();
                    control.clear();
                }
                Err(rustix::io::Errno::AGAIN) => {
                    if !wait(&self.0, PollFlags::OUT)? {
                        return Ok(false);
                    }
                }
                // More descriptors under way than the kernel allows a user.
                Err(rustix::io::Errno::TOOMANYREFS) => return Ok(false),
                Err(e) => return Err(e.into()),
            }
        }
        Ok(true)
    }
}

impl Transport for Socket {
    fn memory(&mut self, bytes: usize) -> io::Result<Memory> {
        let fd: OwnedFd = memfd_create("hostile", MemfdFlags::CLOEXEC)?;
        ftruncate(&fd, u64::try_from(bytes).map_err(io::Error::other)?)?;
        Ok(Memory::File(fd.into()))
    }

    fn send(&mut self, bytes: &[u8], memory: &[&Memory]) -> io::Result<bool> {
        let fds = memory.iter().map(|m| m.fd()).collect::<io::Result<Vec<_>>>()?;
        self.send_fds(bytes, &fds)
    }

    fn receive(&mut self) -> io::Result<Received> {
        if !wait(&self.0, PollFlags::IN)? {
            return Ok(Received::Silence);
        }
        // Descriptors of keymaps are lost here, which is the program's own business.
        let mut bytes = vec![0; 64 * 1024];
        match self.0.read(&mut bytes) {
            Ok(0) => Ok(Received::Closed),
            Ok(count) => {
                bytes.truncate(count);
                Ok(Received::Bytes(bytes))
            }
            Err(e) if e.kind() == io::ErrorKind::ConnectionReset => Ok(Received::Closed),
            Err(e) => Err(e),
        }
    }
}

/// Through a context of our own.
pub(crate) struct Context {
    pub(crate) channel: DrmChannel,
    empty_wakes: u32,
}

impl Context {
    pub(crate) fn open() -> io::Result<Self> {
        Ok(Self { channel: DrmChannel::open()?, empty_wakes: 0 })
    }

    fn message(&mut self, message: &mut Vec<u8>) -> io::Result<Option<Received>> {
        if !self.channel.next_message(message)? {
            return Ok(None);
        }
        self.empty_wakes = 0;
        let (decoded, _) = HostMessage::decode(message, &Limits::DEFAULT).map_err(io::Error::other)?;
        Ok(Some(match decoded {
            closed if closed.is_closed() => Received::Closed,
            HostMessage::Receive(transfer) => Received::Bytes(transfer.data.to_vec()),
            _ => Received::Bytes(Vec::new()),
        }))
    }
}

impl Transport for Context {
    fn memory(&mut self, bytes: usize) -> io::Result<Memory> {
        let size = u64::try_from(bytes).map_err(io::Error::other)?;
        self.channel.pixels(size).map(Memory::Blob)
    }

    fn send(&mut self, bytes: &[u8], memory: &[&Memory]) -> io::Result<bool> {
        let mut ids = memory.iter().map(|m| m.identifier()).collect::<io::Result<Vec<_>>>()?;
        for data in bytes.chunks(CHUNK) {
            let list = IdList::from_slice(&ids).map_err(io::Error::other)?;
            ids.clear();
            let mut command = Vec::new();
            GuestCommand::Send(Transfer { ids: list, data })
                .encode(&mut command)
                .map_err(io::Error::other)?;
            self.channel.submit(&command, true)?;
        }
        Ok(true)
    }

    fn receive(&mut self) -> io::Result<Received> {
        let mut message = Vec::new();
        loop {
            if let Some(received) = self.message(&mut message)? {
                return Ok(received);
            }
            if self.empty_wakes >= EMPTY_WAKES {
                return Ok(Received::Closed);
            }
            self.channel.submit(&[], true)?;
            if !wait(self.channel.event_fd(), PollFlags::IN)? {
                return Ok(Received::Silence);
            }
            self.channel.acknowledge()?;
            self.empty_wakes = self.empty_wakes.saturating_add(1);
        }
    }
}

/// Says one line on standard output.
#[expect(clippy::disallowed_methods, reason = "its answer, and waits that end the attack when they fail")]
pub(crate) fn say(line: &str) {
    // Nobody may be listening; the exit code says it too.
    let _ = writeln!(io::stdout(), "{line}");
}
