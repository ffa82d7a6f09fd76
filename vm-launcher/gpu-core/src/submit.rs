// SPDX-License-Identifier: GPL-3.0-or-later
//! `SUBMIT_3D`: the cross-domain commands of one context.
//!
//! In: a payload of commands, copied from the guest once. Out: their effects in order, and the answer: at
//! once, or when the POLL among them has its message, or when a pipe's reader has caught up.
//!
//! The first command that is refused ends the payload: what follows it was written by a guest that believed
//! it had succeeded.

use super::context::refusal;
use super::device::{Answer, Device, UNKNOWN_CONTEXT, decode_refusal};
use super::fault::{Area, Fault};
use super::io::Mono;
use super::link::{Link, LinkError, RingBlob, Waiting};
use super::ram::GuestRam;
use super::resources::{Refusal, Storage};
use cofferdam_xdomain::channel::{
    CHANNEL_RING, GuestCommand, ImageQuery, ImageRequirements, Init, Init2, PIXEL_ITEM, channel_type,
    commands,
};
use cofferdam_xdomain::virtio::{FLAG_FENCE, FLAG_RING_IDX, Header};
use std::sync::Arc;

/// Rows begin at multiples of this, so that a GPU can import them later.
const STRIDE_ALIGN: u32 = 256;
/// What `map_info` says: cached, like the guest's own memory.
const MAP_CACHED: u32 = 1;

/// What the commands of a payload want of its answer.
#[derive(Default)]
struct Wishes {
    poll: bool,
    /// A pipe whose reader fell behind.
    slow_pipe: Option<u32>,
}

impl Device {
    /// Runs a payload.
    pub(super) fn submit(
        &mut self,
        payload: &[u8],
        waiting: Waiting,
        now: Mono,
        ram: &dyn GuestRam,
    ) -> Result<Answer, Refusal> {
        let ctx = waiting.header.ctx_id;
        if !self.contexts.contains_key(&ctx) {
            return Err(UNKNOWN_CONTEXT);
        }
        let mut wishes = Wishes::default();
        let limits = self.config.limits;
        let result = commands(payload, &limits).try_for_each(|command| {
            let command = command.map_err(|error| {
                let Refusal { code, fault } = decode_refusal(&error);
                Refusal { code, fault: Fault::new(Area::CrossDomain, fault.kind) }
            })?;
            self.cross_domain(&command, &waiting.header, &mut wishes, now, ram)
        });
        let answer = result.and_then(|()| self.wait(wishes, waiting));
        if let Some(context) = self.contexts.get_mut(&ctx) {
            context.pump(ram, now, &mut self.out);
        }
        answer
    }

    fn wait(&mut self, wishes: Wishes, waiting: Waiting) -> Result<Answer, Refusal> {
        let context = self.contexts.get_mut(&waiting.header.ctx_id).ok_or(UNKNOWN_CONTEXT)?;
        if wishes.poll {
            let refused = |_waiting| refusal(Area::CrossDomain, "second_poll");
            return context.poll(waiting).map(|()| Answer::Later).map_err(refused);
        }
        // Only a fenced submission has somebody who waits for its answer.
        let fenced = waiting.header.flags & FLAG_FENCE != 0;
        match wishes.slow_pipe.filter(|_| fenced).and_then(|pipe| context.hold(pipe, waiting)) {
            None if wishes.slow_pipe.is_some() && fenced => Ok(Answer::Later),
            _ => Ok(Answer::Done),
        }
    }

    fn cross_domain(
        &mut self,
        command: &GuestCommand<'_>,
        header: &Header,
        wishes: &mut Wishes,
        now: Mono,
        ram: &dyn GuestRam,
    ) -> Result<(), Refusal> {
        let ctx = header.ctx_id;
        let Self { contexts, resources, out, .. } = self;
        let context = contexts.get_mut(&ctx).ok_or(UNKNOWN_CONTEXT)?;
        match command {
            GuestCommand::Init(init) => self.init(ctx, *init),
            GuestCommand::Init2(init) => self.init2(ctx, *init, ram),
            GuestCommand::ImageRequirements(query) => {
                let reply = requirements(query, self.config.limits.image_side, self.config.arena)?;
                context.reply(ram, &reply.encode())
            }
            GuestCommand::Poll => {
                let on_ring = header.flags & (FLAG_FENCE | FLAG_RING_IDX) == FLAG_FENCE | FLAG_RING_IDX;
                if !on_ring || header.ring_idx != CHANNEL_RING {
                    return Err(refusal(Area::CrossDomain, "poll_without_channel_fence"));
                }
                if std::mem::replace(&mut wishes.poll, true) {
                    return Err(refusal(Area::CrossDomain, "second_poll"));
                }
                Ok(())
            }
            GuestCommand::Send(transfer) => context.send(transfer, resources, now, out),
            GuestCommand::Write(write) => {
                if context.write(write, now, out)? {
                    wishes.slow_pipe = Some(write.id);
                }
                Ok(())
            }
            _ => Err(refusal(Area::CrossDomain, "unknown_command")),
        }
    }

