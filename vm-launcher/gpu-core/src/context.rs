// SPDX-License-Identifier: GPL-3.0-or-later
//! One context of the guest: one Wayland client, its channel, its pipes and its items.
//!
//! In: cross-domain commands of the guest, bytes of the compositor and of pipes. Out: effects. A context that
//! broke a rule is [`State::Closed`]: its client and pipes are gone, the guest reads the end of the channel,
//! and nothing but its destruction is left.

use super::fault::{Area, Fault};
use super::io::{Effect, FdKey, FdKind, Mono, Outgoing, PipeKey};
use super::items::Items;
use super::link::{Link, Waiting};
use super::out::Out;
use super::pipes::{End, PipeLimits, Pipes};
use super::ram::GuestRam;
use super::relay::{FromGuest, Relay, Toward};
use super::resources::{ItemKind, Refusal, Resources};
use cofferdam_xdomain::Limits;
use cofferdam_xdomain::channel::{FIRST_READ_PIPE, Pipe, Transfer};
use cofferdam_xdomain::virtio::{Response, ResponseCode};
use std::collections::BTreeSet;

/// Bytes that may wait for the compositor before the guest is taken to be flooding it.
const TO_COMPOSITOR: usize = 1024 * 1024;

/// How far a context has come.
#[derive(Debug)]
enum State {
    /// No INIT yet.
    New,
    /// A client of the compositor.
    Open(Box<Open>),
    /// The end was or will be announced through the link, if there is still one.
    Closed(Option<Box<Link>>),
}

/// What an open context has.
#[derive(Debug)]
struct Open {
    link: Link,
    relay: Relay,
    /// Bytes given to the shell that the compositor's socket has not taken yet.
    to_compositor: usize,
    /// The compositor's socket and the guest's pipes are read.
    reading: bool,
}

/// One context.
#[derive(Debug)]
pub(super) struct Context {
    id: u32,
    limits: Limits,
    attached: BTreeSet<u32>,
    items: Items,
    pipes: Pipes,
    state: State,
    /// A submission whose answer waits until this pipe's reader has caught up.
    held: Option<(u32, Waiting)>,
}

impl Context {
    /// A new context with this id of the guest's choice.
    #[must_use]
    pub(super) const fn new(id: u32, limits: Limits) -> Self {
        let pipes = PipeLimits { count: limits.pipes_per_context, buffer: limits.pipe_buffer_bytes };
        Self {
            id,
            limits,
            attached: BTreeSet::new(),
            items: Items::new(limits.unclaimed_items),
            pipes: Pipes::new(pipes),
            state: State::New,
            held: None,
        }
    }

    /// Lets the context name a resource.
    pub(super) fn attach(&mut self, resource: u32) {
        self.attached.insert(resource);
    }

    /// Takes that back; false if it could not. The end of a resource that a ring runs in ends the context,
    /// because the guest's kernel will use the pages for something else.
    pub(super) fn detach(&mut self, resource: u32, out: &mut Out) -> bool {
        let was = self.attached.remove(&resource);
        self.resource_gone(resource, out);
        was
    }

    /// Reacts to the end of a resource or of its pages.
    pub(super) fn resource_gone(&mut self, resource: u32, out: &mut Out) {
        self.attached.remove(&resource);
        let link = match &mut self.state {
            State::Open(open) => Some(&mut open.link),
            State::Closed(link) => link.as_deref_mut(),
            State::New => None,
        };
        if let Some(link) = link.filter(|link| link.uses(resource)) {
            let poll = link.take_poll();
            self.close(out);
            self.state = State::Closed(None);
            answer(poll, out);
        }
    }

    /// Whether the context may name this resource.
    #[must_use]
    pub(super) fn has(&self, resource: u32) -> bool {
        self.attached.contains(&resource)
    }

    /// Takes a host item out, to become a blob.
    pub(super) fn take_item(&mut self, item: u64) -> Option<ItemKind> {
        self.items.take(item)
    }

