// SPDX-License-Identifier: GPL-3.0-or-later
//! The host's side of one client. In: requests of the app and our own. Out: the same under the ids that the
//! host knows, queued for it.

use cofferdam_wayland_wire::protocol::{wl_buffer, wl_callback, wl_display, wl_shm, wl_shm_pool, wl_surface};
use cofferdam_wayland_wire::{
    Arg, FaultKind, Interface, Limits, MessageBuilder, NewObject, ObjectId, ObjectTable, Parsed, Role,
};
use cofferdam_xdomain::channel::{IdKind, Identifier};

use super::damage::{Rect, Region};
use super::fatal::Fatal;
use super::ids::IdMap;
use super::layout::Geometry;
use super::to_host::ToHost;

/// Bytes after which the host is asked how far it is.
const ASK_AFTER: usize = 64 * 1024;
/// Bytes that the host may be behind before the app has to wait.
const MAX_BEHIND: usize = 256 * 1024;

/// What the host knows of one client.
#[derive(Debug)]
pub(crate) struct Host {
    /// Objects by the host's ids: those of the app and ours.
    pub(crate) table: ObjectTable,
    /// Whose is what.
    pub(crate) ids: IdMap,
    /// Requests on their way.
    pub(crate) out: ToHost,
    /// The `wl_shm` that our pools are made with: the first one that the app has bound.
    shm: Option<ObjectId>,
    /// Our `wl_callback` that comes back when the host has read everything before it.
    sync: Option<ObjectId>,
    /// Bytes sent before and after that question.
    behind: (usize, usize),
}

impl Host {
    /// A new connection.
    pub(crate) fn new() -> Self {
        Self {
            table: ObjectTable::new(&Limits::DEFAULT),
            ids: IdMap::new(),
            out: ToHost::default(),
            shm: None,
            sync: None,
            behind: (0, 0),
        }
    }

    fn host_id(&self, app: ObjectId) -> Result<ObjectId, Fatal> {
        self.ids.to_host(app).ok_or(Fatal::App { object: app, kind: FaultKind::Sender })
    }

    /// Passes a request of the app on.
    pub(crate) fn forward(&mut self, parsed: &Parsed<'_>, ids: &[Identifier]) -> Result<(), Fatal> {
        let new = parsed.created.map(|new| self.adopt(new)).transpose()?;
        let map = &self.ids;
        let translate = |role: Role, id: ObjectId| {
            let host = if role == Role::New { new } else { map.to_host(id) };
            host.ok_or(Fatal::App {
                object: parsed.sender,
                kind: FaultKind::Object { name: "id", id: id.get() },
            })
        };
        self.out.request(ids, |out| parsed.translate(out, translate))?;
        self.sent(parsed.bytes().len());
        if let Some(id) = parsed.destroyed {
            let host = self.host_id(id)?;
            self.table.retire(host);
        }
        Ok(())
    }

    /// Gives an object that the app makes a name on the host.
    fn adopt(&mut self, new: NewObject) -> Result<ObjectId, Fatal> {
        let host = self.new_id(new.interface, new.version)?;
        self.ids.insert(new.id, host);
        if new.interface.is(&wl_shm::INTERFACE) && self.shm.is_none() {
            self.shm = Some(host);
        }
        Ok(host)
    }

    fn new_id(&mut self, interface: &'static Interface, version: u32) -> Result<ObjectId, Fatal> {
        let refuse = |kind| Fatal::App { object: ObjectId::DISPLAY, kind };
        let id = self.table.next_client_id().map_err(refuse)?;
        self.table.insert(id, interface, version).map_err(refuse)?;
        Ok(id)
    }

