// SPDX-License-Identifier: GPL-3.0-or-later
//! In: bytes that are read as steps of a guest and of those around it. Out: nothing, or a panic if the gpu device
//! breaks one of its promises: every command is answered once, every descriptor ends somewhere, every sum is
//! right, nothing outside the guest's memory and the arena is named, and after a reset nothing is left.

use cofferdam_gpu_core::{
    Config, Device, Effect, FdKey, FdKind, GuestRam, Input, Mono, Outgoing, OutsideRam, PipeKey, Range, Token,
};
use cofferdam_xdomain::Limits;
use cofferdam_xdomain::channel::{
    GuestCommand, IdKind, IdList, Identifier, Init, Init2, Pipe, Transfer, channel_type,
};
use cofferdam_xdomain::virtio::{
    Command, CreateBlob, CtxName, FLAG_FENCE, FLAG_RING_IDX, Header, MemEntries, MemEntry, Request,
};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

const PAGE: u64 = 4096;
const RAM: u64 = 64 * PAGE;
const RAM_BYTES: usize = 64 * 4096;
const ARENA: u64 = 32 * PAGE;
const RING: u32 = 4096;

/// Small numbers, so that short inputs reach them.
pub const LIMITS: Limits = Limits {
    resources: 8,
    contexts: 3,
    pipes_per_context: 3,
    pipe_buffer_bytes: 256,
    queue_bytes: 2048,
    unclaimed_items: 3,
    ring_min: RING,
    ring_max: RING,
    ..Limits::DEFAULT
};

/// RAM from 0 up; everything else is not there.
struct Ram(RefCell<Vec<u8>>);

impl Ram {
    fn at(&self, addr: u64, len: usize) -> Result<std::ops::Range<usize>, OutsideRam> {
        let start = usize::try_from(addr).map_err(|_too_far| OutsideRam)?;
        let end = start.checked_add(len).filter(|end| *end <= self.0.borrow().len()).ok_or(OutsideRam)?;
        Ok(start..end)
    }
}

impl GuestRam for Ram {
    fn is_ram(&self, addr: u64, len: u64) -> bool {
        addr.checked_add(len).is_some_and(|end| end <= RAM)
    }

    fn size(&self) -> u64 {
        RAM
    }

    fn read(&self, addr: u64, into: &mut [u8]) -> Result<(), OutsideRam> {
        let at = self.at(addr, into.len())?;
        into.copy_from_slice(&self.0.borrow()[at]);
        Ok(())
    }

    fn write(&self, addr: u64, bytes: &[u8]) -> Result<(), OutsideRam> {
        let at = self.at(addr, bytes.len())?;
        self.0.borrow_mut()[at].copy_from_slice(bytes);
        Ok(())
    }

    fn load_acquire(&self, addr: u64) -> Result<u32, OutsideRam> {
        let mut word = [0; 4];
        self.read(addr, &mut word).map(|()| u32::from_ne_bytes(word))
    }

    fn store_release(&self, addr: u64, value: u32) -> Result<(), OutsideRam> {
        self.write(addr, &value.to_ne_bytes())
    }
}

/// What stands open around the device.
struct World {
    device: Device,
    ram: Ram,
    now: Mono,
    next_token: u64,
    next_fd: u64,
    owed: BTreeSet<Token>,
    fds: BTreeSet<FdKey>,
    clients: BTreeSet<u32>,
    pipes: BTreeSet<PipeKey>,
    seen: BTreeSet<&'static str>,
}

/// A cursor that yields zeros after its end.
struct Steps<'a>(&'a [u8]);

impl<'a> Steps<'a> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn below(&mut self, n: u8) -> u32 {
        (self.byte() % n).into()
    }

    fn bytes(&mut self) -> &'a [u8] {
        let len = usize::from(self.byte()) * 2;
        let (head, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        head
    }
}

/// A whole life of a device.
pub fn device(data: &[u8]) {
    effects(data);
}

