// SPDX-License-Identifier: GPL-3.0-or-later
//! In: the messages of one connection, both directions, in the order in which they pass this point. Out:
//! [`Parsed`] messages, or the [`Fault`] that ends the connection.
//!
//! The table stands between client and server and sees what each of them has sent, not what the other has
//! received. So an object that the client has destroyed may still send events and be named in them, until the
//! server says `delete_id` (ids of the client) or uses the id again (ids of the server).

mod check;
mod globals;
mod slots;

use std::borrow::Cow;

pub use globals::Global;
pub use slots::Object;

use crate::args::{Arg, Args};
use crate::builder::encode;
use crate::fault::{Fault, FaultKind};
use crate::id::ObjectId;
use crate::interface::{Interface, Message};
use crate::limits::Limits;
use crate::message::RawMessage;
use crate::parsed::{Direction, Disposition, Parsed};
use crate::protocol::{wl_display, wl_registry};
use globals::Globals;
use slots::Range;

/// The objects and globals of one connection.
#[derive(Debug, Clone)]
pub struct ObjectTable {
    client: Range,
    server: Range,
    globals: Globals,
}

/// What an event does beside making and ending objects.
struct Effect<'a> {
    disposition: Disposition,
    released: Option<ObjectId>,
    args: Args<'a>,
    wire: Cow<'a, [u8]>,
}

