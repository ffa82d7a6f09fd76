// SPDX-License-Identifier: GPL-3.0-or-later
//! The gateway behind its two virtqueues: a ring of frames to the guest, a ring of frames from it.
//!
//! In: the guest's kicks and the shell's events (on the queue thread), its begin and end (on the machine's). Out:
//! frames for the [`Shell`], and its frames in the guest's buffers.
//!
//! Locks: `shell` first, then a ring. The message thread takes `shell` only when features change or the guest is
//! gone, and no ring while it holds it.

use super::header::{Abilities, Offload, config_space, feature};
use super::ring::{Outgoing, read};
use crate::link::Link;
use crate::shell::Shell;
use cofferdam_device_kit::{Device, SharedMemory, Wake, queue};
use cofferdam_kit::part::Counters;
use cofferdam_lifecycle::NAME_SERVERS;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use vhost_user_backend::{VringMutex, VringT};
use vm_memory::{GuestAddressSpace, GuestMemoryMmap};

/// Frames to the guest.
const TO_GUEST: u16 = 0;
/// Frames from the guest.
const FROM_GUEST: u16 = 1;
/// Frames taken in one go, so that a guest that never stops cannot keep the gateway from its other duties.
const FRAMES: usize = 256;

struct Inner {
    shell: Shell,
    /// Where a frame is copied to.
    frame: Vec<u8>,
}

/// The device behind vhost-user.
pub struct NetDevice {
    inner: Mutex<Inner>,
    memory: SharedMemory,
    features: AtomicU64,
    up: AtomicBool,
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

impl NetDevice {
    /// Puts a shell behind rings.
    #[must_use]
    pub const fn new(shell: Shell, memory: SharedMemory) -> Self {
        Self {
            inner: Mutex::new(Inner { shell, frame: Vec::new() }),
            memory,
            features: AtomicU64::new(0),
            up: AtomicBool::new(false),
        }
    }

    /// The shell does not panic; if it did, the process would be gone with its thread.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has(&self, bit: u64) -> bool {
        self.features.load(Ordering::Relaxed) & bit != 0
    }

    /// One turn: the shell's own events, the guest's frames, and what follows from them.
    fn go_on(&self, queues: &[VringMutex], events: bool) {
        let (Some(to), Some(from)) = (queues.get(usize::from(TO_GUEST)), queues.get(usize::from(FROM_GUEST)))
        else {
            return;
        };
        let mut inner = self.lock();
        let Inner { shell, frame } = &mut *inner;
        let memory = self.memory.memory();
        let abilities = Abilities::new(self.features.load(Ordering::Relaxed));
        let mut port = Port { ring: Outgoing::new(to.get_mut(), &memory, abilities.merge), abilities };
        if events {
            shell.events(&mut port);
        }
        if take(shell, &mut port, from, &memory, frame) {
            shell.wake();
        }
        shell.flush(&mut port);
        let starved = port.ring.starved;
        for _ in 0..port.ring.faults {
            shell.fault(cofferdam_net_core::Fault::Chain);
        }
        if port.ring.finish(self.has(feature::EVENT_IDX)) && starved {
            shell.wake();
        }
        self.up.store(shell.is_up(), Ordering::Relaxed);
    }
}

/// Takes frames of the guest; true if there may be more.
fn take(
    shell: &mut Shell,
    port: &mut Port<'_>,
    from: &VringMutex,
    memory: &GuestMemoryMmap,
    frame: &mut Vec<u8>,
) -> bool {
    let mut any = false;
    let rest = queue::drain(from, memory, FRAMES, |chain| {
        let head = chain.head_index();
        let is_frame = read(chain, memory, frame);
        // Its bytes are ours now. A guest without a ring for it has one buffer less.
        let _ = queue::give_back(from, head, 0);
        any = true;
        match is_frame {
            Ok(()) => shell.frame(frame, port),
            Err(fault) => shell.fault(fault),
        }
    });
    if any {
        queue::tell(from);
    }
    rest
}

impl Device for NetDevice {
    fn features(&self) -> u64 {
        feature::OFFERED
    }

    fn config(&self) -> Vec<u8> {
        config_space(self.up.load(Ordering::Relaxed)).to_vec()
    }

    fn events(&self) -> Option<RawFd> {
        Some(self.lock().shell.as_raw_fd())
    }

    fn turn(&self, wake: Wake, queues: &[VringMutex]) {
        self.go_on(queues, wake == Wake::Own);
    }

    fn guest_begins(&self, features: u64) {
        self.features.store(features, Ordering::Relaxed);
        self.lock().shell.guest_begins(Abilities::new(features));
    }

    fn guest_gone(&self) {
        self.lock().shell.guest_begins(Abilities::default());
    }

    fn point(&self, socket: OwnedFd) {
        self.lock().shell.set_point(socket);
    }

    fn setting(&self, name: &str, words: &[String]) {
        if name == NAME_SERVERS {
            self.lock().shell.set_name_servers(words);
        }
    }

    fn counters(&self) -> Counters {
        let inner = self.lock();
        let number = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        let named = [("flows", number(inner.shell.flows())), ("faults", inner.shell.faults().total())];
        named.map(|(name, value)| (name.to_owned(), value)).into()
    }
}
