// SPDX-License-Identifier: GPL-3.0-or-later
//! One client's conversation. In: requests of the app and events of the host, as raw messages. Out: the
//! same messages under the other side's ids, with pixels copied on the way.
//!
//! Most messages only change their ids. What is different: shared memory and its buffers exist for the app
//! alone ([`super::shm`]); contents of surfaces are copied at commit ([`super::pixels`]); descriptors
//! become numbers of the channel and back.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::os::fd::OwnedFd;
use std::rc::Rc;

use cofferdam_agent_wire::BridgeCounters;
use cofferdam_wayland_wire::protocol::{
    wl_buffer, wl_callback, wl_data_offer, wl_display, wl_registry, wl_shm, wl_shm_pool, wl_surface,
    wp_viewport, wp_viewporter, zwp_primary_selection_offer_v1,
};
use cofferdam_wayland_wire::{
    Arg, Disposition, FaultKind, Limits, MessageBuilder, ObjectId, ObjectTable, Parsed, RawMessage, Role,
};
use cofferdam_xdomain::channel::{GuestCommand, IdKind, Identifier, Pipe};

use super::channel::Channel;
use super::damage::Rect;
use super::fatal::Fatal;
use super::host::Host;
use super::keymap;
use super::layout::bytes_per_pixel;
use super::pipes::Pipes;
use super::pixels::Pixels;
use super::shm::{Buffer, BufferArgs, Pool, ShmError};
use super::surface::{Attach, Attached};
use super::to_app::ToApp;

/// Pools of one client: each keeps a descriptor and a mapping of the bridge's.
const MAX_POOLS: usize = 1024;

/// What a message may need beside the conversation itself.
pub(crate) struct Context<'a, C> {
    /// The way to the host.
    pub(crate) channel: &'a mut C,
    /// The client's pipes.
    pub(crate) pipes: &'a mut Pipes,
    /// The bridge's counters.
    pub(crate) counters: &'a mut BridgeCounters,
}

/// The state of one conversation.
#[derive(Debug)]
pub(crate) struct Relay {
    /// Objects by the app's ids.
    app: ObjectTable,
    /// Everything the host knows.
    pub(crate) host: Host,
    /// Events on their way.
    pub(crate) to_app: ToApp,
    pools: BTreeMap<ObjectId, Rc<RefCell<Pool>>>,
    buffers: BTreeMap<ObjectId, Buffer>,
    /// `wp_viewport` → surface.
    viewports: BTreeMap<ObjectId, ObjectId>,
    /// Surfaces and the copies of their contents.
    pub(crate) pixels: Pixels,
}

impl Relay {
    /// A new connection.
    pub(crate) fn new() -> Self {
        Self {
            app: ObjectTable::new(&Limits::DEFAULT),
            host: Host::new(),
            to_app: ToApp::default(),
            pools: BTreeMap::new(),
            buffers: BTreeMap::new(),
            viewports: BTreeMap::new(),
            pixels: Pixels::default(),
        }
    }

    /// One request of the app; takes the descriptors that it uses off `fds`.
    pub(crate) fn request(
        &mut self,
        raw: &RawMessage<'_>,
        fds: &mut VecDeque<OwnedFd>,
        cx: &mut Context<'_, impl Channel>,
    ) -> Result<(), Fatal> {
        let parsed = self.app.request(raw, fds.len())?;
        let mut fds = fds.drain(..parsed.fds().min(fds.len()));
        let (interface, opcode) = (parsed.interface, parsed.message.opcode);
        if interface.is(&wl_surface::INTERFACE) {
            self.surface_request(&parsed, cx)
        } else if interface.is(&wl_shm::INTERFACE) {
            self.shm_request(&parsed, fds.next())
        } else if interface.is(&wl_shm_pool::INTERFACE) {
            self.pool_request(&parsed)
        } else if interface.is(&wl_buffer::INTERFACE) && self.buffers.remove(&parsed.sender).is_some() {
            self.local_end(parsed.sender)
        } else if (interface.is(&wl_data_offer::INTERFACE) && opcode == wl_data_offer::request::RECEIVE)
            || (interface.is(&zwp_primary_selection_offer_v1::INTERFACE)
                && opcode == zwp_primary_selection_offer_v1::request::RECEIVE)
        {
            match fds.next().and_then(|fd| cx.pipes.add_inbound(fd)) {
                Some(id) => self.host.forward(&parsed, &[id]),
                // Its descriptor is closed now, so the app reads an empty selection.
                None => Ok(()),
            }
        } else if parsed.fds() > 0 {
            // No other listed request has a descriptor; a new one has to be thought about first.
            Err(app_fault(&parsed, FaultKind::Opcode))
        } else {
            self.note_viewport(&parsed);
            self.forward(&parsed)
        }
    }

