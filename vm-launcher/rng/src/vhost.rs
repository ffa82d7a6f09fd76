// SPDX-License-Identifier: GPL-3.0-or-later
//! The device behind its one queue.
//!
//! In: the guest's kicks, and a timer of ours. Out: random bytes in the buffers of its requests, at most [`BYTES`]
//! each; what is no request is given back empty and counted. Requests beyond the ration stay in the queue.

#![expect(clippy::disallowed_methods, reason = "the ration's clock is read here")]

use cofferdam_device_kit::chain::Chain;
use cofferdam_device_kit::control::Control;
use cofferdam_device_kit::poller::{Poller, TIMER, WAKE};
use cofferdam_device_kit::{Device, SharedMemory, Wake, queue};
use cofferdam_ids::Ration;
use cofferdam_kit::part::Counters;
use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use vhost_user_backend::VringMutex;
use vm_memory::{GuestAddressSpace, GuestMemoryMmap};

/// Descriptors may point to tables of descriptors; both sides say when they want to be told; virtio 1.
const FEATURES: u64 = 1 << 28 | 1 << 29 | 1 << 32;
/// Most bytes of one answer: so many the kernel gives without being interrupted.
pub const BYTES: usize = 256;
/// Requests answered in one go, so that a guest that never stops can't keep the device from its shepherd.
const REQUESTS: u32 = 64;
/// Requests that a guest has after a while without any; a kernel takes a dozen when it boots. What it asks for
/// nothing costs it as much as what it asks for.
const BURST: u32 = 256;
/// How long until it has one more.
const EVERY: Duration = Duration::from_millis(8);

struct Inner {
    poller: Poller,
    ration: Ration,
    requests: u64,
    bytes: u64,
    faults: u64,
}

/// The device behind vhost-user.
pub struct RngDevice {
    inner: Mutex<Inner>,
    memory: SharedMemory,
    control: Arc<Control>,
    start: Instant,
}

impl RngDevice {
    /// A device that nobody has asked for anything yet.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn new(control: Arc<Control>, memory: SharedMemory) -> Result<Self, Errno> {
        let poller = Poller::new()?;
        let inner = Inner { poller, ration: Ration::new(BURST, EVERY), requests: 0, bytes: 0, faults: 0 };
        Ok(Self { inner: Mutex::new(inner), memory, control, start: Instant::now() })
    }

    /// Nothing in here panics; if it did, the process would be gone with its thread.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers what the guest has a right to, and comes back for the rest.
    fn answer(&self, inner: &mut Inner, queue: &VringMutex) {
        let now = self.start.elapsed();
        let most = inner.ration.left(now).min(REQUESTS);
        let mut taken = 0_u32;
        let memory = self.memory.memory();
        let rest = most == 0
            || queue::drain(queue, &memory, usize::try_from(most).unwrap_or(0), |chain| {
                taken = taken.saturating_add(1);
                let chain = Chain::read(chain, 0, 0);
                let head = chain.head;
                let written = fill(&chain, &memory).unwrap_or_else(|kind| {
                    self.fault(inner, kind);
                    0
                });
                inner.bytes = inner.bytes.saturating_add(u64::from(written));
                // A guest without a ring for it has no answer.
                let _ = queue::give_back(queue, head, written);
            });
        inner.requests = inner.requests.saturating_add(u64::from(taken));
        inner.ration.spend(taken);
        if taken > 0 {
            queue::tell(queue);
        }
        if !rest {
            return;
        }
        if inner.ration.left(now) > 0 {
            inner.poller.waker().wake();
        } else if let Err(error) = inner.poller.arm(Some(inner.ration.next()), now) {
            tracing::error!("timer: {error}");
        }
    }

    fn fault(&self, inner: &mut Inner, kind: &'static str) {
        inner.faults = inner.faults.saturating_add(1);
        // The first, the second, the fourth, …: a guest can't fill a log by being wrong quickly.
        if inner.faults.is_power_of_two() {
            self.control.fault("virtio", kind, inner.faults);
        }
    }

    /// What has become ready of our own.
    fn events(inner: &mut Inner) {
        let ready = inner.poller.wait(Some(Duration::ZERO)).map(|(ready, _)| ready);
        for ready in ready.unwrap_or_default() {
            match ready.number {
                TIMER => inner.poller.acknowledge_timer(),
                WAKE => inner.poller.acknowledge_wake(),
                _ => {}
            }
        }
    }
}

