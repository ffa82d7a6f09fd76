// SPDX-License-Identifier: GPL-3.0-or-later
//! A channel without a VM. In: the bridge's commands. Out: a Wayland connection to a server in this process,
//! with memfds where a VM has blobs.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::mpsc::Sender;

use cofferdam_guest::bridge::channel::{Blob, Channel};
use cofferdam_guest::bridge::sys::Mapping;
use cofferdam_xdomain::Limits;
use cofferdam_xdomain::channel::{
    FIRST_HOST_ITEM, GuestCommand, HostMessage, IdKind, IdList, Identifier, Pipe, Transfer, commands,
};
use rustix::event::{EventfdFlags, epoll, eventfd};
use rustix::fs::{FileType, MemfdFlags, fstat, ftruncate, memfd_create};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use rustix::pipe::{PipeFlags, pipe_with};

/// Small on purpose, so that messages are cut everywhere.
const RECEIVE: usize = 700;
const MAX_FDS: usize = 28;

pub(crate) struct Loopback {
    ready: OwnedFd,
    socket: OwnedFd,
    blobs: BTreeMap<u32, OwnedFd>,
    next_resource: u32,
    items: BTreeMap<u32, OwnedFd>,
    next_item: u32,
    /// Pipes whose bytes go to the guest.
    reading: BTreeMap<u32, File>,
    /// Pipes that take the guest's bytes.
    writing: BTreeMap<u32, File>,
}

impl Loopback {
    /// Opens a connection; its other end goes to the server.
    pub(crate) fn open(server: &Sender<OwnedFd>) -> io::Result<Self> {
        let (socket, theirs) =
            socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        server.send(theirs).map_err(io::Error::other)?;
        let ready = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&ready, &socket, epoll::EventData::new_u64(0), epoll::EventFlags::IN)?;
        Ok(Self {
            ready,
            socket,
            blobs: BTreeMap::new(),
            next_resource: 1,
            items: BTreeMap::new(),
            next_item: FIRST_HOST_ITEM,
            reading: BTreeMap::new(),
            writing: BTreeMap::new(),
        })
    }

    fn item(&mut self, fd: OwnedFd) -> io::Result<Identifier> {
        let stat = fstat(&fd)?;
        let id = self.next_item;
        self.next_item += 1;
        if FileType::from_raw_mode(stat.st_mode) == FileType::Fifo {
            self.writing.insert(id, fd.into());
            return Ok(Identifier { id, kind: IdKind::WritePipe, size: 0 });
        }
        let size = u32::try_from(stat.st_size).map_err(io::Error::other)?;
        self.items.insert(id, fd);
        Ok(Identifier { id, kind: IdKind::Blob, size })
    }

    fn send(&mut self, transfer: &Transfer<'_>) -> io::Result<()> {
        let mut fds = Vec::new();
        for id in transfer.ids.iter() {
            fds.push(match id.kind {
                IdKind::Blob => {
                    self.blobs.get(&id.id).ok_or_else(|| io::Error::other("no such blob"))?.try_clone()?
                }
                IdKind::ReadPipe => {
                    let (ours, theirs) = pipe_with(PipeFlags::CLOEXEC)?;
                    rustix::io::ioctl_fionbio(&ours, true)?;
                    epoll::add(&self.ready, &ours, epoll::EventData::new_u64(1), epoll::EventFlags::IN)?;
                    self.reading.insert(id.id, ours.into());
                    theirs
                }
                _ => return Err(io::Error::other("kind of identifier")),
            });
        }
        let mut data = transfer.data;
        while !data.is_empty() {
            let borrowed: Vec<BorrowedFd<'_>> = fds.iter().map(AsFd::as_fd).collect();
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
            let mut control = SendAncillaryBuffer::new(&mut space);
            assert!(borrowed.is_empty() || control.push(SendAncillaryMessage::ScmRights(&borrowed)));
            let sent = sendmsg(&self.socket, &[IoSlice::new(data)], &mut control, SendFlags::NOSIGNAL)?;
            data = &data[sent..];
            fds.clear();
        }
        Ok(())
    }

    fn read_pipes(&mut self, message: &mut Vec<u8>) -> io::Result<bool> {
        let mut buf = [0u8; 1000];
        for (id, pipe) in &mut self.reading {
            let count = match pipe.read(&mut buf) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => continue,
                other => other?,
            };
            let id = *id;
            let read = Pipe { id, hang_up: count == 0, data: &buf[..count] };
            HostMessage::Read(read).encode(message).map_err(io::Error::other)?;
            if count == 0 {
                self.reading.remove(&id);
            }
            return Ok(true);
        }
        Ok(false)
    }
}

impl Channel for Loopback {
    fn event_fd(&self) -> BorrowedFd<'_> {
        self.ready.as_fd()
    }

    fn acknowledge(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn next_message(&mut self, message: &mut Vec<u8>) -> io::Result<bool> {
        message.clear();
        let mut buf = [0u8; RECEIVE];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
        let got = match recvmsg(&self.socket, &mut [IoSliceMut::new(&mut buf)], &mut control, flags) {
            Err(Errno::AGAIN) => return self.read_pipes(message),
            // A server that goes with unread requests resets the connection.
            Err(Errno::CONNRESET) => 0,
            other => other?.bytes,
        };
        let mut ids = IdList::new();
        for part in control.drain() {
            if let RecvAncillaryMessage::ScmRights(fds) = part {
                for fd in fds {
                    ids.push(self.item(fd)?).map_err(io::Error::other)?;
                }
            }
        }
        HostMessage::Receive(Transfer { ids, data: &buf[..got] })
            .encode(message)
            .map_err(io::Error::other)?;
        Ok(true)
    }

    fn submit(&mut self, bytes: &[u8], _wake: bool) -> io::Result<()> {
        for command in commands(bytes, &Limits::DEFAULT) {
            match command.map_err(io::Error::other)? {
                GuestCommand::Send(transfer) => self.send(&transfer)?,
                GuestCommand::Write(pipe) => {
                    if let Some(file) = self.writing.get_mut(&pipe.id) {
                        file.write_all(pipe.data)?;
                    }
                    if pipe.hang_up {
                        self.writing.remove(&pipe.id);
                    }
                }
                other => return Err(io::Error::other(format!("{other:?}"))),
            }
        }
        Ok(())
    }

    fn submit_fenced(&mut self, bytes: &[u8]) -> io::Result<OwnedFd> {
        self.submit(bytes, false)?;
        Ok(eventfd(1, EventfdFlags::CLOEXEC)?)
    }

    fn pixels(&mut self, size: u64) -> io::Result<Blob> {
        let fd = memfd_create("arena", MemfdFlags::CLOEXEC)?;
        ftruncate(&fd, size)?;
        let memory = Mapping::read_write(&fd, usize::try_from(size).map_err(io::Error::other)?, 0)?;
        let resource = self.next_resource;
        self.next_resource += 1;
        self.blobs.insert(resource, fd);
        Ok(Blob { resource, handle: resource, memory })
    }

    fn claim(&mut self, item: u32, size: u64) -> io::Result<Blob> {
        let fd = self.items.remove(&item).ok_or_else(|| io::Error::other("no such item"))?;
        let memory = Mapping::read_only(&fd, usize::try_from(size).map_err(io::Error::other)?, 0)?;
        Ok(Blob { resource: 0, handle: 0, memory })
    }

    fn release(&mut self, blob: Blob) {
        self.blobs.remove(&blob.handle);
    }
}
