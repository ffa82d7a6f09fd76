// SPDX-License-Identifier: GPL-3.0-or-later
//! A simulated guest and a raw Wayland peer around a loopback device.
//!
//! In: what a test wants said by either side. Out: what arrived at the other, with real sockets, pipes and
//! memfds in between. The peer plays the compositor: it says nothing that it was not told to say.

use cofferdam_control::vm_channel;
use cofferdam_gpu::loopback::{Blob, Loopback};
use cofferdam_gpu_core::Config;
use cofferdam_kit::transport;
use cofferdam_wayland_wire::{Arg, MessageBuilder, ObjectId};
use cofferdam_xdomain::Limits;
use cofferdam_xdomain::channel::{GuestCommand, HostMessage, IdKind, IdList, Identifier, Pipe, Transfer};
use cofferdam_xdomain::ring::{CONSUMED, Consumer, PRODUCED, RingLayout};
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags,
};
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

pub(crate) const MIB: u64 = 1024 * 1024;
pub(crate) const RING: u32 = 64 * 1024;

pub(crate) fn config() -> Config {
    Config { arena: 16 * MIB, limits: Limits::DEFAULT }
}

/// A device, its channel to the compositor, and nothing else yet.
pub(crate) fn device() -> (Loopback, OwnedFd) {
    Loopback::new(config(), 64 * MIB).unwrap()
}

/// A Wayland peer behind one client socket.
pub(crate) struct Peer {
    socket: OwnedFd,
    bytes: Vec<u8>,
    pub fds: Vec<OwnedFd>,
    pub closed: bool,
}

/// A message as it stands on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Raw {
    pub object: u32,
    pub opcode: u16,
    pub body: Vec<u8>,
}

impl Raw {
    pub(crate) fn word(&self, index: usize) -> u32 {
        u32::from_ne_bytes(self.body[index * 4..index * 4 + 4].try_into().unwrap())
    }
}

impl Peer {
    /// Takes the client that the device announced.
    pub(crate) fn accept(channel: &OwnedFd) -> Self {
        let (message, mut fds) =
            transport::recv::<vm_channel::FromDevice>(channel, vm_channel::MAX_PACKET, 1).unwrap().unwrap();
        let vm_channel::FromDevice::NewClient { .. } = message;
        Self::new(fds.pop().unwrap())
    }

    /// A peer behind this socket.
    pub(crate) fn new(socket: OwnedFd) -> Self {
        Self { socket, bytes: Vec::new(), fds: Vec::new(), closed: false }
    }

    /// A peer of nobody, to take another one's place.
    pub(crate) fn accept_none() -> Self {
        let socket = rustix::pipe::pipe().unwrap().0;
        Self { socket, bytes: Vec::new(), fds: Vec::new(), closed: true }
    }

    /// What has arrived.
    pub(crate) fn requests(&mut self) -> Vec<Raw> {
        loop {
            let mut bytes = [0_u8; 65536];
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(64))];
            let mut control = RecvAncillaryBuffer::new(&mut space);
            let got = rustix::net::recvmsg(
                &self.socket,
                &mut [IoSliceMut::new(&mut bytes)],
                &mut control,
                RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC,
            );
            match got {
                Ok(message) if message.bytes > 0 => {
                    self.bytes.extend_from_slice(&bytes[..message.bytes]);
                    for part in control.drain() {
                        if let RecvAncillaryMessage::ScmRights(fds) = part {
                            self.fds.extend(fds);
                        }
                    }
                }
                Ok(_) | Err(Errno::CONNRESET) => {
                    self.closed = true;
                    break;
                }
                Err(Errno::AGAIN) => break,
                Err(error) => panic!("peer: {error}"),
            }
        }
        split(&mut self.bytes)
    }

    /// Says something.
    pub(crate) fn say(&self, bytes: &[u8], fds: &[&OwnedFd]) {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(28))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let fds: Vec<_> = fds.iter().map(|fd| fd.as_fd()).collect();
        if !fds.is_empty() {
            assert!(control.push(SendAncillaryMessage::ScmRights(&fds)));
        }
        let sent =
            rustix::net::sendmsg(&self.socket, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL)
                .unwrap();
        assert_eq!(sent, bytes.len());
    }

    /// Says as much as the socket takes; how much that was.
    pub(crate) fn try_say(&self, bytes: &[u8]) -> usize {
        match rustix::net::send(&self.socket, bytes, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
            Ok(n) => n,
            Err(Errno::AGAIN) => 0,
            Err(error) => panic!("peer: {error}"),
        }
    }
}

/// Splits whole messages off.
pub(crate) fn split(bytes: &mut Vec<u8>) -> Vec<Raw> {
    let mut messages = Vec::new();
    while bytes.len() >= 8 {
        let object = u32::from_ne_bytes(bytes[..4].try_into().unwrap());
        let word = u32::from_ne_bytes(bytes[4..8].try_into().unwrap());
        let size = usize::try_from(word >> 16).unwrap();
        if bytes.len() < size {
            break;
        }
        let body = bytes[8..size].to_vec();
        bytes.drain(..size);
        messages.push(Raw { object, opcode: u16::try_from(word & 0xffff).unwrap(), body });
    }
    messages
}

