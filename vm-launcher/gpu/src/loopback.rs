// SPDX-License-Identifier: GPL-3.0-or-later
//! The device without a VM: for tests, benchmarks and fuzzers.
//!
//! In: commands of the control queue, as bytes or typed, and memory that stands for the guest's RAM. Out: the
//! answers, what the device wrote into that memory, and real sockets into whoever plays the compositor. Shell
//! code is the code that runs under a VM; only virtqueues and the machine are missing.
//!
//! The memory table looks as QEMU makes it: RAM in two pieces with a hole between them, and the arena listed
//! as if it were memory.

use crate::shell::{Shell, Wish};
use crate::vhost::{FileId, RamMap, VmRam};
use cofferdam_device_kit::SharedMemory;
use cofferdam_gpu_core::{Config, GuestRam, OutsideRam, PAGE, Token};
use cofferdam_kit::transport;
use cofferdam_xdomain::channel::{CHANNEL_RING, GuestCommand, Init, Init2, channel_type};
use cofferdam_xdomain::ring;
use cofferdam_xdomain::virtio::{
    CAPSET_CROSS_DOMAIN, Command, CreateBlob, CtxName, FLAG_FENCE, FLAG_RING_IDX, Header, MemEntries,
    MemEntry, Request, Response, ResponseCode, blob_flag, blob_mem,
};
use rustix::fs::MemfdFlags;
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;
use vm_memory::{FileOffset, GuestAddress, GuestMemoryMmap};

/// Where the second piece of RAM begins.
pub const HIGH_RAM: u64 = 4 << 30;
/// Where the machine pretends the arena to be.
pub const ARENA_WINDOW: u64 = 64 << 30;

