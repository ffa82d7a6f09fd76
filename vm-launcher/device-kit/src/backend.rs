// SPDX-License-Identifier: GPL-3.0-or-later
//! The vhost-user side of any device.
//!
//! In: the machine's vhost-user messages (on its own thread), the guest's kicks, the device's own events and the
//! shepherd's words (on the queue thread). Out: turns of a [`Device`]; the config space, zero beyond its end.
//!
//! Locks are the device's: it is shared between both threads. What comes on the message thread says so.

use crate::SharedMemory;
use crate::control::{Control, Heard};
use cofferdam_kit::part::Counters;
use cofferdam_lifecycle::Part;
use std::io;
use std::os::fd::{OwnedFd, RawFd};
use std::sync::{Arc, OnceLock};
use vhost::vhost_user::Backend as Machine;
use vhost::vhost_user::message::{VhostUserProtocolFeatures, VhostUserShMemConfig, VhostUserVirtioFeatures};
use vhost_user_backend::{ShutdownHandle, VhostUserBackend, VringMutex};
use vm_memory::{GuestAddressSpace, GuestMemoryMmap};
use vmm_sys_util::epoll::EventSet;
use vmm_sys_util::event::{EventConsumer, EventFlag, EventNotifier, new_event_consumer_and_notifier};

/// Words of the shepherd that are heard in one go.
const WORDS: usize = 16;
/// Most bytes of config space that are given out at a time.
const CONFIG: usize = 256;

/// Why a device gets a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// The guest kicked this queue.
    Queue(u16),
    /// [`Device::events`] is ready, or the shepherd has said something.
    Own,
}

/// What a device is behind its queues.
pub trait Device: Send + Sync + 'static {
    /// Virtio features that are offered; the row of the table says the rest.
    fn features(&self) -> u64;

    /// Features of vhost-user beside those that all devices have.
    fn protocol_features(&self) -> VhostUserProtocolFeatures {
        VhostUserProtocolFeatures::empty()
    }

    /// The config space. On the message thread: takes no lock that a turn holds.
    fn config(&self) -> Vec<u8> {
        Vec::new()
    }

    /// A descriptor that is readable when the device wants a turn of its own.
    fn events(&self) -> Option<RawFd> {
        None
    }

    /// Something is to be done.
    fn turn(&self, wake: Wake, queues: &[VringMutex]);

    /// A driver has acknowledged these features. On the message thread.
    fn guest_begins(&self, _features: u64) {}

    /// The device is reset. On the message thread.
    fn guest_gone(&self) {}

    /// A queue stops; what it waits for must be given back. On the message thread.
    fn queue_stopped(&self, _queue: u16) {}

    /// There is another memory table. On the message thread.
    fn memory_changed(&self, _memory: &GuestMemoryMmap) {}

    /// The way to ask the machine for something.
    fn machine(&self, _machine: Machine) {}

    /// Memory of ours that the machine can be asked to show to the guest.
    ///
    /// # Errors
    /// If there is none.
    fn shared_memory(&self) -> io::Result<VhostUserShMemConfig> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// From now on this is the socket to the permission monitor.
    fn point(&self, _socket: OwnedFd) {}

    /// This is how something of the computer is now.
    fn setting(&self, _name: &str, _words: &[String]) {}

    /// What has been counted since the start.
    fn counters(&self) -> Counters {
        Counters::new()
    }
}

/// A device behind vhost-user.
pub(crate) struct Backend<D> {
    device: D,
    part: &'static Part,
    control: Arc<Control>,
    shutdown: OnceLock<ShutdownHandle>,
}

impl<D: Device> Backend<D> {
    pub(crate) const fn new(device: D, part: &'static Part, control: Arc<Control>) -> Self {
        Self { device, part, control, shutdown: OnceLock::new() }
    }

    pub(crate) const fn device(&self) -> &D {
        &self.device
    }

