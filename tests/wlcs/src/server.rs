// SPDX-License-Identifier: GPL-3.0-or-later
//! One compositor of one test.
//!
//! In: wlcs' calls on its display server. Out: a compositor thread that starts and ends with the
//! test, clients that belong to a VM, and windows where wlcs wants them.

#![expect(clippy::disallowed_methods, reason = "the compositor has a thread of its own")]

use crate::input::{Pointer, Touch};
use crate::{ORIGIN, ask, identity, run, say, sys};
use cofferdam_compositor::Remote;
use cofferdam_control::desktop::Request;
use std::collections::HashMap;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use wayland_server::Client;
use wayland_sys::client::{wl_display, wl_proxy};
use wlcs::Wlcs;
use wlcs::ffi_display_server_api::{WlcsExtensionDescriptor, WlcsIntegrationDescriptor};

/// What wlcs may test. wlcs skips tests of what is not here.
static EXTENSIONS: &[WlcsExtensionDescriptor] = wlcs::extension_list!(
    ("wl_compositor", 6),
    ("wl_subcompositor", 1),
    ("wl_shm", 2),
    ("wl_seat", 9),
    ("wl_output", 4),
    ("wl_data_device_manager", 3),
    ("xdg_wm_base", 6),
    ("zxdg_decoration_manager_v1", 1),
    ("wp_viewporter", 1),
    ("wp_fractional_scale_manager_v1", 1),
    ("wp_single_pixel_buffer_manager_v1", 1),
    ("wp_presentation", 1),
    ("wp_cursor_shape_manager_v1", 1),
    ("xdg_activation_v1", 1),
    ("zwp_relative_pointer_manager_v1", 1),
    ("zwp_pointer_constraints_v1", 1),
    ("zwp_text_input_manager_v3", 1),
    ("zwp_idle_inhibit_manager_v1", 1),
    ("zwp_primary_selection_device_manager_v1", 1),
);

static DESCRIPTOR: WlcsIntegrationDescriptor = WlcsIntegrationDescriptor {
    version: 1,
    num_extensions: EXTENSIONS.len(),
    supported_extensions: EXTENSIONS.as_ptr(),
};

/// A compositor and its clients.
pub(crate) struct Shim {
    thread: Option<JoinHandle<()>>,
    remote: Option<Remote>,
    /// By the fd that wlcs got, which its `wl_display` has.
    clients: Mutex<HashMap<RawFd, Client>>,
    fingers: u32,
}

impl Shim {
    fn connect(&self) -> io::Result<OwnedFd> {
        let (ours, theirs) = UnixStream::pair()?;
        let remote = self.remote.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        let who = identity().ok_or(io::ErrorKind::InvalidInput)?;
        let client = remote
            .run(move |state| state.add_client(ours, who))
            .map_err(|ended| io::Error::new(io::ErrorKind::NotConnected, ended))??;
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.insert(theirs.as_raw_fd(), client);
        Ok(theirs.into())
    }
}

impl Wlcs for Shim {
    type Pointer = Pointer;
    type Touch = Touch;

    fn new() -> Self {
        Self { thread: None, remote: None, clients: Mutex::default(), fingers: 0 }
    }

    fn start(&mut self) {
        let (tell, hear) = mpsc::sync_channel(1);
        self.thread = Some(std::thread::spawn(move || {
            // wlcs may have given up; then there is nobody to tell.
            let ready = move |remote| drop(tell.send(remote));
            if let Err(error) = run(ready) {
                say(&error.to_string());
            }
        }));
        // An error above drops the sender, and every later call fails by itself.
        self.remote = hear.recv().ok();
    }

    fn stop(&mut self) {
        ask(self.remote.take().as_ref(), Request::Quit);
        if self.thread.take().is_some_and(|t| t.join().is_err()) {
            say("the compositor panicked");
            // The test itself may have passed; a panic of the compositor may not.
            std::process::abort();
        }
    }

    fn create_client_socket(&self) -> io::Result<OwnedFd> {
        self.connect()
    }

    fn position_window_absolute(&self, display: *mut wl_display, surface: *mut wl_proxy, x: i32, y: i32) {
        let (fd, id) = (sys::display_fd(display), sys::proxy_id(surface));
        let clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let (Some(client), Some(remote)) = (clients.get(&fd).cloned(), self.remote.as_ref()) else {
            say("wlcs positions a window of a client that it did not ask for");
            return;
        };
        let at = (x.saturating_add(ORIGIN.0), y.saturating_add(ORIGIN.1));
        if remote.run(move |state| state.place_content(&client, id, at)) != Ok(true) {
            say("there is no window to position");
        }
    }

    fn create_pointer(&mut self) -> Option<Pointer> {
        Some(Pointer::new(self.remote.clone()))
    }

    fn create_touch(&mut self) -> Option<Touch> {
        let slot = self.fingers;
        self.fingers = slot.saturating_add(1);
        Some(Touch::new(self.remote.clone(), slot))
    }

    fn get_descriptor(&self) -> &WlcsIntegrationDescriptor {
        &DESCRIPTOR
    }
}
