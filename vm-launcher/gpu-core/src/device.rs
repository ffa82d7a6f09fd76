// SPDX-License-Identifier: GPL-3.0-or-later
//! The device: commands of the control queue in, effects out.
//!
//! In: [`Input`]s with the moment at which they happened, and access to the guest's memory. Out: [`Effect`]s.
//! Whatever the guest sends, the device answers every command exactly once and never panics: a mistake is a
//! response, a count and at most the end of that context's connection.

use super::context::{Context, refusal};
use super::fault::{Area, Fault};
use super::io::{Effect, Input, Mono, Token};
use super::link::Waiting;
use super::out::{Counters, Out};
use super::ram::GuestRam;
use super::resources::{Freed, Range, Refusal, Resources, Sizes};
use cofferdam_xdomain::channel::Capset;
use cofferdam_xdomain::virtio::{
    CAPSET_CROSS_DOMAIN, CapsetInfo, Command, DisplayMode, Header, MapCache, Request, Response, ResponseCode,
    SCANOUTS,
};
use cofferdam_xdomain::{DecodeError, Limits};
use std::collections::BTreeMap;

/// What a device is made with.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// Bytes of the arena, a multiple of the page size and below 2 GiB.
    pub arena: u64,
    /// Quotas.
    pub limits: Limits,
}

/// Whether the VM can see the arena.
#[derive(Debug)]
enum ArenaState {
    /// Nobody needed it yet.
    Unmapped,
    /// Asked for; these MAP_BLOBs wait.
    Mapping(Vec<Waiting>),
    /// Visible.
    Mapped,
    /// The machine cannot map it.
    Failed,
}

/// What a command is answered with.
pub(super) enum Answer {
    /// Now, with nothing.
    Done,
    /// Later, by whoever holds the token now.
    Later,
}

/// The device.
#[derive(Debug)]
pub struct Device {
    pub(super) config: Config,
    arena: ArenaState,
    /// A mapping was made before the last reset. The machine may have kept it, and then refuses another one.
    mapped_before: bool,
    /// Answers of the machine to wishes from before a reset.
    stale_maps: u32,
    pub(super) resources: Resources,
    pub(super) contexts: BTreeMap<u32, Context>,
    compositor: bool,
    pub(super) out: Out,
}

