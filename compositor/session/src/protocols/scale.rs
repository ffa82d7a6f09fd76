// SPDX-License-Identifier: GPL-3.0-or-later
//! Scaling: `wp_viewporter` and `wp_fractional_scale_manager_v1`.
//!
//! In: source and destination rectangles of clients, and surfaces that ask for their scale. Out: sizes
//! that fit 32 bits, and the scale of the output a surface is on.

use crate::protocols::guard::{counted, filtered, global, hold, refuse, rules};
use crate::state::State;
use cofferdam_admission::Holding;
use smithay::reexports::wayland_protocols::wp::fractional_scale::v1::server::wp_fractional_scale_manager_v1::{self, WpFractionalScaleManagerV1};
use smithay::reexports::wayland_protocols::wp::fractional_scale::v1::server::wp_fractional_scale_v1::WpFractionalScaleV1;
use smithay::reexports::wayland_protocols::wp::viewporter::server::wp_viewport::{self, WpViewport};
use smithay::reexports::wayland_protocols::wp::viewporter::server::wp_viewporter::{self, WpViewporter};
use smithay::reexports::wayland_server::protocol::wl_surface::WlSurface;
use smithay::wayland::fractional_scale::{FractionalScaleHandler, FractionalScaleManagerState};
use smithay::wayland::viewporter::{ViewportState, ViewporterState};
use wayland_server::{Client, Weak};

impl FractionalScaleHandler for State {
    fn new_fractional_scale(&mut self, surface: WlSurface) {
        self.desk.tell_scale(&surface);
    }
}

fn filter_viewporter(
    state: &mut State,
    client: &Client,
    _: &WpViewporter,
    request: wp_viewporter::Request,
    (): &(),
) -> Option<wp_viewporter::Request> {
    if matches!(request, wp_viewporter::Request::GetViewport { .. }) {
        hold(state, client, Holding::Object).ok()?;
    }
    Some(request)
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
filtered!(WpViewporter, () => ViewporterState, filter_viewporter);
filtered!(WpViewport, ViewportState => ViewportState, filter_viewport, Some(Holding::Object));
global!(WpFractionalScaleManagerV1, () => FractionalScaleManagerState);
counted!(
    WpFractionalScaleManagerV1, (), wp_fractional_scale_manager_v1::Request::GetFractionalScale { .. }
        => FractionalScaleManagerState;
    WpFractionalScaleV1, Weak<WlSurface> => FractionalScaleManagerState
);
