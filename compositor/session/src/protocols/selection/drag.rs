// SPDX-License-Identifier: GPL-3.0-or-later
//! Drag and drop: what is being dragged, and over what.
//!
//! In: a client's wish to begin, motions, the release of the button or finger. Out: enter, motion, leave
//! and drop to clients of the same VM. Over another VM's window nothing is said to anybody: the person
//! sees whether it could be dropped there, and only the drop itself becomes a question.

use super::drag_offers::{self, Giver};
use super::{State, same_identity};
use crate::client::{self, ClientIdentity};
use crate::clock::Mono;
use crate::input::PointerFocus;
use crate::input::SeatRoom;
use crate::protocols::Selections;
use crate::render::Ground;
use cofferdam_control::desktop::DragInfo;
use cofferdam_ids::VmId;
use cofferdam_policy::Content;
use cofferdam_scene::WindowId;
use cofferdam_transfers::Kinds;
use smithay::backend::renderer::element::Id;
use smithay::reexports::wayland_server::protocol::wl_data_device::{self, WlDataDevice};
use smithay::reexports::wayland_server::protocol::wl_data_device_manager::DndAction;
use smithay::reexports::wayland_server::protocol::wl_data_source::WlDataSource;
use smithay::reexports::wayland_server::protocol::wl_surface::WlSurface;
use smithay::utils::{Logical, Point, SERIAL_COUNTER, Serial};
use smithay::wayland::compositor::{SurfaceAttributes, give_role, with_states};
use smithay::wayland::selection::data_device::{DND_ICON_ROLE, with_source_metadata};
use wayland_server::DisplayHandle;
use wayland_server::Resource;
use wayland_server::backend::ObjectId;

/// The furthest that a client can move its picture away from the pointer.
const MAX_ICON_OFFSET: i32 = 256;

/// A drag that is under way.
#[derive(Debug)]
pub(crate) struct Drag {
    pub(super) source: Option<WlDataSource>,
    pub(super) mimes: Vec<String>,
    pub(super) actions: DndAction,
    pub(super) identity: ClientIdentity,
    origin: WlSurface,
    carrier: Carrier,
    icon: Option<DragIcon>,
    at: Point<f64, Logical>,
    focus: Option<DragFocus>,
    over: Option<Over>,
}

/// The picture beside the pointer.
#[derive(Debug)]
pub(crate) struct DragIcon {
    pub(crate) surface: WlSurface,
    pub(crate) offset: Point<i32, Logical>,
    pub(crate) ground: Ground,
}

/// What holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Carrier {
    /// A button of the pointer, by its evdev code.
    Button(u32),
    /// A finger, by its slot.
    Finger(u32),
}

/// The client of the same VM that it is over.
#[derive(Debug)]
struct DragFocus {
    surface: WlSurface,
    devices: Vec<WlDataDevice>,
    offer: Option<drag_offers::Shared>,
}

/// The window of another VM that it is over.
#[derive(Debug)]
pub(crate) struct Over {
    pub(crate) window: WindowId,
    pub(super) target: VmId,
    /// Whether it could be dropped there, as far as is known before anybody is asked.
    pub(crate) possible: bool,
    /// By which ids the frame's highlight is tracked.
    pub(crate) ring: [Id; 4],
}

impl Drag {
    /// The picture beside the pointer, if there is one.
    pub(crate) fn icon(&self) -> Option<&DragIcon> {
        self.icon.as_ref()
    }

    /// Whose drag it is.
    pub(crate) fn identity(&self) -> &ClientIdentity {
        &self.identity
    }

    /// Where it is.
    pub(crate) fn at(&self) -> Point<f64, Logical> {
        self.at
    }

    /// The window of another VM that it is over.
    pub(crate) fn over(&self) -> Option<&Over> {
        self.over.as_ref()
    }

    /// Whether this could cross to another VM at all.
    fn can_cross(&self) -> bool {
        let takes_copies = self
            .source
            .as_ref()
            .is_some_and(|source| source.version() < 3 || self.actions.contains(DndAction::Copy));
        let named = Kinds::of(&self.mimes).dragged().is_some_and(|content| content != Content::Files);
        takes_copies && named && self.identity.vm().is_some()
    }