impl Device {
    /// A device without contexts and resources.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let sizes = Sizes { arena: config.arena, resources: config.limits.resources };
        Self {
            config,
            arena: ArenaState::Unmapped,
            mapped_before: false,
            stale_maps: 0,
            resources: Resources::new(sizes),
            contexts: BTreeMap::new(),
            compositor: true,
            out: Out::default(),
        }
    }

    /// Takes one input in. Never fails.
    pub fn handle(&mut self, input: Input<'_>, now: Mono, ram: &dyn GuestRam) {
        match input {
            Input::Command { token, bytes } => self.command(token, bytes, now, ram),
            Input::Malformed { token, header, kind } => self.malformed(token, header, kind, now),
            Input::ArenaMapped(ok) => self.arena_mapped(ok),
            Input::Reset => self.reset(),
            Input::FromCompositor { ctx, bytes, fds } => match self.contexts.get_mut(&ctx) {
                Some(context) => {
                    context.compositor_sent(bytes, fds, now, &mut self.out);
                    context.pump(ram, now, &mut self.out);
                }
                None => fds.iter().for_each(|(fd, _)| self.out.push(Effect::CloseFd(*fd))),
            },
            Input::ClientClosed { ctx } => self.with(ctx, ram, now, |context, out| context.close(out)),
            Input::CompositorGone => self.compositor = false,
            Input::ClientWrote { ctx, bytes } => {
                if let Some(context) = self.contexts.get_mut(&ctx) {
                    context.client_wrote(bytes);
                }
            }
            Input::FromPipe { pipe, bytes } => {
                self.with(pipe.ctx, ram, now, |context, _| context.pipe_sent(pipe.id, bytes, now));
            }
            Input::PipeClosed { pipe } => {
                self.with(pipe.ctx, ram, now, |context, out| context.pipe_closed(pipe.id, out));
            }
            Input::PipeWrote { pipe, bytes } => {
                if let Some(context) = self.contexts.get_mut(&pipe.ctx) {
                    context.pipe_wrote(pipe.id, bytes, now, &mut self.out);
                }
            }
            Input::Timeout => self.timeout(now, ram),
        }
    }

    /// The next thing to do.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.out.pop()
    }

    /// When [`Input::Timeout`] is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Mono> {
        self.contexts.values().filter_map(Context::deadline).min()
    }

    /// What was counted.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.out.counters
    }

    /// Bytes of the arena in use.
    #[must_use]
    pub fn arena_bytes(&self) -> u64 {
        self.resources.mapped_bytes()
    }

    /// Resources and contexts alive.
    #[must_use]
    pub fn population(&self) -> (usize, usize) {
        (self.resources.len(), self.contexts.len())
    }

    /// How much waits for the guest in this context.
    #[must_use]
    pub fn waiting(&self, ctx: u32) -> usize {
        self.contexts.get(&ctx).map_or(0, Context::waiting)
    }

    /// Checks what must hold at any time; for tests.
    ///
    /// # Errors
    /// The rule that is broken.
    pub fn verify(&self) -> Result<(), &'static str> {
        if self.contexts.len() > self.config.limits.contexts {
            return Err("too many contexts");
        }
        self.resources.verify()
    }

    fn with(&mut self, ctx: u32, ram: &dyn GuestRam, now: Mono, f: impl FnOnce(&mut Context, &mut Out)) {
        if let Some(context) = self.contexts.get_mut(&ctx) {
            f(context, &mut self.out);
            context.pump(ram, now, &mut self.out);
        }
    }

    fn command(&mut self, token: Token, bytes: &[u8], now: Mono, ram: &dyn GuestRam) {
        self.out.counters.commands = self.out.counters.commands.saturating_add(1);
        let limits = self.config.limits;
        let header = match Header::decode(bytes) {
            Ok(header) => header,
            Err(_) => return self.malformed(token, bytes, "short_header", now),
        };
        let waiting = Waiting { token, header };
        let result = match Request::decode(bytes, &limits) {
            Ok((request, _used)) => self.execute(&request.command, waiting, now, ram),
            Err(error) => Err(decode_refusal(&error)),
        };
        match result {
            Ok(Answer::Done) => self.out.complete(token, &header, &Response::NoData),
            Ok(Answer::Later) => {}
            Err(refusal) => {
                self.out.fault(refusal.fault, now);
                self.out.complete(token, &header, &Response::Error(refusal.code));
            }
        }
    }

    fn malformed(&mut self, token: Token, header: &[u8], kind: &'static str, now: Mono) {
        self.out.fault(Fault::new(Area::Virtio, kind), now);
        match Header::decode(header) {
            Ok(header) => {
                let error = Response::Error(ResponseCode::ERR_INVALID_PARAMETER);
                self.out.complete(token, &header, &error);
            }
            // Without a header there is nothing to answer; the descriptor goes back empty.
            Err(_) => self.out.complete_raw(token, Vec::new()),
        }
    }

    fn execute(
        &mut self,
        command: &Command<'_>,
        waiting: Waiting,
        now: Mono,
        ram: &dyn GuestRam,
    ) -> Result<Answer, Refusal> {
        let ctx = waiting.header.ctx_id;
        let answer = |out: &mut Out, response: Response<'_>| {
            out.complete(waiting.token, &waiting.header, &response);
            Ok(Answer::Later)
        };
        match *command {
            Command::GetDisplayInfo => {
                answer(&mut self.out, Response::DisplayInfo(&[DisplayMode::default(); SCANOUTS]))
            }
            Command::GetCapsetInfo { index: 0 } => {
                let info = CapsetInfo {
                    id: CAPSET_CROSS_DOMAIN,
                    max_version: 0,
                    max_size: u32::try_from(Capset::SIZE).unwrap_or(u32::MAX),
                };
                answer(&mut self.out, Response::CapsetInfo(info))
            }
            Command::GetCapset { id: CAPSET_CROSS_DOMAIN, .. } => {
                answer(&mut self.out, Response::Capset(&Capset::XD1.encode()))
            }
            Command::GetCapsetInfo { .. } | Command::GetCapset { .. } => {
                Err(refusal(Area::Virtio, "unknown_capset"))
            }
            Command::CreateBlob(blob) => {
                let context = self.contexts.get_mut(&ctx);
                let take = |item| context.and_then(|context| context.take_item(item));
                self.resources.create(&blob, ram, take).map(|()| Answer::Done)
            }
            Command::AttachBacking { resource, entries } => {
                self.resources.attach_backing(resource, entries, ram)?;
                self.resource_gone(resource);
                Ok(Answer::Done)
            }
            Command::DetachBacking { resource } => {
                self.resources.detach_backing(resource)?;
                self.resource_gone(resource);
                Ok(Answer::Done)
            }
            Command::ResourceUnref { resource } => {
                let Freed { range, fd } = self.resources.unref(resource)?;
                self.resource_gone(resource);
                fd.into_iter().for_each(|fd| self.out.push(Effect::CloseFd(fd)));
                range.into_iter().for_each(|range| self.out.push(Effect::Punch(range)));
                Ok(Answer::Done)
            }
            Command::MapBlob { resource, offset } => self.map_blob(resource, offset, waiting),
            Command::UnmapBlob { resource } => {
                let range = self.resources.unmap(resource)?;
                self.out.push(Effect::Punch(range));
                Ok(Answer::Done)
            }
            Command::CtxCreate { capset, .. } => self.ctx_create(ctx, capset),
            Command::CtxDestroy => self.ctx_destroy(ctx),
            Command::CtxAttachResource { resource } => {
                self.resources.get(resource)?;
                self.contexts.get_mut(&ctx).ok_or(UNKNOWN_CONTEXT)?.attach(resource);
                Ok(Answer::Done)
            }
            Command::CtxDetachResource { resource } => {
                let context = self.contexts.get_mut(&ctx).ok_or(UNKNOWN_CONTEXT)?;
                if context.detach(resource, &mut self.out) {
                    return Ok(Answer::Done);
                }
                let code = ResponseCode::ERR_INVALID_RESOURCE_ID;
                Err(Refusal { code, fault: Fault::new(Area::Resource, "detach_of_unattached") })
            }
            Command::Submit3d { payload } => self.submit(payload, waiting, now, ram),
            _ => Err(refusal(Area::Virtio, "unknown_command")),
        }
    }

    fn ctx_destroy(&mut self, ctx: u32) -> Result<Answer, Refusal> {
        let context = self.contexts.remove(&ctx).ok_or(UNKNOWN_CONTEXT)?;
        context.destroy(&mut self.out);
        Ok(Answer::Done)
    }

    fn ctx_create(&mut self, ctx: u32, capset: u8) -> Result<Answer, Refusal> {
        if u32::from(capset) != CAPSET_CROSS_DOMAIN {
            return Err(refusal(Area::Virtio, "unknown_capset"));
        }
        if ctx == 0 || self.contexts.contains_key(&ctx) {
            let code = ResponseCode::ERR_INVALID_CONTEXT_ID;
            return Err(Refusal { code, fault: Fault::new(Area::Virtio, "context_id_taken") });
        }
        if self.contexts.len() >= self.config.limits.contexts {
            return Err(Refusal::quota("contexts"));
        }
        self.contexts.insert(ctx, Context::new(ctx, self.config.limits));
        Ok(Answer::Done)
    }

    /// The bookkeeping is done at once, so that later commands see it; only the answer waits for the machine.
    fn map_blob(&mut self, resource: u32, offset: u64, waiting: Waiting) -> Result<Answer, Refusal> {
        let (range, fill) = self.resources.map(resource, offset)?;
        if let Some(fill) = fill {
            let len = range.len.min(fill.len);
            self.out.push(Effect::FillArena { fd: fill.fd, range: Range { len, ..range } });
        }
        match &mut self.arena {
            ArenaState::Mapped => self.answer_map(waiting, true),
            ArenaState::Failed => self.answer_map(waiting, false),
            ArenaState::Mapping(list) => list.push(waiting),
            ArenaState::Unmapped => {
                self.arena = ArenaState::Mapping(vec![waiting]);
                self.out.push(Effect::MapArena);
            }
        }
        Ok(Answer::Later)
    }

    fn arena_mapped(&mut self, ok: bool) {
        if self.stale_maps > 0 {
            self.stale_maps = self.stale_maps.saturating_sub(1);
            self.mapped_before |= ok;
            return;
        }
        let ok = ok || self.mapped_before;
        let state = if ok { ArenaState::Mapped } else { ArenaState::Failed };
        if let ArenaState::Mapping(list) = std::mem::replace(&mut self.arena, state) {
            list.into_iter().for_each(|waiting| self.answer_map(waiting, ok));
        }
    }

    fn answer_map(&mut self, waiting: Waiting, ok: bool) {
        let response = if ok {
            Response::MapInfo(MapCache::Cached)
        } else {
            Response::Error(ResponseCode::ERR_OUT_OF_MEMORY)
        };
        self.out.complete(waiting.token, &waiting.header, &response);
    }

    fn resource_gone(&mut self, resource: u32) {
        for context in self.contexts.values_mut() {
            context.resource_gone(resource, &mut self.out);
        }
    }

    /// Everything of the guest ends; everything owed is answered. A machine that resets the device takes the
    /// arena out of the guest's sight, one that only stops it does not; so it is asked again, and a refusal
    /// means that it was still there.
    fn reset(&mut self) {
        for context in std::mem::take(&mut self.contexts).into_values() {
            context.destroy(&mut self.out);
        }
        match std::mem::replace(&mut self.arena, ArenaState::Unmapped) {
            ArenaState::Unmapped | ArenaState::Failed => {}
            ArenaState::Mapped => self.mapped_before = true,
            ArenaState::Mapping(list) => {
                self.stale_maps = self.stale_maps.saturating_add(1);
                for waiting in list {
                    let error = Response::Error(ResponseCode::ERR_UNSPEC);
                    self.out.complete(waiting.token, &waiting.header, &error);
                }
            }
        }
        let used = !self.resources.is_empty();
        for fd in self.resources.clear() {
            self.out.push(Effect::CloseFd(fd));
        }
        if used {
            self.out.push(Effect::Punch(Range { offset: 0, len: self.config.arena }));
        }
    }

    fn timeout(&mut self, now: Mono, ram: &dyn GuestRam) {
        for context in self.contexts.values_mut() {
            if context.expire(now, &mut self.out) > 0 {
                self.out.fault(Fault::new(Area::Pipe, "idle"), now);
                context.pump(ram, now, &mut self.out);
            }
        }
    }

    /// Whether the compositor still takes new clients.
    pub(super) const fn compositor_there(&self) -> bool {
        self.compositor
    }
}

/// The context does not exist.
pub(super) const UNKNOWN_CONTEXT: Refusal = Refusal {
    code: ResponseCode::ERR_INVALID_CONTEXT_ID,
    fault: Fault::new(Area::Virtio, "unknown_context"),
};

/// What an undecodable command is refused with.
pub(super) const fn decode_refusal(error: &DecodeError) -> Refusal {
    let kind = match error {
        DecodeError::Truncated { .. } => "truncated",
        DecodeError::Unknown { .. } => "unknown_command",
        DecodeError::TooLarge { .. } => "too_large",
        DecodeError::Invalid { .. } => "invalid",
        _ => "malformed",
    };
    Refusal { code: error.response(), fault: Fault::new(Area::Virtio, kind) }
}
