// SPDX-License-Identifier: GPL-3.0-or-later
//! The language between the device core and whatever surrounds it: a VM, a test or a fuzzer.
//!
//! In: [`Input`]s, each with the moment at which it happened. Out: [`Effect`]s to carry out in order.

use super::fault::Fault;
use super::resources::Range;
pub use cofferdam_ids::Mono;

/// Names one command of the guest. Every token that goes in comes out in exactly one [`Effect::Complete`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// Names a descriptor from the compositor that the shell holds for the core.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FdKey(pub u64);

/// A pipe of a context: the context's id and the pipe's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PipeKey {
    /// The context.
    pub ctx: u32,
    /// Its number in there, as the guest knows it.
    pub id: u32,
}

/// What a descriptor from the compositor turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FdKind {
    /// A regular file or memfd of this many bytes.
    Memory(u64),
    /// Something to write to.
    Pipe,
    /// Neither.
    Other,
}

/// What happens to the device.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// The guest queued a command: a copy of its readable bytes.
    Command {
        /// Its name.
        token: Token,
        /// The request.
        bytes: &'a [u8],
    },
    /// The guest queued something that is not even a request.
    Malformed {
        /// Its name.
        token: Token,
        /// The header, as far as it was readable: fences are answered also now.
        header: &'a [u8],
        /// What is wrong.
        kind: &'static str,
    },
    /// The arena was mapped into the VM, or cannot be.
    ArenaMapped(bool),
    /// The guest resets the device or stops the queue: everything of the guest ends.
    Reset,
    /// Bytes and descriptors from the compositor for one client.
    FromCompositor {
        /// The context.
        ctx: u32,
        /// Bytes of the stream.
        bytes: &'a [u8],
        /// Descriptors, in order.
        fds: &'a [(FdKey, FdKind)],
    },
    /// The compositor closed one client, or its socket failed.
    ClientClosed {
        /// The context.
        ctx: u32,
    },
    /// The compositor is gone: there will be no more clients.
    CompositorGone,
    /// The compositor's socket took bytes of [`Effect::ToCompositor`].
    ClientWrote {
        /// The context.
        ctx: u32,
        /// How many.
        bytes: usize,
    },
    /// A pipe that the guest reads has bytes.
    FromPipe {
        /// The pipe.
        pipe: PipeKey,
        /// Never empty.
        bytes: &'a [u8],
    },
    /// A pipe that the guest reads was closed by its writer; or a pipe that it writes, by its reader.
    PipeClosed {
        /// The pipe.
        pipe: PipeKey,
    },
    /// A pipe took bytes of [`Effect::ToPipe`].
    PipeWrote {
        /// The pipe.
        pipe: PipeKey,
        /// How many.
        bytes: usize,
    },
    /// The time of [`super::Device::poll_timeout`] has come.
    Timeout,
}

/// A descriptor to send along to the compositor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outgoing {
    /// The arena.
    Arena,
    /// The writing end of a new pipe whose reading end becomes this one.
    NewPipe(PipeKey),
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Answer a command.
    Complete {
        /// Which.
        token: Token,
        /// Header and payload.
        response: Vec<u8>,
    },
    /// Map the arena into the VM and say [`Input::ArenaMapped`].
    MapArena,
    /// Open a client in the compositor.
    OpenClient {
        /// For this context.
        ctx: u32,
    },
    /// Close a client's socket. Its pipes are closed one by one.
    CloseClient {
        /// Of this context.
        ctx: u32,
    },
    /// Send to the compositor and say [`Input::ClientWrote`] for what it took.
    ToCompositor {
        /// As this client.
        ctx: u32,
        /// Whole messages.
        bytes: Vec<u8>,
        /// Sent no later than the bytes.
        fds: Vec<Outgoing>,
    },
    /// Read a client's socket, or let it be until further notice.
    ReadClient {
        /// Which.
        ctx: u32,
        /// Whether to read.
        on: bool,
    },
    /// From now on this descriptor is the pipe.
    AdoptPipe {
        /// Its name.
        pipe: PipeKey,
        /// A descriptor from the compositor.
        fd: FdKey,
    },
    /// Write to a pipe and say [`Input::PipeWrote`] for what it took.
    ToPipe {
        /// Which.
        pipe: PipeKey,
        /// What.
        bytes: Vec<u8>,
    },
    /// Read a pipe, or let it be until further notice.
    ReadPipe {
        /// Which.
        pipe: PipeKey,
        /// Whether to read.
        on: bool,
    },
    /// Close a pipe.
    ClosePipe {
        /// Which.
        pipe: PipeKey,
    },
    /// Copy a descriptor's bytes into the arena, then close it.
    FillArena {
        /// A descriptor from the compositor.
        fd: FdKey,
        /// To where. The file is not shorter than this.
        range: Range,
    },
    /// Close a descriptor from the compositor.
    CloseFd(FdKey),
    /// Give a range of the arena back to the host; it reads as zeros from then on.
    Punch(Range),
    /// Tell the shepherd.
    Report {
        /// What was broken.
        fault: Fault,
        /// Faults so far.
        total: u64,
    },
    /// Write down that the compositor is not understood.
    Trouble {
        /// What was odd.
        kind: &'static str,
        /// How often so far.
        total: u64,
    },
}
