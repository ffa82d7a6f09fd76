// SPDX-License-Identifier: GPL-3.0-or-later
//! The host's compositor, as small as it can be. In: connections. Out: a [`Frame`] for each commit.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cofferdam_patience::Deadline;
use rustix::fs::{MemfdFlags, memfd_create};
use wayland_server::protocol::{
    wl_buffer, wl_callback, wl_compositor, wl_data_device, wl_data_device_manager, wl_data_offer,
    wl_data_source, wl_keyboard, wl_region, wl_seat, wl_shm, wl_shm_pool, wl_surface,
};
use wayland_server::{Client, DataInit, Dispatch, Display, DisplayHandle, GlobalDispatch, New, Resource};

/// How often new connections are looked for.
const TICK: Duration = Duration::from_millis(5);
/// What keyboards are told.
pub(crate) const KEYMAP: &[u8] = b"xkb_keymap { not really }\0";
/// What the clipboard holds for those who paste.
pub(crate) const CLIPBOARD: usize = 300_000;

/// What a commit showed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Width and height; `None` when the surface vanished.
    pub(crate) size: Option<(i32, i32)>,
    /// Rows without padding.
    pub(crate) pixels: Vec<u8>,
    /// Rectangles of `damage_buffer`.
    pub(crate) damage: Vec<[i32; 4]>,
}

/// What the server tells the test.
#[derive(Debug)]
pub(crate) enum Told {
    Frame(Frame),
    /// What an app's clipboard held.
    Copied(Vec<u8>),
}

struct PoolData(Arc<File>);

struct BufferData {
    pool: Arc<File>,
    offset: u64,
    width: i32,
    height: i32,
    stride: u64,
}

#[derive(Default)]
struct SurfaceData(Mutex<SurfaceState>);

#[derive(Default)]
struct SurfaceState {
    attached: Option<Option<wl_buffer::WlBuffer>>,
    damage: Vec<[i32; 4]>,
    callbacks: Vec<wl_callback::WlCallback>,
    held: Vec<wl_buffer::WlBuffer>,
    commits: usize,
}

struct Server {
    told: Sender<Told>,
}

/// Serves until the sender of connections is gone.
pub(crate) fn serve(connections: &Receiver<OwnedFd>, told: Sender<Told>) {
    let mut display = Display::<Server>::new().unwrap();
    let mut handle = display.handle();
    handle.create_global::<Server, wl_compositor::WlCompositor, _>(6, ());
    handle.create_global::<Server, wl_shm::WlShm, _>(1, ());
    handle.create_global::<Server, wl_seat::WlSeat, _>(7, ());
    handle.create_global::<Server, wl_data_device_manager::WlDataDeviceManager, _>(3, ());
    let mut server = Server { told };
    loop {
        match connections.try_recv() {
            Ok(socket) => {
                handle.insert_client(UnixStream::from(socket), Arc::new(())).unwrap();
            }
            Err(std::sync::mpsc::TryRecvError::Empty) => {}
            Err(std::sync::mpsc::TryRecvError::Disconnected) => return,
        }
        display.dispatch_clients(&mut server).unwrap();
        display.flush_clients().unwrap();
        // New connections come by another way.
        Deadline::new("a word of an app").pause(display.as_fd(), TICK);
    }
}

macro_rules! global {
    ($interface:ty, |$handle:ident, $client:ident, $object:ident| $init:block) => {
        impl GlobalDispatch<$interface, ()> for Server {
            fn bind(
                _: &mut Self,
                $handle: &DisplayHandle,
                $client: &Client,
                new: New<$interface>,
                (): &(),
                init: &mut DataInit<'_, Self>,
            ) {
                let $object = init.init(new, ());
                $init
            }
        }
    };
}

global!(wl_compositor::WlCompositor, |_h, _c, _object| {});
global!(wl_data_device_manager::WlDataDeviceManager, |_h, _c, _object| {});
global!(wl_shm::WlShm, |_h, _c, object| {
    object.format(wl_shm::Format::Argb8888);
    object.format(wl_shm::Format::Nv12);
});
global!(wl_seat::WlSeat, |_h, _c, object| {
    object.capabilities(wl_seat::Capability::Keyboard);
});

