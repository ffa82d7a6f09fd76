// SPDX-License-Identifier: GPL-3.0-or-later
//! A machine and a driver around the jailed program, in the place of QEMU and a guest.
//!
//! In: commands, or descriptors of any kind, for shared memory. Out: what the used ring says. Like QEMU it
//! sends a new memory table before it acknowledges SHMEM_MAP.

#![expect(clippy::disallowed_types, reason = "starts the device")]

use crate::common::Peer;
use cofferdam_kit::part::{Counters, FromPart, MAX_PACKET, ToPart};
use cofferdam_kit::transport;
use cofferdam_patience::readable;
use cofferdam_xdomain::channel::{GuestCommand, Init2, channel_type};
use cofferdam_xdomain::virtio::{
    Command as Gpu, CreateBlob, CtxName, FLAG_FENCE, FLAG_RING_IDX, Header, MemEntries, MemEntry, Request,
    Response, ResponseCode as Code, config_space, feature,
};
use rustix::fs::MemfdFlags;
use rustix::io::FdFlags;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use vhost::vhost_user::message::{VhostUserConfigFlags, VhostUserMMap, VhostUserProtocolFeatures};
use vhost::vhost_user::{
    Frontend, FrontendReqHandler, HandlerResult, VhostUserFrontend, VhostUserFrontendReqHandler,
};
use vhost::{VhostBackend, VhostUserMemoryRegionInfo, VringConfigData};
use vm_memory::{Bytes, FileOffset, GuestAddress, GuestMemoryMmap};
use vmm_sys_util::eventfd::EventFd;

const RAM: u64 = 16 << 20;
const ARENA: u64 = 4 << 20;
const ARENA_AT: u64 = 1 << 32;
/// What the machine pretends to be its own address of the guest's address 0.
const USER: u64 = 0x7000_0000_0000;
const QUEUE: u16 = 256;
const DESCRIPTORS: u64 = 0x1_0000;
const AVAILABLE: u64 = 0x2_0000;
const USED: u64 = 0x3_0000;
pub(crate) const REQUESTS: u64 = 0x10_0000;
pub(crate) const ANSWERS: u64 = 0x20_0000;
pub(crate) const PAGES: u64 = 0x40_0000;
pub(crate) const NEXT: u16 = 1;
pub(crate) const WRITE: u16 = 2;
pub(crate) const INDIRECT: u16 = 4;
/// All that the machine acknowledges: everything offered.
const FEATURES: u64 = feature::OFFERED | 1 << 30;

/// The machine's answer to SHMEM_MAP: first a new memory table, as QEMU does, then the acknowledgement.
pub(crate) struct Mapping {
    frontend: Mutex<Frontend>,
    ram: File,
    pub(crate) arena: Mutex<Option<File>>,
    pub(crate) maps: AtomicUsize,
}

impl VhostUserFrontendReqHandler for Mapping {
    fn shmem_map(&self, request: &VhostUserMMap, fd: &dyn AsRawFd) -> HandlerResult<u64> {
        let VhostUserMMap { shmid, fd_offset, shm_offset, len, flags, .. } = *request;
        assert_eq!((shmid, fd_offset, shm_offset, len, flags), (1, 0, 0, ARENA, 1));
        // The descriptor belongs to the handler, so a copy is kept; through /proc, which needs no unsafe code.
        let copy =
            File::options().read(true).write(true).open(format!("/proc/self/fd/{}", fd.as_raw_fd()))?;
        let regions = [region(0, RAM, &self.ram), region(ARENA_AT, ARENA, &copy)];
        self.frontend.lock().unwrap().set_mem_table(&regions).unwrap();
        *self.arena.lock().unwrap() = Some(copy);
        self.maps.fetch_add(1, Ordering::SeqCst);
        Ok(0)
    }
}

fn region(at: u64, size: u64, file: &File) -> VhostUserMemoryRegionInfo {
    VhostUserMemoryRegionInfo {
        guest_phys_addr: at,
        memory_size: size,
        userspace_addr: USER + at,
        mmap_offset: 0,
        mmap_handle: file.as_raw_fd(),
    }
}