    /// Opens the channel.
    ///
    /// # Errors
    /// A [`Refusal`] if it is open, or was.
    pub(super) fn open(&mut self, link: Link, out: &mut Out) -> Result<(), Refusal> {
        if !matches!(self.state, State::New) {
            return Err(refusal(Area::CrossDomain, "init_twice"));
        }
        self.state =
            State::Open(Box::new(Open { link, relay: Relay::new(), to_compositor: 0, reading: true }));
        out.counters.contexts = out.counters.contexts.saturating_add(1);
        out.push(Effect::OpenClient { ctx: self.id });
        Ok(())
    }

    /// Whether INIT was seen.
    #[must_use]
    pub(super) const fn is_new(&self) -> bool {
        matches!(self.state, State::New)
    }

    /// The guest's SEND.
    ///
    /// # Errors
    /// A [`Refusal`]; the context is closed then.
    pub(super) fn send(
        &mut self,
        transfer: &Transfer<'_>,
        resources: &Resources,
        now: Mono,
        out: &mut Out,
    ) -> Result<(), Refusal> {
        let State::Open(open) = &mut self.state else { return Err(not_open()) };
        let env =
            FromGuest { ctx: self.id, attached: &self.attached, resources, pipes: &mut self.pipes, now };
        let result = open.relay.guest_sent(transfer, env);
        let mut sent = 0;
        for Toward { bytes, fds } in open.relay.take_requests() {
            sent = bytes.len().saturating_add(sent);
            let new_pipe = |fd: &Outgoing| match fd {
                Outgoing::NewPipe(pipe) => Some(*pipe),
                Outgoing::Arena => None,
            };
            let new_pipes: Vec<PipeKey> = fds.iter().filter_map(new_pipe).collect();
            out.push(Effect::ToCompositor { ctx: self.id, bytes, fds });
            // While the guest does not read, new pipes wait like the old ones.
            for pipe in new_pipes.into_iter().filter(|_| !open.reading) {
                out.push(Effect::ReadPipe { pipe, on: false });
            }
        }
        open.to_compositor = open.to_compositor.saturating_add(sent);
        out.counters.bytes_to_compositor =
            out.counters.bytes_to_compositor.saturating_add(u64::try_from(sent).unwrap_or(u64::MAX));
        let flooding = open.to_compositor > TO_COMPOSITOR;
        let result =
            result.and(if flooding { Err(Fault::new(Area::Quota, "to_compositor")) } else { Ok(()) });
        result.map_err(|fault| {
            self.close(out);
            Refusal { code: ResponseCode::ERR_INVALID_PARAMETER, fault }
        })
    }

    /// The guest's WRITE. Says whether the pipe's reader has fallen behind.
    ///
    /// # Errors
    /// A [`Refusal`]; the pipe is closed then.
    pub(super) fn write(&mut self, write: &Pipe<'_>, now: Mono, out: &mut Out) -> Result<bool, Refusal> {
        if !matches!(self.state, State::Open(_)) {
            return Err(not_open());
        }
        if write.id >= FIRST_READ_PIPE && write.hang_up && write.data.is_empty() {
            // The guest reads no more. If its writer has left just now, that is no news to anybody.
            if self.pipes.has(write.id, End::GuestReads) {
                self.close_pipe(write.id, out);
            }
            return Ok(false);
        }
        if let Err(fault) = self.pipes.write(write.id, write.data.len(), now) {
            if self.pipes.has(write.id, End::GuestWrites) {
                self.close_pipe(write.id, out);
            } else if self.items.was_given(write.id) {
                // Its reader left, which the guest cannot know; it learns nothing and harms nobody.
                return Ok(false);
            }
            return Err(Refusal { code: ResponseCode::ERR_INVALID_PARAMETER, fault });
        }
        if !write.data.is_empty() {
            let bytes = write.data.to_vec();
            out.push(Effect::ToPipe { pipe: self.pipe(write.id), bytes });
        }
        if write.hang_up && self.pipes.finish(write.id) {
            self.close_pipe(write.id, out);
        }
        Ok(self.pipes.is_high(write.id))
    }

