// SPDX-License-Identifier: GPL-3.0-or-later
//! The real program in its jail, behind vhost-user, with this test as its machine, driver and compositor.
//!
//! In: descriptor chains in shared memory, honest and hostile. Out: the used ring, the arena, and a process that
//! is still alive.

use crate::common::{Peer, blob_id, id, message, send};
use cofferdam_control::report::{FromDevice, MAX_PACKET, ToDevice};
use cofferdam_control::transport;
use cofferdam_wayland_wire::Arg;
use cofferdam_xdomain::channel::{CHANNEL_RING, GuestCommand, Init2, PIXEL_ITEM, channel_type};
use cofferdam_xdomain::virtio::{
    Command as Gpu, CreateBlob, CtxName, FLAG_FENCE, FLAG_RING_IDX, Header, MemEntries, MemEntry, Request,
    Response, ResponseCode as Code, config_space, feature,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
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
const REQUESTS: u64 = 0x10_0000;
const ANSWERS: u64 = 0x20_0000;
const PAGES: u64 = 0x40_0000;
const NEXT: u16 = 1;
const WRITE: u16 = 2;
const INDIRECT: u16 = 4;
/// All that the machine acknowledges: everything offered.
const FEATURES: u64 = feature::OFFERED | 1 << 30;

/// The machine's answer to SHMEM_MAP: first a new memory table, as QEMU does, then the acknowledgement.
struct Mapping {
    frontend: Mutex<Frontend>,
    ram: File,
    arena: Mutex<Option<File>>,
    maps: AtomicUsize,
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

struct Machine {
    child: Child,
    frontend: Frontend,
    mapping: Arc<Mapping>,
    memory: GuestMemoryMmap,
    channel: OwnedFd,
    report: OwnedFd,
    kick: EventFd,
    call: EventFd,
    available: u16,
    used: u16,
    fence: u64,
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
    let (report, their_report) = transport::pair().unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_cofferdam-gpu"))
        .args(["--listen-fd", &inheritable(listener.as_fd()), "--channel-fd", &inheritable(theirs.as_fd())])
        .args(["--report-fd", &inheritable(their_report.as_fd()), "--arena-mib", "4", "--vm", "test"])
        .args(["--parent", &std::process::id().to_string()])
        .spawn()
        .unwrap();
    (child, stream, channel, report)
}

impl Machine {
    /// Starts the program and makes both queues.
    fn new() -> Self {
        let (child, stream, channel, report) = start_program();
        let ready = transport::recv::<FromDevice>(&report, MAX_PACKET, 0).unwrap().unwrap().0;
        assert_eq!(ready, FromDevice::Ready);
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
            report,
            kick,
            call,
            available: 0,
            used: 0,
            fence: 1,
        };
        machine.start_queue();
        machine
    }

    fn start_queue(&mut self) {
        self.memory.write_slice(&[0; 0x2_0000], GuestAddress(AVAILABLE)).unwrap();
        (self.available, self.used) = (0, 0);
        self.frontend.set_vring_num(0, QUEUE).unwrap();
        self.frontend.set_vring_base(0, 0).unwrap();
        let config = VringConfigData {
            queue_max_size: QUEUE,
            queue_size: QUEUE,
            flags: 0,
            desc_table_addr: USER + DESCRIPTORS,
            used_ring_addr: USER + USED,
            avail_ring_addr: USER + AVAILABLE,
            log_addr: None,
        };
        self.frontend.set_vring_addr(0, &config).unwrap();
        self.frontend.set_vring_call(0, &self.call).unwrap();
        self.frontend.set_vring_kick(0, &self.kick).unwrap();
        self.frontend.set_vring_enable(0, true).unwrap();
    }

    fn descriptor(&self, index: u16, addr: u64, len: u32, flags: u16, next: u16) {
        self.descriptor_at(DESCRIPTORS, index, addr, len, flags, next);
    }

    fn descriptor_at(&self, table: u64, index: u16, addr: u64, len: u32, flags: u16, next: u16) {
        let at = GuestAddress(table + 16 * u64::from(index));
        let mut bytes = addr.to_le_bytes().to_vec();
        bytes.extend(len.to_le_bytes());
        bytes.extend(flags.to_le_bytes());
        bytes.extend(next.to_le_bytes());
        self.memory.write_slice(&bytes, at).unwrap();
    }

    /// Makes a chain available and kicks.
    fn offer(&mut self, head: u16) {
        let slot = AVAILABLE + 4 + 2 * u64::from(self.available % QUEUE);
        self.memory.write_obj(head, GuestAddress(slot)).unwrap();
        self.available = self.available.wrapping_add(1);
        self.memory.store(self.available, GuestAddress(AVAILABLE + 2), Ordering::Release).unwrap();
        self.kick.write(1).unwrap();
    }

    /// Waits for the next used chain: its head and length. With EVENT_IDX the driver says when it wants an
    /// interrupt; ours wants one for every chain.
    fn next_used(&mut self) -> (u16, u32) {
        self.try_next_used(10).expect("no answer within ten seconds")
    }

    fn try_next_used(&mut self, seconds: i64) -> Option<(u16, u32)> {
        self.memory.write_obj(self.used, GuestAddress(AVAILABLE + 4 + 2 * u64::from(QUEUE))).unwrap();
        loop {
            let index: u16 = self.memory.load(GuestAddress(USED + 2), Ordering::Acquire).unwrap();
            if index != self.used {
                let slot = USED + 4 + 8 * u64::from(self.used % QUEUE);
                self.used = self.used.wrapping_add(1);
                let head: u32 = self.memory.read_obj(GuestAddress(slot)).unwrap();
                let len = self.memory.read_obj(GuestAddress(slot + 4)).unwrap();
                return Some((u16::try_from(head).unwrap(), len));
            }
            let timeout = Timespec { tv_sec: seconds, tv_nsec: 0 };
            let call = borrow(&self.call);
            if poll(&mut [PollFd::from_borrowed_fd(call, PollFlags::IN)], Some(&timeout)).unwrap() == 0 {
                return None;
            }
            let _ = self.call.read();
        }
    }

    /// Queues a command in descriptor pair `slot`; its answer lands at [`ANSWERS`] + `slot` KiB.
    fn queue(&mut self, slot: u16, ctx: u32, ring: Option<u8>, command: Gpu<'_>) {
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

    fn answer(&self, slot: u16, len: u32) -> (Header, Code) {
        let mut bytes = vec![0; usize::try_from(len).unwrap()];
        self.memory.read_slice(&mut bytes, GuestAddress(ANSWERS + u64::from(slot) * 1024)).unwrap();
        let (header, response) = Response::decode(&bytes).unwrap();
        (header, response.code())
    }

    /// A command that is answered at once.
    fn call(&mut self, ctx: u32, command: Gpu<'_>) -> Code {
        self.queue(0, ctx, None, command);
        let (head, len) = self.next_used();
        assert_eq!(head, 0);
        let (header, code) = self.answer(0, len);
        assert_eq!(header.fence_id, self.fence);
        code
    }

    /// Context 1 with a ring at [`PAGES`], resource 1.
    fn open(&mut self) -> Peer {
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

    fn counters(&self) -> cofferdam_control::report::DeviceCounters {
        transport::send(&self.report, &ToDevice::Counters, &[], MAX_PACKET).unwrap();
        loop {
            match transport::recv::<FromDevice>(&self.report, MAX_PACKET, 0).unwrap().unwrap().0 {
                FromDevice::Counters(counters) => return counters,
                FromDevice::Fault { .. } => {}
                FromDevice::Ready => panic!("ready twice"),
            }
        }
    }

    /// Lets the machine go and waits for the program.
    fn end(mut self) -> ExitStatus {
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

#[test]
fn pixels_and_messages_pass_the_jailed_program() {
    let mut machine = Machine::new();
    let mut peer = machine.open();
    // A pool on an arena blob, and a POLL behind it.
    let entries = MemEntries::default();
    let blob = CreateBlob { resource: 2, mem: 2, flags: 1, blob_id: PIXEL_ITEM.into(), size: 8192, entries };
    assert_eq!(machine.call(1, Gpu::CreateBlob(blob)), Code::OK_NODATA);
    assert_eq!(machine.call(1, Gpu::CtxAttachResource { resource: 2 }), Code::OK_NODATA);
    assert_eq!(machine.call(1, Gpu::MapBlob { resource: 2, offset: 4096 }), Code::OK_MAP_INFO);
    assert_eq!(machine.mapping.maps.load(Ordering::SeqCst), 1);
    let arena = machine.mapping.arena.lock().unwrap().take().unwrap();
    rustix::io::pwrite(&arena, b"pixels", 4096).unwrap();

    let mut bytes = message(1, 1, &[Arg::NewId(id(2))]);
    let mut payload = send(&bytes, &[]);
    assert_eq!(machine.call(1, Gpu::Submit3d { payload: &payload }), Code::OK_NODATA);
    peer.say(&message(2, 0, &[Arg::Uint(1), Arg::Str(Some("wl_shm")), Arg::Uint(1)]), &[]);
    payload.clear();
    GuestCommand::Poll.encode(&mut payload).unwrap();
    machine.queue(1, 1, Some(CHANNEL_RING), Gpu::Submit3d { payload: &payload });
    let (head, len) = machine.next_used();
    assert_eq!(head, 2);
    let (header, code) = machine.answer(1, len);
    assert_eq!((header.ring_idx, code), (CHANNEL_RING, Code::OK_NODATA));
    let produced: u32 = machine.memory.read_obj(GuestAddress(PAGES)).unwrap();
    assert_eq!(produced, 352 + 28 + 4, "one RECEIVE with the global");

    let bind = Arg::NewIdAny { interface: "wl_shm", version: 1, id: id(3) };
    bytes = message(2, 0, &[Arg::Uint(1), bind]);
    bytes.extend(message(3, 0, &[Arg::NewId(id(4)), Arg::Fd, Arg::Int(8192)]));
    let payload = send(&bytes, &[blob_id(2)]);
    assert_eq!(machine.call(1, Gpu::Submit3d { payload: &payload }), Code::OK_NODATA);
    let requests = peer.requests();
    assert_eq!(requests.last().unwrap().word(1), 4096 + 8192);
    let mut pixels = [0; 6];
    rustix::io::pread(&peer.fds[0], &mut pixels, 4096).unwrap();
    assert_eq!(&pixels, b"pixels");

    let counters = machine.counters();
    assert_eq!((counters.faults, counters.contexts, counters.arena_bytes), (0, 1, 8192));
    assert!(counters.kicks > 0 && counters.interrupts > 0);
    assert!(machine.end().success());
}

#[test]
fn hostile_chains_are_given_back() {
    let mut machine = Machine::new();
    let mut header = Vec::new();
    Header { kind: 0x100, flags: FLAG_FENCE, fence_id: 9, ctx_id: 0, ring_idx: 0 }.encode(&mut header);
    machine.memory.write_slice(&header, GuestAddress(REQUESTS)).unwrap();
    let h = 24;
    // Each closure writes descriptors from 0 on; the number is how many bytes must come back.
    type Build = fn(&Machine);
    let chains: &[(&str, Build, u32)] = &[
        (
            "honest",
            |m| {
                m.descriptor(0, REQUESTS, 24, NEXT, 1);
                m.descriptor(1, ANSWERS, 512, WRITE, 0);
            },
            408,
        ),
        ("nothing to write to", |m| m.descriptor(0, REQUESTS, 24, 0, 0), 0),
        (
            "too little to write to",
            |m| {
                m.descriptor(0, REQUESTS, 24, NEXT, 1);
                m.descriptor(1, ANSWERS, 7, WRITE, 0);
            },
            7,
        ),
        (
            "answer in pieces",
            |m| {
                m.descriptor(0, REQUESTS, 24, NEXT, 1);
                m.descriptor(1, ANSWERS, 3, WRITE | NEXT, 2);
                m.descriptor(2, ANSWERS + 3, 0, WRITE | NEXT, 3);
                m.descriptor(3, ANSWERS + 3, 512, WRITE, 0);
            },
            3,
        ),
        (
            "request in pieces",
            |m| {
                m.descriptor(0, REQUESTS, 5, NEXT, 1);
                m.descriptor(1, REQUESTS + 5, 19, NEXT, 2);
                m.descriptor(2, ANSWERS, 512, WRITE, 0);
            },
            408,
        ),
        ("nothing to read", |m| m.descriptor(0, ANSWERS, 512, WRITE, 0), 0),
        (
            "short header",
            |m| {
                m.descriptor(0, REQUESTS, 23, NEXT, 1);
                m.descriptor(1, ANSWERS, 512, WRITE, 0);
            },
            0,
        ),
        (
            "request outside RAM",
            |m| {
                m.descriptor(0, 1 << 40, 24, NEXT, 1);
                m.descriptor(1, ANSWERS, 512, WRITE, 0);
            },
            0,
        ),
        (
            "request at the end of everything",
            |m| {
                m.descriptor(0, u64::MAX - 3, 24, NEXT, 1);
                m.descriptor(1, ANSWERS, 512, WRITE, 0);
            },
            0,
        ),
        (
            "answer outside RAM",
            |m| {
                m.descriptor(0, REQUESTS, 24, NEXT, 1);
                m.descriptor(1, 1 << 40, 512, WRITE, 0);
            },
            0,
        ),
        (
            "a gibibyte to read",
            |m| {
                m.descriptor(0, REQUESTS, 1 << 30, NEXT, 1);
                m.descriptor(1, ANSWERS, 512, WRITE, 0);
            },
            h,
        ),
        (
            "more bytes than a chain may have",
            |m| {
                m.descriptor(0, REQUESTS, u32::MAX, NEXT, 1);
                m.descriptor(1, ANSWERS, 512, WRITE, 0);
            },
            0,
        ),
        (
            "written first",
            |m| {
                m.descriptor(0, ANSWERS, 512, WRITE | NEXT, 1);
                m.descriptor(1, REQUESTS, 24, 0, 0);
            },
            h,
        ),
        (
            "a loop",
            |m| {
                m.descriptor(0, REQUESTS, 24, NEXT, 1);
                m.descriptor(1, REQUESTS, 24, NEXT, 0);
            },
            0,
        ),
        ("next beyond the table", |m| m.descriptor(0, REQUESTS, 24, NEXT, 999), 0),
        ("indirect table outside RAM", |m| m.descriptor(0, 1 << 40, 32, INDIRECT, 0), 0),
        ("indirect table of half an entry", |m| m.descriptor(0, PAGES, 8, INDIRECT, 0), 0),
        (
            "indirect",
            |m| {
                m.descriptor_at(PAGES, 0, REQUESTS, 24, NEXT, 1);
                m.descriptor_at(PAGES, 1, ANSWERS, 512, WRITE, 0);
                m.descriptor(0, PAGES, 32, INDIRECT, 0);
            },
            408,
        ),
        (
            "indirect in indirect",
            |m| {
                m.descriptor_at(PAGES, 0, PAGES, 32, INDIRECT, 0);
                m.descriptor(0, PAGES, 32, INDIRECT, 0);
            },
            0,
        ),
        (
            "two thousand indirect descriptors",
            |m| {
                for index in 0..2000 {
                    m.descriptor_at(PAGES, index, REQUESTS, 24, NEXT, index + 1);
                }
                m.descriptor(0, PAGES, 2000 * 16, INDIRECT, 0);
            },
            0,
        ),
    ];
    for (name, build, expected) in chains {
        build(&machine);
        machine.offer(0);
        let (head, len) = machine.next_used();
        assert_eq!((head, len), (0, *expected), "{name}");
    }
    assert_eq!(machine.call(0, Gpu::GetDisplayInfo), Code::OK_DISPLAY_INFO, "still there");
    // A head beyond the table, and an index that jumped: no answer is owed, and honest chains still work.
    machine.offer(999);
    assert_eq!(machine.call(0, Gpu::GetDisplayInfo), Code::OK_DISPLAY_INFO);
    assert!(machine.counters().faults > 5);
    assert!(machine.end().success());
}

#[test]
fn a_queue_that_stops_gets_everything_back() {
    let mut machine = Machine::new();
    let mut peer = machine.open();
    let mut payload = Vec::new();
    GuestCommand::Poll.encode(&mut payload).unwrap();
    machine.queue(1, 1, Some(CHANNEL_RING), Gpu::Submit3d { payload: &payload });
    // The one behind it is answered, so the POLL was seen, and waits.
    assert_eq!(machine.call(0, Gpu::GetDisplayInfo), Code::OK_DISPLAY_INFO);
    assert_eq!(machine.frontend.get_vring_base(0).unwrap(), u32::from(machine.available));
    let (head, len) = machine.next_used();
    assert_eq!((head, machine.answer(1, len).1), (2, Code::OK_NODATA));
    peer.requests();
    assert!(peer.closed);
    // The guest's driver starts anew on the same device.
    machine.start_queue();
    let peer = machine.open();
    drop(peer);
    assert_eq!(machine.counters().contexts, 2);
    assert!(machine.end().success());
}

#[test]
fn the_program_ends_with_its_shepherd() {
    let Machine { mut child, report, .. } = Machine::new();
    drop(report);
    assert!(child.wait().unwrap().success());
}

#[test]
fn the_program_refuses_what_it_does_not_understand() {
    for (arguments, code) in [(vec!["--fly"], 2), (vec![], 2)] {
        let status = Command::new(env!("CARGO_BIN_EXE_cofferdam-gpu")).args(&arguments).status().unwrap();
        assert_eq!(status.code(), Some(code), "{arguments:?}");
    }
    // Numbers that are not open, and a parent that is not ours.
    let line =
        ["--listen-fd", "90", "--channel-fd", "91", "--report-fd", "92", "--arena-mib", "1", "--vm", "x"];
    let status = Command::new(env!("CARGO_BIN_EXE_cofferdam-gpu")).args(line).status().unwrap();
    assert_eq!(status.code(), Some(1));
    let status =
        Command::new(env!("CARGO_BIN_EXE_cofferdam-gpu")).args(line).args(["--parent", "1"]).status();
    assert_eq!(status.unwrap().code(), Some(1));
}