macro_rules! ignore {
    ($($interface:ty, $request:ty;)*) => {$(
        impl Dispatch<$interface, ()> for Server {
            fn request(
                _: &mut Self,
                _: &Client,
                _: &$interface,
                _: $request,
                (): &(),
                _: &DisplayHandle,
                _: &mut DataInit<'_, Self>,
            ) {
            }
        }
    )*};
}

ignore! {
    wl_callback::WlCallback, wl_callback::Request;
    wl_region::WlRegion, wl_region::Request;
    wl_keyboard::WlKeyboard, wl_keyboard::Request;
    wl_data_source::WlDataSource, wl_data_source::Request;
}

impl Dispatch<wl_compositor::WlCompositor, ()> for Server {
    fn request(
        _: &mut Self,
        _: &Client,
        _: &wl_compositor::WlCompositor,
        request: wl_compositor::Request,
        (): &(),
        _: &DisplayHandle,
        init: &mut DataInit<'_, Self>,
    ) {
        match request {
            wl_compositor::Request::CreateSurface { id } => {
                init.init(id, SurfaceData::default());
            }
            wl_compositor::Request::CreateRegion { id } => {
                init.init(id, ());
            }
            _ => {}
        }
    }
}

impl Dispatch<wl_seat::WlSeat, ()> for Server {
    fn request(
        _: &mut Self,
        _: &Client,
        _: &wl_seat::WlSeat,
        request: wl_seat::Request,
        (): &(),
        _: &DisplayHandle,
        init: &mut DataInit<'_, Self>,
    ) {
        if let wl_seat::Request::GetKeyboard { id } = request {
            let keyboard = init.init(id, ());
            let file = File::from(memfd_create("keymap", MemfdFlags::CLOEXEC).unwrap());
            file.write_all_at(KEYMAP, 0).unwrap();
            let size = u32::try_from(KEYMAP.len()).unwrap();
            keyboard.keymap(wl_keyboard::KeymapFormat::XkbV1, file.as_fd(), size);
        }
    }
}

impl Dispatch<wl_data_device_manager::WlDataDeviceManager, ()> for Server {
    fn request(
        _: &mut Self,
        client: &Client,
        _: &wl_data_device_manager::WlDataDeviceManager,
        request: wl_data_device_manager::Request,
        (): &(),
        handle: &DisplayHandle,
        init: &mut DataInit<'_, Self>,
    ) {
        match request {
            wl_data_device_manager::Request::CreateDataSource { id } => {
                init.init(id, ());
            }
            wl_data_device_manager::Request::GetDataDevice { id, .. } => {
                let device = init.init(id, ());
                let offer = client
                    .create_resource::<wl_data_offer::WlDataOffer, (), Self>(handle, device.version(), ())
                    .unwrap();
                device.data_offer(&offer);
                offer.offer("text/plain".to_owned());
                device.selection(Some(&offer));
            }
            _ => {}
        }
    }
}

impl Dispatch<wl_data_device::WlDataDevice, ()> for Server {
    #[expect(clippy::disallowed_methods, reason = "a pipe's far end")]
    fn request(
        server: &mut Self,
        _: &Client,
        _: &wl_data_device::WlDataDevice,
        request: wl_data_device::Request,
        (): &(),
        _: &DisplayHandle,
        _: &mut DataInit<'_, Self>,
    ) {
        if let wl_data_device::Request::SetSelection { source: Some(source), .. } = request {
            let (read, write) = rustix::pipe::pipe().unwrap();
            source.send("text/plain".to_owned(), write.as_fd());
            let told = server.told.clone();
            std::thread::spawn(move || {
                let mut bytes = Vec::new();
                std::io::Read::read_to_end(&mut File::from(read), &mut bytes).unwrap();
                told.send(Told::Copied(bytes)).unwrap();
            });
        }
    }
}

impl Dispatch<wl_data_offer::WlDataOffer, ()> for Server {
    #[expect(clippy::disallowed_methods, reason = "a pipe's far end")]
    fn request(
        _: &mut Self,
        _: &Client,
        _: &wl_data_offer::WlDataOffer,
        request: wl_data_offer::Request,
        (): &(),
        _: &DisplayHandle,
        _: &mut DataInit<'_, Self>,
    ) {
        if let wl_data_offer::Request::Receive { fd, .. } = request {
            std::thread::spawn(move || {
                std::io::Write::write_all(&mut File::from(fd), &vec![b'c'; CLIPBOARD]).unwrap();
            });
        }
    }
}

