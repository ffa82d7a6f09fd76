// SPDX-License-Identifier: GPL-3.0-or-later
//! The Wayland connection of one context, policed in both directions.
//!
//! In: the guest's byte stream with identifiers in place of descriptors, and the compositor's with
//! descriptors. Out: only whole, valid messages of listed interfaces; towards the compositor with the arena
//! and new pipes as descriptors, towards the guest with identifiers.
//!
//! Object ids are not translated: the guest's bridge already speaks in ids that the compositor will know. What
//! changes on the way is what must not be believed: sizes and offsets of pools and buffers, versions of globals.

use super::fault::{Area, Fault};
use super::io::{Effect, FdKey, FdKind, Mono, Outgoing, PipeKey};
use super::items::Items;
use super::out::Out;
use super::outbox::Outbox;
use super::pipes::{End, Pipes};
use super::pools::Pools;
use super::resources::{Fill, Resources};
use cofferdam_wayland_wire as wire;
use cofferdam_xdomain::channel::{FIRST_READ_PIPE, IdKind, Identifier, MAX_IDS, Transfer};
use std::collections::{BTreeSet, VecDeque};
use wire::protocol::{
    wl_data_offer, wl_data_source, wl_keyboard, wl_shm, wl_shm_pool, zwp_primary_selection_offer_v1,
    zwp_primary_selection_source_v1,
};
use wire::{Disposition, FaultKind, ObjectTable, Parsed, StreamDecoder, StreamError};

/// A piece of the stream towards the compositor.
#[derive(Debug, Default)]
pub(super) struct Toward {
    /// Whole messages.
    pub bytes: Vec<u8>,
    /// Their descriptors, at most [`MAX_IDS`].
    pub fds: Vec<Outgoing>,
}

/// What requests may refer to.
#[derive(Debug)]
pub(super) struct FromGuest<'a> {
    /// The context.
    pub ctx: u32,
    /// Resources that it may name.
    pub attached: &'a BTreeSet<u32>,
    /// All resources.
    pub resources: &'a Resources,
    /// Its pipes.
    pub pipes: &'a mut Pipes,
    /// The moment.
    pub now: Mono,
}

/// Where events go.
#[derive(Debug)]
pub(super) struct ToGuest<'a> {
    /// The context.
    pub ctx: u32,
    /// Its queue.
    pub outbox: &'a mut Outbox,
    /// Its items.
    pub items: &'a mut Items,
    /// Its pipes.
    pub pipes: &'a mut Pipes,
    /// The moment.
    pub now: Mono,
    /// Effects.
    pub out: &'a mut Out,
}

/// Both directions of a connection.
#[derive(Debug)]
pub(super) struct Relay {
    table: ObjectTable,
    requests: StreamDecoder<Identifier>,
    events: StreamDecoder<(FdKey, FdKind)>,
    pools: Pools,
    toward: Vec<Toward>,
}

impl Relay {
    /// A fresh connection.
    #[must_use]
    pub(super) fn new() -> Self {
        let limits = wire::Limits::DEFAULT;
        Self {
            table: ObjectTable::new(&limits),
            requests: StreamDecoder::new(&limits),
            events: StreamDecoder::new(&limits),
            pools: Pools::default(),
            toward: Vec::new(),
        }
    }

    /// Takes requests in; what is valid stands in [`Self::take_requests`] afterwards, also after an error.
    ///
    /// # Errors
    /// The [`Fault`] that ends the connection.
    pub(super) fn guest_sent(
        &mut self,
        transfer: &Transfer<'_>,
        mut env: FromGuest<'_>,
    ) -> Result<(), Fault> {
        let Self { table, requests, pools, toward, .. } = self;
        requests.push(transfer.data, transfer.ids.iter().copied()).map_err(stream_fault)?;
        while let Some((raw, ids)) = requests.next().map_err(|_wire| fault("message_framing"))? {
            let parsed = table.request(&raw, ids.len()).map_err(|e| fault(kind_name(&e.kind)))?;
            request(&parsed, ids, pools, toward, &mut env)?;
        }
        Ok(())
    }

    /// The pieces that are to be sent.
    pub(super) fn take_requests(&mut self) -> impl Iterator<Item = Toward> + use<> {
        // A refused request leaves its piece empty.
        std::mem::take(&mut self.toward).into_iter().filter(|piece| !piece.bytes.is_empty())
    }

