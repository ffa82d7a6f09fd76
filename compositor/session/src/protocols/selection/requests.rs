// SPDX-License-Identifier: GPL-3.0-or-later
//! The gate in front of smithay's sources.
//!
//! In: what clients say of what they offer. Out: the types of each source, for us alone; smithay keeps no
//! more than the objects.

use crate::client;
use crate::protocols::guard;
use crate::state::State;
use cofferdam_admission::Holding;
use smithay::reexports::wayland_protocols::wp::primary_selection::zv1::server::zwp_primary_selection_source_v1::{self, ZwpPrimarySelectionSourceV1};
use smithay::reexports::wayland_server::protocol::wl_data_source::{self, WlDataSource};
use smithay::wayland::selection::data_device::{DataDeviceState, DataSourceUserData};
use smithay::wayland::selection::primary_selection::{PrimarySelectionState, PrimarySourceUserData};
use wayland_server::backend::ClientId;
use wayland_server::{Client, DataInit, Dispatch, DisplayHandle, Resource};

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