impl ObjectTable {
    /// A fresh connection: only `wl_display` exists.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        let mut client = Range::new(false, limits.objects.max(1));
        let display = Object { interface: &wl_display::INTERFACE, version: 1, alive: true };
        client.insert(ObjectId::DISPLAY, display);
        Self { client, server: Range::new(true, limits.objects), globals: Globals::new(limits.globals) }
    }

    /// Checks a request and takes it in. `fds` is the number of descriptors that have come and were not used.
    ///
    /// # Errors
    /// [`Fault`]; the table is then as it was before.
    pub fn request<'a>(&mut self, raw: &RawMessage<'a>, fds: usize) -> Result<Parsed<'a>, Fault> {
        self.take_in(Direction::Request, raw, fds)
    }

    /// Checks an event and takes it in; see [`Self::request`].
    ///
    /// # Errors
    /// [`Fault`]; the table is then as it was before.
    pub fn event<'a>(&mut self, raw: &RawMessage<'a>, fds: usize) -> Result<Parsed<'a>, Fault> {
        self.take_in(Direction::Event, raw, fds)
    }

    /// The object with this id, whether the client has destroyed it or not.
    #[must_use]
    pub fn get(&self, id: ObjectId) -> Option<Object> {
        self.range(id).get(id)
    }

    /// The object with this id that the client has not destroyed.
    #[must_use]
    pub fn live(&self, id: ObjectId) -> Option<Object> {
        self.get(id).filter(|object| object.alive)
    }

    /// The announced global of this name.
    #[must_use]
    pub fn global(&self, name: u32) -> Option<Global> {
        self.globals.get(name)
    }

    /// Objects of both ranges, dead ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.client.used().saturating_add(self.server.used())
    }

    /// Never: `wl_display` is always there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The lowest id that a client may use next; for whoever plays the client.
    ///
    /// # Errors
    /// [`FaultKind::TooMany`].
    pub fn next_client_id(&self) -> Result<ObjectId, FaultKind> {
        self.client.next()
    }

    /// The lowest id that a server may use next; for whoever plays the server.
    ///
    /// # Errors
    /// [`FaultKind::TooMany`].
    pub fn next_server_id(&self) -> Result<ObjectId, FaultKind> {
        self.server.next()
    }

    /// Makes an object without a message passing by.
    ///
    /// # Errors
    /// [`FaultKind::NewId`], [`FaultKind::TooMany`].
    pub fn insert(
        &mut self,
        id: ObjectId,
        interface: &'static Interface,
        version: u32,
    ) -> Result<(), FaultKind> {
        self.range(id).admit(id)?;
        self.range_mut(id).insert(id, Object { interface, version, alive: true });
        Ok(())
    }

    /// Notes that the client has destroyed an object, without a message passing by.
    pub fn retire(&mut self, id: ObjectId) {
        if id != ObjectId::DISPLAY {
            self.range_mut(id).retire(id);
        }
    }

    /// Makes an id free, without a message passing by; says whether it was in use.
    pub fn release(&mut self, id: ObjectId) -> bool {
        id != ObjectId::DISPLAY && self.range_mut(id).release(id)
    }

    const fn range(&self, id: ObjectId) -> &Range {
        if id.is_server() { &self.server } else { &self.client }
    }

    const fn range_mut(&mut self, id: ObjectId) -> &mut Range {
        if id.is_server() { &mut self.server } else { &mut self.client }
    }

    fn take_in<'a>(
        &mut self,
        direction: Direction,
        raw: &RawMessage<'a>,
        fds: usize,
    ) -> Result<Parsed<'a>, Fault> {
        let interface = self.get(raw.sender).map(|object| object.interface);
        self.check_and_apply(direction, raw, fds).map_err(|kind| Fault {
            sender: raw.sender.get(),
            interface,
            opcode: raw.opcode,
            kind,
        })
    }

    fn check_and_apply<'a>(
        &mut self,
        direction: Direction,
        raw: &RawMessage<'a>,
        fds: usize,
    ) -> Result<Parsed<'a>, FaultKind> {
        let sender = self.get(raw.sender).ok_or(FaultKind::Sender)?;
        let message = match direction {
            Direction::Request if !sender.alive => return Err(FaultKind::Sender),
            Direction::Request => sender.interface.request(raw.opcode),
            Direction::Event => sender.interface.event(raw.opcode),
        };
        let message = message.ok_or(FaultKind::Opcode)?;
        if message.since > sender.version {
            return Err(FaultKind::Since { since: message.since, version: sender.version });
        }
        if message.fd_args > fds {
            return Err(FaultKind::Fds { need: message.fd_args, have: fds });
        }
        let args = Args::decode(message.args, raw.body())?;
        self.check_values(direction, sender, message, &args)?;
        let created = self.check_new(direction, sender, message, &args)?;
        // Everything above only looks. What follows changes the table, its first step being the last that can
        // refuse.
        let effect = match direction {
            Direction::Request => Effect {
                disposition: Disposition::Forward,
                released: None,
                args,
                wire: Parsed::borrowed(raw),
            },
            Direction::Event => self.apply_special(sender, message, args, raw)?,
        };
        if let Some(new) = created {
            // What an event makes for an object that the client no longer knows, the client will never know.
            let object = Object { interface: new.interface, version: new.version, alive: sender.alive };
            self.range_mut(new.id).insert(new.id, object);
        }
        let destroyed = message.destructor.then_some(raw.sender);
        if let Some(id) = destroyed {
            self.range_mut(id).retire(id);
        }
        Ok(Parsed {
            direction,
            sender: raw.sender,
            interface: sender.interface,
            version: sender.version,
            message,
            args: effect.args,
            disposition: effect.disposition,
            sender_alive: sender.alive,
            created,
            destroyed,
            released: effect.released,
            wire: effect.wire,
        })
    }

    /// The events that tell about ids and globals.
    fn apply_special<'a>(
        &mut self,
        sender: Object,
        message: &'static Message,
        mut args: Args<'a>,
        raw: &RawMessage<'a>,
    ) -> Result<Effect<'a>, FaultKind> {
        let mut disposition = Disposition::Forward;
        let mut released = None;
        let mut wire = Parsed::borrowed(raw);
        if sender.interface.is(&wl_display::INTERFACE) && message.opcode == wl_display::event::DELETE_ID {
            released = Some(self.delete_id(args.uint(0).unwrap_or_default())?);
        } else if sender.interface.is(&wl_registry::INTERFACE) {
            let name = args.uint(0).unwrap_or_default();
            if message.opcode == wl_registry::event::GLOBAL_REMOVE {
                if !self.globals.withdraw(name) {
                    disposition = Disposition::Drop;
                }
            } else if let (Some(interface), Some(offered)) = (args.str(1), args.uint(2)) {
                match self.globals.announce(name, interface, offered) {
                    None => disposition = Disposition::Drop,
                    Some(version) if version != offered => {
                        if let Some(arg) = args.as_mut_slice().get_mut(2) {
                            *arg = Arg::Uint(version);
                        }
                        let mut bytes = Vec::new();
                        // It cannot become longer than it was; if it could, it would not be passed on.
                        if encode(&mut bytes, raw.sender, message, &args).is_err() {
                            disposition = Disposition::Drop;
                        }
                        wire = Cow::Owned(bytes);
                    }
                    Some(_) => {}
                }
            }
        }
        Ok(Effect { disposition, released, args, wire })
    }

    fn delete_id(&mut self, id: u32) -> Result<ObjectId, FaultKind> {
        let known = ObjectId::new(id).filter(|id| !id.is_server() && self.release(*id));
        known.ok_or(FaultKind::Object { name: "id", id })
    }
}