    /// The name of the device's own events. Below are the queues, and the exit event behind them.
    pub(crate) fn own_event(&self) -> u64 {
        u64::from(self.part.device.queues).saturating_add(1)
    }

    /// The name of the shepherd's socket.
    pub(crate) fn control_event(&self) -> u64 {
        self.own_event().saturating_add(1)
    }

    /// What to call when the shepherd is gone.
    pub(crate) fn set_shutdown(&self, handle: ShutdownHandle) {
        // Set once, at start.
        let _ = self.shutdown.set(handle);
    }

    /// What the shepherd has said.
    fn hear(&self) {
        for _ in 0..WORDS {
            match self.control.hear() {
                Heard::Counters => self.control.counters(self.device.counters()),
                Heard::Point(socket) => self.device.point(socket),
                Heard::Setting(name, words) => self.device.setting(&name, &words),
                Heard::Nothing => return,
                Heard::Gone => {
                    if let Some(handle) = self.shutdown.get() {
                        handle.shutdown();
                    }
                    return;
                }
            }
        }
    }
}

impl<D: Device> VhostUserBackend for Backend<D> {
    type Bitmap = ();
    type Vring = VringMutex;

    fn num_queues(&self) -> usize {
        usize::from(self.part.device.queues)
    }

    fn max_queue_size(&self) -> usize {
        usize::from(self.part.device.queue_size)
    }

    fn features(&self) -> u64 {
        self.device.features() | VhostUserVirtioFeatures::PROTOCOL_FEATURES.bits()
    }

    fn acked_features(&self, features: u64) {
        self.device.guest_begins(features);
    }

    fn protocol_features(&self) -> VhostUserProtocolFeatures {
        // A machine that knows of no config space wonders about a device that offers one.
        let config = match self.part.device.config_size {
            0 => VhostUserProtocolFeatures::empty(),
            _ => VhostUserProtocolFeatures::CONFIG,
        };
        VhostUserProtocolFeatures::REPLY_ACK | config | self.device.protocol_features()
    }

    fn reset_device(&self) {
        self.device.guest_gone();
    }

    fn set_event_idx(&self, _enabled: bool) {}

    fn get_config(&self, offset: u32, size: u32) -> Vec<u8> {
        // The machine may ask for more than there is; the rest is zeros.
        let space = self.device.config();
        let (offset, size) =
            (usize::try_from(offset).unwrap_or(usize::MAX), usize::try_from(size).unwrap_or(0));
        let at = |index: usize| offset.checked_add(index).and_then(|i| space.get(i)).copied().unwrap_or(0);
        (0..size.min(CONFIG)).map(at).collect()
    }

    fn set_config(&self, _offset: u32, _buf: &[u8]) -> io::Result<()> {
        // Nothing in there is the guest's to change.
        Ok(())
    }

    fn update_memory(&self, memory: SharedMemory) -> io::Result<()> {
        self.device.memory_changed(&memory.memory());
        Ok(())
    }

    fn set_backend_req_fd(&self, machine: Machine) {
        self.device.machine(machine);
    }

    fn get_shmem_config(&self) -> io::Result<VhostUserShMemConfig> {
        self.device.shared_memory()
    }

    fn exit_event(&self, _thread: usize) -> Option<(EventConsumer, EventNotifier)> {
        new_event_consumer_and_notifier(EventFlag::NONBLOCK | EventFlag::CLOEXEC).ok()
    }

    fn stop_vring(&self, index: u32) -> io::Result<()> {
        if let Ok(queue) = u16::try_from(index) {
            self.device.queue_stopped(queue);
        }
        Ok(())
    }

    fn handle_event(
        &self,
        event: u16,
        _ready: EventSet,
        queues: &[VringMutex],
        _thread: usize,
    ) -> io::Result<()> {
        if u64::from(event) == self.control_event() {
            self.hear();
        }
        let queue = Some(event).filter(|event| *event < self.part.device.queues);
        self.device.turn(queue.map_or(Wake::Own, Wake::Queue), queues);
        Ok(())
    }
}