    fn forward(&mut self, parsed: &Parsed<'_>) -> Result<(), Fatal> {
        self.host.forward(parsed, &[])?;
        if let Some(new) = parsed.created
            && new.interface.is(&wl_surface::INTERFACE)
            && let Some(host) = self.host.ids.to_host(new.id)
        {
            self.pixels.add_surface(new.id, host, new.version);
        }
        Ok(())
    }

    fn note_viewport(&mut self, parsed: &Parsed<'_>) {
        if parsed.is(&wp_viewporter::INTERFACE, wp_viewporter::request::GET_VIEWPORT) {
            if let (Some(viewport), Some(surface)) = (parsed.created, parsed.args.object(1)) {
                self.viewports.insert(viewport.id, surface);
                self.pixels.set_viewport(surface, true);
            }
        } else if parsed.is(&wp_viewport::INTERFACE, wp_viewport::request::DESTROY)
            && let Some(surface) = self.viewports.remove(&parsed.sender)
        {
            self.pixels.set_viewport(surface, false);
        }
    }

    fn surface_request(
        &mut self,
        parsed: &Parsed<'_>,
        cx: &mut Context<'_, impl Channel>,
    ) -> Result<(), Fatal> {
        use wl_surface::request;
        let args = &parsed.args;
        let int = |index: usize| args.int(index).unwrap_or_default();
        let rect = || Rect::new(int(0), int(1), int(2), int(3));
        let Some(surface) = self.pixels.surface(parsed.sender) else {
            return Err(app_fault(parsed, FaultKind::Sender));
        };
        match parsed.message.opcode {
            request::ATTACH => {
                let what = match args.object(0) {
                    None => Attached::Nothing,
                    Some(id) => match (self.buffers.get(&id), self.host.ids.to_host(id)) {
                        (Some(buffer), _) => Attached::Shm(id, buffer.clone()),
                        (None, Some(host)) => Attached::Host(host),
                        (None, None) => return Err(app_fault(parsed, FaultKind::Sender)),
                    },
                };
                surface.attach(Attach { what, x: int(1), y: int(2) });
                Ok(())
            }
            request::DAMAGE => {
                surface.damage_surface(rect());
                Ok(())
            }
            request::DAMAGE_BUFFER => {
                surface.damage_buffer(rect());
                Ok(())
            }
            request::COMMIT => {
                let Self { pixels, host, app, to_app, .. } = self;
                if let Some(done) = pixels.commit(parsed.sender, host, cx)?
                    && app.live(done).is_some_and(|object| object.interface.is(&wl_buffer::INTERFACE))
                {
                    // Its pixels are copied, so the app may draw into it at once.
                    event(to_app, done, wl_buffer::event::RELEASE, &[])?;
                }
                self.host.forward(parsed, &[])
            }
            request::SET_BUFFER_SCALE => {
                surface.set_scale(int(0));
                self.forward(parsed)
            }
            request::SET_BUFFER_TRANSFORM => {
                surface.set_transform(int(0));
                self.forward(parsed)
            }
            request::DESTROY => {
                self.forward(parsed)?;
                // Its id may name another surface soon; its viewport may outlive it.
                self.viewports.retain(|_, of| *of != parsed.sender);
                self.pixels.remove_surface(parsed.sender, &mut self.host, cx.counters)
            }
            _ => self.forward(parsed),
        }
    }

    fn shm_request(&mut self, parsed: &Parsed<'_>, fd: Option<OwnedFd>) -> Result<(), Fatal> {
        if parsed.message.opcode != wl_shm::request::CREATE_POOL {
            // `release`: our own pools still need the host's object, so only the app's name for it ends.
            if let Some(host) = self.host.ids.to_host(parsed.sender) {
                self.host.ids.remove_host(host);
            }
            return self.local_end(parsed.sender);
        }
        let (Some(fd), Some(new)) = (fd, parsed.created) else {
            return Err(app_fault(parsed, FaultKind::Opcode));
        };
        if self.pools.len() >= MAX_POOLS {
            return Err(app_fault(parsed, FaultKind::TooMany));
        }
        let pool = Pool::new(fd, parsed.args.int(2).unwrap_or_default()).map_err(shm_fault(parsed))?;
        self.pools.insert(new.id, Rc::new(RefCell::new(pool)));
        Ok(())
    }

