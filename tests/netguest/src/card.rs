// SPDX-License-Identifier: GPL-3.0-or-later
//! A virtio network card around the jailed gateway, in the place of QEMU and a guest's driver.
//!
//! In: frames, or descriptors of any kind, for shared memory. Out: the frames in the used ring.

#![expect(clippy::disallowed_types, reason = "starts the gateway")]

use crate::guest::Wire;
use cofferdam_kit::part::{FromPart, MAX_PACKET, ToPart};
use cofferdam_kit::transport;
use rustix::fs::MemfdFlags;
use rustix::io::FdFlags;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{Ordering, fence};
use vhost::vhost_user::message::VhostUserProtocolFeatures;
use vhost::vhost_user::{Frontend, VhostUserFrontend};
use vhost::{VhostBackend, VhostUserMemoryRegionInfo, VringConfigData};
use vm_memory::{Bytes, FileOffset, GuestAddress, GuestMemoryMmap};
use vmm_sys_util::eventfd::EventFd;

const RAM: u64 = 64 << 20;
/// What the machine pretends to be its own address of the guest's address 0.
const USER: u64 = 0x7000_0000_0000;
/// Entries of a ring.
pub(crate) const QUEUE: u16 = 256;
const HEADER: usize = 12;
/// Bytes of a buffer for frames to the guest.
const TO_GUEST: u64 = 4096;
/// Bytes of a buffer for frames from the guest.
const FROM_GUEST: u64 = 128 * 1024;
/// Where a ring's parts are, and where its buffers are.
const RINGS: u64 = 0x1_0000;
const BUFFERS: u64 = 16 << 20;

const NEXT: u16 = 1;
const WRITE: u16 = 2;

/// What the driver acknowledges beside virtio 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Features {
    /// All that is offered.
    All,
    /// None of the offloads, and buffers that hold a whole frame each.
    Plain,
}

impl Features {
    const fn bits(self, offered: u64) -> u64 {
        match self {
            Self::All => offered,
            // Protocol features and virtio 1.
            Self::Plain => offered & (1 << 30 | 1 << 32),
        }
    }
}

/// How the gateway is started.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Further words on its command line.
    pub words: Vec<String>,
}

/// The gateway's process and the sockets to it.
#[derive(Debug)]
pub struct Gateway {
    /// Its process.
    pub child: Child,
    /// The machine's connection.
    pub machine: UnixStream,
    /// The shepherd's end of the control socket.
    pub control: OwnedFd,
}

impl Gateway {
    /// Starts the program.
    #[must_use]
    pub fn start(program: &Path, options: &Options) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("vhost");
        let listener = UnixListener::bind(&path).unwrap();
        let machine = UnixStream::connect(&path).unwrap();
        let (control, theirs) = transport::pair().unwrap();
        let log = std::env::var_os("COFFERDAM_TEST_LOG").is_some();
        let child = Command::new(program)
            .args(["--listen-fd", &inheritable(listener.as_fd())])
            .args(["--control-fd", &inheritable(theirs.as_fd()), "--vm", "test"])
            .args(["--parent", &std::process::id().to_string()])
            .args(&options.words)
            .stderr(if log { Stdio::inherit() } else { Stdio::null() })
            .spawn()
            .unwrap();
        drop(theirs);
        let ready = transport::recv::<FromPart>(&control, MAX_PACKET, 0).unwrap();
        assert_eq!(ready.map(|(word, _)| word), Some(FromPart::Ready));
        Self { child, machine, control }
    }

    /// Hands it a point socket.
    pub fn give_point(&self, socket: &OwnedFd) {
        transport::send(&self.control, &ToPart::Point, &[socket.as_fd()], MAX_PACKET).unwrap();
    }
}

/// Lets a child have a descriptor under the number that it has here.
#[must_use]
pub fn inheritable(fd: BorrowedFd<'_>) -> String {
    rustix::io::fcntl_setfd(fd, FdFlags::empty()).unwrap();
    fd.as_raw_fd().to_string()
}

struct Ring {
    base: u64,
    kick: EventFd,
    available: u16,
    used: u16,
}

/// The card.
pub struct Card {
    child: Child,
    frontend: Option<Frontend>,
    memory: GuestMemoryMmap,
    to_guest: Ring,
    from_guest: Ring,
    call: EventFd,
    merge: bool,
    /// Buffers for frames from the guest that are not in use.
    free: Vec<u16>,
    /// Bytes of a buffer for frames to the guest.
    buffer: u64,
}