/// Why a loopback device cannot be made or used.
#[derive(Debug, thiserror::Error)]
pub enum LoopbackError {
    /// The kernel refused.
    #[error("loopback: {0}")]
    Kernel(#[from] Errno),
    /// The memory cannot be mapped.
    #[error("loopback: memory: {0}")]
    Memory(String),
    /// A socket pair cannot be made.
    #[error("loopback: {0}")]
    Transport(#[from] transport::TransportError),
    /// The device refused a set-up step.
    #[error("loopback: the device answered {0:?}")]
    Refused(ResponseCode),
    /// The device has not answered a command that it answers at once.
    #[error("loopback: no answer")]
    NoAnswer,
    /// A command does not fit on the wire.
    #[error("loopback: {0}")]
    Encode(#[from] cofferdam_xdomain::EncodeError),
    /// Reading or writing beyond the memory.
    #[error("loopback: {0}")]
    OutsideRam(#[from] OutsideRam),
    /// The simulated memory is used up.
    #[error("loopback: the memory is used up")]
    Full,
}

/// A blob of the simulated guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blob {
    /// Its id.
    pub resource: u32,
    /// Of a guest blob: its address, which is also its offset in [`Loopback::ram`]. Of an arena blob: its
    /// offset in the arena.
    pub at: u64,
    /// Bytes.
    pub size: u64,
}

/// A device and a simulated guest.
#[derive(Debug)]
pub struct Loopback {
    shell: Shell,
    memory: SharedMemory,
    map: RamMap,
    ram: OwnedFd,
    low: u64,
    next_page: u64,
    next_range: u64,
    arena: u64,
    next_resource: u32,
    next_token: u64,
    next_fence: u64,
    answers: BTreeMap<Token, Vec<u8>>,
    /// What the machine says when it is asked to map the arena; `None` lets the device wait.
    pub machine_maps: Option<bool>,
}

impl Loopback {
    /// A device for a guest with `ram` bytes (a multiple of two pages). Also returns the compositor's end of the
    /// VM channel.
    ///
    /// # Errors
    /// [`LoopbackError`].
    pub fn new(config: Config, ram: u64) -> Result<(Self, OwnedFd), LoopbackError> {
        let (theirs, ours) = transport::pair()?;
        Ok((Self::with_channel(config, ram, ours)?, theirs))
    }

    /// The same with a given channel.
    ///
    /// # Errors
    /// [`LoopbackError`].
    pub fn with_channel(config: Config, ram: u64, channel: OwnedFd) -> Result<Self, LoopbackError> {
        let shell = Shell::new(config, channel, None)?;
        let file = rustix::fs::memfd_create("loopback-ram", MemfdFlags::CLOEXEC)?;
        rustix::fs::ftruncate(&file, ram)?;
        let low = ram / 2;
        let map = RamMap::new(FileId::of(shell.arena().as_fd())?);
        let memory = memory_table(&file, low, ram, shell.arena().as_fd(), config.arena)?;
        map.update(&memory);
        Ok(Self {
            shell,
            memory: SharedMemory::new(memory),
            map,
            ram: file,
            low,
            next_page: 0,
            next_range: 0,
            arena: config.arena,
            next_resource: 1,
            next_token: 0,
            next_fence: 1,
            answers: BTreeMap::new(),
            machine_maps: Some(true),
        })
    }

    /// The simulated RAM; its first half is at address 0.
    #[must_use]
    pub fn ram(&self) -> BorrowedFd<'_> {
        self.ram.as_fd()
    }

    /// The arena.
    #[must_use]
    pub fn arena(&self) -> BorrowedFd<'_> {
        self.shell.arena().as_fd()
    }

    /// The device.
    #[must_use]
    pub const fn shell(&self) -> &Shell {
        &self.shell
    }

    /// Queues a request's bytes, whatever they are.
    pub fn request(&mut self, bytes: &[u8]) -> Token {
        let token = Token(self.next_token);
        self.next_token = self.next_token.wrapping_add(1);
        self.with_ram(|shell, ram| shell.command(token, bytes, ram));
        token
    }

    /// Queues a command. Every command gets a fence, so that answers can be checked for it.
    ///
    /// # Errors
    /// [`LoopbackError::Encode`].
    pub fn command(
        &mut self,
        ctx: u32,
        ring: Option<u8>,
        command: Command<'_>,
    ) -> Result<Token, LoopbackError> {
        let flags = FLAG_FENCE | if ring.is_some() { FLAG_RING_IDX } else { 0 };
        let fence_id = self.next_fence;
        self.next_fence = fence_id.wrapping_add(1);
        let header = Header { kind: 0, flags, fence_id, ctx_id: ctx, ring_idx: ring.unwrap_or(0) };
        let mut bytes = Vec::new();
        Request { header, command }.encode(&mut bytes)?;
        Ok(self.request(&bytes))
    }

    /// Takes the answer to a command, if it came.
    pub fn answer(&mut self, token: Token) -> Option<Vec<u8>> {
        self.answers.remove(&token)
    }

    /// The code of an answer, if it came; the answer is taken.
    pub fn code(&mut self, token: Token) -> Option<ResponseCode> {
        let answer = self.answer(token)?;
        Response::decode(&answer).ok().map(|(_, response)| response.code())
    }

    /// Queues a command that is answered at once.
    ///
    /// # Errors
    /// [`LoopbackError::NoAnswer`], [`LoopbackError::Encode`].
    pub fn call(&mut self, ctx: u32, command: Command<'_>) -> Result<ResponseCode, LoopbackError> {
        let token = self.command(ctx, None, command)?;
        self.code(token).ok_or(LoopbackError::NoAnswer)
    }

    /// Handles sockets, pipes and time. Says whether the device asked for a wake-up.
    ///
    /// # Errors
    /// [`LoopbackError::Kernel`].
    pub fn turn(&mut self, timeout: Option<Duration>) -> Result<bool, LoopbackError> {
        Ok(self.with_ram(|shell, ram| shell.turn(timeout, ram))?)
    }

    /// Watches a descriptor that ends [`Self::turn`] early, as the kick of a queue does.
    ///
    /// # Errors
    /// [`LoopbackError::Kernel`].
    pub fn watch_wake(&mut self, fd: BorrowedFd<'_>) -> Result<(), LoopbackError> {
        Ok(self.shell.watch_wake(fd)?)
    }

    /// What the machine does when the guest goes away.
    pub fn reset(&mut self) {
        self.with_ram(|shell, ram| shell.reset(ram));
        (self.next_page, self.next_range) = (0, 0);
    }

    /// The machine's late answer to the wish to map the arena.
    pub fn arena_mapped(&mut self, ok: bool) {
        self.with_ram(|shell, ram| shell.arena_mapped(ok, ram));
    }

    /// Makes a context.
    ///
    /// # Errors
    /// [`LoopbackError::Refused`].
    pub fn create_context(&mut self, ctx: u32) -> Result<(), LoopbackError> {
        let capset = u8::try_from(CAPSET_CROSS_DOMAIN).unwrap_or(0);
        accept(self.call(ctx, Command::CtxCreate { capset, name: CtxName(b"loopback") })?)
    }

    /// Makes a guest blob and attaches it to a context.
    ///
    /// # Errors
    /// [`LoopbackError::Full`], [`LoopbackError::Refused`].
    pub fn guest_blob(&mut self, ctx: u32, size: u64) -> Result<Blob, LoopbackError> {
        let size = size.checked_next_multiple_of(PAGE).ok_or(LoopbackError::Full)?;
        let at = self.next_page;
        let end = at.checked_add(size).filter(|end| *end <= self.low).ok_or(LoopbackError::Full)?;
        self.next_page = end;
        // Two extents where there are two pages, because that is what real rings have.
        let pages = [(at, PAGE.min(size)), (at.saturating_add(PAGE), size.saturating_sub(PAGE))];
        let entry = |(addr, len): (u64, u64)| u32::try_from(len).ok().map(|len| MemEntry { addr, len });
        let entries: Vec<MemEntry> = pages.into_iter().filter(|p| p.1 > 0).filter_map(entry).collect();
        let wire = MemEntries::to_wire(&entries);
        let resource = self.new_resource();
        let blob = CreateBlob {
            resource,
            mem: blob_mem::GUEST,
            flags: blob_flag::MAPPABLE,
            blob_id: 0,
            size,
            entries: MemEntries::from_wire(&wire).unwrap_or_default(),
        };
        accept(self.call(0, Command::CreateBlob(blob))?)?;
        accept(self.call(ctx, Command::CtxAttachResource { resource })?)?;
        Ok(Blob { resource, at, size })
    }

    /// Makes an arena blob of a host item, attaches it and maps it where there is room.
    ///
    /// # Errors
    /// [`LoopbackError::Full`], [`LoopbackError::Refused`].
    pub fn arena_blob(&mut self, ctx: u32, item: u32, size: u64) -> Result<Blob, LoopbackError> {
        let size = size.checked_next_multiple_of(PAGE).ok_or(LoopbackError::Full)?;
        let resource = self.new_resource();
        let entries = MemEntries::default();
        let (mem, flags) = (blob_mem::HOST3D, blob_flag::MAPPABLE);
        let blob = CreateBlob { resource, mem, flags, blob_id: item.into(), size, entries };
        accept(self.call(ctx, Command::CreateBlob(blob))?)?;
        accept(self.call(ctx, Command::CtxAttachResource { resource })?)?;
        let at = self.next_range;
        let end = at.checked_add(size).filter(|end| *end <= self.arena).ok_or(LoopbackError::Full)?;
        accept(self.call(ctx, Command::MapBlob { resource, offset: at })?)?;
        self.next_range = end;
        Ok(Blob { resource, at, size })
    }

    /// An id that no resource has.
    pub const fn new_resource(&mut self) -> u32 {
        let resource = self.next_resource;
        self.next_resource = resource.wrapping_add(1);
        resource
    }

    /// Submits cross-domain commands as bytes.
    ///
    /// # Errors
    /// [`LoopbackError::Encode`].
    pub fn submit(&mut self, ctx: u32, ring: Option<u8>, payload: &[u8]) -> Result<Token, LoopbackError> {
        self.command(ctx, ring, Command::Submit3d { payload })
    }

    /// Opens a channel of single messages. Returns the blob in which they appear.
    ///
    /// # Errors
    /// [`LoopbackError::Refused`].
    pub fn open_v1(&mut self, ctx: u32) -> Result<Blob, LoopbackError> {
        self.create_context(ctx)?;
        let (query, channel) = (self.guest_blob(ctx, PAGE)?, self.guest_blob(ctx, PAGE)?);
        let init = Init {
            query_ring: query.resource,
            channel_ring: Some(channel.resource),
            channel_type: channel_type::WAYLAND,
        };
        self.open(ctx, GuestCommand::Init(init))?;
        Ok(channel)
    }

    /// Opens a channel with a ring of `capacity` bytes. Returns the ring's blob.
    ///
    /// # Errors
    /// [`LoopbackError::Refused`].
    pub fn open_ring(&mut self, ctx: u32, capacity: u32) -> Result<Blob, LoopbackError> {
        self.create_context(ctx)?;
        let data = u64::try_from(ring::DATA).unwrap_or(PAGE);
        let channel = self.guest_blob(ctx, u64::from(capacity).saturating_add(data))?;
        let channel_ring = channel.resource;
        let channel_type = channel_type::WAYLAND;
        self.open(
            ctx,
            GuestCommand::Init2(Init2 { query_ring: None, channel_ring, channel_type, capacity }),
        )?;
        Ok(channel)
    }

    fn open(&mut self, ctx: u32, init: GuestCommand<'_>) -> Result<(), LoopbackError> {
        let mut payload = Vec::new();
        init.encode(&mut payload)?;
        let token = self.submit(ctx, None, &payload)?;
        accept(self.code(token).ok_or(LoopbackError::NoAnswer)?)
    }

    /// Submits commands and a POLL behind them.
    ///
    /// # Errors
    /// [`LoopbackError::Encode`].
    pub fn submit_and_poll(&mut self, ctx: u32, commands: &[u8]) -> Result<Token, LoopbackError> {
        let mut payload = commands.to_vec();
        GuestCommand::Poll.encode(&mut payload)?;
        self.submit(ctx, Some(CHANNEL_RING), &payload)
    }

    /// Reads the simulated RAM.
    ///
    /// # Errors
    /// [`LoopbackError::OutsideRam`].
    pub fn read(&self, addr: u64, len: usize) -> Result<Vec<u8>, LoopbackError> {
        let mut bytes = vec![0; len];
        VmRam::new(&self.memory, &self.map).read(addr, &mut bytes)?;
        Ok(bytes)
    }

    /// Writes the simulated RAM.
    ///
    /// # Errors
    /// [`LoopbackError::OutsideRam`].
    pub fn write(&self, addr: u64, bytes: &[u8]) -> Result<(), LoopbackError> {
        Ok(VmRam::new(&self.memory, &self.map).write(addr, bytes)?)
    }

    /// Access to the simulated RAM as the device has it.
    #[must_use]
    pub fn guest_ram(&self) -> VmRam<'_> {
        VmRam::new(&self.memory, &self.map)
    }

