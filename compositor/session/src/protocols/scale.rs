// SPDX-License-Identifier: GPL-3.0-or-later
//! Scaling: `wp_viewporter` and `wp_fractional_scale_manager_v1`.
//!
//! In: source and destination rectangles of clients, and surfaces that ask for their scale. Out: sizes
//! that fit 32 bits, and the scale of the output a surface is on.

use crate::protocols::guard::{filtered, global, objects, refuse, rules};
use crate::state::State;
use smithay::reexports::wayland_protocols::wp::fractional_scale::v1::server::wp_fractional_scale_manager_v1::WpFractionalScaleManagerV1;
use smithay::reexports::wayland_protocols::wp::fractional_scale::v1::server::wp_fractional_scale_v1::WpFractionalScaleV1;
use smithay::reexports::wayland_protocols::wp::viewporter::server::wp_viewport::{self, WpViewport};
use smithay::reexports::wayland_protocols::wp::viewporter::server::wp_viewporter::WpViewporter;
use smithay::reexports::wayland_server::protocol::wl_surface::WlSurface;
use smithay::wayland::fractional_scale::{FractionalScaleHandler, FractionalScaleManagerState};
use smithay::wayland::viewporter::{ViewportState, ViewporterState};
use wayland_server::{Client, Weak};

impl FractionalScaleHandler for State {
    fn new_fractional_scale(&mut self, surface: WlSurface) {
        self.tell_scale(&surface);
    }
}

fn filter_viewport(
    _: &mut State,
    _: &Client,
    viewport: &WpViewport,
    request: wp_viewport::Request,
    _: &ViewportState,
) -> Option<wp_viewport::Request> {
    if let wp_viewport::Request::SetDestination { width, height } = request {
        let checked = rules::destination(width, height);
        checked.inspect_err(|fault| refuse(viewport, wp_viewport::Error::BadValue, *fault)).ok()?;
    }
    Some(request)
}

global!(WpViewporter, () => ViewporterState);
filtered!(WpViewport, ViewportState => ViewportState, filter_viewport);
global!(WpFractionalScaleManagerV1, () => FractionalScaleManagerState);
objects! {
    WpViewporter, () => ViewporterState;
    WpFractionalScaleManagerV1, () => FractionalScaleManagerState;
    WpFractionalScaleV1, Weak<WlSurface> => FractionalScaleManagerState;
}