pub(crate) struct Machine {
    pub(crate) child: Child,
    pub(crate) frontend: Frontend,
    pub(crate) mapping: Arc<Mapping>,
    pub(crate) memory: GuestMemoryMmap,
    channel: OwnedFd,
    pub(crate) control: OwnedFd,
    kick: EventFd,
    call: EventFd,
    pub(crate) available: u16,
    used: u16,
    fence: u64,
    /// Where the queue in use is, on top of [`DESCRIPTORS`], [`AVAILABLE`] and [`USED`].
    base: u64,
}

/// Lets a child have a descriptor under the number that it has here.
fn inheritable(fd: BorrowedFd<'_>) -> String {
    rustix::io::fcntl_setfd(fd, FdFlags::empty()).unwrap();
    fd.as_raw_fd().to_string()
}

fn start_program() -> (Child, UnixStream, OwnedFd, OwnedFd) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vhost");
    let listener = UnixListener::bind(&path).unwrap();
    let stream = UnixStream::connect(&path).unwrap();
    let (channel, theirs) = transport::pair().unwrap();
    let (control, their_control) = transport::pair().unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_cofferdam-gpu"))
        .args(["--listen-fd", &inheritable(listener.as_fd()), "--channel-fd", &inheritable(theirs.as_fd())])
        .args(["--control-fd", &inheritable(their_control.as_fd()), "--arena-mib", "4", "--vm", "test"])
        .args(["--parent", &std::process::id().to_string()])
        .spawn()
        .unwrap();
    (child, stream, channel, control)
}

impl Machine {
    /// Starts the program and makes both queues.
    #[expect(clippy::disallowed_methods, reason = "the machine's own thread")]
    pub(crate) fn new() -> Self {
        let (child, stream, channel, control) = start_program();
        let ready = transport::recv::<FromPart>(&control, MAX_PACKET, 0).unwrap().unwrap().0;
        assert_eq!(ready, FromPart::Ready);
        let mut frontend = Frontend::from_stream(stream, 2);
        frontend.set_owner().unwrap();
        assert_eq!(frontend.get_features().unwrap(), FEATURES);
        let protocol = frontend.get_protocol_features().unwrap();
        assert!(protocol.contains(VhostUserProtocolFeatures::SHMEM | VhostUserProtocolFeatures::CONFIG));
        frontend.set_protocol_features(protocol).unwrap();
        assert_eq!(frontend.get_queue_num().unwrap(), 2);
        let (_, config) = frontend.get_config(0, 20, VhostUserConfigFlags::WRITABLE, &[0; 20]).unwrap();
        assert_eq!(config, config_space());
        assert_eq!(frontend.get_shmem_config().unwrap().memory_sizes[1], ARENA);

        let ram = File::from(rustix::fs::memfd_create("ram", MemfdFlags::CLOEXEC).unwrap());
        ram.set_len(RAM).unwrap();
        let mapping = Arc::new(Mapping {
            frontend: Mutex::new(frontend.clone()),
            ram: ram.try_clone().unwrap(),
            arena: Mutex::new(None),
            maps: AtomicUsize::new(0),
        });
        let mut handler = FrontendReqHandler::new(Arc::clone(&mapping)).unwrap();
        handler.set_reply_ack_flag(true);
        frontend.set_backend_request_fd(&handler.get_tx_raw_fd()).unwrap();
        std::thread::spawn(move || while handler.handle_request().is_ok() {});

        frontend.set_features(FEATURES).unwrap();
        frontend.set_mem_table(&[region(0, RAM, &ram)]).unwrap();
        let file = FileOffset::new(ram, 0);
        let memory =
            GuestMemoryMmap::from_ranges_with_files([(GuestAddress(0), 16 << 20, Some(file))]).unwrap();
        let (kick, call) = (EventFd::new(0).unwrap(), EventFd::new(0x800).unwrap());
        let mut machine = Self {
            child,
            frontend,
            mapping,
            memory,
            channel,
            control,
            kick,
            call,
            available: 0,
            used: 0,
            fence: 1,
            base: 0,
        };
        machine.start_queue(0);
        machine
    }

