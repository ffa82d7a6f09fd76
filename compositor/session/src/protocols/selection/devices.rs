// SPDX-License-Identifier: GPL-3.0-or-later
//! The gate in front of smithay's data devices.
//!
//! In: requests of clients. Out: devices for smithay to keep, a few of each client and none of those that
//! are gone; selections and drags never reach it, they are taken here.

use super::sources::Source;
use crate::protocols::guard::{self, global, hold};
use crate::state::State;
use cofferdam_admission::Holding;
use cofferdam_transfers::Board;
use smithay::reexports::wayland_protocols::wp::primary_selection::zv1::server::zwp_primary_selection_device_manager_v1::{self, ZwpPrimarySelectionDeviceManagerV1};
use smithay::reexports::wayland_protocols::wp::primary_selection::zv1::server::zwp_primary_selection_device_v1::{self, ZwpPrimarySelectionDeviceV1};
use smithay::reexports::wayland_server::protocol::wl_data_device::{self, WlDataDevice};
use smithay::reexports::wayland_server::protocol::wl_data_device_manager::{self, WlDataDeviceManager};
use smithay::utils::Serial;
use smithay::wayland::selection::data_device::{DataDeviceState, DataDeviceUserData};
use smithay::wayland::selection::primary_selection::{
    PrimaryDeviceManagerGlobalData, PrimaryDeviceUserData, PrimarySelectionState,
};
use wayland_server::backend::ClientId;
use wayland_server::{Client, DataInit, Dispatch, DisplayHandle, Resource};

fn filter_device(
    state: &mut State,
    client: &Client,
    device: &WlDataDevice,
    request: wl_data_device::Request,
) -> Option<wl_data_device::Request> {
    match request {
        wl_data_device::Request::StartDrag { source, origin, icon, serial } => {
            // A drag begins with a press that this client was sent and that is still held.
            if state.seat.is_held_press(&origin, Serial::from(serial)) {
                state.begin_drag(device, source, origin, icon, Serial::from(serial));
            }
            None
        }
        wl_data_device::Request::SetSelection { source, serial } => {
            state.take_selection(Board::Clipboard, client, source.map(Source::Data), Serial::from(serial));
            None
        }
        other => Some(other),
    }
}

fn filter_primary_device(
    state: &mut State,
    client: &Client,
    request: zwp_primary_selection_device_v1::Request,
) -> Option<zwp_primary_selection_device_v1::Request> {
    match request {
        zwp_primary_selection_device_v1::Request::SetSelection { source, serial } => {
            state.take_selection(Board::Primary, client, source.map(Source::Primary), Serial::from(serial));
            None
        }
        other => Some(other),
    }
}

/// A device that is gone with its client, or released.
#[derive(Debug)]
pub(super) enum Gone {
    Data(WlDataDevice),
    Primary(ZwpPrimarySelectionDeviceV1),
}

/// smithay takes a device out of its list only when the client says so, not when it just ends. So what is
/// gone is released here, in its name, before another one is added.
fn bury_devices(state: &mut State, client: &Client, display: &DisplayHandle, init: &mut DataInit<'_, State>) {
    for gone in std::mem::take(&mut state.selections.gone) {
        match gone {
            Gone::Data(device) => {
                let Some(data) = device.data::<DataDeviceUserData>() else { continue };
                let release = wl_data_device::Request::Release;
                <DataDeviceState as Dispatch<WlDataDevice, DataDeviceUserData, State>>::request(
                    state, client, &device, release, data, display, init,
                );
            }
            Gone::Primary(device) => {
                let Some(data) = device.data::<PrimaryDeviceUserData>() else { continue };
                let release = zwp_primary_selection_device_v1::Request::Destroy;
                <PrimarySelectionState as Dispatch<
                    ZwpPrimarySelectionDeviceV1,
                    PrimaryDeviceUserData,
                    State,
                >>::request(state, client, &device, release, data, display, init);
            }
        }
    }
}

