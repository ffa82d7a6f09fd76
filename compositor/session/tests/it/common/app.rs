// SPDX-License-Identifier: GPL-3.0-or-later
//! What a test client remembers of what it was told.

use rustix::fs::MemfdFlags;
use std::any::Any;
use std::cell::RefCell;
use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};
use wayland_client::globals::GlobalListContents;
use wayland_client::protocol::wl_callback::{self, WlCallback};
use wayland_client::protocol::wl_compositor::WlCompositor;
use wayland_client::protocol::wl_data_device::{self, WlDataDevice};
use wayland_client::protocol::wl_data_device_manager::WlDataDeviceManager;
use wayland_client::protocol::wl_data_offer::{self, WlDataOffer};
use wayland_client::protocol::wl_data_source::{self, WlDataSource};
use wayland_client::protocol::wl_display::WlDisplay;
use wayland_client::protocol::wl_keyboard::{self, WlKeyboard};
use wayland_client::protocol::wl_output::WlOutput;
use wayland_client::protocol::wl_pointer::{self, WlPointer};
use wayland_client::protocol::wl_region::WlRegion;
use wayland_client::protocol::wl_registry::{self, WlRegistry};
use wayland_client::protocol::wl_seat::WlSeat;
use wayland_client::protocol::wl_shm::{Format, WlShm};
use wayland_client::protocol::wl_shm_pool::WlShmPool;
use wayland_client::protocol::wl_subcompositor::WlSubcompositor;
use wayland_client::protocol::wl_subsurface::WlSubsurface;
use wayland_client::protocol::wl_surface::WlSurface;
use wayland_client::protocol::wl_touch::{self, WlTouch};
use wayland_client::protocol::{wl_buffer::WlBuffer, wl_surface};
use wayland_client::{Connection, Dispatch, Proxy, QueueHandle, WEnum, delegate_noop};
use wayland_protocols::wp::fractional_scale::v1::client::wp_fractional_scale_manager_v1::WpFractionalScaleManagerV1;
use wayland_protocols::wp::fractional_scale::v1::client::wp_fractional_scale_v1::WpFractionalScaleV1;
use wayland_protocols::wp::pointer_constraints::zv1::client::zwp_locked_pointer_v1::ZwpLockedPointerV1;
use wayland_protocols::wp::pointer_constraints::zv1::client::zwp_pointer_constraints_v1::ZwpPointerConstraintsV1;
use wayland_protocols::wp::primary_selection::zv1::client::zwp_primary_selection_device_manager_v1::ZwpPrimarySelectionDeviceManagerV1;
use wayland_protocols::wp::primary_selection::zv1::client::zwp_primary_selection_device_v1::{
    self, ZwpPrimarySelectionDeviceV1,
};
use wayland_protocols::wp::primary_selection::zv1::client::zwp_primary_selection_offer_v1::ZwpPrimarySelectionOfferV1;
use wayland_protocols::wp::primary_selection::zv1::client::zwp_primary_selection_source_v1::{
    self, ZwpPrimarySelectionSourceV1,
};
use wayland_protocols::wp::relative_pointer::zv1::client::zwp_relative_pointer_manager_v1::ZwpRelativePointerManagerV1;
use wayland_protocols::wp::relative_pointer::zv1::client::zwp_relative_pointer_v1::ZwpRelativePointerV1;
use wayland_protocols::wp::text_input::zv3::client::zwp_text_input_manager_v3::ZwpTextInputManagerV3;
use wayland_protocols::wp::text_input::zv3::client::zwp_text_input_v3::ZwpTextInputV3;
use wayland_protocols::wp::viewporter::client::{wp_viewport::WpViewport, wp_viewporter::WpViewporter};
use wayland_protocols::xdg::activation::v1::client::xdg_activation_token_v1::{self, XdgActivationTokenV1};
use wayland_protocols::xdg::activation::v1::client::xdg_activation_v1::XdgActivationV1;
use wayland_protocols::xdg::decoration::zv1::client::zxdg_decoration_manager_v1::ZxdgDecorationManagerV1;
use wayland_protocols::xdg::decoration::zv1::client::zxdg_toplevel_decoration_v1::ZxdgToplevelDecorationV1;
use wayland_protocols::xdg::shell::client::xdg_popup::{self, XdgPopup};
use wayland_protocols::xdg::shell::client::xdg_positioner::XdgPositioner;
use wayland_protocols::xdg::shell::client::xdg_surface::{self, XdgSurface};
use wayland_protocols::xdg::shell::client::xdg_toplevel::{self, XdgToplevel};
use wayland_protocols::xdg::shell::client::xdg_wm_base::{self, XdgWmBase};

