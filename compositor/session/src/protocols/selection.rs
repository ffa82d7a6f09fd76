// SPDX-License-Identifier: GPL-3.0-or-later
//! Clipboard, primary selection, drag and drop.
//!
//! In: sources of clients. Out: offers to clients of the *same* VM, and to nobody else: until the
//! permission monitor exists, neither a selection nor a drag crosses the border of a VM. A VM that has
//! the keyboard while the selection is another's is told of none; its own comes back with its focus.

use crate::client::{self, ClientIdentity};
use crate::protocols::guard::{filtered, global, hold, pass};
use crate::state::State;
use cofferdam_admission::Holding;
use smithay::input::Seat;
use smithay::reexports::wayland_protocols::wp::primary_selection::zv1::server::zwp_primary_selection_device_manager_v1::{self, ZwpPrimarySelectionDeviceManagerV1};
use smithay::reexports::wayland_protocols::wp::primary_selection::zv1::server::zwp_primary_selection_device_v1::ZwpPrimarySelectionDeviceV1;
use smithay::reexports::wayland_protocols::wp::primary_selection::zv1::server::zwp_primary_selection_source_v1::{self, ZwpPrimarySelectionSourceV1};
use smithay::reexports::wayland_server::protocol::wl_data_device::{self, WlDataDevice};
use smithay::reexports::wayland_server::protocol::wl_data_device_manager::{self, WlDataDeviceManager};
use smithay::reexports::wayland_server::protocol::wl_data_source::{self, WlDataSource};
use smithay::reexports::wayland_server::protocol::wl_surface::WlSurface;
use smithay::utils::Serial;
use smithay::wayland::selection::data_device::{
    self,
    ClientDndGrabHandler, DataDeviceHandler, DataDeviceState, DataDeviceUserData, DataSourceUserData,
    ServerDndGrabHandler, clear_data_device_selection, set_data_device_focus,
};
use smithay::wayland::selection::primary_selection::{
    PrimaryDeviceManagerGlobalData, PrimaryDeviceUserData, PrimarySelectionHandler, PrimarySelectionState,
    PrimarySourceUserData, clear_primary_selection, set_primary_focus,
};
use smithay::wayland::selection::{SelectionHandler, SelectionSource, SelectionTarget};
use std::collections::HashMap;
use wayland_server::backend::ObjectId;
use wayland_server::{Client, DisplayHandle, Resource};

/// Whose the selections are, and the drag that is under way.
#[derive(Debug, Default)]
pub(crate) struct SelectionOwners {
    clipboard: Option<ClientIdentity>,
    primary: Option<ClientIdentity>,
    drag: Option<ClientIdentity>,
    /// How many kinds of content each primary source has offered.
    kinds: HashMap<ObjectId, usize>,
}

impl SelectionOwners {
    /// Whether somebody with this identity may be offered what is being dragged, if anything is.
    pub(crate) fn may_be_dropped_on(&self, target: Option<&ClientIdentity>) -> bool {
        self.drag.is_none() || self.drag.as_ref() == target
    }
}

impl SelectionOwners {
    /// Forgets what belonged to clients that are gone.
    pub(crate) fn sweep(&mut self, display: &DisplayHandle) {
        self.kinds.retain(|source, _| display.object_info(source.clone()).is_ok());
    }

    /// Nothing is being dragged.
    pub(crate) fn end_drag(&mut self) {
        self.drag = None;
    }
}

impl SelectionHandler for State {
    type SelectionUserData = ();

    fn new_selection(&mut self, target: SelectionTarget, source: Option<SelectionSource>, _: Seat<Self>) {
        // smithay accepts a selection from the client with the keyboard only.
        let identity = self.keyboard_identity();
        let client = self.desk.keyboard.as_ref().and_then(Resource::client);
        let owner = source.and(identity.clone());
        let (display, seat) = (self.display.clone(), self.seat.seat.clone());
        match target {
            SelectionTarget::Clipboard => {
                if self.selection_owners.clipboard != identity {
                    // The old one goes before its successor's client is let in.
                    clear_data_device_selection(&display, &seat);
                }
                self.selection_owners.clipboard = owner;
                set_data_device_focus(&display, &seat, client);
            }
            SelectionTarget::Primary => {
                if self.selection_owners.primary != identity {
                    clear_primary_selection(&display, &seat);
                }
                self.selection_owners.primary = owner;
                set_primary_focus(&display, &seat, client);
            }
        }
    }
}

impl State {
    /// The keyboard went to `focused`: a selection is offered there if it came from the same VM.
    pub(crate) fn selections_follow(&mut self, focused: Option<&WlSurface>) {
        let client = focused.and_then(Resource::client);
        let identity = client.as_ref().and_then(client::data).map(|data| data.identity.clone());
        let (display, seat) = (self.display.clone(), self.seat.seat.clone());
        let allowed =
            |owner: &Option<ClientIdentity>| client.clone().filter(|_| owner.is_none() || *owner == identity);
        let clipboard = allowed(&self.selection_owners.clipboard);
        let primary = allowed(&self.selection_owners.primary);
        set_data_device_focus(&display, &seat, clipboard);
        set_primary_focus(&display, &seat, primary);
    }
}

