// SPDX-License-Identifier: GPL-3.0-or-later
//! In: a message's body and its specification. Out: typed arguments.

use crate::fault::WireError;
use crate::id::ObjectId;
use crate::interface::{ArgKind, ArgSpec, Target};

/// Most arguments that any listed message has.
pub const MAX_ARGS: usize = 12;

/// A 24.8 fixed-point number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fixed(pub i32);

impl Fixed {
    /// Its value.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        f64::from(self.0) / 256.0
    }

    /// The nearest fixed-point number; saturates.
    #[must_use]
    pub fn from_f64(value: f64) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "a cast from f64 saturates, as documented")]
        Self((value * 256.0).round() as i32)
    }
}

/// One argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arg<'a> {
    /// Signed.
    Int(i32),
    /// Unsigned.
    Uint(u32),
    /// Fixed point.
    Fixed(Fixed),
    /// Text, without its NUL.
    Str(Option<&'a str>),
    /// A reference.
    Object(Option<ObjectId>),
    /// A new object whose interface the protocol says.
    NewId(ObjectId),
    /// A new object that says its interface itself.
    NewIdAny {
        /// Its interface.
        interface: &'a str,
        /// Its version.
        version: u32,
        /// Its id.
        id: ObjectId,
    },
    /// Bytes.
    Array(&'a [u8]),
    /// The next descriptor.
    Fd,
}

/// The arguments of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Args<'a> {
    args: [Arg<'a>; MAX_ARGS],
    len: usize,
}

impl<'a> Args<'a> {
    /// Decodes exactly the arguments of `spec`; values are not looked at.
    pub(crate) fn decode(spec: &'static [ArgSpec], body: &'a [u8]) -> Result<Self, WireError> {
        let mut args = Self { args: [Arg::Fd; MAX_ARGS], len: 0 };
        let mut cursor = Cursor { rest: body };
        for (slot, spec) in args.args.iter_mut().zip(spec) {
            *slot = cursor.arg(spec)?;
            args.len = args.len.saturating_add(1);
        }
        match cursor.rest.len() {
            0 => Ok(args),
            left => Err(WireError::Trailing(left)),
        }
    }

    /// The argument at `index` if it is of that type (the same for the methods below).
    #[must_use]
    pub fn uint(&self, index: usize) -> Option<u32> {
        match self.get(index)? {
            Arg::Uint(value) => Some(*value),
            _ => None,
        }
    }

    /// See [`Self::uint`].
    #[must_use]
    pub fn int(&self, index: usize) -> Option<i32> {
        match self.get(index)? {
            Arg::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// See [`Self::uint`].
    #[must_use]
    pub fn fixed(&self, index: usize) -> Option<Fixed> {
        match self.get(index)? {
            Arg::Fixed(value) => Some(*value),
            _ => None,
        }
    }

    /// See [`Self::uint`]; `None` also for null.
    #[must_use]
    pub fn str(&self, index: usize) -> Option<&'a str> {
        match self.get(index)? {
            Arg::Str(value) => *value,
            _ => None,
        }
    }

    /// See [`Self::uint`]; `None` also for null.
    #[must_use]
    pub fn object(&self, index: usize) -> Option<ObjectId> {
        match self.get(index)? {
            Arg::Object(value) => *value,
            _ => None,
        }
    }

    /// See [`Self::uint`].
    #[must_use]
    pub fn array(&self, index: usize) -> Option<&'a [u8]> {
        match self.get(index)? {
            Arg::Array(value) => Some(value),
            _ => None,
        }
    }

    /// The id of the message's new object, if it makes one.
    #[must_use]
    pub fn new_id(&self) -> Option<ObjectId> {
        self.iter().find_map(|arg| match arg {
            Arg::NewId(id) | Arg::NewIdAny { id, .. } => Some(*id),
            _ => None,
        })
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [Arg<'a>] {
        self.args.get_mut(..self.len).unwrap_or_default()
    }
}

impl<'a> std::ops::Deref for Args<'a> {
    type Target = [Arg<'a>];

    fn deref(&self) -> &[Arg<'a>] {
        self.args.get(..self.len).unwrap_or_default()
    }
}

struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn arg(&mut self, spec: &'static ArgSpec) -> Result<Arg<'a>, WireError> {
        let name = spec.name;
        Ok(match spec.kind {
            ArgKind::Int(_) => Arg::Int(self.word(name)?.cast_signed()),
            ArgKind::Uint(_) => Arg::Uint(self.word(name)?),
            ArgKind::Fixed => Arg::Fixed(Fixed(self.word(name)?.cast_signed())),
            ArgKind::Str { nullable } => match self.text(name)? {
                None if !nullable => return Err(WireError::Null(name)),
                text => Arg::Str(text),
            },
            ArgKind::Object { nullable, .. } => match ObjectId::new(self.word(name)?) {
                None if !nullable => return Err(WireError::Null(name)),
                id => Arg::Object(id),
            },
            ArgKind::NewId(Target::Any) => {
                let interface = self.text(name)?.ok_or(WireError::Null(name))?;
                let version = self.word(name)?;
                Arg::NewIdAny { interface, version, id: self.new_id(name)? }
            }
            ArgKind::NewId(_) => Arg::NewId(self.new_id(name)?),
            ArgKind::Array => Arg::Array(self.block(name)?),
            ArgKind::Fd => Arg::Fd,
        })
    }

    fn word(&mut self, name: &'static str) -> Result<u32, WireError> {
        let (head, rest) = self.rest.split_first_chunk::<4>().ok_or(WireError::Truncated(name))?;
        self.rest = rest;
        Ok(u32::from_ne_bytes(*head))
    }

    fn new_id(&mut self, name: &'static str) -> Result<ObjectId, WireError> {
        ObjectId::new(self.word(name)?).ok_or(WireError::Null(name))
    }

    /// A length and that many bytes, padded to a multiple of four.
    fn block(&mut self, name: &'static str) -> Result<&'a [u8], WireError> {
        let len = usize::try_from(self.word(name)?).unwrap_or(usize::MAX);
        let padded = len.checked_next_multiple_of(4).ok_or(WireError::Truncated(name))?;
        let (block, rest) = self.rest.split_at_checked(padded).ok_or(WireError::Truncated(name))?;
        self.rest = rest;
        block.get(..len).ok_or(WireError::Truncated(name))
    }

    fn text(&mut self, name: &'static str) -> Result<Option<&'a str>, WireError> {
        match self.block(name)? {
            [] => Ok(None),
            [text @ .., 0] if !text.contains(&0) => match std::str::from_utf8(text) {
                Ok(text) => Ok(Some(text)),
                Err(_) => Err(WireError::Text(name)),
            },
            _ => Err(WireError::Text(name)),
        }
    }
}