/// A toplevel and its objects.
#[derive(Clone)]
pub(crate) struct Window {
    pub(crate) surface: WlSurface,
    pub(crate) xdg: XdgSurface,
    pub(crate) toplevel: XdgToplevel,
}

/// What happened to a client, in words that tests compare.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Told {
    KeyboardEnter(WlSurface),
    KeyboardLeave(WlSurface),
    Key(u32, bool),
    PointerEnter(WlSurface, f64, f64),
    PointerLeave(WlSurface),
    Motion(f64, f64),
    Button(u32, bool),
    TouchDown(f64, f64),
    TouchUp,
    Toplevel(i32, i32, Vec<u32>),
    Popup(i32, i32, i32, i32),
    Repositioned(u32),
    PopupDone,
    Close,
    Enter,
    Offered(String),
    Selection(bool),
    DragEnter,
    DragLeave,
    Dropped,
    /// The source of this client was told this.
    Source(&'static str),
    Cancelled,
}

/// A client's state.
pub(crate) struct App {
    pub(crate) globals: Vec<(String, u32, u32)>,
    pub(crate) registry: WlRegistry,
    pub(crate) told: Vec<Told>,
    pub(crate) configures: u32,
    /// Whether it acknowledges them.
    pub(crate) acknowledges: bool,
    /// The last that it did not acknowledge.
    pub(crate) unacknowledged: Option<u32>,
    pub(crate) frames: u32,
    pub(crate) rounds: u32,
    pub(crate) serial: u32,
    keep: Vec<(WlShmPool, WlBuffer)>,
    display: WlDisplay,
    /// The data device of a test that needs one.
    pub(crate) device: Option<WlDataDevice>,
    /// Globals that were bound once and for all.
    bound: RefCell<HashMap<&'static str, Box<dyn Any>>>,
    /// What it was offered last: clipboard, primary selection, drag.
    pub(crate) clipboard: Option<WlDataOffer>,
    pub(crate) primary: Option<ZwpPrimarySelectionOfferV1>,
    pub(crate) dragged: Option<WlDataOffer>,
    pub(crate) drag_serial: u32,
    /// The last activation token it was given.
    pub(crate) token: Option<String>,
    /// The file with the keymap and its size in bytes.
    pub(crate) keymap: Option<(OwnedFd, u32)>,
    /// What its sources were asked for.
    pub(crate) wanted: Vec<(String, OwnedFd)>,
}

impl App {
    pub(crate) fn new(connection: &Connection, queue: &QueueHandle<Self>) -> Self {
        let registry = connection.display().get_registry(queue, ());
        Self {
            globals: Vec::new(),
            registry,
            told: Vec::new(),
            configures: 0,
            acknowledges: true,
            unacknowledged: None,
            frames: 0,
            rounds: 0,
            serial: 0,
            keep: Vec::new(),
            display: connection.display(),
            device: None,
            bound: RefCell::default(),
            clipboard: None,
            primary: None,
            dragged: None,
            drag_serial: 0,
            token: None,
            keymap: None,
            wanted: Vec::new(),
        }
    }

    pub(crate) fn bind<I>(&self, queue: &QueueHandle<Self>) -> I
    where
        I: Proxy + 'static,
        Self: Dispatch<I, ()>,
    {
        let name = I::interface().name;
        let found = self.globals.iter().find(|(interface, ..)| interface == name);
        let (_, version, id) = found.unwrap_or_else(|| panic!("{name} is not offered"));
        self.registry.bind(*id, (*version).min(I::interface().version), queue, ())
    }

