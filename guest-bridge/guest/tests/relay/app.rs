// SPDX-License-Identifier: GPL-3.0-or-later
//! An app of the VM. In: what a test wants drawn. Out: requests on the bridge's socket, and what came back.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
use wayland_client::backend::WaylandError;
use wayland_client::globals::{GlobalList, GlobalListContents, registry_queue_init};
use wayland_client::protocol::{
    wl_buffer, wl_callback, wl_compositor, wl_data_device, wl_data_device_manager, wl_data_offer,
    wl_data_source, wl_keyboard, wl_registry, wl_seat, wl_shm, wl_shm_pool, wl_surface,
};
use wayland_client::{Connection, Dispatch, EventQueue, QueueHandle, delegate_noop, event_created_child};

/// What an app has seen.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) releases: usize,
    pub(crate) frames: usize,
    pub(crate) formats: Vec<wl_shm::Format>,
    pub(crate) keymap: Option<(OwnedFd, u32)>,
    pub(crate) offer: Option<wl_data_offer::WlDataOffer>,
    pub(crate) copy_out: Vec<u8>,
}

pub(crate) struct App {
    pub(crate) queue: EventQueue<Seen>,
    pub(crate) seen: Seen,
    pub(crate) globals: GlobalList,
    pub(crate) handle: QueueHandle<Seen>,
    pub(crate) compositor: wl_compositor::WlCompositor,
    pub(crate) shm: wl_shm::WlShm,
}

impl App {
    pub(crate) fn connect(path: &Path) -> Self {
        let connection = Connection::from_socket(UnixStream::connect(path).unwrap()).unwrap();
        let (globals, queue) = registry_queue_init::<Seen>(&connection).unwrap();
        let handle = queue.handle();
        let compositor = globals.bind(&handle, 4..=6, ()).unwrap();
        let shm = globals.bind(&handle, 1..=1, ()).unwrap();
        Self { queue, seen: Seen::default(), globals, handle, compositor, shm }
    }

    pub(crate) fn roundtrip(&mut self) {
        self.queue.roundtrip(&mut self.seen).unwrap();
    }

    /// Sends what was requested, waiting while the bridge lets it wait.
    #[expect(clippy::disallowed_methods, reason = "a full socket")]
    pub(crate) fn flush(&self) {
        loop {
            match self.queue.flush() {
                Ok(()) => return,
                Err(WaylandError::Io(e)) if e.kind() == std::io::ErrorKind::WouldBlock => {
                    let fd = self.queue.as_fd();
                    poll(&mut [PollFd::new(&fd, PollFlags::OUT)], None).unwrap();
                }
                Err(e) => panic!("{e}"),
            }
        }
    }

    /// A pool whose file is, or is not, sealed against shrinking.
    pub(crate) fn pool(&self, size: i32, sealed: bool) -> (File, wl_shm_pool::WlShmPool) {
        let fd = memfd_create("app", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).unwrap();
        ftruncate(&fd, u64::try_from(size).unwrap()).unwrap();
        if sealed {
            fcntl_add_seals(&fd, SealFlags::SHRINK).unwrap();
        }
        let pool = self.shm.create_pool(fd.as_fd(), size, &self.handle, ());
        (fd.into(), pool)
    }

    pub(crate) fn surface(&self) -> wl_surface::WlSurface {
        self.compositor.create_surface(&self.handle, ())
    }
}

/// An image in an app's pool.
pub(crate) struct Image {
    pub(crate) file: File,
    pub(crate) offset: u64,
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) stride: usize,
}

impl Image {
    /// Draws rows without padding.
    pub(crate) fn draw(&self, pixels: &[u8]) {
        assert_eq!(pixels.len(), self.width * self.height * 4);
        for (y, row) in pixels.chunks(self.width * 4).enumerate() {
            let at = self.offset + u64::try_from(y * self.stride).unwrap();
            self.file.write_all_at(row, at).unwrap();
        }
    }
}

impl Dispatch<wl_registry::WlRegistry, GlobalListContents> for Seen {
    fn event(
        _: &mut Self,
        _: &wl_registry::WlRegistry,
        _: wl_registry::Event,
        _: &GlobalListContents,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
    }
}

macro_rules! events {
    ($object:ty, $event:ty, |$seen:ident, $what:ident| $body:block) => {
        impl Dispatch<$object, ()> for Seen {
            fn event(
                $seen: &mut Self,
                _: &$object,
                $what: $event,
                (): &(),
                _: &Connection,
                _: &QueueHandle<Self>,
            ) {
                $body
            }
        }
    };
}

events!(wl_buffer::WlBuffer, wl_buffer::Event, |seen, what| {
    if let wl_buffer::Event::Release = what {
        seen.releases += 1;
    }
});
events!(wl_callback::WlCallback, wl_callback::Event, |seen, _what| {
    seen.frames += 1;
});
events!(wl_shm::WlShm, wl_shm::Event, |seen, what| {
    if let wl_shm::Event::Format { format } = what {
        seen.formats.push(format.into_result().unwrap());
    }
});
events!(wl_keyboard::WlKeyboard, wl_keyboard::Event, |seen, what| {
    if let wl_keyboard::Event::Keymap { fd, size, .. } = what {
        seen.keymap = Some((fd, size));
    }
});
#[expect(clippy::disallowed_methods, reason = "who reads it is on the test's own thread")]
fn copy_out(fd: OwnedFd, data: Vec<u8>) {
    std::thread::spawn(move || File::from(fd).write_all(&data).unwrap());
}

events!(wl_data_source::WlDataSource, wl_data_source::Event, |seen, what| {
    if let wl_data_source::Event::Send { fd, .. } = what {
        copy_out(fd, seen.copy_out.clone());
    }
});
delegate_noop!(Seen: ignore wl_compositor::WlCompositor);
delegate_noop!(Seen: ignore wl_shm_pool::WlShmPool);
delegate_noop!(Seen: ignore wl_surface::WlSurface);
delegate_noop!(Seen: ignore wl_seat::WlSeat);
delegate_noop!(Seen: ignore wl_data_device_manager::WlDataDeviceManager);
delegate_noop!(Seen: ignore wl_data_offer::WlDataOffer);

impl Dispatch<wl_data_device::WlDataDevice, ()> for Seen {
    fn event(
        seen: &mut Self,
        _: &wl_data_device::WlDataDevice,
        event: wl_data_device::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let wl_data_device::Event::Selection { id } = event {
            seen.offer = id;
        }
    }

    event_created_child!(Self, wl_data_device::WlDataDevice, [
        wl_data_device::EVT_DATA_OFFER_OPCODE => (wl_data_offer::WlDataOffer, ()),
    ]);
}