    fn pool_request(&mut self, parsed: &Parsed<'_>) -> Result<(), Fatal> {
        use wl_shm_pool::request;
        let Some(pool) = self.pools.get(&parsed.sender) else {
            return Err(app_fault(parsed, FaultKind::Sender));
        };
        let int = |index: usize| parsed.args.int(index).unwrap_or_default();
        match (parsed.message.opcode, parsed.created) {
            (request::CREATE_BUFFER, Some(new)) => {
                let args = BufferArgs {
                    offset: int(1),
                    width: int(2),
                    height: int(3),
                    stride: int(4),
                    format: parsed.args.uint(5).unwrap_or(u32::MAX),
                };
                let buffer = Buffer::new(pool, args).map_err(shm_fault(parsed))?;
                self.buffers.insert(new.id, buffer);
                Ok(())
            }
            (request::RESIZE, _) => pool.borrow_mut().resize(int(0)).map_err(shm_fault(parsed)),
            (request::DESTROY, _) => {
                self.pools.remove(&parsed.sender);
                self.local_end(parsed.sender)
            }
            _ => Err(app_fault(parsed, FaultKind::Opcode)),
        }
    }

    /// Ends an object that the host does not know: the app hears from us that its id is free again.
    fn local_end(&mut self, id: ObjectId) -> Result<(), Fatal> {
        self.app.release(id);
        event(&mut self.to_app, ObjectId::DISPLAY, wl_display::event::DELETE_ID, &[Arg::Uint(id.get())])
    }

    /// One event of the host; takes the identifiers that it uses off `items`.
    pub(crate) fn event(
        &mut self,
        raw: &RawMessage<'_>,
        items: &mut VecDeque<Identifier>,
        cx: &mut Context<'_, impl Channel>,
    ) -> Result<(), Fatal> {
        let parsed = self.host.table.event(raw, items.len()).map_err(|e| Fatal::Host(e.to_string()))?;
        let items: Vec<Identifier> = items.drain(..parsed.fds().min(items.len())).collect();
        if let Some(released) = parsed.released {
            return self.id_released(released, &parsed, cx);
        }
        let Some(sender) = self.host.ids.to_app(parsed.sender) else {
            return self.own_event(&parsed, cx);
        };
        if parsed.disposition == Disposition::Drop || !self.wants(&parsed) {
            return refuse_items(&items, cx.channel);
        }
        let mut fds = Vec::with_capacity(items.len());
        for item in items {
            fds.push(descriptor(item, cx)?);
        }
        if parsed.interface.is(&wl_registry::INTERFACE) {
            return self.registry_event(&parsed);
        }
        let ids = &self.host.ids;
        self.to_app.event(fds, |out| parsed.translate(out, to_app(ids, &parsed)))?;
        if let Some(new) = parsed.created {
            self.app
                .insert(new.id, new.interface, new.version)
                .map_err(|e| Fatal::Host(format!("object {}: {e}", new.id)))?;
            if !parsed.sender_alive {
                self.app.retire(new.id);
            }
        }
        if parsed.destroyed.is_some() {
            self.app.retire(sender);
        }
        Ok(())
    }

    /// Whether the app can make use of an event.
    fn wants(&self, parsed: &Parsed<'_>) -> bool {
        if parsed.is(&wl_shm::INTERFACE, wl_shm::event::FORMAT) {
            return parsed.args.uint(0).is_some_and(|format| bytes_per_pixel(format).is_some());
        }
        // The app has destroyed the sender. A new object must be named all the same, or ids would have gaps.
        parsed.sender_alive || parsed.created.is_some() || parsed.destroyed.is_some()
    }

    /// Globals pass through the app's table too: it decides what the app may bind.
    fn registry_event(&mut self, parsed: &Parsed<'_>) -> Result<(), Fatal> {
        let mut bytes = Vec::new();
        parsed.translate(&mut bytes, to_app(&self.host.ids, parsed))?;
        let host_error = |e: &dyn std::fmt::Display| Fatal::Host(e.to_string());
        let raw = RawMessage::decode(&bytes).map_err(|e| host_error(&e))?;
        let raw = raw.ok_or_else(|| host_error(&"registry event without end"))?;
        let seen = self.app.event(&raw, 0).map_err(|e| host_error(&e))?;
        if seen.disposition == Disposition::Forward {
            self.to_app.event(Vec::new(), |out| {
                out.extend_from_slice(seen.bytes());
                Ok::<(), Fatal>(())
            })?;
        }
        Ok(())
    }