    /// A request of our own.
    fn request(
        &mut self,
        sender: ObjectId,
        opcode: u16,
        args: &[Arg<'_>],
        ids: &[Identifier],
    ) -> Result<(), Fatal> {
        self.out.request(ids, |out| {
            let message = MessageBuilder::new(out, sender, opcode);
            args.iter().fold(message, |message, arg| message.arg(*arg)).finish().map_err(Fatal::from)
        })?;
        self.sent(8usize.saturating_add(args.len().saturating_mul(4)));
        Ok(())
    }

    /// A pool on a blob of ours.
    pub(crate) fn create_pool(&mut self, resource: u32, size: u64) -> Result<ObjectId, Fatal> {
        // An app cannot have a buffer without having bound this.
        let shm = self.shm.ok_or(Fatal::App { object: ObjectId::DISPLAY, kind: FaultKind::Sender })?;
        let version = self.table.get(shm).map_or(1, |object| object.version);
        let pool = self.new_id(&wl_shm_pool::INTERFACE, version)?;
        let size = i32::try_from(size).map_err(|_e| Fatal::NoMemory)?;
        let blob = Identifier { id: resource, kind: IdKind::Blob, size: size.cast_unsigned() };
        let args = [Arg::NewId(pool), Arg::Fd, Arg::Int(size)];
        self.request(shm, wl_shm::request::CREATE_POOL, &args, &[blob])?;
        Ok(pool)
    }

    /// A buffer at the start of a pool of ours.
    pub(crate) fn create_buffer(&mut self, pool: ObjectId, geometry: Geometry) -> Result<ObjectId, Fatal> {
        let stride = geometry.own_stride().and_then(|s| i32::try_from(s).ok()).ok_or(Fatal::NoMemory)?;
        let buffer = self.new_id(&wl_buffer::INTERFACE, 1)?;
        let args = [
            Arg::NewId(buffer),
            Arg::Int(0),
            Arg::Int(geometry.width),
            Arg::Int(geometry.height),
            Arg::Int(stride),
            Arg::Uint(geometry.format),
        ];
        self.request(pool, wl_shm_pool::request::CREATE_BUFFER, &args, &[])?;
        Ok(buffer)
    }

    /// Ends a buffer of ours.
    pub(crate) fn destroy_buffer(&mut self, buffer: ObjectId) -> Result<(), Fatal> {
        self.table.retire(buffer);
        self.request(buffer, wl_buffer::request::DESTROY, &[], &[])
    }

    /// Ends a pool of ours.
    pub(crate) fn destroy_pool(&mut self, pool: ObjectId) -> Result<(), Fatal> {
        self.table.retire(pool);
        self.request(pool, wl_shm_pool::request::DESTROY, &[], &[])
    }

    /// Attaches a buffer that the host knows.
    pub(crate) fn attach(
        &mut self,
        surface: ObjectId,
        buffer: Option<ObjectId>,
        x: i32,
        y: i32,
    ) -> Result<(), Fatal> {
        let args = [Arg::Object(buffer), Arg::Int(x), Arg::Int(y)];
        self.request(surface, wl_surface::request::ATTACH, &args, &[])
    }

    /// Damage; `opcode` says in which coordinates.
    fn damage(&mut self, surface: ObjectId, opcode: u16, region: &Region) -> Result<(), Fatal> {
        region.rects().iter().try_for_each(|rect| {
            let args =
                [Arg::Int(rect.x0), Arg::Int(rect.y0), Arg::Int(rect.width()), Arg::Int(rect.height())];
            self.request(surface, opcode, &args, &[])
        })
    }

    /// Damage in the coordinates of the buffer.
    pub(crate) fn damage_buffer(&mut self, surface: ObjectId, region: &Region) -> Result<(), Fatal> {
        self.damage(surface, wl_surface::request::DAMAGE_BUFFER, region)
    }

    /// Damage in the coordinates of the surface.
    pub(crate) fn damage_surface(&mut self, surface: ObjectId, region: &Region) -> Result<(), Fatal> {
        self.damage(surface, wl_surface::request::DAMAGE, region)
    }

    /// Damage everywhere.
    pub(crate) fn damage_all(&mut self, surface: ObjectId) -> Result<(), Fatal> {
        let everywhere = Rect { x0: 0, y0: 0, x1: i32::MAX, y1: i32::MAX };
        self.damage_surface(surface, &Region::from_rect(everywhere))
    }

    fn sent(&mut self, bytes: usize) {
        self.behind.1 = self.behind.1.saturating_add(bytes);
    }

    /// Asks the host how far it is, if much was sent since it was asked last.
    pub(crate) fn keep_pace(&mut self) -> Result<(), Fatal> {
        if self.sync.is_none() && self.behind.1 >= ASK_AFTER {
            let callback = self.new_id(&wl_callback::INTERFACE, 1)?;
            self.request(ObjectId::DISPLAY, wl_display::request::SYNC, &[Arg::NewId(callback)], &[])?;
            self.sync = Some(callback);
            self.behind = (self.behind.1, 0);
        }
        Ok(())
    }

    /// Takes note of an answer; `false` if this is none of our questions.
    pub(crate) fn caught_up(&mut self, callback: ObjectId) -> bool {
        let ours = self.sync == Some(callback);
        if ours {
            self.sync = None;
            self.behind.0 = 0;
        }
        ours
    }

    /// Whether the host is so far behind that the app has to wait.
    pub(crate) fn is_behind(&self) -> bool {
        self.behind.0.saturating_add(self.behind.1) > MAX_BEHIND
    }
}