    /// Asks for one more registry.
    pub(crate) fn another_registry(&self, queue: &QueueHandle<Self>) {
        self.display.get_registry(queue, ());
    }

    /// Binds a global, once.
    pub(crate) fn once<I>(&self, queue: &QueueHandle<Self>) -> I
    where
        I: Proxy + 'static,
        Self: Dispatch<I, ()>,
    {
        let mut bound = self.bound.borrow_mut();
        let known = bound.entry(I::interface().name).or_insert_with(|| Box::new(self.bind::<I>(queue)));
        known.downcast_ref::<I>().unwrap().clone()
    }

    pub(crate) fn surface(&self, queue: &QueueHandle<Self>) -> WlSurface {
        self.once::<WlCompositor>(queue).create_surface(queue, ())
    }

    pub(crate) fn window(&self, queue: &QueueHandle<Self>) -> Window {
        let surface = self.surface(queue);
        let xdg = self.once::<XdgWmBase>(queue).get_xdg_surface(&surface, queue, ());
        let toplevel = xdg.get_toplevel(queue, ());
        Window { surface, xdg, toplevel }
    }

    pub(crate) fn subsurface(
        &self,
        queue: &QueueHandle<Self>,
        parent: &WlSurface,
    ) -> (WlSurface, WlSubsurface) {
        let surface = self.surface(queue);
        let sub = self.once::<WlSubcompositor>(queue).get_subsurface(&surface, parent, queue, ());
        (surface, sub)
    }

    pub(crate) fn buffer(
        &mut self,
        queue: &QueueHandle<Self>,
        width: i32,
        height: i32,
        [r, g, b]: [u8; 3],
    ) -> WlBuffer {
        let fd = rustix::fs::memfd_create("pixels", MemfdFlags::CLOEXEC).unwrap();
        let pixels = [b, g, r, 255].repeat(usize::try_from(width * height).unwrap());
        let mut rest = &pixels[..];
        while !rest.is_empty() {
            let n = rustix::io::write(&fd, rest).unwrap();
            rest = &rest[n..];
        }
        let shm = self.once::<WlShm>(queue);
        let pool = shm.create_pool(fd.as_fd(), width * height * 4, queue, ());
        let buffer = pool.create_buffer(0, width, height, width * 4, Format::Argb8888, queue, ());
        self.keep.push((pool, buffer.clone()));
        buffer
    }

    pub(crate) fn draw(
        &mut self,
        queue: &QueueHandle<Self>,
        surface: &WlSurface,
        width: i32,
        height: i32,
        colour: [u8; 3],
    ) {
        let buffer = self.buffer(queue, width, height, colour);
        surface.attach(Some(&buffer), 0, 0);
        surface.damage_buffer(0, 0, width, height);
        surface.commit();
    }

    /// The size and states of the last toplevel configure.
    pub(crate) fn toplevel(&self) -> Option<(i32, i32, Vec<u32>)> {
        self.told.iter().rev().find_map(|told| match told {
            Told::Toplevel(w, h, states) => Some((*w, *h, states.clone())),
            _ => None,
        })
    }
}

impl Dispatch<WlRegistry, ()> for App {
    fn event(
        app: &mut Self,
        _: &WlRegistry,
        event: wl_registry::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let wl_registry::Event::Global { name, interface, version } = event {
            app.globals.push((interface, version, name));
        }
    }
}

impl Dispatch<WlRegistry, GlobalListContents> for App {
    fn event(
        _: &mut Self,
        _: &WlRegistry,
        _: wl_registry::Event,
        _: &GlobalListContents,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
    }
}

impl Dispatch<WlCallback, ()> for App {
    fn event(
        app: &mut Self,
        _: &WlCallback,
        event: wl_callback::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let wl_callback::Event::Done { .. } = event {
            app.frames += 1;
        }
    }
}

impl Dispatch<WlSurface, ()> for App {
    fn event(
        app: &mut Self,
        _: &WlSurface,
        event: wl_surface::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let wl_surface::Event::Enter { .. } = event {
            app.told.push(Told::Enter);
        }
    }
}

