// SPDX-License-Identifier: GPL-3.0-or-later
//! In: nothing. Out: the types of the generated tables in [`crate::protocol`].

/// An interface, cut down to what the allow-list can reach.
pub struct Interface {
    /// Name on the wire.
    pub name: &'static str,
    /// Highest version that can be reached from the allow-list. Newer messages are not in the tables.
    pub max_version: u32,
    /// Client to server; the index is the opcode.
    pub requests: &'static [Message],
    /// Server to client; the index is the opcode.
    pub events: &'static [Message],
}

impl Interface {
    /// Whether both are the same interface.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }

    /// The request with this opcode.
    #[must_use]
    pub fn request(&self, opcode: u16) -> Option<&'static Message> {
        self.requests.get(usize::from(opcode))
    }

    /// The event with this opcode.
    #[must_use]
    pub fn event(&self, opcode: u16) -> Option<&'static Message> {
        self.events.get(usize::from(opcode))
    }
}

impl std::fmt::Debug for Interface {
    // Only the name: the tables refer to each other in circles.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Interface {
    fn eq(&self, other: &Self) -> bool {
        self.is(other)
    }
}

impl Eq for Interface {}

/// A request or event.
#[derive(Debug, PartialEq, Eq)]
pub struct Message {
    /// Name in the protocol.
    pub name: &'static str,
    /// Its number within its direction.
    pub opcode: u16,
    /// First version of the interface that has it.
    pub since: u32,
    /// It ends its sender.
    pub destructor: bool,
    /// Its arguments in order.
    pub args: &'static [ArgSpec],
    /// How many of them are descriptors, which travel outside the bytes.
    pub fd_args: usize,
}

/// An argument.
#[derive(Debug, PartialEq, Eq)]
pub struct ArgSpec {
    /// Name in the protocol.
    pub name: &'static str,
    /// Type.
    pub kind: ArgKind,
}

/// The type of an argument.
#[derive(Debug, PartialEq, Eq)]
pub enum ArgKind {
    /// Signed; if it has an enum, one of its values.
    Int(Option<&'static Enum>),
    /// Unsigned; if it has an enum, one (or a combination) of its values.
    Uint(Option<&'static Enum>),
    /// 24.8 fixed point.
    Fixed,
    /// UTF-8 text.
    Str {
        /// May be null.
        nullable: bool,
    },
    /// A reference to an existing object.
    Object {
        /// May be null.
        nullable: bool,
        /// What it must be.
        target: Target,
    },
    /// A new object.
    NewId(Target),
    /// Bytes.
    Array,
    /// A descriptor; takes no bytes.
    Fd,
}

/// The interface of an object argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// This one.
    Interface(&'static Interface),
    /// Any; a new id then carries name and version itself (`wl_registry.bind`).
    Any,
    /// One that is not in the allow-list: no object can be it, only null fits.
    Unlisted(&'static str),
}

/// The values of an argument.
#[derive(Debug, PartialEq, Eq)]
pub struct Enum {
    /// Name in the protocol.
    pub name: &'static str,
    /// Values may be combined by "or".
    pub bitfield: bool,
    /// The values up to the interface's highest version.
    pub entries: &'static [EnumEntry],
}

/// One value.
#[derive(Debug, PartialEq, Eq)]
pub struct EnumEntry {
    /// The value; of a signed argument, its bits.
    pub value: u32,
    /// First version that has it.
    pub since: u32,
}

impl Enum {
    /// Whether `value` can be sent to or from an object of this `version`.
    #[must_use]
    pub fn allows(&self, value: u32, version: u32) -> bool {
        let mut known = self.entries.iter().filter(|entry| entry.since <= version);
        if self.bitfield {
            value & !known.fold(0, |mask, entry| mask | entry.value) == 0
        } else {
            known.any(|entry| entry.value == value)
        }
    }
}

/// A global that guests may bind.
#[derive(Debug, PartialEq, Eq)]
pub struct GlobalSpec {
    /// Its interface.
    pub interface: &'static Interface,
    /// Highest version offered.
    pub version: u32,
}