    /// Takes events in and queues the valid and listed ones for the guest.
    ///
    /// # Errors
    /// What was not understood; the connection is of no use then.
    pub(super) fn compositor_sent(
        &mut self,
        bytes: &[u8],
        fds: &[(FdKey, FdKind)],
        to: &mut ToGuest<'_>,
    ) -> Result<(), &'static str> {
        let Self { table, events, .. } = self;
        if events.push(bytes, fds.iter().copied()).is_err() {
            fds.iter().for_each(|(fd, _)| to.out.push(Effect::CloseFd(*fd)));
            return Err("event_stream");
        }
        while let Some((raw, fds)) = events.next().map_err(|_wire| "event_framing")? {
            let parsed = table.event(&raw, fds.len()).map_err(|_why| "event")?;
            event(&parsed, fds, to)?;
        }
        Ok(())
    }

    /// Descriptors whose event never came.
    pub(super) fn into_fds(mut self) -> impl Iterator<Item = FdKey> {
        self.events.take_fds().into_iter().map(|(fd, _)| fd)
    }
}

impl Default for Relay {
    fn default() -> Self {
        Self::new()
    }
}

/// One valid request: resolve its descriptor, rewrite what must not be believed, queue it.
fn request(
    parsed: &Parsed<'_>,
    ids: &mut VecDeque<Identifier>,
    pools: &mut Pools,
    toward: &mut Vec<Toward>,
    env: &mut FromGuest<'_>,
) -> Result<(), Fault> {
    let used = parsed.fds();
    let id = if used == 0 { None } else { ids.pop_front() };
    let fd = match (used, id) {
        (0, _) => None,
        (1, Some(id)) => Some(resolve(parsed, id, env)?),
        _ => return Err(fault("unlisted_descriptors")),
    };
    let piece = piece(toward, fd);
    let out = &mut piece.bytes;
    match (parsed.interface, parsed.message.opcode) {
        (i, wl_shm::request::CREATE_POOL) if i.is(&wl_shm::INTERFACE) => {
            pools.create(parsed, id, env.attached, env.resources, out)?;
        }
        (i, wl_shm_pool::request::CREATE_BUFFER) if i.is(&wl_shm_pool::INTERFACE) => {
            pools.create_buffer(parsed, env.resources, out)?;
        }
        // The compositor was told the whole blob at creation, so there is nothing to pass on.
        (i, wl_shm_pool::request::RESIZE) if i.is(&wl_shm_pool::INTERFACE) => return pools.resize(parsed),
        _ => out.extend_from_slice(parsed.bytes()),
    }
    piece.fds.extend(fd);
    parsed.destroyed.iter().for_each(|id| pools.forget(*id));
    Ok(())
}

/// What an identifier of the guest stands for; only two kinds of request carry one.
fn resolve(parsed: &Parsed<'_>, id: Identifier, env: &mut FromGuest<'_>) -> Result<Outgoing, Fault> {
    let receives = parsed.is(&wl_data_offer::INTERFACE, wl_data_offer::request::RECEIVE)
        || parsed
            .is(&zwp_primary_selection_offer_v1::INTERFACE, zwp_primary_selection_offer_v1::request::RECEIVE);
    match id.kind {
        IdKind::Blob if parsed.is(&wl_shm::INTERFACE, wl_shm::request::CREATE_POOL) => Ok(Outgoing::Arena),
        IdKind::ReadPipe if receives => {
            if id.id < FIRST_READ_PIPE {
                return Err(Fault::new(Area::Pipe, "pipe_id_range"));
            }
            env.pipes.open(id.id, End::GuestReads, env.now)?;
            Ok(Outgoing::NewPipe(PipeKey { ctx: env.ctx, id: id.id }))
        }
        _ => Err(fault("wrong_descriptor_kind")),
    }
}

/// The piece that the next message goes into: a new one if the last is full of descriptors.
fn piece(toward: &mut Vec<Toward>, fd: Option<Outgoing>) -> &mut Toward {
    let full = |piece: &Toward| fd.is_some() && piece.fds.len() >= MAX_IDS;
    let last = toward.pop_if(|piece| !full(piece)).unwrap_or_default();
    toward.push_mut(last)
}