impl Dispatch<wl_shm::WlShm, ()> for Server {
    fn request(
        _: &mut Self,
        _: &Client,
        _: &wl_shm::WlShm,
        request: wl_shm::Request,
        (): &(),
        _: &DisplayHandle,
        init: &mut DataInit<'_, Self>,
    ) {
        if let wl_shm::Request::CreatePool { id, fd, size } = request {
            let file = File::from(fd);
            assert!(file.metadata().unwrap().len() >= u64::try_from(size).unwrap());
            init.init(id, PoolData(Arc::new(file)));
        }
    }
}

impl Dispatch<wl_shm_pool::WlShmPool, PoolData> for Server {
    fn request(
        _: &mut Self,
        _: &Client,
        _: &wl_shm_pool::WlShmPool,
        request: wl_shm_pool::Request,
        data: &PoolData,
        _: &DisplayHandle,
        init: &mut DataInit<'_, Self>,
    ) {
        if let wl_shm_pool::Request::CreateBuffer { id, offset, width, height, stride, .. } = request {
            assert_eq!(stride % 256, 0);
            let pool = Arc::clone(&data.0);
            let (offset, stride) = (u64::try_from(offset).unwrap(), u64::try_from(stride).unwrap());
            init.init(id, BufferData { pool, offset, width, height, stride });
        }
    }
}

impl Dispatch<wl_buffer::WlBuffer, BufferData> for Server {
    fn request(
        _: &mut Self,
        _: &Client,
        _: &wl_buffer::WlBuffer,
        _: wl_buffer::Request,
        _: &BufferData,
        _: &DisplayHandle,
        _: &mut DataInit<'_, Self>,
    ) {
    }
}

impl Dispatch<wl_surface::WlSurface, SurfaceData> for Server {
    fn request(
        server: &mut Self,
        _: &Client,
        _: &wl_surface::WlSurface,
        request: wl_surface::Request,
        data: &SurfaceData,
        _: &DisplayHandle,
        init: &mut DataInit<'_, Self>,
    ) {
        let mut state = data.0.lock().unwrap();
        match request {
            wl_surface::Request::Attach { buffer, .. } => state.attached = Some(buffer),
            wl_surface::Request::DamageBuffer { x, y, width, height } => {
                state.damage.push([x, y, width, height]);
            }
            wl_surface::Request::Damage { .. } => state.damage.push([0, 0, i32::MAX, i32::MAX]),
            wl_surface::Request::Frame { callback } => state.callbacks.push(init.init(callback, ())),
            wl_surface::Request::Commit => {
                state.callbacks.drain(..).for_each(|callback| callback.done(7));
                let damage = std::mem::take(&mut state.damage);
                if let Some(buffer) = state.attached.take() {
                    server.told.send(Told::Frame(state.show(buffer, damage))).unwrap();
                }
            }
            _ => {}
        }
    }
}

impl SurfaceState {
    fn show(&mut self, buffer: Option<wl_buffer::WlBuffer>, damage: Vec<[i32; 4]>) -> Frame {
        let frame = match &buffer {
            None => Frame { size: None, pixels: Vec::new(), damage },
            Some(buffer) => {
                let data = buffer.data::<BufferData>().unwrap();
                let row = usize::try_from(data.width * 4).unwrap();
                let mut pixels = Vec::new();
                for y in 0..u64::try_from(data.height).unwrap() {
                    let mut bytes = vec![0u8; row];
                    data.pool.read_exact_at(&mut bytes, data.offset + y * data.stride).unwrap();
                    pixels.extend(bytes);
                }
                Frame { size: Some((data.width, data.height)), pixels, damage }
            }
        };
        // Holds on to between one and three buffers, as compositors do now and then.
        self.commits += 1;
        self.held.extend(buffer);
        while self.held.len() > self.commits % 3 + 1 {
            let old = self.held.remove(0);
            if !self.held.contains(&old) {
                old.release();
            }
        }
        frame
    }
}