/// The same; says which effects there were, so that a test can tell whether a seed reaches what it is for.
pub fn effects(data: &[u8]) -> BTreeSet<&'static str> {
    let mut world = World {
        device: Device::new(Config { arena: ARENA, limits: LIMITS }),
        ram: Ram(RefCell::new(vec![0; RAM_BYTES])),
        now: Mono::default(),
        next_token: 0,
        next_fd: 0,
        owed: BTreeSet::new(),
        fds: BTreeSet::new(),
        clients: BTreeSet::new(),
        pipes: BTreeSet::new(),
        seen: BTreeSet::new(),
    };
    let mut steps = Steps(data);
    while !steps.0.is_empty() {
        world.step(&mut steps);
        world.device.verify().expect("the device's own invariants hold");
    }
    world.handle(Input::Reset);
    assert!(world.owed.is_empty(), "unanswered: {:?}", world.owed);
    assert!(world.fds.is_empty(), "descriptors left: {:?}", world.fds);
    assert!(world.clients.is_empty() && world.pipes.is_empty(), "{:?} {:?}", world.clients, world.pipes);
    assert_eq!((world.device.population(), world.device.arena_bytes()), ((0, 0), 0));
    world.seen
}

impl World {
    fn step(&mut self, s: &mut Steps<'_>) {
        self.now = self.now.plus(Duration::from_millis(10));
        match s.byte() % 26 {
            0 => self.raw(s.bytes()),
            1 => {
                let bytes = s.bytes();
                self.header_and(s.below(5), s.byte(), bytes);
            }
            2 => self.command(s.below(5), None, Command::CtxCreate { capset: 5, name: CtxName(b"") }),
            3 => self.command(s.below(5), None, Command::CtxDestroy),
            4 => self.guest_blob(s),
            5 => self.host_blob(s),
            6 => {
                let resource = s.below(10);
                self.command(s.below(5), None, Command::CtxAttachResource { resource });
            }
            7 => {
                let resource = s.below(10);
                self.command(s.below(5), None, Command::CtxDetachResource { resource });
            }
            8 => self.command(0, None, Command::ResourceUnref { resource: s.below(10) }),
            9 => {
                let (resource, page) = (s.below(10), u64::from(s.below(40)));
                self.command(0, None, Command::MapBlob { resource, offset: page * PAGE });
            }
            10 => self.command(0, None, Command::UnmapBlob { resource: s.below(10) }),
            11 => self.init(s),
            12 => {
                let (query_ring, channel_ring) = (None, s.below(10));
                let init =
                    Init2 { query_ring, channel_ring, channel_type: channel_type::WAYLAND, capacity: RING };
                self.submit(s.below(5), None, &[GuestCommand::Init2(init)]);
            }
            13 => {
                let (ctx, ring, payload) = (s.below(5), s.below(3), s.bytes());
                let ring = u8::try_from(ring).ok().filter(|ring| *ring < 2);
                self.command(ctx, ring, Command::Submit3d { payload });
            }
            14..=16 => self.send(s),
            17 => self.submit(s.below(5), Some(1), &[GuestCommand::Poll]),
            18 => {
                let (ctx, id, data) = (s.below(5), s.below(8), s.bytes());
                let hang_up = s.below(2) == 1;
                self.submit(ctx, Some(0), &[GuestCommand::Write(Pipe { id, hang_up, data })]);
            }
            19 | 20 => self.compositor_sends(s),
            21 => self.outside(s),
            22 => self.handle(Input::ArenaMapped(s.below(2) == 1)),
            23 => {
                self.now = self.now.plus(Duration::from_secs(s.byte().into()));
                self.handle(Input::Timeout);
            }
            24 => {
                let (page, word, value) = (u64::from(s.below(64)), u64::from(s.byte()), s.byte());
                self.ram.write(page * PAGE + word * 4, &[value, 0, 0, 0]).expect("inside RAM");
            }
            _ => self.handle(if s.below(4) == 0 { Input::Reset } else { Input::Timeout }),
        }
    }

    fn init(&mut self, s: &mut Steps<'_>) {
        let (query_ring, channel_ring) = (s.below(10), Some(s.below(10)));
        let init = Init { query_ring, channel_ring, channel_type: channel_type::WAYLAND };
        self.submit(s.below(5), None, &[GuestCommand::Init(init)]);
    }

