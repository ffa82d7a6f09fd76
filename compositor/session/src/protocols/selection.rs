// SPDX-License-Identifier: GPL-3.0-or-later
//! Clipboard, primary selection, drag and drop.
//!
//! In: sources of clients. Out: offers to clients of the *same* VM, and to nobody else: until the
//! permission monitor exists, a selection does not cross the border of a VM. When the keyboard goes
//! to another VM, the selection that is known to smithay is dropped before that VM could be offered it.

use crate::client::{self, ClientIdentity};
use crate::protocols::guard::{filtered, global, hold, objects, pass, release};
use crate::state::State;
use cofferdam_admission::Holding;
use smithay::input::Seat;
use smithay::reexports::wayland_protocols::wp::primary_selection::zv1::server::zwp_primary_selection_device_manager_v1::{self, ZwpPrimarySelectionDeviceManagerV1};
use smithay::reexports::wayland_protocols::wp::primary_selection::zv1::server::zwp_primary_selection_device_v1::ZwpPrimarySelectionDeviceV1;
use smithay::reexports::wayland_protocols::wp::primary_selection::zv1::server::zwp_primary_selection_source_v1::ZwpPrimarySelectionSourceV1;
use smithay::reexports::wayland_server::protocol::wl_data_device::WlDataDevice;
use smithay::reexports::wayland_server::protocol::wl_data_device_manager::{self, WlDataDeviceManager};
use smithay::reexports::wayland_server::protocol::wl_data_source::WlDataSource;
use smithay::reexports::wayland_server::protocol::wl_surface::WlSurface;
use smithay::wayland::selection::data_device::{
    ClientDndGrabHandler, DataDeviceHandler, DataDeviceState, DataDeviceUserData, DataSourceUserData,
    ServerDndGrabHandler, clear_data_device_selection, set_data_device_focus,
};
use smithay::wayland::selection::primary_selection::{
    PrimaryDeviceManagerGlobalData, PrimaryDeviceUserData, PrimarySelectionHandler, PrimarySelectionState,
    PrimarySourceUserData, clear_primary_selection, set_primary_focus,
};
use smithay::wayland::selection::{SelectionHandler, SelectionSource, SelectionTarget};
use wayland_server::{Client, Resource};

/// Whose the two selections are.
#[derive(Debug, Default)]
pub(crate) struct SelectionOwners {
    clipboard: Option<ClientIdentity>,
    primary: Option<ClientIdentity>,
}

impl SelectionHandler for State {
    type SelectionUserData = ();

    fn new_selection(&mut self, target: SelectionTarget, source: Option<SelectionSource>, _: Seat<Self>) {
        // smithay accepts a selection from the client with the keyboard only.
        let owner = source.and_then(|_| self.keyboard_identity());
        match target {
            SelectionTarget::Clipboard => self.selection_owners.clipboard = owner,
            SelectionTarget::Primary => self.selection_owners.primary = owner,
        }
    }
}

impl State {
    /// The keyboard went to `focused`: selections are offered there if they came from the same VM.
    pub(crate) fn selections_follow(&mut self, focused: Option<&WlSurface>) {
        let client = focused.and_then(Resource::client);
        let identity = client.as_ref().and_then(client::data).map(|data| data.identity.clone());
        let (display, seat) = (self.display.clone(), self.seat.seat.clone());
        if identity.is_some() {
            if self.selection_owners.clipboard.is_some() && self.selection_owners.clipboard != identity {
                self.selection_owners.clipboard = None;
                clear_data_device_selection(&display, &seat);
            }
            if self.selection_owners.primary.is_some() && self.selection_owners.primary != identity {
                self.selection_owners.primary = None;
                clear_primary_selection(&display, &seat);
            }
        }
        set_data_device_focus(&display, &seat, client.clone());
        set_primary_focus(&display, &seat, client);
    }
}

impl DataDeviceHandler for State {
    fn data_device_state(&self) -> &DataDeviceState {
        &self.globals.data_device
    }
}

impl ClientDndGrabHandler for State {}
impl ServerDndGrabHandler for State {}

impl PrimarySelectionHandler for State {
    fn primary_selection_state(&self) -> &PrimarySelectionState {
        &self.globals.primary_selection
    }
}

fn filter_manager(
    state: &mut State,
    client: &Client,
    _: &WlDataDeviceManager,
    request: wl_data_device_manager::Request,
    (): &(),
) -> Option<wl_data_device_manager::Request> {
    if matches!(request, wl_data_device_manager::Request::CreateDataSource { .. }) {
        hold(state, client, Holding::Source).ok()?;
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
    if matches!(request, zwp_primary_selection_device_manager_v1::Request::CreateSource { .. }) {
        hold(state, client, Holding::Source).ok()?;
    }
    Some(request)
}

global!(WlDataDeviceManager, () => DataDeviceState);
global!(ZwpPrimarySelectionDeviceManagerV1, PrimaryDeviceManagerGlobalData => PrimarySelectionState);
filtered!(WlDataDeviceManager, () => DataDeviceState, filter_manager);
filtered!(WlDataSource, DataSourceUserData => DataDeviceState, pass, |_, source| release(source, Holding::Source));
filtered!(ZwpPrimarySelectionDeviceManagerV1, () => PrimarySelectionState, filter_primary_manager);
filtered!(ZwpPrimarySelectionSourceV1, PrimarySourceUserData => PrimarySelectionState, pass, |_, source| {
    release(source, Holding::Source);
});
objects! {
    WlDataDevice, DataDeviceUserData => DataDeviceState;
    ZwpPrimarySelectionDeviceV1, PrimaryDeviceUserData => PrimarySelectionState;
}
