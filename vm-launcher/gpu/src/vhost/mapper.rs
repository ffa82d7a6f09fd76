// SPDX-License-Identifier: GPL-3.0-or-later
//! Asking the machine to map the arena, on a thread of its own.
//!
//! In: the wish to map. Out: whether it is mapped, and a wake-up of the device. The machine answers only after it has sent
//! us a new memory table, and while it waits for our answer to that, so neither the queue's thread nor the
//! one that answers the machine may be the one that asks.

#![expect(clippy::disallowed_methods, reason = "the machine answers a map only while its own loop runs")]

use cofferdam_device_kit::poller::Waker;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use vhost::vhost_user::message::{VhostUserMMap, VhostUserMMapFlags};
use vhost::vhost_user::{Backend, VhostUserFrontendReqHandler};

/// The side that wishes.
#[derive(Debug)]
pub(super) struct Mapper {
    wishes: Sender<()>,
    results: Mutex<Receiver<bool>>,
}

/// How the machine is asked; it hands this over at start.
pub(super) type MachineLink = Arc<Mutex<Option<Backend>>>;

impl Mapper {
    /// Starts the thread.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub(super) fn spawn(
        machine: MachineLink,
        arena: OwnedFd,
        size: u64,
        waker: Waker,
    ) -> std::io::Result<Self> {
        let (wishes, wished) = channel();
        let (done, results) = channel();
        std::thread::Builder::new().name("arena-mapper".into()).spawn(move || {
            while let Ok(()) = wished.recv() {
                let ok = map(&machine, &arena, size);
                if done.send(ok).is_err() {
                    return;
                }
                waker.wake();
            }
        })?;
        Ok(Self { wishes, results: Mutex::new(results) })
    }

    /// Wishes that the arena be mapped; false if that cannot be.
    #[must_use]
    pub(super) fn wish(&self) -> bool {
        self.wishes.send(()).is_ok()
    }

    /// The result of a wish, if there is one.
    #[must_use]
    pub(super) fn result(&self) -> Option<bool> {
        self.results.lock().ok()?.try_recv().ok()
    }
}

fn map(machine: &MachineLink, arena: &OwnedFd, size: u64) -> bool {
    let backend = machine.lock().ok().and_then(|link| link.clone());
    let Some(backend) = backend else {
        tracing::error!("the machine cannot map the arena: it gave us no way to ask");
        return false;
    };
    let request = VhostUserMMap {
        shmid: cofferdam_xdomain::virtio::SHM_HOST_VISIBLE,
        padding: [0; 7],
        fd_offset: 0,
        shm_offset: 0,
        len: size,
        flags: VhostUserMMapFlags::WRITABLE.bits(),
    };
    match backend.shmem_map(&request, &arena.as_raw_fd()) {
        Ok(_) => true,
        Err(error) => {
            tracing::error!("the machine did not map the arena: {error}");
            false
        }
    }
}