    fn guest_blob(&mut self, s: &mut Steps<'_>) {
        let (resource, page, pages) = (s.below(10), u64::from(s.below(70)), s.below(6));
        let second = MemEntry { addr: u64::from(s.below(70)) * PAGE, len: 4096 };
        // A blob of several pages has its last one elsewhere; five pages bring one extent too many.
        let wire = match pages {
            0 | 1 => MemEntries::to_wire(&[MemEntry { addr: page * PAGE, len: pages * 4096 }]),
            5 => MemEntries::to_wire(&[MemEntry { addr: page * PAGE, len: pages * 4096 }, second]),
            _ => MemEntries::to_wire(&[MemEntry { addr: page * PAGE, len: (pages - 1) * 4096 }, second]),
        };
        let entries = MemEntries::from_wire(&wire).expect("whole extents");
        let size = u64::from(pages) * PAGE;
        let blob = CreateBlob { resource, mem: 1, flags: 1, blob_id: 0, size, entries };
        self.command(0, None, Command::CreateBlob(blob));
    }

    fn host_blob(&mut self, s: &mut Steps<'_>) {
        let (resource, blob_id, pages) = (s.below(10), u64::from(s.below(6)), u64::from(s.below(12)));
        let entries = MemEntries::default();
        let blob = CreateBlob { resource, mem: 2, flags: 1, blob_id, size: pages * PAGE, entries };
        self.command(s.below(5), None, Command::CreateBlob(blob));
    }

    fn send(&mut self, s: &mut Steps<'_>) {
        let ctx = s.below(5);
        let mut ids = IdList::new();
        for _ in 0..s.below(4) {
            let id = match s.below(3) {
                0 => Identifier { id: 0x8000_0000 + s.below(8), kind: IdKind::ReadPipe, size: 0 },
                1 => Identifier { id: s.below(10), kind: IdKind::Blob, size: 0 },
                _ => Identifier { id: s.below(10), kind: IdKind::WritePipe, size: 0 },
            };
            ids.push(id).expect("fewer than fit");
        }
        let data = s.bytes();
        self.submit(ctx, None, &[GuestCommand::Send(Transfer { ids, data })]);
    }

    fn compositor_sends(&mut self, s: &mut Steps<'_>) {
        let ctx = s.below(5);
        let mut fds = Vec::new();
        for _ in 0..s.below(3) {
            let kind = match s.below(3) {
                0 => FdKind::Memory(s.byte().into()),
                1 => FdKind::Pipe,
                _ => FdKind::Other,
            };
            let key = FdKey(self.next_fd);
            self.next_fd += 1;
            self.fds.insert(key);
            fds.push((key, kind));
        }
        self.handle(Input::FromCompositor { ctx, bytes: s.bytes(), fds: &fds });
    }

    /// Pipes and sockets that gave, took or went away.
    fn outside(&mut self, s: &mut Steps<'_>) {
        let ctx = s.below(5);
        let id = if s.below(2) == 0 { s.below(8) } else { 0x8000_0000 + s.below(8) };
        let pipe = PipeKey { ctx, id };
        let bytes = usize::from(s.byte());
        match s.below(7) {
            0 => self.handle(Input::FromPipe { pipe, bytes: &vec![7; bytes + 1] }),
            1 => self.handle(Input::PipeClosed { pipe }),
            2 => self.handle(Input::PipeWrote { pipe, bytes }),
            3 => self.handle(Input::ClientWrote { ctx, bytes: bytes * 16 }),
            4 => self.handle(Input::ClientClosed { ctx }),
            5 => self.handle(Input::CompositorGone),
            _ => {
                let token = self.token();
                self.handle(Input::Malformed { token, header: s.bytes(), kind: "fuzz" });
            }
        }
    }

    fn token(&mut self) -> Token {
        let token = Token(self.next_token);
        self.next_token += 1;
        self.owed.insert(token);
        token
    }

    fn raw(&mut self, bytes: &[u8]) {
        let token = self.token();
        self.handle(Input::Command { token, bytes });
    }

    /// Any body behind the header of a real command.
    fn header_and(&mut self, ctx_id: u32, kind: u8, body: &[u8]) {
        const KINDS: [u32; 14] = [
            0x100, 0x102, 0x106, 0x107, 0x108, 0x109, 0x10c, 0x200, 0x201, 0x202, 0x203, 0x207, 0x208, 0x209,
        ];
        let kind = KINDS[usize::from(kind) % KINDS.len()];
        let mut bytes = Vec::new();
        Header { kind, flags: FLAG_FENCE, fence_id: 1, ctx_id, ring_idx: 0 }.encode(&mut bytes);
        bytes.extend_from_slice(body);
        self.raw(&bytes);
    }

