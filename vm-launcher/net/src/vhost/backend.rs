// SPDX-License-Identifier: GPL-3.0-or-later
//! The vhost-user side: a ring of frames to the guest, a ring of frames from it.
//!
//! In: the machine's messages (on its own thread), the guest's kicks and the host's events (on the queue
//! thread). Out: frames for the [`Host`], and its frames in the guest's buffers.
//!
//! Locks: `host` first, then a ring. The message thread takes `host` only when features change or the guest
//! is gone, and no ring while it holds it.

use super::header::{Abilities, Offload, config_space, feature};
use super::ring::{Outgoing, take};
use crate::host::Host;
use crate::link::Link;
use std::io;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use vhost::vhost_user::message::{VhostUserProtocolFeatures, VhostUserVirtioFeatures};
use vhost_user_backend::{ShutdownHandle, VhostUserBackend, VringMutex, VringT};
use virtio_queue::QueueT;
use vm_memory::{GuestAddressSpace, GuestMemoryAtomic, GuestMemoryMmap};
use vmm_sys_util::epoll::EventSet;
use vmm_sys_util::event::{EventConsumer, EventFlag, EventNotifier, new_event_consumer_and_notifier};

/// Frames to the guest.
const TO_GUEST: u16 = 0;
/// Frames from the guest.
const FROM_GUEST: u16 = 1;
/// Rings in all.
pub const QUEUES: usize = 2;
/// Entries a ring may have.
const QUEUE_SIZE: usize = 1024;
/// The name under which the host's own event loop is registered; 2 is taken by the exit event.
pub const HOST_EVENT: u64 = 3;
/// Frames taken in one go, so that a guest that never stops cannot keep the gateway from its other duties.
const FRAMES: usize = 256;

/// The guest's memory, which the machine may exchange.
type SharedMemory = GuestMemoryAtomic<GuestMemoryMmap>;

struct Inner {
    host: Host,
    /// Where a frame is copied to.
    frame: Vec<u8>,
}

/// The device behind vhost-user.
pub struct NetBackend {
    inner: Mutex<Inner>,
    memory: SharedMemory,
    features: AtomicU64,
    up: AtomicBool,
    shutdown: OnceLock<ShutdownHandle>,
}

/// The ring to the guest for one batch, with what the guest can take.
struct Port<'a> {
    ring: Outgoing<'a>,
    abilities: Abilities,
}

impl Link for Port<'_> {
    fn has_room(&mut self, bytes: usize) -> bool {
        self.ring.has_room(bytes)
    }

    fn send(&mut self, frame: &[u8], offload: Offload) -> bool {
        self.ring.send(frame, offload)
    }

    fn abilities(&self) -> Abilities {
        self.abilities
    }
}

impl NetBackend {
    /// Puts a host behind rings.
    #[must_use]
    pub fn new(host: Host, memory: SharedMemory) -> Self {
        Self {
            inner: Mutex::new(Inner { host, frame: Vec::new() }),
            memory,
            features: AtomicU64::new(0),
            up: AtomicBool::new(false),
            shutdown: OnceLock::new(),
        }
    }

    /// What to call when the shepherd is gone.
    pub fn set_shutdown(&self, handle: ShutdownHandle) {
        // Set once, at start.
        let _ = self.shutdown.set(handle);
    }

    /// The descriptor of the host's own event loop.
    #[must_use]
    pub fn host_events(&self) -> i32 {
        self.lock().host.as_raw_fd()
    }

