// SPDX-License-Identifier: GPL-3.0-or-later
//! The vhost-user side: two virtqueues and a config space.
//!
//! In: the machine's vhost-user messages (on its own thread) and the guest's kicks (on the queue thread).
//! Out: chains for the [`Host`], and its answers in the used ring, in any order.
//!
//! Locks: `host` is taken by the queue thread, and by the message thread only when the guest is gone
//! (`GET_VRING_BASE`, reset). A new memory table takes no lock that the queue thread holds while it waits,
//! because the queue thread never waits.

use super::chain::{Answer, Chain};
use super::mapper::{MachineLink, Mapper};
use super::ram::{RamMap, SharedMemory, VmRam};
use crate::host::{Completion, Host, Wish};
use cofferdam_gpu_core::Token;
use cofferdam_xdomain::Limits;
use cofferdam_xdomain::virtio::{Header, Response, SHM_HOST_VISIBLE, config_space, feature};
use std::collections::BTreeMap;
use std::io;
use std::os::fd::AsRawFd;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use vhost::vhost_user::Backend;
use vhost::vhost_user::message::{VhostUserProtocolFeatures, VhostUserShMemConfig, VhostUserVirtioFeatures};
use vhost_user_backend::{ShutdownHandle, VhostUserBackend, VringMutex, VringT};
use virtio_queue::QueueT;
use vm_memory::{GuestAddressSpace, GuestMemoryMmap};
use vmm_sys_util::epoll::EventSet;
use vmm_sys_util::event::{EventConsumer, EventFlag, EventNotifier, new_event_consumer_and_notifier};

/// The control queue.
const CONTROL: u16 = 0;
/// The cursor queue: must exist, is answered, has no effect.
const CURSOR: u16 = 1;
/// Queues in all.
pub const QUEUES: usize = 2;
/// Entries a queue may have.
const QUEUE_SIZE: usize = 256;
/// The name under which the host's own event loop is registered; 2 is taken by the exit event.
pub const HOST_EVENT: u64 = 3;
/// Bytes that a cursor command may have; the largest has 56.
const CURSOR_BYTES: usize = 256;
/// Chains taken in one go, so that a guest that never stops cannot keep the device from its other duties.
const CHAINS: usize = 1024;

/// Where the answers of commands under way go.
#[derive(Debug, Default)]
struct UnderWay {
    next: u64,
    chains: BTreeMap<Token, (u16, Answer)>,
}

#[derive(Debug)]
struct Inner {
    host: Host,
    under_way: UnderWay,
    more: bool,
}

/// The device behind vhost-user.
pub struct GpuBackend {
    inner: Mutex<Inner>,
    memory: SharedMemory,
    map: RamMap,
    machine: MachineLink,
    mapper: Mapper,
    arena_size: u64,
    request_bytes: usize,
    control: OnceLock<VringMutex>,
    shutdown: OnceLock<ShutdownHandle>,
}

impl GpuBackend {
    /// Puts a host behind queues.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn new(mut host: Host, memory: SharedMemory, limits: &Limits) -> io::Result<Self> {
        use std::os::fd::AsFd;
        let machine = MachineLink::default();
        let arena_size = host.arena().size();
        let map = RamMap::new(super::ram::FileId::of(host.arena().as_fd())?);
        let arena = host.arena().as_fd().try_clone_to_owned()?;
        let mapper = Mapper::spawn(MachineLink::clone(&machine), arena, arena_size)?;
        host.watch_wake(mapper.wake_fd())?;
        Ok(Self {
            inner: Mutex::new(Inner { host, under_way: UnderWay::default(), more: false }),
            memory,
            map,
            machine,
            mapper,
            arena_size,
            // A request's own header, and that of the largest command's body.
            request_bytes: limits.request_bytes.saturating_add(4096),
            control: OnceLock::new(),
            shutdown: OnceLock::new(),
        })
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