    fn command(&mut self, ctx_id: u32, ring: Option<u8>, command: Command<'_>) {
        let flags = FLAG_FENCE | if ring.is_some() { FLAG_RING_IDX } else { 0 };
        let header = Header { kind: 0, flags, fence_id: 1, ctx_id, ring_idx: ring.unwrap_or(0) };
        let mut bytes = Vec::new();
        Request { header, command }.encode(&mut bytes).expect("small enough");
        self.raw(&bytes);
    }

    fn submit(&mut self, ctx: u32, ring: Option<u8>, commands: &[GuestCommand<'_>]) {
        let mut payload = Vec::new();
        commands.iter().for_each(|command| command.encode(&mut payload).expect("small enough"));
        self.command(ctx, ring, Command::Submit3d { payload: &payload });
    }

    fn handle(&mut self, input: Input<'_>) {
        self.device.handle(input, self.now, &self.ram);
        while let Some(effect) = self.device.poll_effect() {
            self.carry_out(effect);
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        self.seen.insert(name(&effect));
        let inside = |range: Range| range.offset.checked_add(range.len).is_some_and(|end| end <= ARENA);
        match effect {
            Effect::Complete { token, .. } => assert!(self.owed.remove(&token), "{token:?} answered twice"),
            Effect::MapArena
            | Effect::ReadPipe { .. }
            | Effect::ReadClient { .. }
            | Effect::Report { .. }
            | Effect::Trouble { .. } => {}
            Effect::OpenClient { ctx } => assert!(self.clients.insert(ctx), "client {ctx} opened twice"),
            Effect::CloseClient { ctx } => assert!(self.clients.remove(&ctx), "client {ctx} closed twice"),
            Effect::ToCompositor { ctx, bytes, fds } => {
                assert!(self.clients.contains(&ctx), "bytes for client {ctx}, which is closed");
                assert!(fds.len() <= 28 && !bytes.is_empty());
                for fd in fds {
                    if let Outgoing::NewPipe(pipe) = fd {
                        assert!(self.pipes.insert(pipe), "{pipe:?} opened twice");
                    }
                }
            }
            Effect::AdoptPipe { pipe, fd } => {
                assert!(self.fds.remove(&fd), "{fd:?} was not there");
                assert!(self.pipes.insert(pipe), "{pipe:?} opened twice");
            }
            Effect::ToPipe { pipe, bytes } => {
                assert!(self.pipes.contains(&pipe) && !bytes.is_empty(), "{pipe:?}");
            }
            Effect::ClosePipe { pipe } => assert!(self.pipes.remove(&pipe), "{pipe:?} was not there"),
            Effect::FillArena { fd, range } => {
                assert!(self.fds.remove(&fd), "{fd:?} was not there");
                assert!(inside(range), "{range:?}");
            }
            Effect::CloseFd(fd) => assert!(self.fds.remove(&fd), "{fd:?} was not there"),
            Effect::Punch(range) => assert!(inside(range), "{range:?}"),
        }
    }
}

fn name(effect: &Effect) -> &'static str {
    match effect {
        Effect::Complete { .. } => "complete",
        Effect::MapArena => "map-arena",
        Effect::OpenClient { .. } => "open-client",
        Effect::CloseClient { .. } => "close-client",
        Effect::ToCompositor { fds, .. } if fds.contains(&Outgoing::Arena) => "pool",
        Effect::ToCompositor { fds, .. } if !fds.is_empty() => "pipe",
        Effect::ToCompositor { .. } => "requests",
        Effect::ReadClient { .. } => "read-client",
        Effect::AdoptPipe { .. } => "adopt-pipe",
        Effect::ToPipe { .. } => "to-pipe",
        Effect::ReadPipe { .. } => "read-pipe",
        Effect::ClosePipe { .. } => "close-pipe",
        Effect::FillArena { .. } => "fill-arena",
        Effect::CloseFd(_) => "close-fd",
        Effect::Punch(_) => "punch",
        Effect::Report { .. } => "report",
        Effect::Trouble { .. } => "trouble",
    }
}