impl Card {
    /// A card on a gateway, with both rings going.
    #[must_use]
    pub fn new(gateway: Gateway, features: Features) -> (Self, OwnedFd) {
        let Gateway { child, machine, control } = gateway;
        let mut frontend = Frontend::from_stream(machine, 2);
        frontend.set_owner().unwrap();
        let offered = frontend.get_features().unwrap();
        let acknowledged = features.bits(offered);
        let protocol = frontend.get_protocol_features().unwrap();
        frontend.set_protocol_features(protocol & VhostUserProtocolFeatures::all()).unwrap();
        let ram = File::from(rustix::fs::memfd_create("ram", MemfdFlags::CLOEXEC).unwrap());
        ram.set_len(RAM).unwrap();
        frontend.set_features(acknowledged).unwrap();
        let region = VhostUserMemoryRegionInfo {
            guest_phys_addr: 0,
            memory_size: RAM,
            userspace_addr: USER,
            mmap_offset: 0,
            mmap_handle: ram.as_raw_fd(),
        };
        frontend.set_mem_table(&[region]).unwrap();
        let size = usize::try_from(RAM).unwrap();
        let file = FileOffset::new(ram, 0);
        let memory = GuestMemoryMmap::from_ranges_with_files([(GuestAddress(0), size, Some(file))]).unwrap();
        let call = EventFd::new(0x800).unwrap();
        let merge = acknowledged & (1 << 15) != 0;
        let ring = |base| Ring { base, kick: EventFd::new(0).unwrap(), available: 0, used: 0 };
        let mut card = Self {
            child,
            frontend: Some(frontend),
            memory,
            to_guest: ring(RINGS),
            from_guest: ring(RINGS * 8),
            call,
            merge,
            free: (0..QUEUE).collect(),
            buffer: TO_GUEST,
        };
        card.start_ring(0);
        card.start_ring(1);
        for index in 0..QUEUE {
            card.give_buffer(index);
        }
        card.to_guest.kick.write(1).unwrap();
        (card, control)
    }

    fn start_ring(&mut self, index: usize) {
        let ring = if index == 0 { &self.to_guest } else { &self.from_guest };
        let frontend = self.frontend.as_mut().unwrap();
        frontend.set_vring_num(index, QUEUE).unwrap();
        frontend.set_vring_base(index, 0).unwrap();
        let config = VringConfigData {
            queue_max_size: QUEUE,
            queue_size: QUEUE,
            flags: 0,
            desc_table_addr: USER + ring.base,
            avail_ring_addr: USER + ring.base + 0x1_0000,
            used_ring_addr: USER + ring.base + 0x2_0000,
            log_addr: None,
        };
        frontend.set_vring_addr(index, &config).unwrap();
        // Frames from the guest are taken back when there is a new one.
        let call = if index == 0 { self.call.try_clone().unwrap() } else { EventFd::new(0).unwrap() };
        frontend.set_vring_call(index, &call).unwrap();
        frontend.set_vring_kick(index, &ring.kick).unwrap();
        frontend.set_vring_enable(index, true).unwrap();
    }

    fn descriptor(&self, ring: u64, index: u16, addr: u64, len: u32, flags: u16, next: u16) {
        let mut bytes = addr.to_le_bytes().to_vec();
        bytes.extend(len.to_le_bytes());
        bytes.extend(flags.to_le_bytes());
        bytes.extend(next.to_le_bytes());
        self.memory.write_slice(&bytes, GuestAddress(ring + 16 * u64::from(index))).unwrap();
    }

    fn offer(memory: &GuestMemoryMmap, ring: &mut Ring, head: u16) {
        let available = ring.base + 0x1_0000;
        let slot = available + 4 + 2 * u64::from(ring.available % QUEUE);
        memory.write_obj(head, GuestAddress(slot)).unwrap();
        ring.available = ring.available.wrapping_add(1);
        memory.store(ring.available, GuestAddress(available + 2), Ordering::Release).unwrap();
    }

    /// Whether the device wants to be told of what was just offered.
    fn wants_kick(memory: &GuestMemoryMmap, ring: &Ring, old: u16) -> bool {
        fence(Ordering::SeqCst);
        let event = ring.base + 0x2_0000 + 4 + 8 * u64::from(QUEUE);
        let event: u16 = memory.load(GuestAddress(event), Ordering::Relaxed).unwrap();
        ring.available.wrapping_sub(event).wrapping_sub(1) < ring.available.wrapping_sub(old)
    }

    fn kick(memory: &GuestMemoryMmap, ring: &Ring, old: u16, event_idx: bool) {
        if !event_idx || Self::wants_kick(memory, ring, old) {
            ring.kick.write(1).unwrap();
        }
    }

    fn buffer_at(index: u16, size: u64) -> u64 {
        BUFFERS + u64::from(index) * size
    }

    fn give_buffer(&mut self, index: u16) {
        // Without merging a buffer must hold the largest frame that may come.
        let at = Self::buffer_at(index, self.buffer);
        let len = u32::try_from(self.buffer).unwrap();
        self.descriptor(self.to_guest.base, index, at, len, WRITE, 0);
        Self::offer(&self.memory, &mut self.to_guest, index);
    }