    fn id_released(
        &mut self,
        host: ObjectId,
        parsed: &Parsed<'_>,
        cx: &mut Context<'_, impl Channel>,
    ) -> Result<(), Fatal> {
        self.pixels.surface_gone(host, &mut self.host, cx.counters)?;
        let Some(app) = self.host.ids.remove_host(host) else { return Ok(()) };
        self.app.release(app);
        let translate =
            |role: Role, id: ObjectId| Ok::<_, Fatal>(if role == Role::Deleted { app } else { id });
        self.to_app.event(Vec::new(), |out| parsed.translate(out, translate))
    }

    /// An event of an object that only we know.
    fn own_event(&mut self, parsed: &Parsed<'_>, cx: &mut Context<'_, impl Channel>) -> Result<(), Fatal> {
        if parsed.is(&wl_buffer::INTERFACE, wl_buffer::event::RELEASE) {
            self.pixels.release(parsed.sender, &mut self.host, cx.counters)?;
        } else if parsed.is(&wl_callback::INTERFACE, wl_callback::event::DONE) {
            self.host.caught_up(parsed.sender);
        }
        Ok(())
    }

    /// Tells the app why its connection ends.
    pub(crate) fn say_error(&mut self, fatal: &Fatal) -> Result<(), Fatal> {
        let Some((object, code)) = fatal.display_error() else { return Ok(()) };
        let text = fatal.to_string();
        let args = [Arg::Object(Some(object)), Arg::Uint(code), Arg::Str(Some(&text))];
        event(&mut self.to_app, ObjectId::DISPLAY, wl_display::event::ERROR, &args)
    }
}

/// An event of our own.
fn event(to_app: &mut ToApp, sender: ObjectId, opcode: u16, args: &[Arg<'_>]) -> Result<(), Fatal> {
    to_app.event(Vec::new(), |out| {
        let message = MessageBuilder::new(out, sender, opcode);
        Ok(args.iter().fold(message, |message, arg| message.arg(*arg)).finish()?)
    })
}

/// How an event's ids are called by the app.
fn to_app<'m>(
    ids: &'m super::ids::IdMap,
    parsed: &'m Parsed<'_>,
) -> impl FnMut(Role, ObjectId) -> Result<ObjectId, Fatal> + 'm {
    move |_, id| match ids.to_app(id) {
        Some(id) => Ok(id),
        // An error may blame one of our own objects; the app knows the display at least.
        None if parsed.is(&wl_display::INTERFACE, wl_display::event::ERROR) => Ok(ObjectId::DISPLAY),
        None => Err(Fatal::Host(format!("{} names {id}", parsed.message.name))),
    }
}

/// What the app gets for an identifier of the host.
fn descriptor(item: Identifier, cx: &mut Context<'_, impl Channel>) -> Result<OwnedFd, Fatal> {
    match item.kind {
        IdKind::Blob => Ok(keymap::private_copy(item.id, item.size, cx.channel)?),
        IdKind::WritePipe => Ok(cx.pipes.add_outbound(item.id)?),
        kind => Err(Fatal::Host(format!("identifier of kind {kind:?}"))),
    }
}

/// Tells the host that nobody will write the pipes of an event which nobody wants.
fn refuse_items(items: &[Identifier], channel: &mut impl Channel) -> Result<(), Fatal> {
    for item in items.iter().filter(|item| item.kind == IdKind::WritePipe) {
        let mut command = Vec::new();
        GuestCommand::Write(Pipe { id: item.id, hang_up: true, data: &[] }).encode(&mut command)?;
        channel.submit(&command, false)?;
    }
    Ok(())
}

fn app_fault(parsed: &Parsed<'_>, kind: FaultKind) -> Fatal {
    Fatal::App { object: parsed.sender, kind }
}

fn shm_fault(parsed: &Parsed<'_>) -> impl FnOnce(ShmError) -> Fatal + use<> {
    let object = parsed.sender;
    move |error| Fatal::Shm { object, error }
}