/// Fills the buffers of a request; says how many bytes they have now, or what is wrong with it.
fn fill(chain: &Chain, memory: &GuestMemoryMmap) -> Result<u32, &'static str> {
    if let Err((kind, _)) = &chain.request {
        return Err(kind);
    }
    let mut bytes = [0; BYTES];
    let room = chain.answer.room().min(BYTES);
    let part = bytes.get_mut(..room).filter(|part| !part.is_empty()).ok_or("no_room")?;
    // The kernel's generator is ready long before a desktop is.
    getrandom(&mut *part, GetRandomFlags::empty()).map_err(|_not_ready| "no_entropy")?;
    match chain.answer.write(memory, part) {
        0 => Err("answer_outside_ram"),
        written => Ok(written),
    }
}

impl Device for RngDevice {
    fn features(&self) -> u64 {
        FEATURES
    }

    fn events(&self) -> Option<RawFd> {
        Some(self.lock().poller.as_raw_fd())
    }

    fn turn(&self, wake: Wake, queues: &[VringMutex]) {
        let mut inner = self.lock();
        if wake == Wake::Own {
            Self::events(&mut inner);
        }
        if let Some(queue) = queues.first() {
            self.answer(&mut inner, queue);
        }
    }

    fn counters(&self) -> Counters {
        let inner = self.lock();
        let named = [("requests", inner.requests), ("bytes", inner.bytes), ("faults", inner.faults)];
        named.map(|(name, value)| (name.to_owned(), value)).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cofferdam_kit::transport;
    use vhost_user_backend::VringT;
    use vm_memory::{Bytes, GuestAddress};

    const RAM: usize = 1 << 20;
    const QUEUE: u16 = 64;
    /// Where the queue's three parts are, and where its buffers are.
    const TABLE: u64 = 0x1000;
    const AVAILABLE: u64 = 0x2000;
    const USED: u64 = 0x3000;
    const BUFFER: u64 = 0x8_0000;
    const NEXT: u16 = 1;
    const WRITE: u16 = 2;

    /// A device, and a guest that may lie to it.
    struct Guest {
        device: RngDevice,
        memory: GuestMemoryMmap,
        queue: VringMutex,
        offered: u16,
    }

    impl Guest {
        fn new() -> Self {
            let (ours, _shepherd) = transport::pair().unwrap();
            let memory = GuestMemoryMmap::from_ranges(&[(GuestAddress(0), RAM)]).unwrap();
            let shared = SharedMemory::new(memory.clone());
            let queue = VringMutex::new(shared.clone(), QUEUE).unwrap();
            queue.set_queue_size(QUEUE);
            queue.set_queue_info(TABLE, AVAILABLE, USED).unwrap();
            queue.set_queue_ready(true);
            let control = Arc::new(Control::new(ours).unwrap());
            Self { device: RngDevice::new(control, shared).unwrap(), memory, queue, offered: 0 }
        }

        fn descriptor(&self, index: u16, addr: u64, len: u32, flags: u16, next: u16) {
            let mut bytes = addr.to_le_bytes().to_vec();
            bytes.extend(len.to_le_bytes());
            bytes.extend(flags.to_le_bytes());
            bytes.extend(next.to_le_bytes());
            self.memory.write_slice(&bytes, GuestAddress(TABLE + 16 * u64::from(index))).unwrap();
        }

        /// Offers the chain that begins at descriptor 0.
        fn offer(&mut self) {
            let slot = AVAILABLE + 4 + 2 * u64::from(self.offered % QUEUE);
            self.memory.write_obj(0_u16, GuestAddress(slot)).unwrap();
            self.offered = self.offered.wrapping_add(1);
            self.memory.write_obj(self.offered, GuestAddress(AVAILABLE + 2)).unwrap();
        }

        fn kick(&self) {
            self.device.turn(Wake::Queue(0), std::slice::from_ref(&self.queue));
        }

        /// How many chains came back, and how many bytes the last of them has.
        fn used(&self) -> (u16, u32) {
            let index: u16 = self.memory.read_obj(GuestAddress(USED + 2)).unwrap();
            let slot = USED + 4 + 8 * u64::from(index.wrapping_sub(1) % QUEUE);
            (index, self.memory.read_obj(GuestAddress(slot + 4)).unwrap())
        }

        fn counted(&self, name: &str) -> u64 {
            self.device.counters()[name]
        }
    }

    fn check(name: &str, chain: &[(u64, u32, u16, u16)], written: u32) {
        let mut guest = Guest::new();
        for (index, (addr, len, flags, next)) in (0..).zip(chain) {
            guest.descriptor(index, *addr, *len, *flags, *next);
        }
        guest.offer();
        guest.kick();
        assert_eq!(guest.used(), (1, written), "{name}");
        assert_eq!(guest.counted("faults"), u64::from(written == 0), "{name}");
        assert_eq!(guest.counted("bytes"), u64::from(written), "{name}");
    }

    #[test]
    fn requests_of_any_shape_come_back() {
        let most = u32::try_from(BYTES).unwrap();
        check("a buffer", &[(BUFFER, 64, WRITE, 0)], 64);
        check("two", &[(BUFFER, 10, WRITE | NEXT, 1), (BUFFER + 64, 20, WRITE, 0)], 30);
        check("a large one", &[(BUFFER, 4096, WRITE, 0)], most);
        check("a huge one", &[(BUFFER, u32::MAX, WRITE, 0)], most);
        check("huge ones", &[(BUFFER, u32::MAX, WRITE | NEXT, 1), (BUFFER, u32::MAX, WRITE, 0)], most);
        check("an empty one", &[(BUFFER, 0, WRITE, 0)], 0);
        check("one to read", &[(BUFFER, 64, 0, 0)], 0);
        check("one to read first", &[(BUFFER, 1, NEXT, 1), (BUFFER, 64, WRITE, 0)], 0);
        check("one to read last", &[(BUFFER, 64, WRITE | NEXT, 1), (BUFFER, 1, 0, 0)], 0);
        check("outside of memory", &[(1 << 40, 64, WRITE, 0)], 0);
        check("at the end of addresses", &[(u64::MAX - 7, 64, WRITE, 0)], 0);
        // A loop ends after as many descriptors as the queue has; what it has room for is filled.
        check("a loop", &[(BUFFER, 8, WRITE | NEXT, 0)], 128);
        check("a loop of nothing", &[(BUFFER, 0, WRITE | NEXT, 0)], 0);
        check("one that does not exist", &[(BUFFER, 8, WRITE | NEXT, 999)], 8);
    }

    #[test]
    fn bytes_are_random() {
        let mut guest = Guest::new();
        let mut seen = Vec::new();
        for _ in 0..2 {
            guest.descriptor(0, BUFFER, 32, WRITE, 0);
            guest.offer();
            guest.kick();
            let mut bytes = [0; 33];
            guest.memory.read_slice(&mut bytes, GuestAddress(BUFFER)).unwrap();
            assert_eq!(bytes[32], 0, "no byte beyond");
            seen.push(bytes);
        }
        assert_ne!(seen[0], seen[1]);
        assert_ne!(seen[0], [0; 33]);
    }

    #[test]
    fn a_guest_that_never_stops_waits_for_its_turn_and_gets_it() {
        let mut guest = Guest::new();
        guest.descriptor(0, BUFFER, 64, WRITE, 0);
        let burst = u16::try_from(BURST).unwrap();
        let started = Instant::now();
        // More than it has: those beyond wait in the queue, however often it kicks.
        for _ in 0..burst + 40 {
            guest.offer();
            guest.kick();
        }
        // Time goes on while this test runs, and gives the guest some more.
        let earned = started.elapsed().as_millis() / EVERY.as_millis() + 1;
        let answered = u128::from(guest.used().0);
        assert!((u128::from(burst)..=u128::from(burst) + earned).contains(&answered), "{answered}");
        // The device comes back by itself, without a kick.
        while guest.used().0 < burst + 40 {
            guest.device.lock().poller.wait(None).unwrap();
            guest.device.turn(Wake::Own, std::slice::from_ref(&guest.queue));
        }
        assert_eq!(guest.counted("requests"), u64::from(burst) + 40);
    }

    #[test]
    fn an_index_that_lies_brings_nothing_and_ends() {
        let mut guest = Guest::new();
        guest.descriptor(0, BUFFER, 64, WRITE, 0);
        guest.offer();
        guest.memory.write_obj(60_000_u16, GuestAddress(AVAILABLE + 2)).unwrap();
        guest.kick();
        assert_eq!((guest.counted("requests"), guest.counted("bytes")), (0, 0));
    }
}