    pub(crate) fn start_queue(&mut self, index: usize) {
        self.base = 0x8_0000 * u64::try_from(index).unwrap();
        self.memory.write_slice(&[0; 0x2_0000], GuestAddress(AVAILABLE + self.base)).unwrap();
        (self.available, self.used) = (0, 0);
        self.kick = EventFd::new(0).unwrap();
        self.frontend.set_vring_num(index, QUEUE).unwrap();
        self.frontend.set_vring_base(index, 0).unwrap();
        let config = VringConfigData {
            queue_max_size: QUEUE,
            queue_size: QUEUE,
            flags: 0,
            desc_table_addr: USER + self.base + DESCRIPTORS,
            used_ring_addr: USER + self.base + USED,
            avail_ring_addr: USER + self.base + AVAILABLE,
            log_addr: None,
        };
        self.frontend.set_vring_addr(index, &config).unwrap();
        self.frontend.set_vring_call(index, &self.call).unwrap();
        self.frontend.set_vring_kick(index, &self.kick).unwrap();
        self.frontend.set_vring_enable(index, true).unwrap();
    }

    pub(crate) fn descriptor(&self, index: u16, addr: u64, len: u32, flags: u16, next: u16) {
        self.descriptor_at(DESCRIPTORS + self.base, index, addr, len, flags, next);
    }

    pub(crate) fn descriptor_at(&self, table: u64, index: u16, addr: u64, len: u32, flags: u16, next: u16) {
        let at = GuestAddress(table + 16 * u64::from(index));
        let mut bytes = addr.to_le_bytes().to_vec();
        bytes.extend(len.to_le_bytes());
        bytes.extend(flags.to_le_bytes());
        bytes.extend(next.to_le_bytes());
        self.memory.write_slice(&bytes, at).unwrap();
    }

    /// Makes a chain available and kicks.
    pub(crate) fn offer(&mut self, head: u16) {
        let slot = self.base + AVAILABLE + 4 + 2 * u64::from(self.available % QUEUE);
        self.memory.write_obj(head, GuestAddress(slot)).unwrap();
        self.available = self.available.wrapping_add(1);
        self.memory
            .store(self.available, GuestAddress(self.base + AVAILABLE + 2), Ordering::Release)
            .unwrap();
        self.kick.write(1).unwrap();
    }

    /// Says that the queue holds this many more chains than it was given, and kicks.
    pub(crate) fn boast(&self, more: u16) {
        let index = self.available.wrapping_add(more);
        self.memory.store(index, GuestAddress(self.base + AVAILABLE + 2), Ordering::Release).unwrap();
        self.kick.write(1).unwrap();
    }

    /// Waits for the next used chain: its head and length. With EVENT_IDX the driver says when it wants an
    /// interrupt; ours wants one for every chain.
    pub(crate) fn next_used(&mut self) -> (u16, u32) {
        let wanted = GuestAddress(self.base + AVAILABLE + 4 + 2 * u64::from(QUEUE));
        self.memory.write_obj(self.used, wanted).unwrap();
        loop {
            let index: u16 = self.memory.load(GuestAddress(self.base + USED + 2), Ordering::Acquire).unwrap();
            if index != self.used {
                let slot = self.base + USED + 4 + 8 * u64::from(self.used % QUEUE);
                self.used = self.used.wrapping_add(1);
                let head: u32 = self.memory.read_obj(GuestAddress(slot)).unwrap();
                let len = self.memory.read_obj(GuestAddress(slot + 4)).unwrap();
                return (u16::try_from(head).unwrap(), len);
            }
            readable(borrow(&self.call), "an answer of the device");
            let _ = self.call.read();
        }
    }