    fn init(&mut self, ctx: u32, init: Init) -> Result<(), Refusal> {
        self.check_init(ctx, init.channel_type)?;
        let query = self.ring_blob(ctx, init.query_ring)?;
        let channel = match init.channel_ring {
            Some(channel) => self.ring_blob(ctx, channel)?,
            None => query.clone(),
        };
        let link = Link::single(query, channel).ok_or(refusal(Area::CrossDomain, "ring_too_small"))?;
        let context = self.contexts.get_mut(&ctx).ok_or(UNKNOWN_CONTEXT)?;
        context.open(link, &mut self.out)
    }

    fn init2(&mut self, ctx: u32, init: Init2, ram: &dyn GuestRam) -> Result<(), Refusal> {
        self.check_init(ctx, init.channel_type)?;
        let query = init.query_ring.map(|id| self.ring_blob(ctx, id)).transpose()?;
        let channel = self.ring_blob(ctx, init.channel_ring)?;
        let link = Link::ring(query, channel, init.capacity, &self.config.limits, ram);
        let link = link.map_err(|error| match error {
            LinkError::Ring(_) => refusal(Area::CrossDomain, "ring_capacity"),
            other => Refusal { fault: other.fault(), ..refusal(Area::CrossDomain, "ring") },
        })?;
        let context = self.contexts.get_mut(&ctx).ok_or(UNKNOWN_CONTEXT)?;
        context.open(link, &mut self.out)
    }

    fn check_init(&self, ctx: u32, channel: u32) -> Result<(), Refusal> {
        let context = self.contexts.get(&ctx).ok_or(UNKNOWN_CONTEXT)?;
        if !context.is_new() {
            return Err(refusal(Area::CrossDomain, "init_twice"));
        }
        if channel != channel_type::WAYLAND {
            return Err(refusal(Area::CrossDomain, "channel_type"));
        }
        if !self.compositor_there() {
            return Err(refusal(Area::CrossDomain, "no_compositor"));
        }
        Ok(())
    }

    /// A guest blob of the context that a ring may run in.
    fn ring_blob(&self, ctx: u32, resource: u32) -> Result<RingBlob, Refusal> {
        let attached = self.contexts.get(&ctx).is_some_and(|context| context.has(resource));
        if !attached {
            return Err(refusal(Area::CrossDomain, "ring_not_attached"));
        }
        let blob = self.resources.get(resource)?;
        match &blob.storage {
            Storage::Guest(pages) => Ok(RingBlob { resource, size: blob.size, pages: Arc::clone(pages) }),
            Storage::Arena { .. } => Err(refusal(Area::CrossDomain, "ring_in_arena")),
        }
    }
}

/// The layout of an image: linear, one plane, rows padded.
fn requirements(query: &ImageQuery, max_side: u32, arena: u64) -> Result<ImageRequirements, Refusal> {
    let bad = refusal(Area::CrossDomain, "image_geometry");
    let bytes_per_pixel = bytes_per_pixel(query.format).ok_or(bad)?;
    if !(1..=max_side).contains(&query.width) || !(1..=max_side).contains(&query.height) {
        return Err(bad);
    }
    let row = query.width.checked_mul(bytes_per_pixel).ok_or(bad)?;
    let stride = row.checked_next_multiple_of(STRIDE_ALIGN).ok_or(bad)?;
    let size = u64::from(stride).checked_mul(query.height.into()).ok_or(bad)?;
    let size = size.checked_next_multiple_of(super::ram::PAGE).filter(|size| *size <= arena).ok_or(bad)?;
    Ok(ImageRequirements {
        strides: [stride, 0, 0, 0],
        size,
        blob_id: PIXEL_ITEM,
        map_info: MAP_CACHED,
        ..ImageRequirements::default()
    })
}

/// Formats that a peer asks for: 32-bit colour, and plain bytes, which is how bulk memory is asked for.
const fn bytes_per_pixel(fourcc: u32) -> Option<u32> {
    match &fourcc.to_le_bytes() {
        b"AR24" | b"XR24" | b"AB24" | b"XB24" => Some(4),
        b"R8  " => Some(1),
        _ => None,
    }
}