impl Dispatch<WlDataDeviceManager, ()> for State {
    fn request(
        state: &mut Self,
        client: &Client,
        manager: &WlDataDeviceManager,
        request: wl_data_device_manager::Request,
        data: &(),
        display: &DisplayHandle,
        init: &mut DataInit<'_, Self>,
    ) {
        let held = match request {
            wl_data_device_manager::Request::CreateDataSource { .. } => hold(state, client, Holding::Source),
            wl_data_device_manager::Request::GetDataDevice { .. } => {
                bury_devices(state, client, display, init);
                hold(state, client, Holding::DataDevice)
            }
            _ => Ok(()),
        };
        if held.is_ok() {
            <DataDeviceState as Dispatch<WlDataDeviceManager, (), Self>>::request(
                state, client, manager, request, data, display, init,
            );
        }
    }
}

impl Dispatch<ZwpPrimarySelectionDeviceManagerV1, ()> for State {
    fn request(
        state: &mut Self,
        client: &Client,
        manager: &ZwpPrimarySelectionDeviceManagerV1,
        request: zwp_primary_selection_device_manager_v1::Request,
        data: &(),
        display: &DisplayHandle,
        init: &mut DataInit<'_, Self>,
    ) {
        use zwp_primary_selection_device_manager_v1::Request;
        let held = match request {
            Request::CreateSource { .. } => hold(state, client, Holding::Source),
            Request::GetDevice { .. } => {
                bury_devices(state, client, display, init);
                hold(state, client, Holding::DataDevice)
            }
            _ => Ok(()),
        };
        if held.is_ok() {
            <PrimarySelectionState as Dispatch<ZwpPrimarySelectionDeviceManagerV1, (), Self>>::request(
                state, client, manager, request, data, display, init,
            );
        }
    }
}

impl Dispatch<WlDataDevice, DataDeviceUserData> for State {
    fn request(
        state: &mut Self,
        client: &Client,
        device: &WlDataDevice,
        request: wl_data_device::Request,
        data: &DataDeviceUserData,
        display: &DisplayHandle,
        init: &mut DataInit<'_, Self>,
    ) {
        if let Some(request) = filter_device(state, client, device, request) {
            <DataDeviceState as Dispatch<WlDataDevice, DataDeviceUserData, Self>>::request(
                state, client, device, request, data, display, init,
            );
        }
    }

    fn destroyed(state: &mut Self, client: ClientId, device: &WlDataDevice, _: &DataDeviceUserData) {
        guard::release(state, &client, Some(Holding::DataDevice));
        state.selections.gone.push(Gone::Data(device.clone()));
    }
}

impl Dispatch<ZwpPrimarySelectionDeviceV1, PrimaryDeviceUserData> for State {
    fn request(
        state: &mut Self,
        client: &Client,
        device: &ZwpPrimarySelectionDeviceV1,
        request: zwp_primary_selection_device_v1::Request,
        data: &PrimaryDeviceUserData,
        display: &DisplayHandle,
        init: &mut DataInit<'_, Self>,
    ) {
        if let Some(request) = filter_primary_device(state, client, request) {
            <PrimarySelectionState as Dispatch<
                ZwpPrimarySelectionDeviceV1,
                PrimaryDeviceUserData,
                Self,
            >>::request(state, client, device, request, data, display, init);
        }
    }

    fn destroyed(
        state: &mut Self,
        client: ClientId,
        device: &ZwpPrimarySelectionDeviceV1,
        _: &PrimaryDeviceUserData,
    ) {
        guard::release(state, &client, Some(Holding::DataDevice));
        state.selections.gone.push(Gone::Primary(device.clone()));
    }
}

global!(WlDataDeviceManager, () => DataDeviceState);
global!(ZwpPrimarySelectionDeviceManagerV1, PrimaryDeviceManagerGlobalData => PrimarySelectionState);
