// SPDX-License-Identifier: GPL-3.0-or-later
//! In: messages as interface, opcode and arguments. Out: a connection whose object table has seen them.

// Each test binary uses another part of it.
#![allow(dead_code)]

use cofferdam_wayland_wire::{
    Arg, Direction, FaultKind, Interface, Limits, ObjectId, ObjectTable, RawMessage, encode, protocol,
};

/// A connection; each message is also appended to `script` in the form of the `wayland_event_stream` corpus.
pub(crate) struct Wire {
    pub(crate) table: ObjectTable,
    pub(crate) script: Vec<u8>,
}

pub(crate) fn id(id: u32) -> ObjectId {
    ObjectId::new(id).expect("not null")
}

/// The bytes of one message.
pub(crate) fn message(
    direction: Direction,
    sender: u32,
    interface: &'static Interface,
    opcode: u16,
    args: &[Arg<'_>],
) -> Vec<u8> {
    let message = match direction {
        Direction::Request => interface.request(opcode),
        Direction::Event => interface.event(opcode),
    };
    let mut bytes = Vec::new();
    encode(&mut bytes, id(sender), message.expect("listed"), args).expect("fits");
    bytes
}

impl Wire {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { table: ObjectTable::new(limits), script: Vec::new() }
    }

    /// A connection whose registry is object 2 and which knows all listed globals, named 1, 2, 3, …
    pub(crate) fn with_globals(limits: &Limits) -> Self {
        let mut wire = Self::new(limits);
        let get = protocol::wl_display::request::GET_REGISTRY;
        wire.request(1, get, &[Arg::NewId(id(2))]).expect("valid");
        for (name, global) in (1..).zip(protocol::GLOBALS) {
            wire.announce(name, global.interface.name, global.version).expect("valid");
        }
        wire.script.clear();
        wire
    }

    pub(crate) fn announce(&mut self, name: u32, interface: &str, version: u32) -> Result<(), FaultKind> {
        let args = [Arg::Uint(name), Arg::Str(Some(interface)), Arg::Uint(version)];
        self.event(2, protocol::wl_registry::event::GLOBAL, &args)
    }

    /// Sends a request; the sender's interface is looked up.
    pub(crate) fn request(&mut self, sender: u32, opcode: u16, args: &[Arg<'_>]) -> Result<(), FaultKind> {
        self.send(Direction::Request, sender, opcode, args)
    }

    /// Sends an event.
    pub(crate) fn event(&mut self, sender: u32, opcode: u16, args: &[Arg<'_>]) -> Result<(), FaultKind> {
        self.send(Direction::Event, sender, opcode, args)
    }

    fn send(
        &mut self,
        direction: Direction,
        sender: u32,
        opcode: u16,
        args: &[Arg<'_>],
    ) -> Result<(), FaultKind> {
        let interface = self.table.get(id(sender)).ok_or(FaultKind::Sender)?.interface;
        let bytes = message(direction, sender, interface, opcode, args);
        let fds = args.iter().filter(|arg| **arg == Arg::Fd).count();
        let tag = u8::from(direction == Direction::Event) | u8::try_from(fds << 1).expect("few");
        self.script.push(tag);
        self.script.extend_from_slice(&bytes);
        self.raw(direction, &bytes, fds)
    }

    /// Gives bytes to the table.
    pub(crate) fn raw(&mut self, direction: Direction, bytes: &[u8], fds: usize) -> Result<(), FaultKind> {
        let raw = RawMessage::decode(bytes)?.expect("whole");
        let result = match direction {
            Direction::Request => self.table.request(&raw, fds),
            Direction::Event => self.table.event(&raw, fds),
        };
        result.map(|_| ()).map_err(|fault| fault.kind)
    }

    /// Binds a global in its highest version.
    pub(crate) fn bind(&mut self, interface: &'static Interface, new: u32) -> Result<(), FaultKind> {
        let position = protocol::GLOBALS.iter().position(|global| global.interface.is(interface));
        let name = u32::try_from(position.expect("a global")).expect("few") + 1;
        let spec = protocol::global(interface.name).expect("a global");
        let new = Arg::NewIdAny { interface: interface.name, version: spec.version, id: id(new) };
        self.request(2, protocol::wl_registry::request::BIND, &[Arg::Uint(name), new])
    }
}
