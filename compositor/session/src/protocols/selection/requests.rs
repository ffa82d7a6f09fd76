// SPDX-License-Identifier: GPL-3.0-or-later
//! The gate in front of smithay's data devices.
//!
//! In: requests of clients. Out: sources and devices for smithay to keep; selections and drags never
//! reach it, they are taken here.

use super::sources::Source;
use crate::client;
use crate::protocols::guard::{self, filtered, global, hold};
use crate::state::State;
use cofferdam_admission::Holding;
use cofferdam_transfers::Board;
use smithay::reexports::wayland_protocols::wp::primary_selection::zv1::server::zwp_primary_selection_device_manager_v1::{self, ZwpPrimarySelectionDeviceManagerV1};
use smithay::reexports::wayland_protocols::wp::primary_selection::zv1::server::zwp_primary_selection_device_v1::{self, ZwpPrimarySelectionDeviceV1};
use smithay::reexports::wayland_protocols::wp::primary_selection::zv1::server::zwp_primary_selection_source_v1::{self, ZwpPrimarySelectionSourceV1};
use smithay::reexports::wayland_server::protocol::wl_data_device::{self, WlDataDevice};
use smithay::reexports::wayland_server::protocol::wl_data_device_manager::{self, WlDataDeviceManager};
use smithay::reexports::wayland_server::protocol::wl_data_source::{self, WlDataSource};
use smithay::utils::Serial;
use smithay::wayland::selection::data_device::{DataDeviceState, DataDeviceUserData, DataSourceUserData};
use smithay::wayland::selection::primary_selection::{
    PrimaryDeviceManagerGlobalData, PrimaryDeviceUserData, PrimarySelectionState, PrimarySourceUserData,
};
use wayland_server::backend::ClientId;
use wayland_server::{Client, DataInit, Dispatch, DisplayHandle, Resource};

fn filter_device(
    state: &mut State,
    client: &Client,
    device: &WlDataDevice,
    request: wl_data_device::Request,
    _: &DataDeviceUserData,
) -> Option<wl_data_device::Request> {
    match request {
        wl_data_device::Request::StartDrag { source, origin, icon, serial } => {
            // A drag begins with a press that this client was sent and that is still held.
            if state.is_held_press(&origin, Serial::from(serial)) {
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
    _: &ZwpPrimarySelectionDeviceV1,
    request: zwp_primary_selection_device_v1::Request,
    _: &PrimaryDeviceUserData,
) -> Option<zwp_primary_selection_device_v1::Request> {
    match request {
        zwp_primary_selection_device_v1::Request::SetSelection { source, serial } => {
            state.take_selection(Board::Primary, client, source.map(Source::Primary), Serial::from(serial));
            None
        }
        other => Some(other),
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
            hold(state, client, Holding::Source).ok()?;
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

impl Dispatch<WlDataSource, DataSourceUserData> for State {
    fn request(
        state: &mut Self,
        client: &Client,
        source: &WlDataSource,
        request: wl_data_source::Request,
        data: &DataSourceUserData,
        display: &DisplayHandle,
        init: &mut DataInit<'_, Self>,
    ) {
        if let wl_data_source::Request::Offer { mime_type } = &request {
            if let Some(data) = client::data(client) {
                state.selections.types.note(source.id(), &data.identity, mime_type);
            }
            return;
        }
        <DataDeviceState as Dispatch<WlDataSource, DataSourceUserData, Self>>::request(
            state, client, source, request, data, display, init,
        );
    }

    fn destroyed(state: &mut Self, client: ClientId, source: &WlDataSource, data: &DataSourceUserData) {
        guard::release(state, &client, Some(Holding::Source));
        state.source_gone(&source.id());
        <DataDeviceState as Dispatch<WlDataSource, DataSourceUserData, Self>>::destroyed(
            state, client, source, data,
        );
    }
}

impl Dispatch<ZwpPrimarySelectionSourceV1, PrimarySourceUserData> for State {
    fn request(
        state: &mut Self,
        client: &Client,
        source: &ZwpPrimarySelectionSourceV1,
        request: zwp_primary_selection_source_v1::Request,
        data: &PrimarySourceUserData,
        display: &DisplayHandle,
        init: &mut DataInit<'_, Self>,
    ) {
        if let zwp_primary_selection_source_v1::Request::Offer { mime_type } = &request {
            if let Some(data) = client::data(client) {
                state.selections.types.note(source.id(), &data.identity, mime_type);
            }
            return;
        }
        <PrimarySelectionState as Dispatch<
            ZwpPrimarySelectionSourceV1,
            PrimarySourceUserData,
            Self,
        >>::request(state, client, source, request, data, display, init);
    }

    fn destroyed(
        state: &mut Self,
        client: ClientId,
        source: &ZwpPrimarySelectionSourceV1,
        data: &PrimarySourceUserData,
    ) {
        guard::release(state, &client, Some(Holding::Source));
        state.source_gone(&source.id());
        <PrimarySelectionState as Dispatch<
            ZwpPrimarySelectionSourceV1,
            PrimarySourceUserData,
            Self,
        >>::destroyed(state, client, source, data);
    }
}

global!(WlDataDeviceManager, () => DataDeviceState);
global!(ZwpPrimarySelectionDeviceManagerV1, PrimaryDeviceManagerGlobalData => PrimarySelectionState);
filtered!(WlDataDeviceManager, () => DataDeviceState, filter_manager);
filtered!(ZwpPrimarySelectionDeviceManagerV1, () => PrimarySelectionState, filter_primary_manager);
filtered!(WlDataDevice, DataDeviceUserData => DataDeviceState, filter_device, Some(Holding::Object));
filtered!(
    ZwpPrimarySelectionDeviceV1,
    PrimaryDeviceUserData => PrimarySelectionState,
    filter_primary_device,
    Some(Holding::Object)
);
