// SPDX-License-Identifier: GPL-3.0-or-later
//! A Wayland client that knows how to behave, until an attack tells it not to. In: requests. Out: events,
//! and how the connection took them.

use crate::attack::Seen;
use crate::transport::{Memory, Received, Transport};
use cofferdam_wayland_wire::protocol::{
    wl_callback, wl_compositor, wl_display, wl_registry, wl_shm, wl_shm_pool, wl_surface, xdg_surface,
    xdg_toplevel, xdg_wm_base,
};
use cofferdam_wayland_wire::{Arg, Interface, ObjectId, RawMessage, encode};
use std::collections::{BTreeMap, VecDeque};
use std::io;

/// An event that nobody has looked at yet.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) sender: ObjectId,
    pub(crate) opcode: u16,
    pub(crate) body: Vec<u8>,
}

impl Event {
    /// The 32-bit word at this position of its arguments.
    pub(crate) fn word(&self, index: usize) -> u32 {
        let at = index.saturating_mul(4);
        let bytes = self.body.get(at..).and_then(|rest| rest.first_chunk::<4>());
        bytes.map_or(0, |bytes| u32::from_ne_bytes(*bytes))
    }
}

/// A window on the screen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) surface: ObjectId,
    pub(crate) xdg: ObjectId,
    pub(crate) toplevel: ObjectId,
}

/// One connection.
pub(crate) struct Client {
    transport: Box<dyn Transport>,
    next: u32,
    partial: Vec<u8>,
    events: VecDeque<Event>,
    globals: BTreeMap<String, (u32, u32)>,
    bound: BTreeMap<&'static str, ObjectId>,
    registry: ObjectId,
    ended: bool,
    blocked: bool,
    /// Buffers' memory stays until the end.
    memory: Vec<Memory>,
}

impl Client {
    /// Connects and learns the globals.
    pub(crate) fn new(transport: Box<dyn Transport>) -> io::Result<Self> {
        let mut client = Self {
            transport,
            next: 2,
            partial: Vec::new(),
            events: VecDeque::new(),
            globals: BTreeMap::new(),
            bound: BTreeMap::new(),
            registry: ObjectId::DISPLAY,
            ended: false,
            blocked: false,
            memory: Vec::new(),
        };
        client.registry = client.id();
        let registry = Arg::NewId(client.registry);
        client.send(
            ObjectId::DISPLAY,
            &wl_display::INTERFACE,
            wl_display::request::GET_REGISTRY,
            &[registry],
        )?;
        match client.roundtrip()? {
            Seen::Survived => Ok(client),
            seen => Err(io::Error::other(format!("a fresh connection is {seen:?}"))),
        }
    }

    /// A number for a new object.
    pub(crate) fn id(&mut self) -> ObjectId {
        let id = ObjectId::new(self.next).unwrap_or(ObjectId::DISPLAY);
        self.next = self.next.saturating_add(1);
        id
    }

    /// The number that [`Self::id`] would give.
    pub(crate) const fn next_number(&self) -> u32 {
        self.next
    }

