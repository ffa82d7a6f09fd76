// SPDX-License-Identifier: GPL-3.0-or-later
//! The device behind its two virtqueues.
//!
//! In: the guest's kicks (on the queue thread), its end (on the machine's). Out: chains for the [`Shell`], and its
//! answers in the used ring, in any order.
//!
//! Locks: `shell` is taken by the queue thread, and by the message thread only when the guest is gone
//! (`GET_VRING_BASE`, reset). A new memory table takes no lock that the queue thread holds while it waits,
//! because the queue thread never waits.

use super::mapper::{MachineLink, Mapper};
use super::ram::{RamMap, VmRam};
use crate::shell::{Completion, Shell, Wish};
use cofferdam_device_kit::chain::{Answer, Chain};
use cofferdam_device_kit::poller::Waker;
use cofferdam_device_kit::{Device, SharedMemory, Wake, queue};
use cofferdam_gpu_core::Token;
use cofferdam_kit::part::Counters;
use cofferdam_xdomain::Limits;
use cofferdam_xdomain::virtio::{HEADER, Header, Response, SHM_HOST_VISIBLE, config_space, feature};
use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use vhost::vhost_user::Backend as Machine;
use vhost::vhost_user::message::{VhostUserProtocolFeatures, VhostUserShMemConfig};
use vhost_user_backend::VringMutex;
use vm_memory::{GuestAddressSpace, GuestMemoryMmap};

/// The control queue.
const CONTROL: u16 = 0;
/// The cursor queue: must exist, is answered, has no effect.
const CURSOR: u16 = 1;
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
    shell: Shell,
    under_way: UnderWay,
    more: bool,
}

/// The device behind vhost-user.
pub struct GpuDevice {
    inner: Mutex<Inner>,
    memory: SharedMemory,
    map: RamMap,
    machine: MachineLink,
    mapper: Mapper,
    arena_size: u64,
    request_bytes: usize,
    control: OnceLock<VringMutex>,
    waker: Waker,
}