    /// A panic in the core would poison the lock; the core does not panic, and if it did, the state would
    /// still be what it was between two effects.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn drain_control(&self, vring: &VringMutex) {
        let mut inner = self.lock();
        inner.host.queue.kicks = inner.host.queue.kicks.saturating_add(1);
        self.take_chains(&mut inner, vring);
        self.finish(&mut inner, vring);
    }

    fn take_chains(&self, inner: &mut Inner, vring: &VringMutex) {
        if self.drain(vring, self.request_bytes, |chain| self.take_chain(inner, chain)) {
            inner.more = true;
            self.mapper.wake();
        }
    }

    /// Takes chains until there are none, or too many for one go; true then. With EVENT_IDX a kick comes only
    /// if notifications were enabled after the last look, so: disable, drain, enable, and look again if
    /// something came in between.
    fn drain(&self, vring: &VringMutex, request_bytes: usize, mut take: impl FnMut(Chain)) -> bool {
        let mut left = CHAINS;
        let mut promised = false;
        while vring.disable_notification().is_ok() {
            let before = left;
            while left > 0 {
                let memory = self.memory.memory();
                let Some(chain) = vring.get_mut().get_queue_mut().pop_descriptor_chain(memory) else { break };
                left = left.saturating_sub(1);
                take(Chain::read(chain, request_bytes));
            }
            if left == 0 {
                return true;
            }
            // A ring whose index promises more than it can hold has nothing to take, however often we look.
            let empty = promised && left == before;
            promised = vring.enable_notification().unwrap_or(false);
            if !promised || empty {
                break;
            }
        }
        false
    }

    fn take_chain(&self, inner: &mut Inner, chain: Chain) {
        let Inner { host, under_way, .. } = inner;
        let token = Token(under_way.next);
        under_way.next = under_way.next.wrapping_add(1);
        under_way.chains.insert(token, (chain.head, chain.answer));
        let ram = VmRam::new(&self.memory, &self.map);
        match chain.request {
            Ok(bytes) => host.command(token, &bytes, &ram),
            Err((kind, header)) => host.malformed(token, &header, kind, &ram),
        }
    }

    /// Writes answers, interrupts the guest if it wants that, and grants wishes.
    fn finish(&self, inner: &mut Inner, vring: &VringMutex) {
        for wish in inner.host.take_wishes() {
            match wish {
                Wish::MapArena if self.mapper.wish() => {}
                Wish::MapArena => {
                    let ram = VmRam::new(&self.memory, &self.map);
                    inner.host.arena_mapped(false, &ram);
                }
                Wish::End => {
                    if let Some(handle) = self.shutdown.get() {
                        handle.shutdown();
                    }
                }
            }
        }
        let completions = inner.host.take_completions();
        if completions.is_empty() {
            return;
        }
        for completion in completions {
            self.complete(&mut inner.under_way, completion, vring);
        }
        if vring.needs_notification().unwrap_or(true) && vring.signal_used_queue().is_ok() {
            inner.host.queue.interrupts = inner.host.queue.interrupts.saturating_add(1);
        }
    }

    fn complete(&self, under_way: &mut UnderWay, completion: Completion, vring: &VringMutex) {
        let Some((head, answer)) = under_way.chains.remove(&completion.token) else { return };
        let written = answer.write(&*self.memory.memory(), &completion.response);
        if let Err(error) = vring.add_used(head, written) {
            tracing::debug!("used ring: {error}");
        }
    }

    fn host_ready(&self, vring: &VringMutex) {
        let mut inner = self.lock();
        let ram = VmRam::new(&self.memory, &self.map);
        match inner.host.turn(Some(Duration::ZERO), &ram) {
            Ok(false) => {}
            Ok(true) => {
                self.mapper.acknowledge();
                while let Some(ok) = self.mapper.result() {
                    inner.host.arena_mapped(ok, &ram);
                }
                if std::mem::take(&mut inner.more) {
                    self.take_chains(&mut inner, vring);
                }
            }
            Err(error) => tracing::error!("event loop: {error}"),
        }
        drop(ram);
        self.finish(&mut inner, vring);
    }

    /// The cursor queue has commands without effect: answered, and nothing else.
    fn drain_cursor(&self, vring: &VringMutex) {
        let mut used = false;
        // What is left of a flood waits for the next kick.
        let _ = self.drain(vring, CURSOR_BYTES, |chain| {
            let header = chain.request.ok().and_then(|bytes| Header::decode(&bytes).ok());
            let mut response = Vec::new();
            Response::NoData.encode(&header.unwrap_or_default(), &mut response);
            let written = chain.answer.write(&*self.memory.memory(), &response);
            used |= vring.add_used(chain.head, written).is_ok();
        });
        if used && vring.needs_notification().unwrap_or(true) {
            // Without a call descriptor there is nobody to tell.
            let _ = vring.signal_used_queue();
        }
    }

    /// The guest is gone or starts anew: what it waits for is answered, then forgotten.
    fn guest_gone(&self) {
        let mut inner = self.lock();
        let ram = VmRam::new(&self.memory, &self.map);
        inner.host.reset(&ram);
        drop(ram);
        if let Some(vring) = self.control.get() {
            self.finish(&mut inner, vring);
        }
        inner.under_way.chains.clear();
        inner.more = false;
    }
}