    /// Enters, moves in or leaves clients of the same VM.
    fn focus_on(&mut self, own: Option<PointerFocus>, display: &DisplayHandle, now: Mono) {
        if self.focus.as_ref().map(|focus| &focus.surface) != own.as_ref().map(|(surface, _)| surface)
            && let Some(focus) = self.focus.take()
        {
            leave(&focus);
        }
        let Some((surface, origin)) = own else { return };
        let place = self.at - origin;
        if let Some(focus) = &self.focus {
            let time = now.wayland_millis();
            focus.devices.iter().for_each(|device| device.motion(time, place.x, place.y));
            return;
        }
        let devices = data_devices(display, &surface);
        let offer = self.source.as_ref().map(|source| {
            drag_offers::Shared::new(Giver::Client(source.clone()), self.mimes.clone(), self.actions)
        });
        let serial = SERIAL_COUNTER.next_serial();
        for device in &devices {
            let offered = offer.as_ref().and_then(|offer| drag_offers::make_offer(display, device, offer));
            if offer.is_none() || offered.is_some() {
                device.enter(serial.into(), &surface, place.x, place.y, offered.as_ref());
            }
        }
        self.focus = Some(DragFocus { surface, devices, offer });
    }
}

/// The data devices of a surface's client.
pub(super) fn data_devices(display: &DisplayHandle, surface: &WlSurface) -> Vec<WlDataDevice> {
    let Some(client) = surface.client() else { return Vec::new() };
    let mut ids = Vec::new();
    let listed = display.backend_handle().with_all_objects_for(client.id(), |id| ids.push(id));
    if listed.is_err() {
        return Vec::new();
    }
    let wanted = WlDataDevice::interface().name;
    let devices = ids.into_iter().filter(|id| id.interface().name == wanted);
    devices.filter_map(|id| WlDataDevice::from_id(display, id).ok()).collect()
}

impl State {
    pub(super) fn begin_drag(
        &mut self,
        device: &WlDataDevice,
        source: Option<WlDataSource>,
        origin: WlSurface,
        icon: Option<WlSurface>,
        serial: Serial,
    ) {
        let Some(identity) = client::identity_of(&origin) else { return };
        if let Some(icon) = &icon
            && give_role(icon, DND_ICON_ROLE).is_err()
        {
            return device.post_error(wl_data_device::Error::Role, "the surface has another role");
        }
        let (Some((carrier, at)), None) = (self.seat.carrier_of(serial), &self.selections.drag) else {
            if let Some(source) = source {
                source.cancelled();
            }
            return;
        };
        let actions = source.as_ref().and_then(|source| with_source_metadata(source, |m| m.dnd_action).ok());
        self.selections.drag = Some(Drag {
            mimes: source.as_ref().map(|s| self.selections.types.of(&s.id())).unwrap_or_default(),
            actions: actions.unwrap_or(DndAction::None),
            identity,
            origin,
            carrier,
            icon: icon.map(|surface| DragIcon {
                surface,
                offset: Point::default(),
                ground: Ground::default(),
            }),
            at,
            focus: None,
            over: None,
            source,
        });
        // Clients lose pointer and fingers until the drop.
        match carrier {
            Carrier::Button(_) => self.take_pointer_from_clients(),
            Carrier::Finger(_) => self.fingers_to_chrome(),
        }
        self.drag_to(at);
    }

    /// The pointer moved.
    pub(crate) fn drag_follows_pointer(&mut self, at: Point<f64, Logical>) {
        if self.selections.pointer_drags() {
            self.drag_to(at);
        }
    }

    /// A finger moved.
    pub(crate) fn drag_follows_finger(&mut self, slot: u32, at: Point<f64, Logical>) {
        if self.selections.drag.as_ref().is_some_and(|drag| drag.carrier == Carrier::Finger(slot)) {
            self.drag_to(at);
        }
    }

    /// A button was let go. `true` if that was the drop.
    pub(crate) fn drag_button_released(&mut self, code: u32) -> bool {
        self.drop_if(Carrier::Button(code))
    }

    /// A finger was lifted.
    pub(crate) fn drag_finger_lifted(&mut self, slot: u32) -> bool {
        self.drop_if(Carrier::Finger(slot))
    }

    fn drop_if(&mut self, carrier: Carrier) -> bool {
        let Some(mut drag) = self.selections.drag.take_if(|drag| drag.carrier == carrier) else {
            return false;
        };
        match (drag.over.take(), drag.focus.take()) {
            (Some(over), _) => self.drop_across(drag, over),
            (None, Some(focus)) => drop_inside(&drag, &focus),
            (None, None) => cancel(&drag),
        }
        self.drag_is_over();
        true
    }

    /// Ends a drag without a drop: its source, or what carried it, is gone.
    pub(crate) fn cancel_drag(&mut self) {
        let Some(drag) = self.selections.drag.take() else { return };
        if let Some(focus) = &drag.focus {
            leave(focus);
        }
        cancel(&drag);
        self.drag_is_over();
    }

    pub(super) fn drag_source_gone(&mut self, source: &ObjectId) {
        let this = |drag: &Drag| drag.source.as_ref().is_some_and(|s| s.id() == *source);
        if self.selections.drag.as_ref().is_some_and(this) {
            self.cancel_drag();
        }
        self.selections.drop_source_gone(source);
    }