    fn with_ram<T>(&mut self, f: impl FnOnce(&mut Shell, &VmRam<'_>) -> T) -> T {
        let ram = VmRam::new(&self.memory, &self.map);
        let result = f(&mut self.shell, &ram);
        for wish in self.shell.take_wishes() {
            let Wish::MapArena = wish;
            if let Some(ok) = self.machine_maps {
                self.shell.arena_mapped(ok, &ram);
            }
        }
        for completion in self.shell.take_completions() {
            self.answers.insert(completion.token, completion.response);
        }
        result
    }
}

fn accept(code: ResponseCode) -> Result<(), LoopbackError> {
    if code.is_error() { Err(LoopbackError::Refused(code)) } else { Ok(()) }
}

fn memory_table(
    ram: &OwnedFd,
    low: u64,
    size: u64,
    arena: BorrowedFd<'_>,
    arena_size: u64,
) -> Result<GuestMemoryMmap, LoopbackError> {
    let memory = |error: &dyn std::fmt::Display| LoopbackError::Memory(error.to_string());
    let file = |fd: BorrowedFd<'_>, at| {
        let file = fd.try_clone_to_owned().map_err(|e| memory(&e))?;
        Ok::<_, LoopbackError>(Some(FileOffset::new(File::from(file), at)))
    };
    let len = |bytes: u64| usize::try_from(bytes).map_err(|e| memory(&e));
    let regions = [
        (GuestAddress(0), len(low)?, file(ram.as_fd(), 0)?),
        (GuestAddress(HIGH_RAM), len(size.saturating_sub(low))?, file(ram.as_fd(), low)?),
        (GuestAddress(ARENA_WINDOW), len(arena_size)?, file(arena, 0)?),
    ];
    GuestMemoryMmap::from_ranges_with_files(regions).map_err(|e| memory(&e))
}
