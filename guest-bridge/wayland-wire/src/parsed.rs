// SPDX-License-Identifier: GPL-3.0-or-later
//! In: a message that the [`crate::ObjectTable`] found valid. Out: its parts, and its bytes, as they came or
//! with other ids.

use std::borrow::Cow;

use crate::args::{Arg, Args};
use crate::builder::{EncodeError, MessageBuilder};
use crate::id::ObjectId;
use crate::interface::{Interface, Message};
use crate::message::RawMessage;

/// Which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Client to server.
    Request,
    /// Server to client.
    Event,
}

/// What becomes of a valid message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// It goes on.
    Forward,
    /// It ends here: it announces a global that is not listed, or takes back one that was not announced.
    Drop,
}

/// An object that a message made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewObject {
    /// Its id.
    pub id: ObjectId,
    /// Its interface.
    pub interface: &'static Interface,
    /// Its version.
    pub version: u32,
}

/// What an id in a message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The message is addressed to it or comes from it.
    Sender,
    /// An argument refers to it.
    Reference,
    /// The message makes it.
    New,
    /// `wl_display.delete_id` frees it.
    Deleted,
}

/// A valid message. The table has already taken it in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed<'a> {
    /// Which way it goes.
    pub direction: Direction,
    /// The object that it is addressed to or comes from.
    pub sender: ObjectId,
    /// The sender's interface.
    pub interface: &'static Interface,
    /// The sender's version.
    pub version: u32,
    /// Which message; compare [`Message::opcode`] with [`crate::protocol`]'s constants.
    pub message: &'static Message,
    /// Its arguments.
    pub args: Args<'a>,
    /// Whether it goes on.
    pub disposition: Disposition,
    /// The client has not destroyed the sender. Always so for requests; a client ignores other events, but
    /// their descriptors must be taken and closed.
    pub sender_alive: bool,
    /// The object that it made.
    pub created: Option<NewObject>,
    /// The object that it ended; its id stays taken until it is `released` (or, for ids of the server, used
    /// again).
    pub destroyed: Option<ObjectId>,
    /// The client's id that `wl_display.delete_id` made free again.
    pub released: Option<ObjectId>,
    /// Its bytes as they came, or as they must be passed on.
    pub(crate) wire: Cow<'a, [u8]>,
}

impl<'a> Parsed<'a> {
    /// The bytes to pass on. They are those that came, except that a global's version is cut down to what is
    /// allowed.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.wire
    }

    /// Descriptors that it uses.
    #[must_use]
    pub const fn fds(&self) -> usize {
        self.message.fd_args
    }

    /// Whether it is this message, as in `parsed.is(&wl_surface::INTERFACE, wl_surface::request::COMMIT)`; the
    /// direction is not looked at.
    #[must_use]
    pub fn is(&self, interface: &Interface, opcode: u16) -> bool {
        self.interface.is(interface) && self.message.opcode == opcode
    }

    /// Appends the message with `sender` in place of its own and each argument replaced by what `map` makes of
    /// it; `map` gets the argument's position.
    ///
    /// # Errors
    /// What `map` returns, or [`EncodeError`]; `out` is then as it was before.
    pub fn rewrite<'b, E: From<EncodeError>>(
        &self,
        out: &mut Vec<u8>,
        sender: ObjectId,
        mut map: impl FnMut(usize, Arg<'a>) -> Result<Arg<'b>, E>,
    ) -> Result<(), E> {
        let start = out.len();
        let mut builder = MessageBuilder::new(out, sender, self.message.opcode);
        for (index, arg) in self.args.iter().enumerate() {
            match map(index, *arg) {
                Ok(arg) => builder = builder.arg(arg),
                Err(error) => {
                    builder.abandon(start);
                    return Err(error);
                }
            }
        }
        Ok(builder.finish()?)
    }

    /// Appends the message with each of its ids (sender, references, new ids, deleted id) replaced by what `map`
    /// makes of it; null stays null.
    ///
    /// # Errors
    /// What `map` returns, or [`EncodeError`]; `out` is then as it was before.
    pub fn translate<E: From<EncodeError>>(
        &self,
        out: &mut Vec<u8>,
        mut map: impl FnMut(Role, ObjectId) -> Result<ObjectId, E>,
    ) -> Result<(), E> {
        let sender = map(Role::Sender, self.sender)?;
        let released = self.released;
        self.rewrite(out, sender, |_, arg| {
            Ok(match arg {
                Arg::Object(Some(id)) => Arg::Object(Some(map(Role::Reference, id)?)),
                Arg::NewId(id) => Arg::NewId(map(Role::New, id)?),
                Arg::NewIdAny { interface, version, id } => {
                    Arg::NewIdAny { interface, version, id: map(Role::New, id)? }
                }
                Arg::Uint(value) if released.is_some_and(|id| id.get() == value) => {
                    match ObjectId::new(value) {
                        Some(id) => Arg::Uint(map(Role::Deleted, id)?.get()),
                        None => arg,
                    }
                }
                _ => arg,
            })
        })
    }

    pub(crate) const fn borrowed(raw: &RawMessage<'a>) -> Cow<'a, [u8]> {
        Cow::Borrowed(raw.bytes())
    }
}