/// One message's bytes.
pub(crate) fn message(object: u32, opcode: u16, args: &[Arg<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    let builder = MessageBuilder::new(&mut out, id(object), opcode);
    args.iter().fold(builder, |builder, arg| builder.arg(*arg)).finish().unwrap();
    out
}

pub(crate) fn id(number: u32) -> ObjectId {
    ObjectId::new(number).unwrap()
}

pub(crate) fn send(data: &[u8], ids: &[Identifier]) -> Vec<u8> {
    let mut out = Vec::new();
    let ids = IdList::from_slice(ids).unwrap();
    GuestCommand::Send(Transfer { ids, data }).encode(&mut out).unwrap();
    out
}

pub(crate) fn write(id: u32, data: &[u8], hang_up: bool) -> Vec<u8> {
    let mut out = Vec::new();
    GuestCommand::Write(Pipe { id, hang_up, data }).encode(&mut out).unwrap();
    out
}

pub(crate) const fn blob_id(resource: u32) -> Identifier {
    Identifier { id: resource, kind: IdKind::Blob, size: 0 }
}

pub(crate) const fn read_pipe(id: u32) -> Identifier {
    Identifier { id, kind: IdKind::ReadPipe, size: 0 }
}

/// What the guest read from its channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Got {
    Wayland(Vec<u8>, Vec<Identifier>),
    Pipe(u32, Vec<u8>, bool),
    Closed,
}

pub(crate) fn got(message: &HostMessage<'_>) -> Got {
    match message {
        message if message.is_closed() => Got::Closed,
        HostMessage::Receive(t) => Got::Wayland(t.data.to_vec(), t.ids.to_vec()),
        HostMessage::Read(p) => Got::Pipe(p.id, p.data.to_vec(), p.hang_up),
        other => panic!("{other:?}"),
    }
}

/// A context of the guest with an XD-1 ring, and its peer.
pub(crate) struct Guest {
    pub gpu: Loopback,
    pub channel: OwnedFd,
    pub peer: Peer,
    pub ring: Blob,
    pub ctx: u32,
    consumer: Consumer,
}

impl Guest {
    /// Opens context 1 and binds what the test names, as objects from 3 on; object 2 is the registry.
    pub(crate) fn new(globals: &[(&str, u32)]) -> Self {
        let (mut gpu, channel) = device();
        let ring = gpu.open_ring(1, RING).unwrap();
        let peer = Peer::accept(&channel);
        let layout = RingLayout::new(RING, ring.size, &Limits::DEFAULT).unwrap();
        let mut guest = Self { gpu, channel, peer, ring, ctx: 1, consumer: Consumer::new(layout) };
        assert!(!guest.send(&message(1, 1, &[Arg::NewId(id(2))]), &[]));
        for (index, (interface, version)) in (1..).zip(globals) {
            let global = [Arg::Uint(index), Arg::Str(Some(interface)), Arg::Uint(*version)];
            guest.say(&message(2, 0, &global), &[]);
            let bind = Arg::NewIdAny { interface, version: *version, id: id(index + 2) };
            assert!(!guest.send(&message(2, 0, &[Arg::Uint(index), bind]), &[]));
        }
        guest.receive();
        guest.peer.requests();
        guest
    }

    /// SEND; whether it was refused.
    pub(crate) fn send(&mut self, data: &[u8], ids: &[Identifier]) -> bool {
        let token = self.gpu.submit(self.ctx, None, &send(data, ids)).unwrap();
        self.gpu.code(token).unwrap().is_error()
    }

    /// The peer says something and the device takes it.
    pub(crate) fn say(&mut self, bytes: &[u8], fds: &[&OwnedFd]) {
        self.peer.say(bytes, fds);
        self.turn();
    }

    /// Lets the device handle what is there.
    pub(crate) fn turn(&mut self) {
        for _ in 0..4 {
            self.gpu.turn(Some(Duration::ZERO)).unwrap();
        }
    }

    /// All that stands in the ring.
    pub(crate) fn receive(&mut self) -> Vec<Got> {
        let mut all = Vec::new();
        let at = |offset: usize| self.ring.at + u64::try_from(offset).unwrap();
        loop {
            let word = |offset| u32::from_ne_bytes(self.gpu.read(at(offset), 4).unwrap().try_into().unwrap());
            let produced = word(PRODUCED);
            let Some(span) = self.consumer.header(produced).unwrap() else { return all };
            let header = self.gpu.read(at(span.offset), 8).unwrap().try_into().unwrap();
            let record = self.consumer.record(produced, header).unwrap();
            let mut bytes = self.gpu.read(at(record.spans.first.offset), record.spans.first.len).unwrap();
            bytes.extend(self.gpu.read(at(record.spans.second.offset), record.spans.second.len).unwrap());
            let consumed = self.consumer.consume(record);
            self.gpu.write(at(CONSUMED), &consumed.to_ne_bytes()).unwrap();
            all.push(got(&HostMessage::decode(&bytes, &Limits::DEFAULT).unwrap().0));
        }
    }

    /// Faults so far.
    pub(crate) fn faults(&self) -> u64 {
        self.gpu.shell().counters().faults
    }
}
