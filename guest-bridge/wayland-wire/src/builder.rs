// SPDX-License-Identifier: GPL-3.0-or-later
//! In: a sender, an opcode and typed arguments. Out: a message's bytes.

use crate::args::{Arg, Fixed};
use crate::id::ObjectId;
use crate::interface::{ArgKind, Message, Target};
use crate::message::MAX_MESSAGE;

/// Why arguments do not make a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// It would be longer than [`MAX_MESSAGE`].
    #[error("message of {0} bytes")]
    TooLong(usize),
    /// The arguments are not those of the message.
    #[error("arguments do not match {0}")]
    Mismatch(&'static str),
    /// A string has a NUL inside.
    #[error("text with a NUL inside")]
    Text,
}

/// Writes one message behind what a buffer already holds.
#[derive(Debug)]
pub struct MessageBuilder<'o> {
    out: &'o mut Vec<u8>,
    start: usize,
    opcode: u16,
    broken: Option<EncodeError>,
}

impl<'o> MessageBuilder<'o> {
    /// Begins a message.
    pub fn new(out: &'o mut Vec<u8>, sender: ObjectId, opcode: u16) -> Self {
        let start = out.len();
        out.extend_from_slice(&sender.get().to_ne_bytes());
        out.extend_from_slice(&[0; 4]);
        Self { out, start, opcode, broken: None }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(self, arg: Arg<'_>) -> Self {
        match arg {
            Arg::Int(value) => self.uint(value.cast_unsigned()),
            Arg::Uint(value) => self.uint(value),
            Arg::Fixed(Fixed(value)) => self.uint(value.cast_unsigned()),
            Arg::Str(text) => self.str(text),
            Arg::Object(id) => self.uint(id.map_or(0, ObjectId::get)),
            Arg::NewId(id) => self.uint(id.get()),
            Arg::NewIdAny { interface, version, id } => {
                self.str(Some(interface)).uint(version).uint(id.get())
            }
            Arg::Array(bytes) => self.block(bytes, false),
            Arg::Fd => self,
        }
    }

    /// Adds an unsigned argument.
    #[must_use]
    pub fn uint(self, value: u32) -> Self {
        self.out.extend_from_slice(&value.to_ne_bytes());
        self
    }

    /// Adds a text or null.
    #[must_use]
    pub fn str(mut self, text: Option<&str>) -> Self {
        let Some(text) = text else { return self.uint(0) };
        if text.contains('\0') {
            self.broken = Some(EncodeError::Text);
        }
        self.block(text.as_bytes(), true)
    }

    fn block(mut self, bytes: &[u8], nul: bool) -> Self {
        let len = bytes.len().saturating_add(nul.into());
        // More than a message may hold is not even copied.
        if len > MAX_MESSAGE {
            self.broken = Some(EncodeError::TooLong(len));
            return self;
        }
        self = self.uint(u32::try_from(len).unwrap_or(u32::MAX));
        self.out.extend_from_slice(bytes);
        if nul {
            self.out.push(0);
        }
        let padding = len.next_multiple_of(4).saturating_sub(len);
        self.out.extend(std::iter::repeat_n(0, padding));
        self
    }

    /// Takes back what was written since `start`.
    pub(crate) fn abandon(self, start: usize) {
        self.out.truncate(start);
    }

    /// Completes the message.
    ///
    /// # Errors
    /// [`EncodeError`]; the buffer is then as it was before.
    pub fn finish(self) -> Result<(), EncodeError> {
        let len = self.out.len().saturating_sub(self.start);
        let broken = self.broken.or((len > MAX_MESSAGE).then_some(EncodeError::TooLong(len)));
        if let Some(error) = broken {
            self.out.truncate(self.start);
            return Err(error);
        }
        let size = u16::try_from(len).map_err(|_e| EncodeError::TooLong(len))?;
        let field = self.start.saturating_add(4)..self.start.saturating_add(8);
        if let Some([a, b, c, d]) = self.out.get_mut(field) {
            [*a, *b] = self.opcode.to_ne_bytes();
            [*c, *d] = size.to_ne_bytes();
        }
        Ok(())
    }
}

/// Appends `message` with these arguments, which must be of its types.
///
/// # Errors
/// [`EncodeError`]; `out` is then as it was before.
pub fn encode(
    out: &mut Vec<u8>,
    sender: ObjectId,
    message: &'static Message,
    args: &[Arg<'_>],
) -> Result<(), EncodeError> {
    let fits = args.len() == message.args.len()
        && message.args.iter().zip(args).all(|(spec, arg)| matches(&spec.kind, arg));
    if !fits {
        return Err(EncodeError::Mismatch(message.name));
    }
    args.iter()
        .fold(MessageBuilder::new(out, sender, message.opcode), |builder, arg| builder.arg(*arg))
        .finish()
}

const fn matches(kind: &ArgKind, arg: &Arg<'_>) -> bool {
    match arg {
        Arg::Int(_) => matches!(kind, ArgKind::Int(_)),
        Arg::Uint(_) => matches!(kind, ArgKind::Uint(_)),
        Arg::Fixed(_) => matches!(kind, ArgKind::Fixed),
        Arg::Str(text) => match kind {
            ArgKind::Str { nullable } => *nullable || text.is_some(),
            _ => false,
        },
        Arg::Object(id) => match kind {
            ArgKind::Object { nullable, .. } => *nullable || id.is_some(),
            _ => false,
        },
        Arg::NewId(_) => matches!(kind, ArgKind::NewId(Target::Interface(_))),
        Arg::NewIdAny { .. } => matches!(kind, ArgKind::NewId(Target::Any)),
        Arg::Array(_) => matches!(kind, ArgKind::Array),
        Arg::Fd => matches!(kind, ArgKind::Fd),
    }
}