    /// The host does not panic; if it did, the process would be gone with its thread.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has(&self, bit: u64) -> bool {
        self.features.load(Ordering::Relaxed) & bit != 0
    }

    /// One turn: the host's own events, the guest's frames, and what follows from them.
    fn turn(&self, vrings: &[VringMutex], events: bool) {
        let (Some(to), Some(from)) = (vrings.get(usize::from(TO_GUEST)), vrings.get(usize::from(FROM_GUEST)))
        else {
            return;
        };
        let mut inner = self.lock();
        let Inner { host, frame } = &mut *inner;
        let memory = self.memory.memory();
        let abilities = Abilities::new(self.features.load(Ordering::Relaxed));
        let mut port = Port { ring: Outgoing::new(to.get_mut(), &memory, abilities.merge), abilities };
        if events {
            host.events(&mut port);
        }
        if Self::drain(host, &mut port, from, &memory, frame) {
            host.wake();
        }
        host.flush(&mut port);
        let starved = port.ring.starved;
        for _ in 0..port.ring.faults {
            host.fault(cofferdam_net_core::Fault::Chain);
        }
        if port.ring.finish(self.has(feature::EVENT_IDX)) && starved {
            host.wake();
        }
        self.up.store(host.is_up(), Ordering::Relaxed);
        if host.is_over()
            && let Some(handle) = self.shutdown.get()
        {
            handle.shutdown();
        }
    }

    /// Takes frames of the guest; true if there may be more.
    fn drain(
        host: &mut Host,
        port: &mut Port<'_>,
        from: &VringMutex,
        memory: &GuestMemoryMmap,
        frame: &mut Vec<u8>,
    ) -> bool {
        let mut ring = from.get_mut();
        if !ring.get_queue().ready() {
            return false;
        }
        let mut any = false;
        let mut left = FRAMES;
        let mut rest = false;
        // With EVENT_IDX a kick comes only if notifications were enabled after the last look, so: disable,
        // drain, enable, and look again if something came in between.
        for again in [false, true, true, true] {
            let before = left;
            if ring.disable_notification().is_err() {
                break;
            }
            while left > 0 {
                match take(&mut ring, memory, frame) {
                    None => break,
                    Some(Ok(())) => host.frame(frame, port),
                    Some(Err(fault)) => host.fault(fault),
                }
                any = true;
                left = left.saturating_sub(1);
            }
            rest = left == 0 || ring.enable_notification().unwrap_or(false);
            if again && before == left {
                // An index that jumped promises frames that never are: nobody waits for those.
                rest = false;
            }
            if left == 0 || !rest {
                break;
            }
        }
        if any && ring.needs_notification().unwrap_or(true) {
            // Without a call descriptor there is nobody to tell.
            let _ = ring.signal_used_queue();
        }
        rest
    }
}

impl VhostUserBackend for NetBackend {
    type Bitmap = ();
    type Vring = VringMutex;

    fn num_queues(&self) -> usize {
        QUEUES
    }

    fn max_queue_size(&self) -> usize {
        QUEUE_SIZE
    }

    fn features(&self) -> u64 {
        feature::OFFERED | VhostUserVirtioFeatures::PROTOCOL_FEATURES.bits()
    }

    fn acked_features(&self, features: u64) {
        self.features.store(features, Ordering::Relaxed);
        self.lock().host.guest_begins(Abilities::new(features));
    }

    fn protocol_features(&self) -> VhostUserProtocolFeatures {
        VhostUserProtocolFeatures::CONFIG | VhostUserProtocolFeatures::REPLY_ACK
    }

    fn reset_device(&self) {
        self.lock().host.guest_begins(Abilities::default());
    }

    fn set_event_idx(&self, _enabled: bool) {}

    fn get_config(&self, offset: u32, size: u32) -> Vec<u8> {
        // The machine may ask for more than there is; the rest is zeros.
        let space = config_space(self.up.load(Ordering::Relaxed));
        let (offset, size) =
            (usize::try_from(offset).unwrap_or(usize::MAX), usize::try_from(size).unwrap_or(0));
        let at = |index: usize| offset.checked_add(index).and_then(|i| space.get(i)).copied().unwrap_or(0);
        (0..size.min(256)).map(at).collect()
    }

    fn set_config(&self, _offset: u32, _buf: &[u8]) -> io::Result<()> {
        // Nothing in there is the guest's to change.
        Ok(())
    }

    fn update_memory(&self, _memory: SharedMemory) -> io::Result<()> {
        Ok(())
    }

    fn exit_event(&self, _thread: usize) -> Option<(EventConsumer, EventNotifier)> {
        new_event_consumer_and_notifier(EventFlag::NONBLOCK | EventFlag::CLOEXEC).ok()
    }

    fn handle_event(
        &self,
        event: u16,
        _ready: EventSet,
        vrings: &[VringMutex],
        _thread: usize,
    ) -> io::Result<()> {
        self.turn(vrings, u64::from(event) == HOST_EVENT);
        Ok(())
    }
}
