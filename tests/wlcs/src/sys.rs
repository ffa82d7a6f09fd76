// SPDX-License-Identifier: GPL-3.0-or-later
//! The C side of the shim.
//!
//! In: pointers of wlcs' own libwayland client. Out: the numbers behind them, and the one symbol that
//! wlcs looks up. libwayland is the copy that wlcs has loaded already.

#![allow(unsafe_code)]

use crate::server::Shim;
use std::os::fd::RawFd;
use wayland_sys::client::{wayland_client_handle, wl_display, wl_proxy};
use wayland_sys::ffi_dispatch;
use wlcs::ffi_display_server_api::WlcsServerIntegration;
use wlcs::ffi_wrappers::wlcs_server;

/// The symbol by which wlcs finds the compositor.
// SAFETY: nothing else in this library exports this name.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals)] // wlcs chose the name
pub(crate) static wlcs_server_integration: WlcsServerIntegration = wlcs_server::<Shim>();

/// The socket of a client's connection.
pub(crate) fn display_fd(display: *mut wl_display) -> RawFd {
    // SAFETY: wlcs passes the live display of the client that owns the surface.
    unsafe { ffi_dispatch!(wayland_client_handle(), wl_display_get_fd, display) }
}

/// A client-side object's id on the wire.
pub(crate) fn proxy_id(proxy: *mut wl_proxy) -> u32 {
    // SAFETY: wlcs passes a live surface of that client.
    unsafe { ffi_dispatch!(wayland_client_handle(), wl_proxy_get_id, proxy) }
}