impl DataDeviceHandler for State {
    fn data_device_state(&self) -> &DataDeviceState {
        &self.globals.data_device
    }
}

impl ClientDndGrabHandler for State {
    fn dropped(&mut self, _: Option<WlSurface>, _: bool, _: Seat<Self>) {
        self.selection_owners.end_drag();
    }
}

impl ServerDndGrabHandler for State {}

impl PrimarySelectionHandler for State {
    fn primary_selection_state(&self) -> &PrimarySelectionState {
        &self.globals.primary_selection
    }
}

/// A drag begins with a press that this client was sent and that is still held. smithay looks at the
/// number alone, and numbers can be guessed.
fn filter_device(
    state: &mut State,
    _: &Client,
    _: &WlDataDevice,
    request: wl_data_device::Request,
    _: &DataDeviceUserData,
) -> Option<wl_data_device::Request> {
    if let wl_data_device::Request::StartDrag { origin, serial, .. } = &request {
        if !state.is_held_press(origin, Serial::from(*serial)) {
            return None;
        }
        state.selection_owners.drag = state.identity_of_surface(origin);
    }
    Some(request)
}

/// Kinds of content that a source may offer; the rest is not heard.
const MAX_KINDS: usize = 256;

fn filter_source(
    _: &mut State,
    _: &Client,
    source: &WlDataSource,
    request: wl_data_source::Request,
    _: &DataSourceUserData,
) -> Option<wl_data_source::Request> {
    let kinds = data_device::with_source_metadata(source, |known| known.mime_types.len());
    let full = kinds.is_ok_and(|n| n >= MAX_KINDS);
    (!full || !matches!(request, wl_data_source::Request::Offer { .. })).then_some(request)
}

fn filter_primary_source(
    state: &mut State,
    _: &Client,
    source: &ZwpPrimarySelectionSourceV1,
    request: zwp_primary_selection_source_v1::Request,
    _: &PrimarySourceUserData,
) -> Option<zwp_primary_selection_source_v1::Request> {
    // smithay does not say how many it knows.
    let kinds = &mut state.selection_owners.kinds;
    match request {
        zwp_primary_selection_source_v1::Request::Offer { .. } => {
            let known = kinds.entry(source.id()).or_default();
            *known = known.saturating_add(1);
            (*known <= MAX_KINDS).then_some(request)
        }
        _ => {
            kinds.remove(&source.id());
            Some(request)
        }
    }
}

fn filter_manager(
    state: &mut State,
    client: &Client,
    _: &WlDataDeviceManager,
    request: wl_data_device_manager::Request,
    (): &(),
) -> Option<wl_data_device_manager::Request> {
    match request {
        wl_data_device_manager::Request::CreateDataSource { .. } => {
            hold(state, client, Holding::Source).ok()?
        }
        wl_data_device_manager::Request::GetDataDevice { .. } => hold(state, client, Holding::Object).ok()?,
        _ => {}
    }
    Some(request)
}

fn filter_primary_manager(
    state: &mut State,
    client: &Client,
    _: &ZwpPrimarySelectionDeviceManagerV1,
    request: zwp_primary_selection_device_manager_v1::Request,
    (): &(),
) -> Option<zwp_primary_selection_device_manager_v1::Request> {
    use zwp_primary_selection_device_manager_v1::Request;
    match request {
        Request::CreateSource { .. } => hold(state, client, Holding::Source).ok()?,
        Request::GetDevice { .. } => hold(state, client, Holding::Object).ok()?,
        _ => {}
    }
    Some(request)
}

global!(WlDataDeviceManager, () => DataDeviceState);
global!(ZwpPrimarySelectionDeviceManagerV1, PrimaryDeviceManagerGlobalData => PrimarySelectionState);
filtered!(WlDataDeviceManager, () => DataDeviceState, filter_manager);
filtered!(WlDataSource, DataSourceUserData => DataDeviceState, filter_source, Some(Holding::Source));
filtered!(ZwpPrimarySelectionDeviceManagerV1, () => PrimarySelectionState, filter_primary_manager);
filtered!(
    ZwpPrimarySelectionSourceV1,
    PrimarySourceUserData => PrimarySelectionState,
    filter_primary_source,
    Some(Holding::Source)
);
filtered!(WlDataDevice, DataDeviceUserData => DataDeviceState, filter_device, Some(Holding::Object));
filtered!(
    ZwpPrimarySelectionDeviceV1,
    PrimaryDeviceUserData => PrimarySelectionState,
    pass,
    Some(Holding::Object)
);