/// One valid event: turn its descriptor into an identifier and queue it.
fn event(
    parsed: &Parsed<'_>,
    fds: &mut VecDeque<(FdKey, FdKind)>,
    to: &mut ToGuest<'_>,
) -> Result<(), &'static str> {
    let used = parsed.fds().min(fds.len());
    let taken: Vec<_> = fds.drain(..used).collect();
    let pass = parsed.disposition == Disposition::Forward && (used == 0 || parsed.sender_alive);
    if !pass {
        taken.iter().for_each(|(fd, _)| to.out.push(Effect::CloseFd(*fd)));
        return Ok(());
    }
    let mut ids = Vec::with_capacity(taken.len());
    for (fd, kind) in taken {
        match announce(parsed, fd, kind, to) {
            Ok(id) => ids.push(id),
            Err(refused) => {
                to.out.push(Effect::CloseFd(fd));
                return match refused {
                    Refused::Quota(fault) => {
                        to.out.fault(fault, to.now);
                        Ok(())
                    }
                    Refused::Unknown => Err("event_descriptor"),
                };
            }
        }
    }
    let bytes = parsed.bytes();
    to.outbox.push_wayland(bytes, &ids);
    let passed = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    to.out.counters.bytes_to_guest = to.out.counters.bytes_to_guest.saturating_add(passed);
    Ok(())
}

/// Why an event's descriptor is not announced.
enum Refused {
    /// The guest has too many; the event is dropped with its descriptor, which the writer sees as the end.
    Quota(Fault),
    /// We do not know what it is.
    Unknown,
}

fn announce(
    parsed: &Parsed<'_>,
    fd: FdKey,
    kind: FdKind,
    to: &mut ToGuest<'_>,
) -> Result<Identifier, Refused> {
    let keymap = parsed.is(&wl_keyboard::INTERFACE, wl_keyboard::event::KEYMAP);
    let send = parsed.is(&wl_data_source::INTERFACE, wl_data_source::event::SEND)
        || parsed
            .is(&zwp_primary_selection_source_v1::INTERFACE, zwp_primary_selection_source_v1::event::SEND);
    match kind {
        FdKind::Memory(actual) if keymap => {
            let size = parsed.args.uint(2).filter(|size| *size > 0 && u64::from(*size) <= actual);
            let size = size.ok_or(Refused::Unknown)?;
            let (id, given_up) = to.items.announce(Fill { fd, len: size.into() });
            given_up.filter(|old| *old != fd).into_iter().for_each(|old| to.out.push(Effect::CloseFd(old)));
            Ok(Identifier { id: id.ok_or(Refused::Unknown)?, kind: IdKind::Blob, size })
        }
        FdKind::Pipe if send => {
            let id = to.items.next_id().ok_or(Refused::Unknown)?;
            to.pipes.open(id, End::GuestWrites, to.now).map_err(Refused::Quota)?;
            to.out.push(Effect::AdoptPipe { pipe: PipeKey { ctx: to.ctx, id }, fd });
            Ok(Identifier { id, kind: IdKind::WritePipe, size: 0 })
        }
        _ => Err(Refused::Unknown),
    }
}

/// A fault in the guest's Wayland stream.
pub(super) const fn fault(kind: &'static str) -> Fault {
    Fault::new(Area::Wayland, kind)
}

fn stream_fault(error: StreamError) -> Fault {
    fault(match error {
        StreamError::Bytes(_) => "stream_bytes",
        StreamError::Fds(_) => "stream_descriptors",
        _ => "stream",
    })
}

const fn kind_name(kind: &FaultKind) -> &'static str {
    match kind {
        FaultKind::Wire(_) => "message_bytes",
        FaultKind::Sender => "unknown_sender",
        FaultKind::Opcode => "unknown_opcode",
        FaultKind::Since { .. } => "message_too_new",
        FaultKind::Object { .. } => "wrong_object",
        FaultKind::NewId(_) => "new_id",
        FaultKind::Value { .. } => "enum_value",
        FaultKind::Bind(_) => "bind_not_listed",
        FaultKind::Fds { .. } => "missing_descriptor",
        FaultKind::TooMany => "objects",
        _ => "message",
    }
}