    /// Sends a request that the codec can write.
    pub(crate) fn send(
        &mut self,
        sender: ObjectId,
        interface: &'static Interface,
        opcode: u16,
        args: &[Arg<'_>],
    ) -> io::Result<()> {
        let mut bytes = Vec::new();
        let message = interface.request(opcode).ok_or(io::ErrorKind::InvalidInput)?;
        encode(&mut bytes, sender, message, args).map_err(io::Error::other)?;
        self.raw(&bytes, &[])
    }

    /// Sends bytes as they are.
    pub(crate) fn raw(&mut self, bytes: &[u8], memory: &[&Memory]) -> io::Result<()> {
        if self.ended || self.blocked {
            return Ok(());
        }
        match self.transport.send(bytes, memory) {
            Ok(taken) => self.blocked = !taken,
            Err(e) if matches!(e.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) => {
                self.ended = true;
            }
            Err(e) => return Err(e),
        }
        Ok(())
    }

    /// Whether there is any use in going on.
    pub(crate) const fn is_over(&self) -> bool {
        self.ended || self.blocked
    }

    /// Memory for a pool.
    pub(crate) fn memory(&mut self, bytes: usize) -> io::Result<Memory> {
        self.transport.memory(bytes)
    }

    /// Binds a listed global, once.
    pub(crate) fn bind(&mut self, interface: &'static Interface) -> io::Result<ObjectId> {
        if let Some(id) = self.bound.get(interface.name) {
            return Ok(*id);
        }
        let (name, version) = *self
            .globals
            .get(interface.name)
            .ok_or_else(|| io::Error::other(format!("{} is not offered", interface.name)))?;
        let id = self.id();
        let version = version.min(interface.max_version);
        self.bind_as(name, interface.name, version, id)?;
        self.bound.insert(interface.name, id);
        Ok(id)
    }

    /// Binds whatever it is told to.
    pub(crate) fn bind_as(
        &mut self,
        name: u32,
        interface: &str,
        version: u32,
        id: ObjectId,
    ) -> io::Result<()> {
        let new = Arg::NewIdAny { interface, version, id };
        let bind = wl_registry::request::BIND;
        self.send(self.registry, &wl_registry::INTERFACE, bind, &[Arg::Uint(name), new])
    }

    /// The registry.
    pub(crate) const fn registry(&self) -> ObjectId {
        self.registry
    }

    /// The number of an offered global.
    pub(crate) fn global(&self, interface: &str) -> u32 {
        self.globals.get(interface).map_or(0, |(name, _)| *name)
    }

    /// Asks for an answer to everything so far. Says how the connection took it.
    pub(crate) fn roundtrip(&mut self) -> io::Result<Seen> {
        let callback = self.id();
        let new = Arg::NewId(callback);
        self.send(ObjectId::DISPLAY, &wl_display::INTERFACE, wl_display::request::SYNC, &[new])?;
        self.wait(|event| event.sender == callback && event.opcode == wl_callback::event::DONE)
            .map(|(seen, _)| seen)
    }

    /// Reads until an event fits, or the connection ends.
    pub(crate) fn wait(&mut self, mut fits: impl FnMut(&Event) -> bool) -> io::Result<(Seen, Option<Event>)> {
        loop {
            while let Some(event) = self.events.pop_front() {
                self.look(&event)?;
                if fits(&event) {
                    return Ok((Seen::Survived, Some(event)));
                }
            }
            if self.ended {
                return Ok((Seen::Closed, None));
            }
            if self.blocked {
                return Ok((Seen::Blocked, None));
            }
            match self.transport.receive()? {
                Received::Closed => {
                    self.ended = true;
                    return Ok((Seen::Closed, None));
                }
                Received::Silence => return Ok((Seen::Silent, None)),
                Received::Bytes(bytes) => self.partial.extend(bytes),
            }
            self.split()?;
        }
    }

    /// Stays as it is until it is ended from outside.
    pub(crate) fn stay(&mut self) -> io::Result<Seen> {
        loop {
            match self.wait(|_| false)?.0 {
                Seen::Silent => {}
                seen => return Ok(seen),
            }
        }
    }

    fn split(&mut self) -> io::Result<()> {
        let mut at = 0;
        while let Some(raw) =
            RawMessage::decode(self.partial.get(at..).unwrap_or_default()).map_err(io::Error::other)?
        {
            self.events.push_back(Event {
                sender: raw.sender,
                opcode: raw.opcode,
                body: raw.body().to_vec(),
            });
            at = at.saturating_add(raw.bytes().len());
        }
        self.partial.drain(..at);
        Ok(())
    }

    /// What every client does with an event.
    fn look(&mut self, event: &Event) -> io::Result<()> {
        if event.sender == self.registry && event.opcode == wl_registry::event::GLOBAL {
            let len = usize::try_from(event.word(1)).map_err(io::Error::other)?;
            let text = event.body.get(8..).and_then(|rest| rest.get(..len.saturating_sub(1)));
            let text = String::from_utf8_lossy(text.unwrap_or_default()).into_owned();
            let version = event.word(2_usize.saturating_add(len.div_ceil(4)));
            self.globals.insert(text, (event.word(0), version));
        }
        let ping = xdg_wm_base::event::PING;
        if Some(&event.sender) == self.bound.get(xdg_wm_base::INTERFACE.name) && event.opcode == ping {
            let pong = xdg_wm_base::request::PONG;
            self.send(event.sender, &xdg_wm_base::INTERFACE, pong, &[Arg::Uint(event.word(0))])?;
        }
        Ok(())
    }

    /// A new surface.
    pub(crate) fn surface(&mut self) -> io::Result<ObjectId> {
        let compositor = self.bind(&wl_compositor::INTERFACE)?;
        let surface = self.id();
        let create = wl_compositor::request::CREATE_SURFACE;
        self.send(compositor, &wl_compositor::INTERFACE, create, &[Arg::NewId(surface)])?;
        Ok(surface)
    }

    /// A pool of `size` bytes, as it says, over this memory.
    pub(crate) fn pool(&mut self, memory: &Memory, size: i32) -> io::Result<ObjectId> {
        let shm = self.bind(&wl_shm::INTERFACE)?;
        let pool = self.id();
        let mut bytes = Vec::new();
        let message =
            wl_shm::INTERFACE.request(wl_shm::request::CREATE_POOL).ok_or(io::ErrorKind::InvalidInput)?;
        encode(&mut bytes, shm, message, &[Arg::NewId(pool), Arg::Fd, Arg::Int(size)])
            .map_err(io::Error::other)?;
        self.raw(&bytes, &[memory])?;
        Ok(pool)
    }

    /// A buffer with this geometry: offset, width, height, stride.
    pub(crate) fn buffer_in(&mut self, pool: ObjectId, geometry: [i32; 4]) -> io::Result<ObjectId> {
        let buffer = self.id();
        let [offset, width, height, stride] = geometry.map(Arg::Int);
        let args = [Arg::NewId(buffer), offset, width, height, stride, Arg::Uint(1)];
        self.send(pool, &wl_shm_pool::INTERFACE, wl_shm_pool::request::CREATE_BUFFER, &args)?;
        Ok(buffer)
    }

    /// A buffer of one colour.
    pub(crate) fn buffer(&mut self, width: i32, height: i32, colour: u32) -> io::Result<ObjectId> {
        let size = width.saturating_mul(height).saturating_mul(4);
        let bytes = usize::try_from(size).map_err(io::Error::other)?;
        let memory = self.memory(bytes)?;
        memory.fill(bytes, colour)?;
        let pool = self.pool(&memory, size)?;
        self.memory.push(memory);
        self.buffer_in(pool, [0, width, height, width.saturating_mul(4)])
    }

    /// Shows a buffer.
    pub(crate) fn show(&mut self, surface: ObjectId, buffer: ObjectId) -> io::Result<()> {
        let args = [Arg::Object(Some(buffer)), Arg::Int(0), Arg::Int(0)];
        self.send(surface, &wl_surface::INTERFACE, wl_surface::request::ATTACH, &args)?;
        let all = [0, 0, i32::MAX, i32::MAX].map(Arg::Int);
        self.send(surface, &wl_surface::INTERFACE, wl_surface::request::DAMAGE_BUFFER, &all)?;
        self.commit(surface)
    }

    /// Commits a surface.
    pub(crate) fn commit(&mut self, surface: ObjectId) -> io::Result<()> {
        self.send(surface, &wl_surface::INTERFACE, wl_surface::request::COMMIT, &[])
    }

    /// A window with a title, not yet shown.
    pub(crate) fn toplevel(&mut self, title: &str, app_id: &str) -> io::Result<Window> {
        let base = self.bind(&xdg_wm_base::INTERFACE)?;
        let surface = self.surface()?;
        let (xdg, toplevel) = (self.id(), self.id());
        let args = [Arg::NewId(xdg), Arg::Object(Some(surface))];
        self.send(base, &xdg_wm_base::INTERFACE, xdg_wm_base::request::GET_XDG_SURFACE, &args)?;
        let get = xdg_surface::request::GET_TOPLEVEL;
        self.send(xdg, &xdg_surface::INTERFACE, get, &[Arg::NewId(toplevel)])?;
        let text = xdg_toplevel::request::SET_TITLE;
        self.send(toplevel, &xdg_toplevel::INTERFACE, text, &[Arg::Str(Some(title))])?;
        let text = xdg_toplevel::request::SET_APP_ID;
        self.send(toplevel, &xdg_toplevel::INTERFACE, text, &[Arg::Str(Some(app_id))])?;
        self.commit(surface)?;
        Ok(Window { surface, xdg, toplevel })
    }

    /// Waits for a configure and says yes to it.
    pub(crate) fn configured(&mut self, xdg: ObjectId) -> io::Result<()> {
        let configure = xdg_surface::event::CONFIGURE;
        let (seen, event) = self.wait(|e| e.sender == xdg && e.opcode == configure)?;
        let serial = event.ok_or_else(|| io::Error::other(format!("no configure, but {seen:?}")))?.word(0);
        let ack = xdg_surface::request::ACK_CONFIGURE;
        self.send(xdg, &xdg_surface::INTERFACE, ack, &[Arg::Uint(serial)])
    }

    /// A window on the screen, of one colour.
    pub(crate) fn window(&mut self, title: &str, size: [i32; 2], colour: u32) -> io::Result<Window> {
        let window = self.toplevel(title, "hostile")?;
        self.configured(window.xdg)?;
        let buffer = self.buffer(size[0], size[1], colour)?;
        self.show(window.surface, buffer)?;
        match self.roundtrip()? {
            Seen::Survived => Ok(window),
            seen => Err(io::Error::other(format!("an ordinary window is {seen:?}"))),
        }
    }
}