impl Dispatch<XdgWmBase, ()> for App {
    fn event(
        _: &mut Self,
        base: &XdgWmBase,
        event: xdg_wm_base::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let xdg_wm_base::Event::Ping { serial } = event {
            base.pong(serial);
        }
    }
}

impl Dispatch<XdgSurface, ()> for App {
    fn event(
        app: &mut Self,
        xdg: &XdgSurface,
        event: xdg_surface::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let xdg_surface::Event::Configure { serial } = event {
            if app.acknowledges {
                xdg.ack_configure(serial);
            } else {
                app.unacknowledged = Some(serial);
            }
            app.configures += 1;
        }
    }
}

impl Dispatch<XdgToplevel, ()> for App {
    fn event(
        app: &mut Self,
        _: &XdgToplevel,
        event: xdg_toplevel::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        match event {
            xdg_toplevel::Event::Configure { width, height, states } => {
                let states =
                    states.chunks_exact(4).map(|s| u32::from_ne_bytes(s.try_into().unwrap())).collect();
                app.told.push(Told::Toplevel(width, height, states));
            }
            xdg_toplevel::Event::Close => app.told.push(Told::Close),
            _ => {}
        }
    }
}

impl Dispatch<XdgPopup, ()> for App {
    fn event(
        app: &mut Self,
        _: &XdgPopup,
        event: xdg_popup::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        match event {
            xdg_popup::Event::Configure { x, y, width, height } => {
                app.told.push(Told::Popup(x, y, width, height))
            }
            xdg_popup::Event::Repositioned { token } => app.told.push(Told::Repositioned(token)),
            xdg_popup::Event::PopupDone => app.told.push(Told::PopupDone),
            _ => {}
        }
    }
}

impl Dispatch<WlKeyboard, ()> for App {
    fn event(
        app: &mut Self,
        _: &WlKeyboard,
        event: wl_keyboard::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        match event {
            wl_keyboard::Event::Enter { surface, .. } => app.told.push(Told::KeyboardEnter(surface)),
            wl_keyboard::Event::Leave { surface, .. } => app.told.push(Told::KeyboardLeave(surface)),
            wl_keyboard::Event::Key { key, state, serial, .. } => {
                app.serial = serial;
                app.told.push(Told::Key(key, state == WEnum::Value(wl_keyboard::KeyState::Pressed)));
            }
            wl_keyboard::Event::Keymap { fd, size, .. } => app.keymap = Some((fd, size)),
            _ => {}
        }
    }
}

impl Dispatch<WlPointer, ()> for App {
    fn event(
        app: &mut Self,
        _: &WlPointer,
        event: wl_pointer::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        match event {
            wl_pointer::Event::Enter { surface, surface_x, surface_y, .. } => {
                app.told.push(Told::PointerEnter(surface, surface_x, surface_y));
            }
            wl_pointer::Event::Leave { surface, .. } => app.told.push(Told::PointerLeave(surface)),
            wl_pointer::Event::Motion { surface_x, surface_y, .. } => {
                app.told.push(Told::Motion(surface_x, surface_y))
            }
            wl_pointer::Event::Button { button, state, serial, .. } => {
                app.serial = serial;
                app.told.push(Told::Button(button, state == WEnum::Value(wl_pointer::ButtonState::Pressed)));
            }
            _ => {}
        }
    }
}

impl Dispatch<WlTouch, ()> for App {
    fn event(
        app: &mut Self,
        _: &WlTouch,
        event: wl_touch::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        match event {
            wl_touch::Event::Down { x, y, .. } => app.told.push(Told::TouchDown(x, y)),
            wl_touch::Event::Up { .. } => app.told.push(Told::TouchUp),
            _ => {}
        }
    }
}

impl Dispatch<WlDataDevice, ()> for App {
    fn event(
        app: &mut Self,
        _: &WlDataDevice,
        event: wl_data_device::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        match event {
            wl_data_device::Event::Selection { id } => {
                app.told.push(Told::Selection(id.is_some()));
                app.clipboard = id;
            }
            wl_data_device::Event::Enter { id, serial, .. } => {
                app.told.push(Told::DragEnter);
                app.dragged = id;
                app.drag_serial = serial;
            }
            wl_data_device::Event::Leave => app.told.push(Told::DragLeave),
            wl_data_device::Event::Drop => app.told.push(Told::Dropped),
            _ => {}
        }
    }