    fn drag_is_over(&mut self) {
        self.desk.pointer_stale = true;
        self.screens.redraw_everything();
    }

    /// What a drag could be dropped on may have changed.
    pub(super) fn look_below_drag(&mut self) {
        if let Some(drag) = &mut self.selections.drag {
            drag.over = None;
            let at = drag.at;
            self.drag_to(at);
        }
    }

    fn drag_to(&mut self, at: Point<f64, Logical>) {
        let under = self.desk.surface_under(at, &self.trusted);
        let window = self.desk.window_under(at, &self.trusted);
        let Some(mut drag) = self.selections.drag.take() else { return };
        drag.at = at;
        let identity = under.as_ref().and_then(|(surface, _)| client::identity_of(surface));
        let inside = same_identity(&drag.identity, identity.as_ref());
        let own = under.filter(|(surface, _)| match drag.source {
            Some(_) => inside,
            // Without a source it is the client's own affair.
            None => drag.origin.id().same_client_as(&surface.id()),
        });
        drag.focus_on(own, &self.display, self.clock.now());
        let target =
            identity.as_ref().and_then(ClientIdentity::vm).filter(|_| !inside && drag.source.is_some());
        let over = target.zip(window);
        if drag.over.as_ref().map(|over| (&over.target, over.window)) != over.as_ref().map(|(t, w)| (*t, *w))
        {
            let can_cross = drag.can_cross();
            drag.over = over.map(|(target, window)| Over {
                window,
                target: target.clone(),
                possible: can_cross && !self.selections.shut.to_drops(target),
                ring: std::array::from_fn(|_| Id::new()),
            });
        }
        self.selections.drag = Some(drag);
        self.screens.redraw_everything();
    }

    /// A picture was committed: it may have moved.
    pub(crate) fn drag_icon_committed(&mut self, surface: &WlSurface) {
        let Some(icon) = self.selections.drag.as_mut().and_then(|drag| drag.icon.as_mut()) else { return };
        if icon.surface != *surface {
            return;
        }
        let moved = with_states(surface, |states| {
            states.cached_state.get::<SurfaceAttributes>().current().buffer_delta.take()
        });
        let axis = |v: i32, by: i32| v.saturating_add(by).clamp(-MAX_ICON_OFFSET, MAX_ICON_OFFSET);
        if let Some(by) = moved {
            icon.offset = (axis(icon.offset.x, by.x), axis(icon.offset.y, by.y)).into();
        }
        self.screens.redraw_everything();
    }
}

impl Selections {
    /// The drag that is under way, for the desktop control wire.
    pub(crate) fn drag_info(&self) -> Option<DragInfo> {
        let drag = self.drag()?;
        Some(DragInfo {
            from: drag.identity.vm().cloned(),
            over: drag.over.as_ref().map(|over| over.target.clone()),
            possible: drag.over.as_ref().is_some_and(|over| over.possible),
        })
    }

    /// Whether the pointer carries something, and so belongs to no client.
    pub(crate) fn pointer_drags(&self) -> bool {
        self.drag.as_ref().is_some_and(|drag| matches!(drag.carrier, Carrier::Button(_)))
    }

    /// A surface is gone: it may have been the picture, or below it.
    pub(crate) fn drag_lost_surface(&mut self, surface: &WlSurface) {
        let Some(drag) = &mut self.drag else { return };
        drag.icon.take_if(|icon| icon.surface == *surface);
        drag.focus.take_if(|focus| focus.surface == *surface);
    }
}

impl SeatRoom {
    /// What holds a drag that began with this press, and where that is.
    fn carrier_of(&self, serial: Serial) -> Option<(Carrier, Point<f64, Logical>)> {
        if self.pointer.has_grab(serial) {
            let button = self.pointer.grab_start_data()?.button;
            return Some((Carrier::Button(button), self.at?));
        }
        self.finger_of(serial).map(|(slot, at)| (Carrier::Finger(slot), at))
    }
}

fn leave(focus: &DragFocus) {
    focus.devices.iter().for_each(WlDataDevice::leave);
    if let Some(offer) = &focus.offer {
        offer.deactivate();
    }
}

fn drop_inside(drag: &Drag, focus: &DragFocus) {
    let wanted = focus.offer.as_ref().is_none_or(|offer| offer.is_wanted());
    if wanted {
        if let Some(offer) = &focus.offer {
            offer.dropped();
        }
        focus.devices.iter().for_each(WlDataDevice::drop);
        if let Some(source) = drag.source.as_ref().filter(|source| source.version() >= 3) {
            source.dnd_drop_performed();
        }
        focus.devices.iter().for_each(WlDataDevice::leave);
    } else {
        leave(focus);
        cancel(drag);
    }
}

pub(super) fn cancel(drag: &Drag) {
    if let Some(source) = &drag.source {
        source.cancelled();
    }
}