impl GpuDevice {
    /// Puts a shell behind queues.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn new(shell: Shell, memory: SharedMemory, limits: &Limits) -> io::Result<Self> {
        let machine = MachineLink::default();
        let arena_size = shell.arena().size();
        let map = RamMap::new(super::ram::FileId::of(shell.arena().as_fd())?);
        let arena = shell.arena().as_fd().try_clone_to_owned()?;
        let waker = shell.waker().clone();
        let mapper = Mapper::spawn(MachineLink::clone(&machine), arena, arena_size, waker.clone())?;
        Ok(Self {
            inner: Mutex::new(Inner { shell, under_way: UnderWay::default(), more: false }),
            memory,
            map,
            machine,
            mapper,
            arena_size,
            // A request's own header, and that of the largest command's body.
            request_bytes: limits.request_bytes.saturating_add(4096),
            control: OnceLock::new(),
            waker,
        })
    }

    /// A panic in the core would poison the lock; the core does not panic, and if it did, the state would
    /// still be what it was between two effects.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn drain_control(&self, vring: &VringMutex) {
        let mut inner = self.lock();
        inner.shell.queue.kicks = inner.shell.queue.kicks.saturating_add(1);
        self.take_chains(&mut inner, vring);
        self.finish(&mut inner, vring);
    }

    fn take_chains(&self, inner: &mut Inner, vring: &VringMutex) {
        let memory = self.memory.memory();
        let rest = queue::drain(vring, &memory, CHAINS, |chain| {
            self.take_chain(inner, Chain::read(chain, self.request_bytes, HEADER));
        });
        if rest {
            inner.more = true;
            self.waker.wake();
        }
    }

    fn take_chain(&self, inner: &mut Inner, chain: Chain) {
        let Inner { shell, under_way, .. } = inner;
        let token = Token(under_way.next);
        under_way.next = under_way.next.wrapping_add(1);
        under_way.chains.insert(token, (chain.head, chain.answer));
        let ram = VmRam::new(&self.memory, &self.map);
        match chain.request {
            Ok(bytes) => shell.command(token, &bytes, &ram),
            Err((kind, header)) => shell.malformed(token, &header, kind, &ram),
        }
    }

    /// Writes answers, interrupts the guest if it wants that, and grants wishes.
    fn finish(&self, inner: &mut Inner, vring: &VringMutex) {
        for wish in inner.shell.take_wishes() {
            match wish {
                Wish::MapArena if self.mapper.wish() => {}
                Wish::MapArena => {
                    let ram = VmRam::new(&self.memory, &self.map);
                    inner.shell.arena_mapped(false, &ram);
                }
            }
        }
        let completions = inner.shell.take_completions();
        if completions.is_empty() {
            return;
        }
        for completion in completions {
            self.complete(&mut inner.under_way, completion, vring);
        }
        if queue::tell(vring) {
            inner.shell.queue.interrupts = inner.shell.queue.interrupts.saturating_add(1);
        }
    }

    fn complete(&self, under_way: &mut UnderWay, completion: Completion, vring: &VringMutex) {
        let Some((head, answer)) = under_way.chains.remove(&completion.token) else { return };
        let written = answer.write(&*self.memory.memory(), &completion.response);
        // A guest without a ring for it has no answer.
        let _ = queue::give_back(vring, head, written);
    }

    fn shell_ready(&self, vring: &VringMutex) {
        let mut inner = self.lock();
        let ram = VmRam::new(&self.memory, &self.map);
        match inner.shell.turn(Some(Duration::ZERO), &ram) {
            Ok(false) => {}
            Ok(true) => {
                while let Some(ok) = self.mapper.result() {
                    inner.shell.arena_mapped(ok, &ram);
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
        let (mut used, memory) = (false, self.memory.memory());
        // What is left of a flood waits for the next kick.
        let _ = queue::drain(vring, &memory, CHAINS, |chain| {
            let chain = Chain::read(chain, CURSOR_BYTES, 0);
            let header = chain.request.ok().and_then(|bytes| Header::decode(&bytes).ok());
            let mut response = Vec::new();
            Response::NoData.encode(&header.unwrap_or_default(), &mut response);
            let written = chain.answer.write(&*memory, &response);
            used |= queue::give_back(vring, chain.head, written);
        });
        if used {
            queue::tell(vring);
        }
    }

    /// The guest is gone or starts anew: what it waits for is answered, then forgotten.
    fn forget_guest(&self) {
        let mut inner = self.lock();
        let ram = VmRam::new(&self.memory, &self.map);
        inner.shell.reset(&ram);
        drop(ram);
        if let Some(vring) = self.control.get() {
            self.finish(&mut inner, vring);
        }
        inner.under_way.chains.clear();
        inner.more = false;
    }
}

impl Device for GpuDevice {
    fn features(&self) -> u64 {
        feature::OFFERED
    }

    fn protocol_features(&self) -> VhostUserProtocolFeatures {
        VhostUserProtocolFeatures::MQ
            | VhostUserProtocolFeatures::BACKEND_REQ
            | VhostUserProtocolFeatures::SHMEM
    }

    fn config(&self) -> Vec<u8> {
        config_space().to_vec()
    }

    fn events(&self) -> Option<RawFd> {
        Some(self.lock().shell.as_raw_fd())
    }

    fn turn(&self, wake: Wake, queues: &[VringMutex]) {
        let control = queues.first().map(|vring| self.control.get_or_init(|| vring.clone()));
        match (wake, control, queues.get(1)) {
            (Wake::Queue(CONTROL), Some(control), _) => self.drain_control(control),
            (Wake::Queue(CURSOR), _, Some(cursor)) => self.drain_cursor(cursor),
            (Wake::Own, Some(control), _) => self.shell_ready(control),
            _ => {}
        }
    }

    fn guest_gone(&self) {
        self.forget_guest();
    }

    fn queue_stopped(&self, queue: u16) {
        if queue == CONTROL {
            self.forget_guest();
        }
    }

    fn memory_changed(&self, memory: &GuestMemoryMmap) {
        self.map.update(memory);
    }

    fn machine(&self, machine: Machine) {
        *self.machine.lock().unwrap_or_else(PoisonError::into_inner) = Some(machine);
    }

    fn shared_memory(&self) -> io::Result<VhostUserShMemConfig> {
        let mut sizes = [0; 2];
        if let Some(size) = sizes.get_mut(usize::from(SHM_HOST_VISIBLE)) {
            *size = self.arena_size;
        }
        Ok(VhostUserShMemConfig::new(1, &sizes))
    }

    fn counters(&self) -> Counters {
        self.lock().shell.counters().by_name()
    }
}