impl VhostUserBackend for GpuBackend {
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

    fn protocol_features(&self) -> VhostUserProtocolFeatures {
        VhostUserProtocolFeatures::CONFIG
            | VhostUserProtocolFeatures::MQ
            | VhostUserProtocolFeatures::REPLY_ACK
            | VhostUserProtocolFeatures::BACKEND_REQ
            | VhostUserProtocolFeatures::SHMEM
    }

    fn reset_device(&self) {
        self.guest_gone();
    }

    fn set_event_idx(&self, _enabled: bool) {}

    fn get_config(&self, offset: u32, size: u32) -> Vec<u8> {
        // The machine may ask for more than there is; the rest is zeros.
        let space = config_space();
        let (offset, size) =
            (usize::try_from(offset).unwrap_or(usize::MAX), usize::try_from(size).unwrap_or(0));
        let at = |index: usize| offset.checked_add(index).and_then(|i| space.get(i)).copied().unwrap_or(0);
        (0..size.min(256)).map(at).collect()
    }

    fn set_config(&self, _offset: u32, _buf: &[u8]) -> io::Result<()> {
        // The guest clears events that we never raise.
        Ok(())
    }

    fn update_memory(&self, memory: SharedMemory) -> io::Result<()> {
        let memory = memory.memory();
        let table: &GuestMemoryMmap = &memory;
        self.map.update(table);
        Ok(())
    }

    fn set_backend_req_fd(&self, backend: Backend) {
        *self.machine.lock().unwrap_or_else(PoisonError::into_inner) = Some(backend);
    }

    fn get_shmem_config(&self) -> io::Result<VhostUserShMemConfig> {
        let mut sizes = [0; 2];
        if let Some(size) = sizes.get_mut(usize::from(SHM_HOST_VISIBLE)) {
            *size = self.arena_size;
        }
        Ok(VhostUserShMemConfig::new(1, &sizes))
    }

    fn exit_event(&self, _thread: usize) -> Option<(EventConsumer, EventNotifier)> {
        new_event_consumer_and_notifier(EventFlag::NONBLOCK | EventFlag::CLOEXEC).ok()
    }

    fn stop_vring(&self, index: u32) -> io::Result<()> {
        if index == u32::from(CONTROL) {
            self.guest_gone();
        }
        Ok(())
    }

    fn handle_event(
        &self,
        event: u16,
        _ready: EventSet,
        vrings: &[VringMutex],
        _thread: usize,
    ) -> io::Result<()> {
        let control = vrings.first().map(|vring| self.control.get_or_init(|| vring.clone()));
        match (event, control, vrings.get(1)) {
            (CONTROL, Some(control), _) => self.drain_control(control),
            (CURSOR, _, Some(cursor)) => self.drain_cursor(cursor),
            (event, Some(control), _) if u64::from(event) == HOST_EVENT => self.host_ready(control),
            _ => {}
        }
        Ok(())
    }
}
