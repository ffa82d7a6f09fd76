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
/// gives back the request, perhaps changed, or `None` once it has refused it. `$gone`, if given, is
/// told when the object ends.
macro_rules! filtered {
    ($interface:ty, $data:ty => $to:ty, $filter:path) => {
        $crate::protocols::guard::filtered!($interface, $data => $to, $filter, |_, _| ());
    };
    ($interface:ty, $data:ty => $to:ty, $filter:path, $gone:expr) => {
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
                let gone: fn(&mut Self, &$interface) = $gone;
                gone(state, resource);
                <$to as wayland_server::Dispatch<$interface, $data, Self>>::destroyed(
                    state, client, resource, data,
                );
            }
        }
    };
}

pub(crate) use {filtered, global, objects};

use crate::client::{self, Held, give_back, take};
use std::sync::atomic::AtomicU32;
use wayland_server::{Client, Resource};

/// Largest coordinate, offset or size that smithay is shown: far beyond any screen, and small enough
/// that its sums and products stay inside 32 bits.
const COORD_LIMIT: i32 = 1 << 22;

/// Whether the allow-list of this client's identity names the interface.
pub(crate) fn may_see<I: Resource>(client: &Client) -> bool {
    client::data(client).is_some_and(|data| data.may_bind(I::interface().name))
}

/// Counts one more thing that this client holds; `false` if it has as many as it may have.
pub(crate) fn hold(client: &Client, count: fn(&Held) -> &AtomicU32, limit: u32) -> bool {
    client::data(client).is_some_and(|data| take(count(&data.held), limit))
}

/// Counts one thing less. A client that is gone takes its counters with it.
pub(crate) fn release<I: Resource>(object: &I, count: fn(&Held) -> &AtomicU32) {
    if let Some(client) = object.client()
        && let Some(data) = client::data(&client)
    {
        give_back(count(&data.held), 1);
    }
}

/// A coordinate that can't overflow anything.
pub(crate) fn coord(v: i32) -> i32 {
    v.clamp(-COORD_LIMIT, COORD_LIMIT)
}

/// A length that can't overflow anything; negative ones become 0.
pub(crate) fn length(v: i32) -> i32 {
    v.clamp(0, COORD_LIMIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extremes_are_clamped() {
        for (v, c, l) in
            [(i32::MIN, -COORD_LIMIT, 0), (-5, -5, 0), (7, 7, 7), (i32::MAX, COORD_LIMIT, COORD_LIMIT)]
        {
            assert_eq!((coord(v), length(v)), (c, l));
        }
    }
}