    /// Queues a command in descriptor pair `slot`; its answer lands at [`ANSWERS`] + `slot` KiB.
    pub(crate) fn queue(&mut self, slot: u16, ctx: u32, ring: Option<u8>, command: Gpu<'_>) {
        let flags = FLAG_FENCE | if ring.is_some() { FLAG_RING_IDX } else { 0 };
        self.fence += 1;
        let header =
            Header { kind: 0, flags, fence_id: self.fence, ctx_id: ctx, ring_idx: ring.unwrap_or(0) };
        let mut bytes = Vec::new();
        Request { header, command }.encode(&mut bytes).unwrap();
        let place = REQUESTS + u64::from(slot) * 0x1000;
        self.memory.write_slice(&bytes, GuestAddress(place)).unwrap();
        self.descriptor(slot * 2, place, u32::try_from(bytes.len()).unwrap(), NEXT, slot * 2 + 1);
        self.descriptor(slot * 2 + 1, ANSWERS + u64::from(slot) * 1024, 512, WRITE, 0);
        self.offer(slot * 2);
    }

    pub(crate) fn answer(&self, slot: u16, len: u32) -> (Header, Code) {
        let mut bytes = vec![0; usize::try_from(len).unwrap()];
        self.memory.read_slice(&mut bytes, GuestAddress(ANSWERS + u64::from(slot) * 1024)).unwrap();
        let (header, response) = Response::decode(&bytes).unwrap();
        (header, response.code())
    }

    /// A command that is answered at once.
    pub(crate) fn call(&mut self, ctx: u32, command: Gpu<'_>) -> Code {
        self.queue(0, ctx, None, command);
        let (head, len) = self.next_used();
        assert_eq!(head, 0);
        let (header, code) = self.answer(0, len);
        assert_eq!(header.fence_id, self.fence);
        code
    }

    /// Context 1 with a ring at [`PAGES`], resource 1.
    pub(crate) fn open(&mut self) -> Peer {
        assert_eq!(self.call(1, Gpu::CtxCreate { capset: 5, name: CtxName(b"test") }), Code::OK_NODATA);
        let wire = MemEntries::to_wire(&[MemEntry { addr: PAGES, len: 68 * 1024 }]);
        let entries = MemEntries::from_wire(&wire).unwrap();
        let blob = CreateBlob { resource: 1, mem: 1, flags: 1, blob_id: 0, size: 68 * 1024, entries };
        assert_eq!(self.call(0, Gpu::CreateBlob(blob)), Code::OK_NODATA);
        assert_eq!(self.call(1, Gpu::CtxAttachResource { resource: 1 }), Code::OK_NODATA);
        let (query_ring, channel_ring, capacity) = (None, 1, 64 * 1024);
        let init = Init2 { query_ring, channel_ring, channel_type: channel_type::WAYLAND, capacity };
        let mut payload = Vec::new();
        GuestCommand::Init2(init).encode(&mut payload).unwrap();
        assert_eq!(self.call(1, Gpu::Submit3d { payload: &payload }), Code::OK_NODATA);
        Peer::accept(&self.channel)
    }

    pub(crate) fn counters(&self) -> Counters {
        transport::send(&self.control, &ToPart::Counters, &[], MAX_PACKET).unwrap();
        loop {
            readable(&self.control, "the device's counters");
            match transport::recv::<FromPart>(&self.control, MAX_PACKET, 0).unwrap().unwrap().0 {
                FromPart::Counters(counters) => return counters,
                FromPart::Fault { .. } | FromPart::Notice { .. } => {}
                FromPart::Ready => panic!("ready twice"),
            }
        }
    }

    /// Lets the machine go and waits for the program.
    pub(crate) fn end(mut self) -> ExitStatus {
        drop(self.frontend);
        // The request handler's thread and the mapping hold further copies of the connection.
        let stream = std::mem::replace(&mut *self.mapping.frontend.lock().unwrap(), nobody());
        drop(stream);
        self.child.wait().unwrap()
    }
}

fn nobody() -> Frontend {
    Frontend::from_stream(UnixStream::pair().unwrap().0, 1)
}

fn borrow(fd: &EventFd) -> BorrowedFd<'_> {
    borrow_raw(fd.as_raw_fd())
}

#[allow(unsafe_code)]
const fn borrow_raw<'a>(fd: RawFd) -> BorrowedFd<'a> {
    // SAFETY: the callers keep the owner alive for as long as they use the borrow.
    unsafe { BorrowedFd::borrow_raw(fd) }
}