    fn next_used(memory: &GuestMemoryMmap, ring: &mut Ring) -> Option<(u16, u32)> {
        let base = ring.base + 0x2_0000;
        let index: u16 = memory.load(GuestAddress(base + 2), Ordering::Acquire).unwrap();
        if index == ring.used {
            return None;
        }
        let slot = base + 4 + 8 * u64::from(ring.used % QUEUE);
        ring.used = ring.used.wrapping_add(1);
        let head: u32 = memory.read_obj(GuestAddress(slot)).unwrap();
        let len = memory.read_obj(GuestAddress(slot + 4)).unwrap();
        Some((u16::try_from(head).unwrap(), len))
    }

    /// Puts raw descriptors into the ring of frames from the guest and kicks.
    pub fn attack(&mut self, descriptors: &[(u64, u32, u16, u16)], head: u16) {
        for (index, (addr, len, flags, next)) in (0..).zip(descriptors) {
            self.descriptor(self.from_guest.base, index, *addr, *len, *flags, *next);
        }
        Self::offer(&self.memory, &mut self.from_guest, head);
        self.from_guest.kick.write(1).unwrap();
    }

    /// Whether the device has taken all frames that were sent.
    #[must_use]
    pub fn has_taken_all(&mut self) -> bool {
        self.take_back();
        self.from_guest.used == self.from_guest.available
    }

    fn take_back(&mut self) {
        while let Some((head, _)) = Self::next_used(&self.memory, &mut self.from_guest) {
            self.free.push(head);
            self.free.push(head ^ 1);
        }
    }

    /// The program's process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Lets the machine go and waits for the program.
    #[must_use]
    pub fn end(mut self) -> ExitStatus {
        self.frontend = None;
        self.child.wait().unwrap()
    }

    /// Waits for the program, which has its machine until the end.
    #[must_use]
    pub fn ended(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// Whether the program still runs.
    #[must_use]
    pub fn lives(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Wire for Card {
    fn send(&mut self, frame: &[u8]) -> bool {
        if self.free.len() < 2 {
            self.take_back();
        }
        let (Some(first), Some(_)) = (self.free.pop(), self.free.pop()) else { return false };
        let head = first & !1;
        let at = BUFFERS + u64::from(QUEUE) * TO_GUEST + u64::from(head / 2) * FROM_GUEST;
        let header = [0_u8; HEADER];
        self.memory.write_slice(&header, GuestAddress(at)).unwrap();
        let data = at + u64::try_from(HEADER).unwrap();
        self.memory.write_slice(frame, GuestAddress(data)).unwrap();
        let ring = self.from_guest.base;
        self.descriptor(ring, head, at, u32::try_from(HEADER).unwrap(), NEXT, head + 1);
        self.descriptor(ring, head + 1, data, u32::try_from(frame.len()).unwrap(), 0, 0);
        let old = self.from_guest.available;
        Self::offer(&self.memory, &mut self.from_guest, head);
        Self::kick(&self.memory, &self.from_guest, old, self.merge);
        true
    }

    fn receive(&mut self, into: &mut Vec<u8>) -> bool {
        // With EVENT_IDX the driver says from where on it wants an interrupt.
        let wanted = GuestAddress(self.to_guest.base + 0x1_0000 + 4 + 2 * u64::from(QUEUE));
        let Some((head, len)) = Self::next_used(&self.memory, &mut self.to_guest) else {
            self.memory.store(self.to_guest.used, wanted, Ordering::Release).unwrap();
            fence(Ordering::SeqCst);
            let used = GuestAddress(self.to_guest.base + 0x2_0000 + 2);
            if self.memory.load::<u16>(used, Ordering::Acquire).unwrap() == self.to_guest.used {
                return false;
            }
            return self.receive(into);
        };
        into.clear();
        let mut header = [0_u8; HEADER];
        self.memory.read_slice(&mut header, GuestAddress(Self::buffer_at(head, self.buffer))).unwrap();
        let count = u16::from_le_bytes([header[10], header[11]]);
        let (mut buffers, old) = (vec![(head, len)], self.to_guest.available);
        for _ in 1..count {
            buffers.push(Self::next_used(&self.memory, &mut self.to_guest).expect("a frame came in halves"));
        }
        for (head, len) in buffers {
            let start = into.len();
            into.resize(start + usize::try_from(len).unwrap(), 0);
            let at = GuestAddress(Self::buffer_at(head, self.buffer));
            self.memory.read_slice(&mut into[start..], at).unwrap();
            self.give_buffer(head);
        }
        Self::kick(&self.memory, &self.to_guest, old, self.merge);
        into.drain(..HEADER);
        true
    }

    fn readable(&self) -> BorrowedFd<'_> {
        borrow(self.call.as_raw_fd())
    }

    fn acknowledge(&mut self) {
        let _ = self.call.read();
    }
}

impl Drop for Card {
    fn drop(&mut self) {
        // A test that failed must not leave a process behind; one that ended has been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[allow(unsafe_code)]
const fn borrow<'a>(fd: RawFd) -> BorrowedFd<'a> {
    // SAFETY: the callers keep the owner alive for as long as they use the borrow.
    unsafe { BorrowedFd::borrow_raw(fd) }
}