    /// Holds a submission's answer until this pipe's reader has caught up; gives it back if one is held.
    pub(super) fn hold(&mut self, pipe: u32, waiting: Waiting) -> Option<Waiting> {
        if self.held.is_some() || !self.pipes.is_high(pipe) {
            return Some(waiting);
        }
        self.held = Some((pipe, waiting));
        None
    }

    /// The guest's POLL.
    ///
    /// # Errors
    /// The POLL back if the channel was never open or one waits already.
    pub(super) fn poll(&mut self, waiting: Waiting) -> Result<(), Waiting> {
        match &mut self.state {
            State::Open(open) => open.link.poll(waiting),
            State::Closed(Some(link)) => link.poll(waiting),
            State::New | State::Closed(None) => Err(waiting),
        }
    }

    /// Writes a reply into the query ring.
    ///
    /// # Errors
    /// A [`Refusal`] if there is none.
    pub(super) fn reply(&self, ram: &dyn GuestRam, bytes: &[u8]) -> Result<(), Refusal> {
        let State::Open(open) = &self.state else { return Err(not_open()) };
        open.link.reply(ram, bytes).map_err(|_outside| refusal(Area::CrossDomain, "no_query_ring"))
    }

    /// Bytes and descriptors of the compositor.
    pub(super) fn compositor_sent(
        &mut self,
        bytes: &[u8],
        fds: &[(FdKey, FdKind)],
        now: Mono,
        out: &mut Out,
    ) {
        let State::Open(open) = &mut self.state else {
            return fds.iter().for_each(|(fd, _)| out.push(Effect::CloseFd(*fd)));
        };
        let result = open.relay.compositor_sent(
            bytes,
            fds,
            &mut super::relay::ToGuest {
                ctx: self.id,
                outbox: &mut open.link.outbox,
                items: &mut self.items,
                pipes: &mut self.pipes,
                now,
                out,
            },
        );
        if let Err(kind) = result {
            // Not the guest's doing; but a stream that we cannot follow must not be relayed.
            out.trouble(kind, now);
            self.close(out);
        }
    }

    /// Bytes of a pipe that the guest reads.
    pub(super) fn pipe_sent(&mut self, id: u32, bytes: &[u8], now: Mono) {
        if let State::Open(open) = &mut self.state
            && self.pipes.has(id, End::GuestReads)
        {
            self.pipes.passed(id, now);
            open.link.outbox.push_pipe(id, bytes, false);
        }
    }

    /// The other end of a pipe was closed.
    pub(super) fn pipe_closed(&mut self, id: u32, out: &mut Out) {
        if let State::Open(open) = &mut self.state
            && self.pipes.has(id, End::GuestReads)
        {
            open.link.outbox.push_pipe(id, &[], true);
        }
        self.close_pipe(id, out);
    }

    /// A pipe took bytes.
    pub(super) fn pipe_wrote(&mut self, id: u32, bytes: usize, now: Mono, out: &mut Out) {
        if self.pipes.wrote(id, bytes, now) {
            self.close_pipe(id, out);
        }
        self.release_held(out);
    }

    /// The compositor took bytes.
    pub(super) fn client_wrote(&mut self, bytes: usize) {
        if let State::Open(open) = &mut self.state {
            open.to_compositor = open.to_compositor.saturating_sub(bytes);
        }
    }

    /// What waits for the guest.
    #[must_use]
    pub(super) fn waiting(&self) -> usize {
        match &self.state {
            State::Open(open) => open.link.outbox.bytes(),
            State::Closed(Some(link)) => link.outbox.bytes(),
            State::New | State::Closed(None) => 0,
        }
    }

