// SPDX-License-Identifier: GPL-3.0-or-later
//! The gate between the wire and smithay.
//!
//! In: every global that a client may see, every request that it sends. Out: the request passed on,
//! passed on with its numbers clamped, or refused with a protocol error that ends that client alone.
//!
//! No global of this compositor is made without [`global!`], so the allow-list of the client's
//! identity is asked by construction. [`filtered!`] puts a function in front of smithay's handler:
//! it sees the request first and decides what smithay gets to see.

/// Declares a global served by smithay's `$to`, visible only to those whom the allow-list names.
macro_rules! global {
    ($interface:ty, $data:ty => $to:ty) => {
        impl wayland_server::GlobalDispatch<$interface, $data> for $crate::state::State {
            fn bind(
                state: &mut Self,
                handle: &wayland_server::DisplayHandle,
                client: &wayland_server::Client,
                resource: wayland_server::New<$interface>,
                global_data: &$data,
                data_init: &mut wayland_server::DataInit<'_, Self>,
            ) {
                // Objects made on a client that is being ended are inert, so smithay may go on.
                let _ = $crate::protocols::guard::hold(state, client, cofferdam_admission::Holding::Binding);
                <$to as wayland_server::GlobalDispatch<$interface, $data, Self>>::bind(
                    state,
                    handle,
                    client,
                    resource,
                    global_data,
                    data_init,
                );
            }

            fn can_view(client: wayland_server::Client, global_data: &$data) -> bool {
                $crate::protocols::guard::may_see::<$interface>(&client)
                    && <$to as wayland_server::GlobalDispatch<$interface, $data, Self>>::can_view(
                        client,
                        global_data,
                    )
            }
        }
    };
}

/// Passes the requests of objects straight to smithay's `$to`: nothing in them can do harm.
macro_rules! objects {
    ($($interface:ty, $data:ty => $to:ty;)+) => {
        $(wayland_server::delegate_dispatch!($crate::state::State: [$interface: $data] => $to);)+
    };
}

/// Passes the requests of an object to smithay's `$to` after `$filter` has seen them. The filter
/// gives back the request, perhaps changed, or `None` once it has refused it. `$held`, if given, is
/// what such an object counts as until it ends.
macro_rules! filtered {
    ($interface:ty, $data:ty => $to:ty, $filter:path) => {
        $crate::protocols::guard::filtered!($interface, $data => $to, $filter, None);
    };
    ($interface:ty, $data:ty => $to:ty, $filter:path, $held:expr) => {
        impl wayland_server::Dispatch<$interface, $data> for $crate::state::State {
            fn request(
                state: &mut Self,
                client: &wayland_server::Client,
                resource: &$interface,
                request: <$interface as wayland_server::Resource>::Request,
                data: &$data,
                handle: &wayland_server::DisplayHandle,
                data_init: &mut wayland_server::DataInit<'_, Self>,
            ) {
                if let Some(request) = $filter(state, client, resource, request, data) {
                    <$to as wayland_server::Dispatch<$interface, $data, Self>>::request(
                        state, client, resource, request, data, handle, data_init,
                    );
                }
            }

            fn destroyed(
                state: &mut Self,
                client: wayland_server::backend::ClientId,
                resource: &$interface,
                data: &$data,
            ) {
                let held: Option<cofferdam_admission::Holding> = $held;
                $crate::protocols::guard::release(state, &client, held);
                <$to as wayland_server::Dispatch<$interface, $data, Self>>::destroyed(
                    state, client, resource, data,
                );
            }
        }
    };
}

/// Counts what a manager makes one at a time, until it ends: `$make` is the request that makes it, and
/// `$holding` what it counts as.
macro_rules! counted {
    ($manager:ty, $data:ty, $make:pat => $to:ty; $object:ty, $object_data:ty => $object_to:ty) => {
        $crate::protocols::guard::counted!(
            $manager, $data, $make => $to;
            $object, $object_data => $object_to, cofferdam_admission::Holding::Object
        );
    };
    (
        $manager:ty, $data:ty, $make:pat => $to:ty;
        $object:ty, $object_data:ty => $object_to:ty, $holding:expr
    ) => {
        const _: () = {
            fn admit(
                state: &mut $crate::state::State,
                client: &wayland_server::Client,
                _: &$manager,
                request: <$manager as wayland_server::Resource>::Request,
                _: &$data,
            ) -> Option<<$manager as wayland_server::Resource>::Request> {
                if matches!(request, $make) {
                    $crate::protocols::guard::hold(state, client, $holding).ok()?;
                }
                Some(request)
            }
            $crate::protocols::guard::filtered!($manager, $data => $to, admit);
            $crate::protocols::guard::filtered!(
                $object,
                $object_data => $object_to,
                $crate::protocols::guard::pass,
                Some($holding)
            );
        };
    };
}

pub(crate) use {counted, filtered, global, objects};

use crate::client;
use crate::state::State;
pub(crate) use cofferdam_admission::rules;
use cofferdam_admission::{Fault, Holding};
use wayland_server::backend::ClientId;
use wayland_server::backend::protocol::ProtocolError;
use wayland_server::{Client, Resource};

/// `wl_display.error.no_memory`.
pub(super) const NO_MEMORY: u32 = 2;

/// Whether the allow-list of this client's identity names the interface.
pub(crate) fn may_see<I: Resource>(client: &Client) -> bool {
    client::data(client).is_some_and(|data| data.may_bind(I::interface().name))
}

/// Ends a client with a protocol error on one of its objects.
pub(crate) fn refuse<I: Resource>(object: &I, code: impl Into<u32>, fault: Fault) {
    if let Some(client) = object.client()
        && let Some(data) = client::data(&client)
    {
        data.note(fault);
    }
    object.post_error(code, fault.to_string());
}

/// Counts one more thing that this client holds. A client that wants more than its share is ended.
pub(crate) fn hold(state: &State, client: &Client, what: Holding) -> Result<(), Fault> {
    let Some(data) = client::data(client) else { return Err(Fault::Quota(what)) };
    data.counter(what).take(what).inspect_err(|fault| {
        data.note(*fault);
        let message = fault.to_string();
        let error =
            ProtocolError { code: NO_MEMORY, object_id: 1, object_interface: "wl_display".into(), message };
        client.kill(&state.display, error);
    })
}

/// Counts one thing less. At the end of a connection its objects go before its data does.
pub(crate) fn release(state: &State, client: &ClientId, what: Option<Holding>) {
    if let (Some(data), Some(what)) = (state.clients.get(client), what) {
        data.counter(what).give_back(what);
    }
}

/// Lets every request of an object pass; for objects that are only counted.
pub(crate) fn pass<I, R, D>(_: &mut State, _: &Client, _: &I, request: R, _: &D) -> Option<R> {
    Some(request)
}