    wayland_client::event_created_child!(App, WlDataDevice, [
        wl_data_device::EVT_DATA_OFFER_OPCODE => (WlDataOffer, ()),
    ]);
}

impl Dispatch<WlDataOffer, ()> for App {
    fn event(
        app: &mut Self,
        _: &WlDataOffer,
        event: wl_data_offer::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let wl_data_offer::Event::Offer { mime_type } = event {
            app.told.push(Told::Offered(mime_type));
        }
    }
}

impl Dispatch<WlDataSource, ()> for App {
    fn event(
        app: &mut Self,
        _: &WlDataSource,
        event: wl_data_source::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        match event {
            wl_data_source::Event::Cancelled => app.told.push(Told::Cancelled),
            wl_data_source::Event::Send { mime_type, fd } => app.wanted.push((mime_type, fd)),
            wl_data_source::Event::DndDropPerformed => app.told.push(Told::Source("drop performed")),
            wl_data_source::Event::DndFinished => app.told.push(Told::Source("finished")),
            _ => {}
        }
    }
}

impl Dispatch<ZwpPrimarySelectionDeviceV1, ()> for App {
    fn event(
        app: &mut Self,
        _: &ZwpPrimarySelectionDeviceV1,
        event: zwp_primary_selection_device_v1::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let zwp_primary_selection_device_v1::Event::Selection { id } = event {
            app.primary = id;
        }
    }

    wayland_client::event_created_child!(App, ZwpPrimarySelectionDeviceV1, [
        zwp_primary_selection_device_v1::EVT_DATA_OFFER_OPCODE => (ZwpPrimarySelectionOfferV1, ()),
    ]);
}

impl Dispatch<ZwpPrimarySelectionSourceV1, ()> for App {
    fn event(
        app: &mut Self,
        _: &ZwpPrimarySelectionSourceV1,
        event: zwp_primary_selection_source_v1::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let zwp_primary_selection_source_v1::Event::Send { mime_type, fd } = event {
            app.wanted.push((mime_type, fd));
        }
    }
}

impl Dispatch<XdgActivationTokenV1, ()> for App {
    fn event(
        app: &mut Self,
        _: &XdgActivationTokenV1,
        event: xdg_activation_token_v1::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let xdg_activation_token_v1::Event::Done { token } = event {
            app.token = Some(token);
        }
    }
}

delegate_noop!(App: ignore WpFractionalScaleManagerV1);
delegate_noop!(App: ignore WpFractionalScaleV1);
delegate_noop!(App: ignore XdgActivationV1);
delegate_noop!(App: ignore ZwpRelativePointerManagerV1);
delegate_noop!(App: ignore ZwpRelativePointerV1);
delegate_noop!(App: ignore ZxdgDecorationManagerV1);
delegate_noop!(App: ignore ZxdgToplevelDecorationV1);
delegate_noop!(App: ignore ZwpLockedPointerV1);
delegate_noop!(App: ignore ZwpPointerConstraintsV1);
delegate_noop!(App: ignore ZwpPrimarySelectionDeviceManagerV1);
delegate_noop!(App: ignore ZwpPrimarySelectionOfferV1);

delegate_noop!(App: ignore WlDataDeviceManager);
delegate_noop!(App: ignore WlBuffer);
delegate_noop!(App: ignore WlCompositor);
delegate_noop!(App: ignore WlOutput);
delegate_noop!(App: ignore WlRegion);
delegate_noop!(App: ignore WlSeat);
delegate_noop!(App: ignore WlShm);
delegate_noop!(App: ignore WlShmPool);
delegate_noop!(App: ignore WlSubcompositor);
delegate_noop!(App: ignore WlSubsurface);
delegate_noop!(App: ignore WpViewport);
delegate_noop!(App: ignore WpViewporter);
delegate_noop!(App: ignore XdgPositioner);
delegate_noop!(App: ignore ZwpTextInputManagerV3);
delegate_noop!(App: ignore ZwpTextInputV3);