    /// When the next pipe expires.
    #[must_use]
    pub(super) fn deadline(&self) -> Option<Mono> {
        self.pipes.deadline()
    }

    /// Closes pipes that were idle for too long; says how many.
    pub(super) fn expire(&mut self, now: Mono, out: &mut Out) -> usize {
        let expired = self.pipes.expired(now);
        for id in &expired {
            self.pipe_closed(*id, out);
        }
        expired.len()
    }

    /// Moves messages to the guest, answers its POLL, and reads from the outside as far as there is room.
    pub(super) fn pump(&mut self, ram: &dyn GuestRam, now: Mono, out: &mut Out) {
        let link = match &mut self.state {
            State::Open(open) => &mut open.link,
            State::Closed(Some(link)) => link,
            State::New | State::Closed(None) => return,
        };
        match link.pump(ram) {
            Ok(poll) => answer(poll, out),
            Err(error) => {
                let poll = link.take_poll();
                out.fault(error.fault(), now);
                self.close(out);
                self.state = State::Closed(None);
                return answer(poll, out);
            }
        }
        let State::Open(open) = &mut self.state else { return };
        // Hysteresis: half-empty before reading again, or each small message would toggle it.
        let high = self.limits.queue_bytes;
        let bytes = open.link.outbox.bytes();
        let reading = if open.reading { bytes < high } else { bytes <= high / 2 };
        if reading != open.reading {
            open.reading = reading;
            out.push(Effect::ReadClient { ctx: self.id, on: reading });
            for id in self.pipes.read_by_guest() {
                out.push(Effect::ReadPipe { pipe: PipeKey { ctx: self.id, id }, on: reading });
            }
        }
    }

    /// Ends client, pipes and items, and tells the guest.
    pub(super) fn close(&mut self, out: &mut Out) {
        match std::mem::replace(&mut self.state, State::Closed(None)) {
            State::New => self.state = State::New,
            State::Closed(link) => self.state = State::Closed(link),
            State::Open(open) => {
                let Open { mut link, relay, .. } = *open;
                out.push(Effect::CloseClient { ctx: self.id });
                relay.into_fds().for_each(|fd| out.push(Effect::CloseFd(fd)));
                link.outbox.push_closed();
                self.state = State::Closed(Some(Box::new(link)));
            }
        }
        for id in self.pipes.ids().collect::<Vec<_>>() {
            self.close_pipe(id, out);
        }
        self.items.drain().for_each(|fd| out.push(Effect::CloseFd(fd)));
    }

    /// Ends the context itself: everything it owes is answered.
    pub(super) fn destroy(mut self, out: &mut Out) {
        self.close(out);
        if let State::Closed(Some(link)) = &mut self.state {
            answer(link.take_poll(), out);
        }
        answer(self.held.take().map(|(_, waiting)| waiting), out);
    }

    fn close_pipe(&mut self, id: u32, out: &mut Out) {
        if self.pipes.close(id) {
            out.push(Effect::ClosePipe { pipe: self.pipe(id) });
        }
        self.release_held(out);
    }

    fn release_held(&mut self, out: &mut Out) {
        if let Some((pipe, waiting)) = self.held
            && !self.pipes.is_high(pipe)
        {
            self.held = None;
            answer(Some(waiting), out);
        }
    }

    const fn pipe(&self, id: u32) -> PipeKey {
        PipeKey { ctx: self.id, id }
    }
}

/// Answers a command that waited.
fn answer(waiting: Option<Waiting>, out: &mut Out) {
    if let Some(Waiting { token, header }) = waiting {
        out.complete(token, &header, &Response::NoData);
    }
}

/// A refusal of a cross-domain command.
pub(super) const fn refusal(area: Area, kind: &'static str) -> Refusal {
    Refusal { code: ResponseCode::ERR_INVALID_PARAMETER, fault: Fault::new(area, kind) }
}

const fn not_open() -> Refusal {
    refusal(Area::CrossDomain, "channel_not_open")
}
